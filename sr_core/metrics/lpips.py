"""LPIPS: perceptual distance of two images, from the features of a network."""

from __future__ import annotations

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sr_core.errors import ConfigurationError
from sr_core.models.tensor_files import read_tensors

_SMALLEST_SIDE_PX = 31  # below it, AlexNet's last feature map has no pixel
_WIDTHS = (64, 192, 384, 256, 256)


class LPIPS(nn.Module):
    """LPIPS v0.1 with AlexNet: 0 for equal images, lower is better.

    The activations of the five convolutions are normalised over channels; their squared differences
    are weighted by the learnt linear heads, averaged over pixels and summed over layers.

    Shapes: (N, 3, H, W) float in [0, 1], twice, not clamped here; sides of at least 31 -> (N,).
    Source: arXiv 1801.03924, version 0.1 with AlexNet.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, weights: dict[str, Tensor]) -> None:
        """Load the weights.

        Args:
            weights: AlexNet's `features.N.*` as in torchvision, and the heads
                `linN.model.1.weight`.
        """
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 11, stride=4, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, 2),
            nn.Conv2d(64, 192, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(3, 2),
            nn.Conv2d(192, 384, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(384, 256, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(256, 256, 3, padding=1),
            nn.ReLU(),
        )
        self.heads = nn.ModuleList(nn.Conv2d(width, 1, 1, bias=False) for width in _WIDTHS)
        self.load_state_dict(
            {name: weights[_published_name(name)].float() for name in self.state_dict()}
        )
        # Mean and deviation of the authors, for images in [-1, 1].
        self.register_buffer("shift", torch.tensor([-0.030, -0.088, -0.188]).view(3, 1, 1))
        self.register_buffer("scale", torch.tensor([0.458, 0.448, 0.450]).view(3, 1, 1))
        self.requires_grad_(False).eval()

    def forward(self, sr: Tensor, hr: Tensor) -> Tensor:
        """Return the distance of each pair, (N,).

        Raises: ValueError if the shapes differ or a side is below 31 pixels.
        """
        if sr.shape != hr.shape or min(hr.shape[-2:]) < _SMALLEST_SIDE_PX:
            raise ValueError(
                f"LPIPS needs two images of one size, at least {_SMALLEST_SIDE_PX} px a side, not "
                f"{tuple(sr.shape)} and {tuple(hr.shape)}"
            )
        distance = sr.new_zeros(sr.shape[0])
        sr, hr = self._normalised(sr), self._normalised(hr)
        heads = iter(self.heads)
        for layer in self.features:
            sr, hr = layer(sr), layer(hr)
            if isinstance(layer, nn.ReLU):
                difference = (_unit(sr) - _unit(hr)).square()
                distance = distance + next(heads)(difference).mean(dim=(1, 2, 3))
        return distance

    def _normalised(self, image: Tensor) -> Tensor:
        return (2 * image - 1 - self.shift) / self.scale


def load_lpips(path: Path) -> LPIPS:
    """Load LPIPS v0.1 with AlexNet from a file that holds the network and the heads.

    Raises: ConfigurationError if the file is missing, is damaged or holds something else.
    """
    if not path.is_file():
        raise ConfigurationError(f"no LPIPS weights at {path}: give the path of lpips_alex_v0.1")
    tensors, _ = read_tensors(path)
    try:
        return LPIPS(tensors)
    except (KeyError, RuntimeError, AttributeError) as error:
        raise ConfigurationError(
            f"{path} does not hold AlexNet and the heads of LPIPS v0.1: "
            f"{str(error).splitlines()[0]}"
        ) from error


def _published_name(name: str) -> str:
    kind, index, parameter = name.split(".")
    return name if kind == "features" else f"lin{index}.model.1.{parameter}"


def _unit(features: Tensor) -> Tensor:
    return F.normalize(features, dim=1, eps=1e-10)
