"""The pipeline of Ray Data's documentation: `python -m benchmarks.peers.ray_data SOURCE OUTPUT`.

`read_images`, then `map` with a class that holds the model, in a pool of actors of one core each;
the actor cuts each photograph into the tiles of the plain script and saves the PNG by Pillow. One
photograph at a time, as their sizes differ. Prints the seconds from the moment when every actor has
loaded the model.
"""

from __future__ import annotations

import argparse
import logging
import time
from pathlib import Path
from typing import Any

import ray
from PIL import Image
from ray.data import ActorPoolStrategy, DataContext


class Upscale:
    """An actor that upscales and saves one photograph per call."""

    def __init__(self, output: str, model: str) -> None:
        # As in Ray Data's examples, the actor imports what only it needs.
        from benchmarks.peers.network import load_paper_network  # noqa: PLC0415

        self._output = Path(output)
        self._network = load_paper_network(model)
        self._ready = time.time()

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """Process a row with `image` and `path`; drop its pixels."""
        from benchmarks.peers.plain_script import upscale  # noqa: PLC0415

        started = time.time()
        sr = upscale(self._network, row["image"])
        name = f"{Path(row['path']).stem}.png"
        Image.fromarray(sr).save(self._output / name)
        return {"name": name, "ready": self._ready, "started": started}


def main() -> None:
    """Upscale a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--model", default="srgan")
    parser.add_argument("--actors", type=int, required=True)
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True)
    ray.init(address="local", include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    context = DataContext.get_current()
    context.enable_progress_bars = False
    # The whole pool starts before the first photograph, so that loading is not timed.
    context.wait_for_min_actors_s = 300
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    rows = (
        ray.data.read_images(
            str(arguments.source.resolve()),
            include_paths=True,
            mode="RGB",
            # The actors hold all cores; reading would wait for one forever.
            num_cpus=0,
        )
        .map(
            Upscale,
            fn_constructor_args=(str(arguments.output.resolve()), arguments.model),
            compute=ActorPoolStrategy(size=arguments.actors),
            num_cpus=1,
        )
        .take_all()
    )
    end = time.time()
    print(end - max(row["ready"] for row in rows))
    ray.shutdown()


if __name__ == "__main__":
    main()
