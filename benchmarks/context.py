"""Context that a network needs: `python -m benchmarks.context CHECKPOINT PHOTOGRAPH...`.

Upscales the centre of each photograph, and again with only some context of its left half. The
difference between the outputs of the right half bounds the error at the edge of a tile with that
context. Prints Markdown, in levels of 255.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from sr_core.imaging.tensors import to_tensor
from sr_core.inference.engine import make_engine
from sr_core.models.checkpoint import load_network

CONTEXTS = (8, 16, 24, 32, 48, 64, 96)
HEIGHT, HALF = 64, 160
NEAR = 8
"""Cells next to the cut whose outputs are counted."""


def main() -> None:
    """Measure every context on every photograph, and print the worst."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("photographs", type=Path, nargs="+")
    arguments = parser.parse_args()
    network, info = load_network(arguments.checkpoint)
    engine = make_engine(network)
    step = network.scale * network.cell_px
    print(f"{info.layout}, {info.blocks} blocks, sees {network.trunk_reach} cells\n")
    print("| context, cells | largest difference | changed 8-bit values near the cut |")
    print("| --- | --- | --- |")
    wholes = []
    for path in arguments.photographs:
        lr = middle(path, network.cell_px)
        wholes.append((lr, engine.tail(engine.trunk(lr))[..., HALF * step :]))
    for context in CONTEXTS:
        largest, changed = 0.0, []
        for lr, whole in wholes:
            cut = lr[..., (HALF - context) * network.cell_px :]
            found = engine.tail(engine.trunk(cut))[..., context * step :]
            largest = max(largest, float((found - whole).abs().max()) * 255)
            near = slice(0, NEAR * step)
            changed.append((levels(found) != levels(whole))[..., near].float().mean().item())
        print(f"| {context} | {largest:.4f} | {np.mean(changed):.3%} |", flush=True)


def middle(path: Path, cell_px: int) -> Tensor:
    """Return (1, 3, HEIGHT, 2 HALF) cells of a photograph's centre."""
    height, width = HEIGHT * cell_px, 2 * HALF * cell_px
    with Image.open(path) as image:
        left, top = (image.width - width) // 2, (image.height - height) // 2
        return to_tensor(np.asarray(image.convert("RGB"))[top : top + height, left : left + width])


def levels(image: Tensor) -> Tensor:
    """Return the 8-bit values of an image."""
    return (image.clamp(0, 1) * 255).round()


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
