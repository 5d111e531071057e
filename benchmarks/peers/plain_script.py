"""The usual script: `python -m benchmarks.peers.plain_script SOURCE OUTPUT`.

One process with torch's default threads upscales one photograph after the other, in padded tiles
like Real-ESRGAN's script, and saves them as PNG by Pillow. Prints the seconds, without loading.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from benchmarks.peers.network import SCALE, load_paper_network, to_pixels

TILE_PX = 400
TILE_PAD_PX = 10


def main() -> None:
    """Upscale a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--model", default="srgan")
    arguments = parser.parse_args()
    network = load_paper_network(arguments.model)
    arguments.output.mkdir(parents=True)
    start = time.perf_counter()
    for path in sorted(arguments.source.iterdir()):
        pixels = np.array(Image.open(path).convert("RGB"))
        Image.fromarray(upscale(network, pixels)).save(arguments.output / f"{path.stem}.png")
    print(time.perf_counter() - start)


def upscale(network: nn.Module, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Upscale (H, W, 3)."""
    lr = torch.from_numpy(pixels).permute(2, 0, 1).unsqueeze(0).float() / 255
    return to_pixels(upscale_in_tiles(network, lr))


@torch.no_grad()
def upscale_in_tiles(network: nn.Module, lr: Tensor) -> Tensor:
    """Upscale (1, 3, H, W) tile by tile, and crop the padding of each."""
    height, width = lr.shape[2:]
    sr = lr.new_zeros(1, 3, height * SCALE, width * SCALE)
    for top in range(0, height, TILE_PX):
        for left in range(0, width, TILE_PX):
            bottom, right = min(top + TILE_PX, height), min(left + TILE_PX, width)
            padded_top, padded_left = max(top - TILE_PAD_PX, 0), max(left - TILE_PAD_PX, 0)
            padded_bottom = min(bottom + TILE_PAD_PX, height)
            padded_right = min(right + TILE_PAD_PX, width)
            tile = network(lr[:, :, padded_top:padded_bottom, padded_left:padded_right])
            y, x = (top - padded_top) * SCALE, (left - padded_left) * SCALE
            sr[:, :, top * SCALE : bottom * SCALE, left * SCALE : right * SCALE] = tile[
                :, :, y : y + (bottom - top) * SCALE, x : x + (right - left) * SCALE
            ]
    return sr


if __name__ == "__main__":
    main()
