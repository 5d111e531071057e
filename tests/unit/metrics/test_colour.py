"""CIELAB and CIEDE2000 against scikit-image and against published pairs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.color import deltaE_ciede2000, rgb2lab

from sr_core.metrics.colour import delta_e_2000, srgb_to_lab

# Source: Sharma et al., The CIEDE2000 color-difference formula, table 1. These pairs expose wrong
# implementations: hues about half a turn apart, greys, blues, dark colours. The formula is
# discontinuous at exactly half a turn, where rounding decides.
PUBLISHED = [
    ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
    ((50.0, -1.3802, -84.2814), (50.0, 0.0, -82.7485), 1.0000),
    ((50.0, 0.0, 0.0), (50.0, -1.0, 2.0), 2.3669),
    ((50.0, 2.4900, -0.0010), (50.0, -2.4900, 0.0009), 7.1792),
    ((50.0, 2.4900, -0.0010), (50.0, -2.4900, 0.0011), 7.2195),
    ((50.0, -0.0010, 2.4900), (50.0, 0.0009, -2.4900), 4.8045),
    ((50.0, -0.0010, 2.4900), (50.0, 0.0011, -2.4900), 4.7461),
    ((50.0, 2.5, 0.0), (50.0, 0.0, -2.5), 4.3065),
    ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
    ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ((22.7233, 20.0904, -46.6940), (23.0331, 14.9730, -42.5619), 2.0373),
    ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
]


@pytest.mark.parametrize(("first", "second", "expected"), PUBLISHED)
def test_published_pairs(
    first: tuple[float, ...], second: tuple[float, ...], expected: float
) -> None:
    lab_1, lab_2 = torch.tensor(first).double(), torch.tensor(second).double()
    assert delta_e_2000(lab_1, lab_2).item() == pytest.approx(expected, abs=5e-5)
    assert delta_e_2000(lab_2, lab_1).item() == pytest.approx(expected, abs=5e-5)


def test_colour_difference_is_that_of_scikit_image_in_float32() -> None:
    rng = np.random.default_rng(0)
    lab_1 = rng.uniform((0, -90, -90), (100, 90, 90), (5000, 3))
    lab_2 = lab_1 + rng.normal(scale=8, size=(5000, 3))
    ours = delta_e_2000(torch.from_numpy(lab_1).float(), torch.from_numpy(lab_2).float())
    assert np.abs(ours.numpy() - deltaE_ciede2000(lab_1, lab_2)).max() < 2e-3


def test_cielab_is_that_of_scikit_image() -> None:
    rgb = np.random.default_rng(1).random((5000, 3))
    ours = srgb_to_lab(torch.from_numpy(rgb).float()).numpy()
    # scikit-image uses six digits of the sRGB matrix and of D65; the standard has four.
    assert np.abs(ours - rgb2lab(rgb)).max() < 0.03


def test_grey_has_no_colour_and_white_has_lightness_100() -> None:
    greys = torch.linspace(0, 1, 256)[:, None].expand(-1, 3)
    lab = srgb_to_lab(greys)
    assert lab[:, 1:].abs().max() < 1e-4
    assert lab[0, 0].item() == pytest.approx(0, abs=1e-4)
    assert lab[-1, 0].item() == pytest.approx(100, abs=1e-4)


def test_a_colour_does_not_differ_from_itself() -> None:
    lab = srgb_to_lab(torch.rand(1000, 3, generator=torch.Generator().manual_seed(0)))
    assert (delta_e_2000(lab, lab) == 0).all()
