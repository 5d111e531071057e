"""Size of each loss and of its gradient, from which the weights of a training are chosen.

python -m benchmarks.losses --vgg vgg19.safetensors photographs/ [--model srresnet]

For a generator's outputs on the centres of photographs: the mean loss, and the norm of its gradient
with respect to the output, both for one image of 96x96 pixels.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from torch import Tensor

from jobs.train.photographs import open_photographs
from sr_core.imaging.tensors import to_tensor
from sr_core.models.catalogue import find_checkpoint
from sr_core.models.checkpoint import load_generator
from sr_core.models.vgg import VGGFeatures, load_vgg, load_vgg_stack
from sr_core.training.losses import PIXEL_LOSSES, perceptual_loss, vgg_loss
from sr_core.training.validation import HeldOut

_CROP_PX = 96

Loss = Callable[[Tensor, Tensor], Tensor]


def main() -> None:
    """Print one line per loss."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photographs")
    parser.add_argument("--vgg", type=Path, required=True)
    parser.add_argument("--model", default="srresnet")
    arguments = parser.parse_args()
    network, info = load_generator(find_checkpoint(arguments.model))
    photographs = open_photographs(arguments.photographs, Console(stderr=True))
    crops = [_centre(photograph) for photograph in photographs]
    stack = load_vgg_stack(arguments.vgg)
    losses: dict[str, Loss] = {
        **PIXEL_LOSSES,
        "l2 in [-1, 1]": lambda sr, hr: 4 * PIXEL_LOSSES["l2"](sr, hr),
        **{layer: _bound(load_vgg(arguments.vgg, layer)) for layer in ("vgg22", "vgg54")},
        "perceptual": partial(perceptual_loss, stack),
    }
    values: dict[str, list[tuple[float, float]]] = {name: [] for name in losses}
    for lr, hr in HeldOut.of(crops, info.scale, "bicubic").pairs:
        with torch.no_grad():
            sr = network(to_tensor(lr))
        truth = to_tensor(hr)
        for name, loss in losses.items():
            values[name].append(_measure(loss, sr, truth))
    print(f"{'loss':14} {'value':>10} {'gradient':>10}   ({len(crops)} crops)")
    for name, pairs in values.items():
        value, gradient = np.mean(pairs, axis=0)
        print(f"{name:14} {value:10.3g} {gradient:10.3g}")


def _centre(photograph: NDArray[np.uint8]) -> NDArray[np.uint8]:
    top, left = ((side - _CROP_PX) // 2 for side in photograph.shape[:2])
    return photograph[top : top + _CROP_PX, left : left + _CROP_PX]


def _bound(features: VGGFeatures) -> Loss:
    return lambda sr, hr: vgg_loss(features, sr, hr)


def _measure(loss: Loss, sr: Tensor, hr: Tensor) -> tuple[float, float]:
    sr = sr.detach().requires_grad_(True)
    value = loss(sr, hr)
    (gradient,) = torch.autograd.grad(value, sr)
    return float(value), float(gradient.norm())


if __name__ == "__main__":
    main()
