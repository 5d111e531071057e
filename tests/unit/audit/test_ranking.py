"""Rankings and distributions with undefined, infinite and equal values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sr_core.archive.schemas import METRICS_SCHEMA
from sr_core.audit.report.histogram import histogram
from sr_core.audit.report.ranking import worst_first
from sr_core.audit.values import columns_of
from sr_core.metrics.metric import Metric
from sr_core.metrics.registry import REPORTED

BY_NAME = {metric.name: metric for metric in REPORTED}
LR_PSNR = BY_NAME["lr_psnr_db"]
DRIFT = BY_NAME["colour_drift_delta_e"]
SHARPNESS = BY_NAME["sharpness_gain"]

VALUES = st.lists(st.one_of(st.floats(0, 60), st.just(np.inf), st.just(np.nan)), max_size=60)


def order(columns: dict[Metric, list[float]], limit: int = 100) -> list[int]:
    count = len(next(iter(columns.values())))
    arrays = [(metric, np.array(values)) for metric, values in columns.items()]
    return [each.index for each in worst_first(arrays, passed(count), limit)]


def passed(count: int) -> NDArray[np.int8]:
    return np.zeros(count, dtype=np.int8)


def test_a_worse_verdict_comes_before_a_worse_metric() -> None:
    psnr, verdicts = np.array([46, 30, 45.0]), np.array([1, 0, 2], dtype=np.int8)
    assert [each.index for each in worst_first([(LR_PSNR, psnr)], verdicts, 3)] == [2, 0, 1]


def test_every_value_of_a_report_is_read_from_columns_of_the_table() -> None:
    assert columns_of(REPORTED) <= set(METRICS_SCHEMA.names)


def test_low_is_bad_for_one_measure_and_high_for_another() -> None:
    assert order({LR_PSNR: [46, 40, 47, 45]})[0] == 1
    assert order({DRIFT: [0.4, 0.1, 3.0, 0.5]})[0] == 2


def test_an_image_counts_by_the_worst_of_its_measures() -> None:
    psnr, drift = np.array([46, 45, 47, 44.0]), np.array([0.4, 0.5, 7.0, 0.3])
    first = worst_first([(LR_PSNR, psnr), (DRIFT, drift)], passed(4), 1)[0]
    assert (first.index, first.metric) == (2, DRIFT)


def test_a_measure_without_a_direction_makes_no_image_bad() -> None:
    ranking = worst_first([(SHARPNESS, np.array([1, 90, 2.0]))], passed(3), 3)
    assert [each.metric for each in ranking] == [None] * 3


def test_undefined_values_do_not_count_and_infinite_is_best() -> None:
    ranking = worst_first([(LR_PSNR, np.array([np.nan, np.inf, 46, 40]))], passed(4), 4)
    assert [each.index for each in ranking] == [3, 0, 1, 2]
    assert [each.metric for each in ranking] == [LR_PSNR, None, None, None]


def test_equal_images_keep_their_order() -> None:
    assert order({LR_PSNR: [46.0] * 7}, limit=4) == [0, 1, 2, 3]


def test_a_tiny_difference_in_a_crowd_of_equals_is_not_huge() -> None:
    values = np.full(1000, 46.0)
    values[5] -= 1e-6
    assert worst_first([(LR_PSNR, values)], passed(1000), 1)[0].deviations < 0.01


@given(VALUES, st.integers(0, 70))
def test_a_limit_takes_the_beginning_of_the_whole_order(values: list[float], limit: int) -> None:
    assert order({LR_PSNR: values}, limit) == order({LR_PSNR: values})[:limit]


@given(VALUES)
def test_every_defined_value_is_in_a_bar_or_infinite(values: list[float]) -> None:
    array = np.array(values, dtype=np.float64)
    chart = histogram(LR_PSNR, array)
    if chart is None:
        assert not np.isfinite(array).any()
        return
    assert sum(bar.count for bar in chart.bars) == chart.count == np.isfinite(array).sum()
    assert chart.infinite == np.isinf(array).sum()
    assert 0 <= chart.median_at <= 1
    assert max(bar.height for bar in chart.bars) == 1


def test_one_outlier_among_many_does_not_squeeze_the_rest_into_a_bar() -> None:
    values = np.append(np.linspace(40, 50, 2000), 1e6)
    chart = histogram(LR_PSNR, values)
    assert chart is not None
    assert chart.high < 60
    assert sum(bar.count > 0 for bar in chart.bars) > 10
    assert sum(bar.count for bar in chart.bars) == 2001


@pytest.mark.parametrize("metric", REPORTED, ids=lambda metric: metric.name)
def test_one_value_makes_a_histogram(metric: Metric) -> None:
    chart = histogram(metric, np.array([3.0]))
    assert chart is not None
    assert (chart.p5, chart.median, chart.p95, chart.median_at) == (3, 3, 3, 0.5)
