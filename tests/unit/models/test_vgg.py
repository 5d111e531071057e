"""VGG19's feature maps: the requested layer, from genuine weights only."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from sr_core.errors import ConfigurationError
from sr_core.models.vgg import PERCEPTUAL_LAYERS, VGGFeatures, VGGStack, load_vgg, load_vgg_stack

_WIDTHS = {0: 64, 2: 64, 5: 128, 7: 128, 10: 256, 12: 256, 14: 256, 16: 256, 19: 512, 21: 512}
_WIDTHS |= dict.fromkeys((23, 25, 28, 30, 32, 34), 512)


@pytest.fixture(scope="module")
def weights() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    tensors, channels = {}, 3
    for index, width in _WIDTHS.items():
        fan_in = 9 * channels
        values = torch.randn(width, channels, 3, 3, generator=generator)
        tensors[f"{index}.weight"] = values * (2 / fan_in) ** 0.5
        tensors[f"{index}.bias"] = torch.randn(width, generator=generator) * 0.1
        channels = width
    return tensors


@pytest.mark.parametrize(
    ("layer", "last", "shape"), [("vgg22", 7, (1, 128, 16, 24)), ("vgg54", 34, (1, 512, 2, 3))]
)
def test_a_layer_is_its_convolution_after_the_activation(
    weights: dict[str, Tensor], layer: str, last: int, shape: tuple[int, ...]
) -> None:
    image = torch.rand(1, 3, 32, 48)
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    deviation = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    expected, previous = (image - mean) / deviation, -2
    for index in [index for index in _WIDTHS if index <= last]:
        if index - previous == 3:  # with a pooling in between
            expected = torch.nn.functional.max_pool2d(expected, 2)
        expected = torch.nn.functional.conv2d(
            expected, weights[f"{index}.weight"], weights[f"{index}.bias"], padding=1
        ).relu()
        previous = index
    features = VGGFeatures(weights, layer)(image)  # type: ignore[arg-type]
    assert features.shape == shape
    torch.testing.assert_close(features, expected, rtol=1e-4, atol=1e-5)


def test_the_weights_are_frozen_and_the_image_is_not(weights: dict[str, Tensor]) -> None:
    features = VGGFeatures(weights, "vgg22")
    image = torch.rand(1, 3, 16, 16, requires_grad=True)
    features(image).sum().backward()
    assert image.grad is not None
    assert image.grad.abs().sum() > 0
    assert not any(parameter.requires_grad for parameter in features.parameters())


def test_names_with_and_without_the_prefix_are_read(
    weights: dict[str, Tensor], tmp_path: Path
) -> None:
    plain, prefixed = tmp_path / "a.pth", tmp_path / "b.pth"
    torch.save(weights, plain)
    classifier = {"classifier.0.weight": torch.zeros(1)}
    torch.save(
        {f"features.{name}": value for name, value in weights.items()} | classifier, prefixed
    )
    image = torch.rand(1, 3, 16, 16)
    assert torch.equal(load_vgg(plain, "vgg22")(image), load_vgg(prefixed, "vgg22")(image))


def test_a_missing_file_is_an_error_and_never_random_weights(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no VGG19 weights at .*none\.pth.*never"):
        load_vgg(tmp_path / "none.pth", "vgg54")


def test_another_network_is_refused_with_what_was_found(tmp_path: Path) -> None:
    torch.save({"conv.weight": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(ConfigurationError, match=r"not hold VGG19.*starts with conv\.weight"):
        load_vgg(tmp_path / "other.pth", "vgg22")


def test_layers_of_another_shape_are_refused(weights: dict[str, Tensor], tmp_path: Path) -> None:
    torch.save(weights | {"5.weight": torch.zeros(64, 64, 3, 3)}, tmp_path / "vgg.pth")
    with pytest.raises(ConfigurationError, match="not hold VGG19"):
        load_vgg(tmp_path / "vgg.pth", "vgg22")


def test_torchvision_s_file_must_have_the_hash_of_its_name(
    weights: dict[str, Tensor], tmp_path: Path
) -> None:
    file = tmp_path / "vgg19-dcbb9e9d.pth"
    torch.save(weights, file)
    with pytest.raises(ConfigurationError, match=r"damaged: its sha256 starts with [0-9a-f]{8}"):
        load_vgg(file, "vgg22")


def test_the_shared_weights_see_an_edge(shared: Path) -> None:
    vgg = load_vgg(shared / "weights" / "vgg19_imagenet_features_fp16.safetensors", "vgg54")
    flat = torch.full((1, 3, 64, 64), 0.5)
    edge = flat.clone()
    edge[..., 32:] = 0.9
    # Genuine weights respond far more strongly to structure than to a flat image.
    assert vgg(edge).square().mean() > 2 * vgg(flat).square().mean()


def test_a_stack_has_five_layers_before_their_activations(weights: dict[str, Tensor]) -> None:
    image = torch.rand(1, 3, 32, 48)
    maps = VGGStack(weights)(image)
    assert [tuple(each.shape[1:]) for each in maps] == [
        (64, 32, 48),
        (128, 16, 24),
        (256, 8, 12),
        (512, 4, 6),
        (512, 2, 3),
    ]
    for layer, index in ((1, "vgg22"), (4, "vgg54")):
        expected = VGGFeatures(weights, index)(image)  # type: ignore[arg-type]
        torch.testing.assert_close(maps[layer].relu(), expected)
        assert maps[layer].min() < 0, "before the activation"
    assert len(PERCEPTUAL_LAYERS) == 5


def test_a_stack_is_read_from_the_same_files(weights: dict[str, Tensor], tmp_path: Path) -> None:
    torch.save(weights, tmp_path / "vgg.pth")
    image = torch.rand(1, 3, 16, 16)
    read, built = load_vgg_stack(tmp_path / "vgg.pth")(image), VGGStack(weights)(image)
    assert all(map(torch.equal, read, built))
