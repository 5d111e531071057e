"""Measures of trust: each sees its fault, at its place, and nothing in a good output."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sr_core.imaging.pixels import Pixels
from sr_core.imaging.resample import resize_pixels
from sr_core.metrics.trust import Worst, measure_trust
from sr_core.metrics.trust.entries import TRUST
from sr_core.metrics.trust.transparency import alpha_error
from sr_core.metrics.trust.twin import twin_error
from tests.support.photograph import photograph

HEIGHT, WIDTH = 64, 96
SCALE = 4


def trust(source: Pixels, output: Pixels) -> dict[str, Worst]:
    shrunk = resize_pixels(output, *source.shape[:2], "bicubic")
    return measure_trust(source, shrunk, output)


def pair(dtype: type[np.uint8] | type[np.uint16] = np.uint8) -> tuple[Pixels, Pixels]:
    source = photograph(HEIGHT, WIDTH, dtype=dtype)
    return source, resize_pixels(source, SCALE * HEIGHT, SCALE * WIDTH, "bicubic")


def plant(fault: Callable[[Pixels], object]) -> tuple[dict[str, Worst], dict[str, Worst]]:
    """Measure an output without and with a fault, which changes its argument."""
    source, good = pair()
    bad = good.copy()
    fault(bad)
    return trust(source, good), trust(source, bad)


def black_square(output: Pixels) -> None:
    output[101:117, 201:217] = 0


def foreign_square(output: Pixels) -> None:
    output[101:117, 201:217] = output[16:0:-1, :16] // 2 + 100


def black_pixel(output: Pixels) -> None:
    output[110, 209] = 0


def noise(output: Pixels) -> None:
    part = output[96:128, 192:224]
    part += np.random.default_rng(0).integers(0, 12, part.shape, np.uint8)


AROUND = (101, 117, 201, 217)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("block_error", black_square),
        ("block_error", foreign_square),
        ("blank_share", black_square),
        ("clipped_share", black_square),
        ("outlier", black_pixel),
        ("texture_excess", noise),
    ],
)
def test_a_fault_in_one_place_is_found_there(name: str, fault: Callable[[Pixels], object]) -> None:
    good, bad = plant(fault)
    assert bad[name].value > 2 * good[name].value
    assert 96 <= bad[name].y_px <= 128
    assert 192 <= bad[name].x_px <= 224


def shift_right_half(output: Pixels) -> None:
    output[:, 192:] = np.roll(output[:, 192:], 1, axis=0)


def test_a_seam_is_a_shift_of_one_side() -> None:
    good, bad = plant(shift_right_half)
    assert good["shift_px"].value < 0.1
    assert bad["shift_px"].value == pytest.approx(1, abs=0.3)
    assert bad["shift_px"].x_px > 192


@pytest.mark.parametrize("pixels", [1, 2])
def test_the_shift_of_a_whole_output_is_measured_in_its_pixels(pixels: int) -> None:
    source, good = pair()
    found = trust(source, np.roll(good, pixels, axis=1))
    assert found["shift_px"].value == pytest.approx(pixels, rel=0.3)


def brighten_below(output: Pixels) -> None:
    output[128:] += 2


def test_a_step_is_found_at_its_line() -> None:
    good, bad = plant(brighten_below)
    assert good["step_levels"].value < 0.3
    assert bad["step_levels"].value == pytest.approx(2, abs=0.4)
    assert bad["step_levels"].y_px == pytest.approx(128, abs=16)


def tint(output: Pixels) -> None:
    output[:, :192, 2] += 5


def test_a_cast_is_measured_in_levels() -> None:
    good, bad = plant(tint)
    assert good["cast_levels"].value < 0.3
    assert bad["cast_levels"].value == pytest.approx(5, abs=0.3)
    assert bad["cast_levels"].x_px < 192


def checkerboard(output: Pixels) -> None:
    rows, columns = np.indices(output.shape[:2])
    output += (4 * ((rows + columns) % 2))[..., None].astype(np.uint8)


def test_a_checkerboard_is_a_grid_of_half_its_height() -> None:
    good, bad = plant(checkerboard)
    assert good["grid_levels"].value < 0.1
    assert bad["grid_levels"].value == pytest.approx(2, abs=0.1)


def jpeg_blocks(output: Pixels) -> None:
    for top in range(0, output.shape[0], 8):
        for left in range(0, output.shape[1], 8):
            block = output[top : top + 8, left : left + 8]
            block[:] = block.mean(axis=(0, 1)).round()


def test_blocks_of_eight_pixels_are_blocking() -> None:
    good, bad = plant(jpeg_blocks)
    assert good["blocking"].value < 1.3
    assert bad["blocking"].value > 3


def test_detail_is_judged_on_both_sides() -> None:
    source, _ = pair()
    size = SCALE * HEIGHT, SCALE * WIDTH
    rough = resize_pixels(source, *size, "bicubic")
    rough += np.random.default_rng(0).integers(0, 9, rough.shape, np.uint8)
    nearest, bicubic, noisy = (
        trust(source, each)["detail_gain"].value
        for each in (
            resize_pixels(source, *size, "nearest"),
            resize_pixels(source, *size, "bicubic"),
            rough,
        )
    )
    assert nearest <= bicubic < noisy / 2


def test_grey_that_gains_colour_is_seen() -> None:
    grey = np.repeat(photograph(HEIGHT, WIDTH, 1), 3, axis=2)
    good = resize_pixels(grey, SCALE * HEIGHT, SCALE * WIDTH, "bicubic")
    bad = good.copy()
    bad[:64, :64, 0] += 20
    assert trust(grey, good)["grey_colour_levels"].value == 0
    found = trust(grey, bad)["grey_colour_levels"]
    assert found.value == pytest.approx(20 * (64 * 64) / (256 * 384), rel=0.1)
    assert max(found.x_px, found.y_px) < 64


def test_alpha_that_changed_is_found_at_its_place() -> None:
    alpha = photograph(HEIGHT, WIDTH, 1)[..., 0]
    changed = alpha.copy()
    changed[40:48, 16:24] -= 30
    size = SCALE * HEIGHT, SCALE * WIDTH
    assert alpha_error(alpha, alpha, size).value == 0
    found = alpha_error(alpha, changed, size)
    assert found == Worst(pytest.approx(30), 80, 176)


def test_sixteen_bits_measure_as_eight_do() -> None:
    source, good = pair()
    found = trust(source, good)
    wide = trust(source.astype(np.uint16) * 257, good.astype(np.uint16) * 257)
    for name, worst in found.items():
        assert wide[name].value == pytest.approx(worst.value, abs=0.05), name


def test_every_measure_has_an_entry_that_says_what_it_cannot_show() -> None:
    names = {metric.name for metric in TRUST}
    assert set(trust(*pair())) <= names
    assert all(metric.blind_spot and metric.has_spot for metric in TRUST)


@given(
    size=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    factor=st.sampled_from([1.0, 1.3, 2.0, 2.7, 3.0, 4.0]),
    channels=st.sampled_from([1, 3]),
    content=st.sampled_from(["noise", "black", "photograph"]),
)
def test_any_size_and_scale_gives_finite_values_and_spots_inside(
    size: tuple[int, int], factor: float, channels: int, content: str
) -> None:
    if content == "noise":
        source = np.random.default_rng(0).integers(0, 256, (*size, channels), np.uint8)
    else:
        source = photograph(*size, channels) * np.uint8(content == "photograph")
    height, width = (int(side * factor) for side in size)
    found = trust(source, resize_pixels(source, height, width, "bicubic"))
    assert bool(found) == (min(size) >= 8)
    for worst in found.values():
        assert np.isfinite(worst.value)
        assert 0 <= worst.x_px < width
        assert 0 <= worst.y_px < height


def test_an_output_smaller_than_its_source_is_not_judged() -> None:
    source = photograph(HEIGHT, WIDTH)
    smaller = resize_pixels(source, HEIGHT + 8, WIDTH - 8, "bicubic")
    assert measure_trust(source, source, smaller) == {}


def test_texture_that_the_twin_lacks_is_found_where_it_is() -> None:
    _, twin = pair()
    bad = twin.copy()
    noise(bad)
    assert twin_error(twin, twin).value == 0
    found = twin_error(bad, twin)
    assert found.value > 0.1
    assert 96 <= found.y_px <= 128
    assert 192 <= found.x_px <= 224
