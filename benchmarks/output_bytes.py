"""Bytes per output pixel of every format: the source of BYTES_PER_PIXEL in planning/summary.py.

python -m benchmarks.output_bytes FOLDER --model srresnet
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path
from statistics import quantiles

from sr_core.config import RunConfig
from sr_core.imaging.codecs import EXTENSIONS, Limits, Picture, decode, encode
from sr_core.imaging.pixels import Page
from sr_core.inference.upscaler import open_upscaler

_SIDE = 160


def main() -> None:
    """Upscale a crop of every photograph by 4, encode it, and print the range of sizes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="photographs")
    parser.add_argument("--model", default="srresnet")
    arguments = parser.parse_args()
    upscaler = open_upscaler(arguments.model)
    limits = Limits(1 << 30, 1 << 16, 1 << 30, 1 << 30)
    draw = random.Random(0)
    ratios: dict[str, list[float]] = {name: [] for name in EXTENSIONS}
    for path in sorted(arguments.folder.iterdir()):
        pixels = decode(path.read_bytes(), limits).pages[0].pixels
        top, left = (draw.randrange(max(1, side - _SIDE)) for side in pixels.shape[:2])
        lr = pixels[top : top + _SIDE, left : left + _SIDE]
        sr = upscaler.upscale(lr, lr.shape[0] * 4, lr.shape[1] * 4).pixels
        for name, found in ratios.items():
            data = encode(Picture((Page(sr),)), name, RunConfig().quality)
            found.append(len(data) / (sr.shape[0] * sr.shape[1]))
    print(f"{'format':8}{'10 %':>8}{'median':>8}{'mean':>8}{'90 %':>8}")
    for name, found in ratios.items():
        low, *_, high = quantiles(found, n=10)
        median, mean = quantiles(found, n=2)[0], sum(found) / len(found)
        print(f"{name:8}{low:8.2f}{median:8.2f}{mean:8.2f}{high:8.2f}")


if __name__ == "__main__":
    main()
