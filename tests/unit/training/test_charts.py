"""Layout of charts: curves, axes and ticks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sr_core.training.charts import Axis, chart
from sr_core.training.journal import StepRecord
from sr_core.training.panels import brief, view_stages


def l1(step: int, value: float) -> StepRecord:
    return StepRecord("srresnet", step, 0.5, 6e-4, {"l1": value})


def test_a_curve_falls_where_its_values_fall() -> None:
    (stage,) = view_stages([l1(step, 1 / step) for step in range(1, 1001)])
    drawn = chart(stage.panels[0], stage.step)
    ys = [float(point.split(",")[1]) for point in drawn.curves[0].line.split()]
    assert ys == sorted(ys)  # downwards, for an SVG
    assert ys[-1] - ys[0] > 100
    assert len(ys) == 100  # from a thousand records
    assert drawn.curves[0].dots[-1][2] == "step 1,000: 0.001005"


def test_only_losses_that_spread_widely_get_a_logarithmic_axis() -> None:
    fading = [*np.geomspace(1, 0.01, 199), 0.0]  # all its stretches have a mean above zero
    wide, narrow, negative, zero = (
        [l1(step, float(value)) for step, value in enumerate(values, start=1)]
        for values in ((1.0, 0.1, 0.01), (0.3, 0.2, 0.1), (1.0, 0.1, -0.01), fading)
    )
    panels = [view_stages(records)[0].panels[0] for records in (wide, narrow, negative, zero)]
    assert [panel.is_log for panel in panels] == [True, False, False, False]
    assert [text for _, text in chart(panels[0], 3).y_ticks][::2] == ["0.01", "0.05", "0.2", "1"]


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9))
def test_ticks_are_round_and_few(low: float, span: float) -> None:
    axis = Axis(low, low + max(span, 1e-9 * abs(low)))
    ticks = axis.ticks()
    assert 2 <= len(ticks) <= 6
    assert all(-1e-6 <= axis.at(tick) <= 1 + 1e-6 for tick in ticks)
    steps = np.diff(ticks)
    np.testing.assert_allclose(steps, steps[0], rtol=1e-3)


@given(st.floats(1e-12, 1e6), st.floats(10, 1e12))
def test_logarithmic_ticks_are_round_and_few(low: float, ratio: float) -> None:
    axis = Axis(low, low * ratio, is_log=True)
    ticks = axis.ticks()
    assert 2 <= len(ticks) <= 7
    assert all(0 <= axis.at(tick) <= 1 for tick in ticks)
    assert {f"{tick:.6e}"[0] for tick in ticks} <= {"1", "2", "5"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0213149, "0.02131"),
        (6e-4, "6e-4"),
        (0.0, "0"),
        (12_345.6, "12,346"),
        (1e12, "1e+12"),
        (math.nan, "nan"),
        (-math.inf, "-inf"),
    ],
)
def test_numbers_are_brief(value: float, text: str) -> None:
    assert brief(value) == text
