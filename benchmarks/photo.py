"""Models on photographs, beside Real-ESRGAN: `python -m benchmarks.photo [FOLDER]`.

The central 256x256 px of each photograph, as an archive holds it, as a camera saves it, and clean;
see benchmarks/photo_sets.py. Times are processor time; OMP_NUM_THREADS=1 keeps threads from waiting
for each other. Real-ESRGAN takes part if it is installed; benchmarks/peers/real_esrgan.py says how.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import get_args

from rich.console import Console

from benchmarks.niqe import NIQE
from benchmarks.peers.real_esrgan import NAME, RealESRGAN
from benchmarks.photo_models import Upscale, open_model
from benchmarks.photo_results import Instruments, SetResults, measure, set_table, truth
from benchmarks.photo_sets import SCALE, SETS, open_set
from benchmarks.photographs import evenly, photographs
from benchmarks.section import Section, say
from jobs.train.weights import open_lpips
from sr_core.evaluation.flat_pages import flat_pages
from sr_core.evaluation.judge_tables import pages_table
from sr_core.evaluation.markdown import markdown_table
from sr_core.evaluation.tables import LPIPS_OPTIMISED
from sr_core.models.catalogue import AUTO, is_lpips_optimised, shipped_models
from sr_core.records import Precision


def main() -> None:
    """Print a table per set, or save all."""
    arguments = _arguments()
    files = sorted(arguments.folder.iterdir()) if arguments.folder else photographs()
    files = evenly(files, arguments.count)
    instruments = Instruments(
        open_lpips(None, Console(stderr=True)),
        NIQE.load(arguments.niqe) if arguments.niqe else None,
    )
    models = arguments.models or ["bicubic", *shipped_models(), AUTO]
    upscalers = _open(models, arguments.precision)
    found = [_measure_set(name, files, upscalers, instruments) for name in arguments.set]
    pages = {model: flat_pages(upscale, SCALE) for model, upscale in upscalers.items()}
    section = Section(
        f"Central windows of {len(files)} photographs, {arguments.precision}",
        "\n\n".join(f"{each.name}:\n\n{set_table(each)}".strip() for each in found)
        + "\n\nFlat pages, RGB furthest from 255, 0 and 128:\n\n"
        + "\n".join(markdown_table(pages_table(pages))),
        {name: values for each in found for name, values in each.samples().items()},
    )
    if arguments.save is not None:
        section.save(arguments.save)
    print(section.markdown())


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "folder", type=Path, nargs="?", help="photographs; default: the shared ones"
    )
    parser.add_argument("--set", nargs="+", choices=SETS, default=list(SETS))
    parser.add_argument("--count", type=int, help="photographs, evenly chosen; default: all")
    parser.add_argument(
        "--models",
        nargs="+",
        help="names, checkpoints, states of a training; default: bicubic, the shipped ones, auto",
    )
    parser.add_argument(
        "--precision",
        choices=("auto", *get_args(Precision)),
        default="float32",
        help="as in upscale; float32 scores compare between machines",
    )
    parser.add_argument(
        "--niqe", type=Path, metavar="FILE", help="parameters; benchmarks/niqe.py says which"
    )
    parser.add_argument("--save", type=Path, metavar="FILE", help="write JSON too")
    return parser.parse_args()


def _open(models: Sequence[str], precision: str) -> dict[str, Upscale]:
    every = [*models, NAME] if RealESRGAN.installed() else models
    return {model: open_model(model, precision) for model in every}


def _measure_set(
    name: str, files: Sequence[Path], upscalers: Mapping[str, Upscale], instruments: Instruments
) -> SetResults:
    windows = open_set(name, files)
    results = [truth(windows, instruments)]
    for model, upscale in upscalers.items():
        say(f"{name}: {model}")
        results.append(measure(_label(model), upscale, windows, instruments))
    compared_with = NAME if NAME in upscalers else next(iter(upscalers))
    return SetResults(name, tuple(results), compared_with)


def _label(model: str) -> str:
    """Return the name of a model in tables, marked if LPIPS flatters it.

    The state of a training has no record of its losses.
    """
    unknown = model == NAME or model.endswith(".pt")
    return model if unknown or not is_lpips_optimised(model) else f"{model} ({LPIPS_OPTIMISED})"


if __name__ == "__main__":
    main()
