"""Crops: all panes of a row show the same window, the one in which bicubic loses most."""

from __future__ import annotations

import numpy as np
import pytest

from sr_core.evaluation.benchmark import Pair
from sr_core.evaluation.crops import WINDOW_PX, crops, largest_error, spread
from sr_core.evaluation.evaluate import Output
from sr_core.evaluation.judges import Judges
from sr_core.evaluation.scores import Scores
from sr_core.imaging.resample import resize_pixels

RNG = np.random.default_rng(3)

NONE = Judges(None, None, None, None, None)


def test_the_window_with_the_largest_error_is_found() -> None:
    hr = RNG.integers(0, 256, (60, 80, 3), dtype=np.uint8)
    sr = (hr.astype(int) + RNG.integers(-9, 10, hr.shape)).clip(0, 255).astype(np.uint8)
    weights = np.array([65.481, 128.553, 24.966])
    error = ((sr.astype(float) - hr) @ weights) ** 2
    sums = {
        (top, left): error[top : top + 16, left : left + 16].sum()
        for top in range(0, 45, 4)
        for left in range(0, 65, 4)
    }
    assert largest_error(sr, hr, 16, 4) == max(sums, key=lambda place: sums[place])


@pytest.mark.parametrize("place", [(0, 0), (44, 64)])
def test_the_window_may_lie_in_a_corner(place: tuple[int, int]) -> None:
    hr = np.zeros((60, 80, 1), np.uint8)
    sr = hr.copy()
    top, left = place
    sr[top : top + 16, left : left + 16] = 200
    assert largest_error(sr, hr, 16, 4) == place


def test_an_image_smaller_than_the_window_is_shown_whole() -> None:
    hr = RNG.integers(0, 256, (40, 200, 3), dtype=np.uint8)
    sr = np.zeros_like(hr)
    top, left = largest_error(sr, hr, 128, 4)
    assert top == 0
    assert 0 <= left <= 72


def test_all_panes_show_the_same_window() -> None:
    hr = np.full((200, 300, 3), 90, np.uint8)
    hr[60:188, 140:268] = RNG.integers(0, 256, (128, 128, 3))  # nothing else has detail
    pair = Pair("a.png", resize_pixels(hr, 50, 75, "bicubic"), hr)
    outputs = [
        Output("one", hr // 2, Scores(31.234, 0.9, 0.1234), NONE, "one", 1.0),
        Output("two", hr // 3, Scores(28.0, 0.8, None), NONE, "one", 1.0),
    ]
    lr, one, two, truth = crops(pair, outputs, 4)
    window = np.s_[60:188, 140:268]
    assert np.array_equal(truth.pixels, hr[window])
    assert np.array_equal(one.pixels, hr[window] // 2)
    assert np.array_equal(two.pixels, hr[window] // 3)
    assert np.array_equal(lr.pixels[::4, ::4], pair.lr[15:47, 35:67])
    assert np.array_equal(lr.pixels[3::4, 3::4], pair.lr[15:47, 35:67])
    assert lr.lines == ("LR", f"crop of {WINDOW_PX}x{WINDOW_PX} px at 140, 60")
    assert one.lines == ("one", "31.23 dB   LPIPS 0.123")
    assert two.lines == ("two", "28.00 dB")
    assert truth.lines == ("HR", "a.png, 300x200 px")


def test_the_window_does_not_depend_on_the_models() -> None:
    hr = np.full((200, 300, 3), 90, np.uint8)
    hr[60:188, 140:268] = RNG.integers(0, 256, (128, 128, 3))
    pair = Pair("a.png", resize_pixels(hr, 50, 75, "bicubic"), hr)
    wrong_elsewhere = hr.copy()
    wrong_elsewhere[:, :40] = 255
    (shown,) = {
        crops(pair, [Output("one", sr, Scores(30.0, 0.9, None), NONE, "one", 1.0)], 4)[0].lines[1]
        for sr in (hr, wrong_elsewhere)
    }
    assert shown.endswith("at 140, 60")


@pytest.mark.parametrize(
    ("count", "chosen"), [(1, [0]), (3, [0, 1, 2]), (4, [0, 1, 2, 3]), (10, [0, 3, 6, 9])]
)
def test_images_are_chosen_evenly(count: int, chosen: list[int]) -> None:
    assert spread(count, 4) == chosen
