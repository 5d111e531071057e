"""Character errors: the Levenshtein distance, blind to line breaks and typographic quotes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sr_core.evaluation.characters import edit_distance, errors, plain

WORDS = st.text("ab c", max_size=8)


@pytest.mark.parametrize(
    ("first", "second", "distance"),
    [
        ("kitten", "sitting", 3),
        ("Saturday", "Sunday", 3),
        ("intention", "execution", 5),
        ("", "abc", 3),
        ("abc", "", 3),
        ("same", "same", 0),
    ],
)
def test_known_distances(first: str, second: str, distance: int) -> None:
    assert edit_distance(first, second) == distance


@given(WORDS, WORDS, WORDS)
def test_it_is_a_distance(first: str, second: str, third: str) -> None:
    direct = edit_distance(first, third)
    assert direct == edit_distance(third, first)
    assert (direct == 0) == (first == third)
    assert direct <= edit_distance(first, second) + edit_distance(second, third)
    assert abs(len(first) - len(third)) <= direct <= max(len(first), len(third))


def test_line_breaks_and_quotes_are_no_errors() -> None:
    read = "five\nyears\u2019 \u201cwork\u201d\n\f"
    assert plain(read) == 'five years\' "work"'
    assert errors(read, 'five years\' "work"') == 0
    assert errors(read, 'nine years\' "work"') == 2
