"""Border that an image needs: `python -m benchmarks.border [MODEL...]`.

A network pads with zeros, which shows at the edges of pages of one colour. Upscalers therefore add
a border to an image. This measures, for some widths of a mirrored (symmetric) or repeated (edge)
border:

- pages of one colour: the largest difference between the output's margin and its middle;
- windows of photographs: PSNR of the output's margin against the margin made with the photograph's
  own surroundings, and against the photograph itself.

The margin is 8 px of the output. Prints Markdown; arithmetic is float32.
"""

from __future__ import annotations

import argparse
from itertools import product
from typing import Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from benchmarks.photographs import photographs
from sr_core.imaging.resample import resize_pixels
from sr_core.imaging.tensors import to_tensor
from sr_core.inference.engine import Engine, make_engine
from sr_core.models.catalogue import find_checkpoint, shipped_models
from sr_core.models.checkpoint import load_network
from sr_core.models.network import Network

Kind = Literal["symmetric", "edge"]
KINDS: tuple[Kind, ...] = ("symmetric", "edge")
BORDERS = (0, 2, 4, 6, 8, 12)
PAGES = (255, 128, 0)
MARGIN = 8
"""Output pixels at each side that are compared."""
WINDOW, CONTEXT = 48, 40
"""LR pixels of a window's side, and of the surroundings that the whole has on each side."""


def main() -> None:
    """Measure every border on every model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("models", nargs="*", default=shipped_models())
    parser.add_argument("--photographs", type=int, default=12)
    arguments = parser.parse_args()
    for model in arguments.models:
        network, _ = load_network(find_checkpoint(model))
        engine = make_engine(network)
        windows = cut(network.scale, arguments.photographs)
        print(f"\n{model}\n")
        print("| border, LR px | white | grey | black | dB, whole photograph | dB, truth |")
        print("| --- | --- | --- | --- | --- | --- |", flush=True)
        for border, kind in [(0, KINDS[0]), *product(BORDERS[1:], KINDS)]:
            pages = [unevenness(engine, network, level, border) for level in PAGES]
            whole, truth = loss(engine, network, windows, border, kind)
            levels = " | ".join(f"{each:.1f}" for each in pages)
            print(f"| {border} {kind} | {levels} | {whole:.2f} | {truth:.2f} |", flush=True)


def upscale(
    engine: Engine, network: Network, lr: Tensor, border: int, kind: Kind = "symmetric"
) -> Tensor:
    """Return the output, in [0, 1], for an image with a border that is cropped again."""
    wide = np.pad(lr.numpy(), [(0, 0), (0, 0), (border, border), (border, border)], mode=kind)
    lr = torch.from_numpy(wide)
    sr = engine.tail(engine.trunk(lr)).clamp(0, 1)
    crop = border * network.scale
    return sr[..., crop : sr.shape[-2] - crop, crop : sr.shape[-1] - crop].clone()


def unevenness(engine: Engine, network: Network, level: int, border: int) -> float:
    """Return the largest difference between margin and middle of a page, in levels of 255."""
    sr = upscale(engine, network, torch.full((1, 3, 96, 96), level / 255), border) * 255
    step = network.scale
    middle = sr[..., 47 * step : 48 * step, 47 * step : 48 * step]
    return float((sr - middle.tile(1, 1, 96, 96))[margin(sr)].abs().max())


def loss(
    engine: Engine, network: Network, windows: list[tuple[Tensor, Tensor]], border: int, kind: Kind
) -> tuple[float, float]:
    """Return the mean PSNR of margins against those of the whole, and against the truth."""
    scores = []
    crop = CONTEXT * network.scale
    for lr, hr in windows:
        whole = upscale(engine, network, lr, 0)[..., crop:-crop, crop:-crop]
        window = lr[..., CONTEXT:-CONTEXT, CONTEXT:-CONTEXT]
        found = upscale(engine, network, window, border, kind)
        scores.append((margin_psnr(found, whole), margin_psnr(found, hr)))
    whole_db, truth_db = np.mean(scores, axis=0)
    return float(whole_db), float(truth_db)


def margin_psnr(found: Tensor, wanted: Tensor) -> float:
    """Return the PSNR of the margins of two images, in dB."""
    error = (found - wanted)[margin(found)].double().square().mean()
    return float(-10 * torch.log10(error.clamp(min=1e-10)))


def margin(image: Tensor) -> Tensor:
    """Return the mask of an image's outermost MARGIN pixels."""
    mask = torch.ones_like(image, dtype=torch.bool)
    mask[..., MARGIN:-MARGIN, MARGIN:-MARGIN] = False
    return mask


def cut(scale: int, count: int) -> list[tuple[Tensor, Tensor]]:
    """Return windows with surroundings at LR, and without them at HR, of evenly chosen files."""
    side = (WINDOW + 2 * CONTEXT) * scale
    found, windows = photographs(), []
    for number in range(count):
        with Image.open(found[number * len(found) // count]) as image:
            left, top = (image.width - side) // 2, (image.height - side) // 2
            hr = np.array(image.convert("RGB").crop((left, top, left + side, top + side)))
        lr = resize_pixels(hr, side // scale, side // scale, "bicubic")
        crop = CONTEXT * scale
        windows.append((to_tensor(lr), to_tensor(hr[crop:-crop, crop:-crop])))
    return windows


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
