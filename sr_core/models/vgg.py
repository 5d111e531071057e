"""VGG19 up to a layer, whose feature maps the perceptual content loss compares."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from sr_core.errors import ConfigurationError
from sr_core.models.tensor_files import read_tensors

VGGLayer = Literal["vgg22", "vgg54"]

_WIDTHS = (64, 64, 0, 128, 128, 0, 256, 256, 256, 256, 0, 512, 512, 512, 512, 0, 512, 512, 512, 512)
"""Channels of the convolutions of configuration E; 0 is a 2x2 max-pooling."""
_LAST_CONVOLUTION = {"vgg22": 7, "vgg54": 34}
"""Position in torchvision's `vgg19().features` of the convolution phi_i,j is named after."""
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
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1))
        self.register_buffer("deviation", torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1))
        self.requires_grad_(False).eval()

    def forward(self, image: Tensor) -> Tensor:
        """Return phi_i,j of an image."""
        return self.features((image - self.mean) / self.deviation)


def load_vgg(path: Path, layer: VGGLayer) -> VGGFeatures:
    """Read VGG19's convolutions from a file of the user's; they are never random.

    Either torchvision's published vgg19-dcbb9e9d.pth, whose hash is checked, or any file of the
    convolutions under torchvision's names (N.weight, with or without "features." before it).

    Raises: ConfigurationError if the file is missing, damaged or of another network.
    """
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
        return VGGFeatures(weights, layer)
    except (KeyError, RuntimeError, AttributeError) as error:
        found = ", ".join(list(tensors)[:3])
        raise ConfigurationError(
            f"{path} does not hold VGG19's convolutions as torchvision names them "
            f"(it starts with {found}): {str(error).splitlines()[0]}"
        ) from error
