"""LPIPS against the published distance of the published network."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from sr_core.errors import ConfigurationError
from sr_core.metrics.lpips import LPIPS, load_lpips


@pytest.fixture(scope="module")
def lpips(shared: Path) -> LPIPS:
    return load_lpips(shared / "weights" / "lpips_alex_v0.1.safetensors")


@pytest.fixture(scope="module")
def image() -> Tensor:
    y, x = torch.meshgrid(torch.arange(64.0), torch.arange(80.0), indexing="ij")
    return torch.stack([(x / 7).sin(), (y / 5).cos(), (x * y / 99).sin()])[None] / 2 + 0.5


def test_equal_images_have_no_distance(lpips: LPIPS, image: Tensor) -> None:
    assert float(lpips(image, image)) == 0.0


def test_the_distance_is_symmetric_and_grows_with_damage(lpips: LPIPS, image: Tensor) -> None:
    noise = torch.randn(image.shape, generator=torch.Generator().manual_seed(0))
    little, much = (image + share * noise for share in (0.02, 0.2))
    assert 0 < float(lpips(little, image)) < float(lpips(much, image))
    torch.testing.assert_close(lpips(much, image), lpips(image, much))


def test_each_image_of_a_batch_has_its_own_distance(lpips: LPIPS, image: Tensor) -> None:
    both = lpips(torch.cat([image, 1 - image]), torch.cat([image, image]))
    assert float(both[0]) == 0.0
    torch.testing.assert_close(both[1:], lpips(1 - image, image))


def test_sizes_must_fit(lpips: LPIPS, image: Tensor) -> None:
    with pytest.raises(ValueError, match="one size, at least 31"):
        lpips(image, image[..., :-1])
    with pytest.raises(ValueError, match="one size, at least 31"):
        lpips(image[..., :30], image[..., :30])


def test_other_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no LPIPS weights at"):
        load_lpips(tmp_path / "none.safetensors")
    torch.save({"conv.weight": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(ConfigurationError, match=r"does not hold AlexNet and the heads"):
        load_lpips(tmp_path / "other.pth")
