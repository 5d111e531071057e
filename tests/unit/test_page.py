"""Formatting of numbers on pages."""

from __future__ import annotations

import math

import pytest

from sr_core.page.render import data_uri
from sr_core.page.text import duration, megapixels, number


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (None, 2, "–"),
        (math.nan, 2, "–"),
        (math.inf, 2, "∞"),
        (-math.inf, 2, "\N{MINUS SIGN}∞"),
        (0, 0, "0"),
        (-1.005, 1, "\N{MINUS SIGN}1.0"),
        (1234567.891, 2, "1,234,567.89"),
    ],
)
def test_number(value: float | None, digits: int, text: str) -> None:
    assert number(value, digits) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.25, "0.2 MP"), (12.3, "12 MP"), (999, "999 MP"), (2300, "2.3 GP"), (4.56e6, "4.6 TP")],
)
def test_megapixels(value: float, text: str) -> None:
    assert megapixels(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 s"),
        (9.94, "9.9 s"),
        (45, "45 s"),
        (59.6, "1 min 0 s"),
        (192, "3 min 12 s"),
        (3600 * 1234 + 65, "1,234 h 1 min"),
    ],
)
def test_duration(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_picture_says_what_it_is() -> None:
    assert data_uri(b"\x89PNG\r\n\x1a\n").startswith("data:image/png;base64,")
    assert data_uri(b"\xff\xd8\xff").startswith("data:image/jpeg;base64,")
