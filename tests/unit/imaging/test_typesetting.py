"""Pages of print: the same at every call, wide as asked, black on white."""

from __future__ import annotations

import numpy as np
import pytest

from sr_core.imaging import typesetting
from sr_core.imaging.typesetting import Typeface, find_typefaces, typeset

OWN = Typeface("Aileron", None)


@pytest.mark.parametrize("typeface", [*find_typefaces(), OWN], ids=lambda face: face.name)
def test_a_page_is_black_on_white_and_always_the_same(typeface: Typeface) -> None:
    text = "It is a truth universally acknowledged"
    page = typeset(text, typeface, 24, 260)
    assert page.shape[1:] == (260, 3)
    assert page.dtype == np.uint8
    assert (page.min(), page.max()) == (0, 255)
    assert np.array_equal(
        page, typeset("It is a truth universally acknowledged", typeface, 24, 260)
    )
    for margin in (page[:20], page[-20:], page[:, :20], page[:, -20:]):
        assert margin.min() == 255


def test_a_narrower_page_has_more_lines() -> None:
    text = "to be or not to be, that is the question"
    wide, narrow = (typeset(text, OWN, 20, width) for width in (600, 200))
    assert wide.shape[0] == 2 * 20 + 26
    assert narrow.shape[0] > 2 * wide.shape[0] - 40
    assert (narrow < 128).sum() == pytest.approx((wide < 128).sum(), rel=0.05)


def test_a_word_that_cannot_be_broken_is_refused() -> None:
    with pytest.raises(ValueError, match="'incomprehensibilities' is wider than 60 px"):
        typeset("the incomprehensibilities", OWN, 20, 100)


def test_without_installed_fonts_pillow_s_own_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(typesetting, "_WANTED", ())
    assert find_typefaces() == [OWN]
