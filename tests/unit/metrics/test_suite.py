"""The metrics of an image: their values, when they are undefined, and for which images."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sr_core.imaging.pixels import Pixels
from sr_core.imaging.resample import resize_pixels
from sr_core.metrics.reference import compare_y
from sr_core.metrics.registry import METRICS, describe_metrics, describe_trust
from sr_core.metrics.suite import Measures, measure
from sr_core.metrics.trust.entries import TRUST
from sr_core.records import MetricsRow
from tests.support.photograph import photograph


class Enlarger:
    """An upscaler by nearest that records its inputs."""

    def __init__(self, scale: int) -> None:
        self.scale = scale
        self.shapes: list[tuple[int, ...]] = []

    def __call__(self, pixels: Pixels) -> Pixels:
        self.shapes.append(pixels.shape)
        return enlarged(pixels, self.scale, "nearest")


def enlarged(pixels: Pixels, scale: int, kind: Any = "bicubic") -> Pixels:
    return resize_pixels(pixels, pixels.shape[0] * scale, pixels.shape[1] * scale, kind)


def test_the_registry_describes_the_measures_and_both_are_columns_of_the_table() -> None:
    names = [field.name for field in fields(Measures)]
    assert names == [metric.name for metric in METRICS] + ["spots", "warnings"]
    assert set(names) <= {field.name for field in fields(MetricsRow)}
    assert all(metric.protocol for metric in METRICS)


def test_the_page_on_metrics_has_the_table_of_the_registry() -> None:
    page = Path(__file__).parents[3] / "docs" / "metrics.md"
    text = page.read_text(encoding="utf-8")
    assert describe_metrics() in text
    assert describe_trust() in text


def test_the_registry_loads_without_torch() -> None:
    program = "import sys, sr_core.metrics.registry; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_photograph_with_its_reference_has_every_metric() -> None:
    hr = photograph(256, 192)
    lr = resize_pixels(hr, 64, 48, "bicubic")
    sr = enlarged(lr, 4)
    alpha = np.full((64, 48), 9, np.uint8), np.full((256, 192), 9, np.uint8)
    measures = measure(lr, sr, upscale=enlarge_4, scale=4, reference=hr, alpha=alpha)
    undefined = {name for name, value in asdict(measures).items() if value is None}
    assert undefined == {"grey_colour_levels", "twin_error"}
    assert set(measures.spots) == {metric.name for metric in TRUST} - undefined
    assert measures.warnings == ()
    assert (measures.psnr_y_db, measures.ssim_y) == compare_y(sr, hr, 4)
    assert measures.sharpness_gain == pytest.approx(1, abs=1e-5)
    # The upscaler is bicubic here.
    assert measures.self_psnr_y_db == measures.self_psnr_y_bicubic_db
    assert measures.self_ssim_y == measures.self_ssim_y_bicubic


def enlarge_4(pixels: Pixels) -> Pixels:
    return enlarged(pixels, 4)


def test_an_output_that_shrinks_to_its_source_loses_nothing() -> None:
    source = photograph(40, 60)
    blocks = enlarged(source, 4, "nearest")
    # If neighbours differ by less than a rounding step, shrinking restores the source.
    flat = np.full_like(source, 77)
    measures = measure(flat, enlarged(flat, 4), upscale=None, scale=4, reference=None)
    assert measures.lr_psnr_db == math.inf
    assert measures.colour_drift_delta_e == 0
    assert measures.sharpness_gain is None
    tinted = blocks.copy()
    tinted[..., 2] += 30
    neutral, cast = (
        measure(source, image, upscale=None, scale=4, reference=None) for image in (blocks, tinted)
    )
    assert neutral.lr_psnr_db is not None
    assert cast.lr_psnr_db is not None
    assert neutral.colour_drift_delta_e is not None
    assert cast.colour_drift_delta_e is not None
    assert cast.lr_psnr_db < neutral.lr_psnr_db - 10
    assert cast.colour_drift_delta_e > neutral.colour_drift_delta_e + 2


@pytest.mark.parametrize("scale", [2, 4])
def test_self_accuracy_is_of_the_middle_window(scale: int) -> None:
    source = photograph(531, 75)
    upscale = Enlarger(scale)
    measures = measure(source, enlarged(source, 2), upscale=upscale, scale=scale, reference=None)
    rows, columns = 512, 75 // scale * scale
    window = source[9 : 9 + rows, (75 - columns) // 2 : (75 - columns) // 2 + columns]
    lr = resize_pixels(window, rows // scale, columns // scale, "bicubic")
    assert upscale.shapes == [lr.shape]
    own = compare_y(enlarged(lr, scale, "nearest"), window, scale)
    assert (measures.self_psnr_y_db, measures.self_ssim_y) == own
    bicubic = compare_y(enlarged(lr, scale), window, scale)
    assert (measures.self_psnr_y_bicubic_db, measures.self_ssim_y_bicubic) == bicubic


@pytest.mark.parametrize(("side", "defined"), [(31, False), (32, True)])
def test_self_accuracy_needs_a_window_of_eight_lr_pixels(side: int, defined: bool) -> None:
    upscale = Enlarger(4)
    source = photograph(200, side)
    measures = measure(source, enlarged(source, 4), upscale=upscale, scale=4, reference=None)
    assert (measures.self_psnr_y_db is not None) == defined
    assert (measures.self_ssim_y_bicubic is not None) == defined
    assert len(upscale.shapes) == defined


def test_without_an_upscaler_there_is_no_self_accuracy() -> None:
    source = photograph(64, 64)
    measures = measure(source, enlarged(source, 4), upscale=None, scale=4, reference=None)
    values = asdict(measures)
    undefined = {name for name, value in values.items() if value is None}
    assert undefined == {name for name in values if name.startswith("self_")} | {
        "psnr_y_db",
        "ssim_y",
        "grey_colour_levels",
        "alpha_error_levels",
        "twin_error",
    }


def test_a_reference_loses_what_is_beyond_a_multiple_of_scale() -> None:
    hr = photograph(67, 82)
    lr = resize_pixels(hr[:64, :80], 16, 20, "bicubic")
    sr = enlarged(lr, 4)
    measures = measure(lr, sr, upscale=None, scale=4, reference=hr)
    assert (measures.psnr_y_db, measures.ssim_y) == compare_y(sr, hr[:64, :80], 4)
    assert measures.warnings == ()


@pytest.mark.parametrize("size", [(63, 80), (64, 84), (16, 20), (80, 64)])
def test_a_reference_of_another_size_is_not_compared(size: tuple[int, int]) -> None:
    lr = photograph(16, 20)
    measures = measure(lr, enlarged(lr, 4), upscale=None, scale=4, reference=photograph(*size))
    assert measures.psnr_y_db is None
    assert measures.ssim_y is None
    assert measures.warnings == (
        f"reference not compared: it has {size[1]}x{size[0]} px, the output has 80x64 px",
    )


def test_a_reference_without_a_whole_ssim_window_is_not_compared() -> None:
    lr = photograph(4, 20)
    measures = measure(lr, enlarged(lr, 4), upscale=None, scale=4, reference=enlarged(lr, 4))
    assert measures.psnr_y_db is None
    assert measures.warnings == ("reference not compared: 80x16 px is too small",)


def test_an_output_smaller_than_its_source_has_no_lr_psnr_but_still_a_colour() -> None:
    source = photograph(90, 120)
    measures = measure(
        source, resize_pixels(source, 60, 80, "bicubic"), upscale=None, scale=4, reference=None
    )
    assert measures.lr_psnr_db is None
    assert measures.colour_drift_delta_e == 0
    assert measures.sharpness_gain == pytest.approx(1, abs=1e-5)


@given(
    source_size=st.tuples(st.integers(1, 70), st.integers(1, 70)),
    output_size=st.tuples(st.integers(1, 140), st.integers(1, 140)),
    channels=st.sampled_from([1, 3]),
    dtype=st.sampled_from([np.uint8, np.uint16]),
    scale=st.sampled_from([2, 4]),
)
def test_any_image_of_any_size_is_measured_and_nothing_is_nan(
    source_size: tuple[int, int],
    output_size: tuple[int, int],
    channels: int,
    dtype: Any,
    scale: int,
) -> None:
    rng = np.random.default_rng(0)
    top = np.iinfo(dtype).max
    source = rng.integers(0, top, (*source_size, channels), dtype, endpoint=True)
    output = rng.integers(0, top, (*output_size, channels), dtype, endpoint=True)
    source.flags.writeable = output.flags.writeable = False
    measures = measure(source, output, upscale=Enlarger(scale), scale=scale, reference=output)
    numbers = [value for value in asdict(measures).values() if isinstance(value, float)]
    assert not any(math.isnan(value) for value in numbers)
    assert (measures.lr_psnr_db is None) == any(
        out < into for out, into in zip(output_size, source_size, strict=True)
    )


@pytest.mark.parametrize(
    ("size", "scale", "compared"),
    [((70, 90), 4, True), ((70, 90), 2, True), ((7, 90), 4, False)],
)
def test_the_twin_gets_a_window_at_the_centre(
    size: tuple[int, int], scale: int, compared: bool
) -> None:
    source = photograph(*size)
    shapes = []

    def twin(pixels: Pixels, factor: int) -> Pixels:
        shapes.append((pixels.shape[:2], factor))
        return enlarged(pixels, factor)

    found = measure(
        source, enlarged(source, scale), upscale=None, scale=scale, reference=None, twin=twin
    )
    assert shapes == ([(size, scale)] if compared else [])
    assert found.twin_error == (0 if compared else None)


def test_a_large_source_is_compared_with_its_twin_in_a_window() -> None:
    source = photograph(300, 270)
    output = enlarged(source, 2)
    output[290:310, 250:270] ^= 32
    found = measure(source, output, upscale=None, scale=2, reference=None, twin=enlarged)
    assert found.twin_error is not None
    assert found.twin_error > 0.1
    assert found.spots["twin_error"]["x_px"] == pytest.approx(260, abs=16)
    assert found.spots["twin_error"]["y_px"] == pytest.approx(300, abs=16)
