"""VGG19 up to a layer, whose feature maps the perceptual content loss compares."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Literal, TypeVar

import torch
from torch import Tensor, nn

from sr_core.errors import ConfigurationError
from sr_core.models.tensor_files import read_tensors

VGGLayer = Literal["vgg22", "vgg54"]

T = TypeVar("T")

PERCEPTUAL_LAYERS = {"conv1_2": 2, "conv2_2": 7, "conv3_4": 16, "conv4_4": 25, "conv5_4": 34}
"""Positions in torchvision's `vgg19().features` of the convolutions that `VGGStack` returns."""

_WIDTHS = (64, 64, 0, 128, 128, 0, 256, 256, 256, 256, 0, 512, 512, 512, 512, 0, 512, 512, 512, 512)
"""Channels of the convolutions of configuration E; 0 is a 2x2 max-pooling."""
_LAST_CONVOLUTION = {"vgg22": 7, "vgg54": 34}
"""Position in torchvision's `vgg19().features` of the convolution phi_i,j is named after."""
_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_DEVIATION = (0.229, 0.224, 0.225)
_TORCHVISION_HASH = "dcbb9e9d"
"""First digits of the sha256 of the file that torchvision publishes, vgg19-dcbb9e9d.pth."""


class VGGFeatures(nn.Module):
    """Map an image to the features phi_i,j of VGG19, after the activation.

    Shapes: (N, 3, H, W) float in [0, 1] -> (N, 128, H / 2, W / 2) for vgg22, the second convolution
    before the second max-pooling, or (N, 512, H / 16, W / 16) for vgg54. The weights are frozen.
    Images are normalised as ImageNet's were.
    Source: arXiv 1409.1556, configuration E; arXiv 1609.04802, section 2.2.1.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, weights: dict[str, Tensor], layer: VGGLayer) -> None:
        """Take weights named as in torchvision's `vgg19().features`: N.weight, N.bias."""
        super().__init__()
        self.layer = layer
        layers: list[nn.Module] = []
        channels = 3
        for width in _WIDTHS:
            if width == 0:
                layers.append(nn.MaxPool2d(2))
                continue
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=True)]
            channels = width
        self.features = nn.Sequential(*layers[: _LAST_CONVOLUTION[layer] + 2])
        needed = self.features.state_dict()
        self.features.load_state_dict({name: weights[name].float() for name in needed})
        self.register_buffer("mean", torch.tensor(_IMAGENET_MEAN).view(3, 1, 1))
        self.register_buffer("deviation", torch.tensor(_IMAGENET_DEVIATION).view(3, 1, 1))
        self.requires_grad_(False).eval()

    def forward(self, image: Tensor) -> Tensor:
        """Return phi_i,j of an image."""
        return self.features((image - self.mean) / self.deviation)


class VGGStack(nn.Module):
    """Map an image to five feature maps of VGG19, before their activations, in one pass.

    Shapes: (N, 3, H, W) float in [0, 1] -> the outputs of PERCEPTUAL_LAYERS, from (N, 64, H, W) to
    (N, 512, H / 16, W / 16). The weights are frozen. Images are normalised as ImageNet's were.
    Before the activation most features are alive, and brightness is kept better.
    Source: arXiv 1409.1556, configuration E; arXiv 1809.00219 (ESRGAN), section 3.3; the layers are
        those of Real-ESRGAN, arXiv 2107.10833, section 4.1.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, weights: dict[str, Tensor]) -> None:
        """Take weights named as in torchvision's `vgg19().features`: N.weight, N.bias."""
        super().__init__()
        whole = VGGFeatures(weights, "vgg54").features
        starts = [0, *(index + 1 for index in PERCEPTUAL_LAYERS.values())]
        # In place, an activation would overwrite a map that was returned.
        layers = [nn.ReLU() if isinstance(layer, nn.ReLU) else layer for layer in whole]
        self.parts = nn.ModuleList(
            nn.Sequential(*layers[start:stop]) for start, stop in pairwise(starts)
        )
        self.register_buffer("mean", torch.tensor(_IMAGENET_MEAN).view(3, 1, 1))
        self.register_buffer("deviation", torch.tensor(_IMAGENET_DEVIATION).view(3, 1, 1))
        self.requires_grad_(False).eval()

    def forward(self, image: Tensor) -> list[Tensor]:
        """Return the feature maps of an image."""
        features, maps = (image - self.mean) / self.deviation, []
        for part in self.parts:
            features = part(features)
            maps.append(features)
        return maps


def load_vgg(path: Path, layer: VGGLayer) -> VGGFeatures:
    """Read VGG19 up to a layer; see `load_vgg_stack`.

    Raises: ConfigurationError if the file is missing, damaged or of another network.
    """
    return _load(path, lambda weights: VGGFeatures(weights, layer))


def load_vgg_stack(path: Path) -> VGGStack:
    """Read VGG19's convolutions from a file of the user's; they are never random.

    Either torchvision's published vgg19-dcbb9e9d.pth, whose hash is checked, or any file of the
    convolutions under torchvision's names (N.weight, with or without "features." before it).

    Raises: ConfigurationError if the file is missing, damaged or of another network.
    """
    return _load(path, VGGStack)


def _load(path: Path, build: Callable[[dict[str, Tensor]], T]) -> T:
    if not path.is_file():
        raise ConfigurationError(
            f"no VGG19 weights at {path}: give the path of torchvision's vgg19-dcbb9e9d.pth or of "
            "its convolutions as safetensors; the VGG loss is never computed with random weights"
        )
    if path.name == f"vgg19-{_TORCHVISION_HASH}{path.suffix}":
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if not digest.startswith(_TORCHVISION_HASH):
            raise ConfigurationError(
                f"{path} is damaged: its sha256 starts with {digest[:8]}, not with the "
                f"{_TORCHVISION_HASH} of its name; download it again"
            )
    tensors, _ = read_tensors(path)
    weights = {name.removeprefix("features."): value for name, value in tensors.items()}
    try:
        return build(weights)
    except (KeyError, RuntimeError, AttributeError) as error:
        found = ", ".join(list(tensors)[:3])
        raise ConfigurationError(
            f"{path} does not hold VGG19's convolutions as torchvision names them "
            f"(it starts with {found}): {str(error).splitlines()[0]}"
        ) from error
