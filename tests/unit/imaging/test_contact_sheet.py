"""Contact sheets: pixels unchanged, texts inside their cells."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from sr_core.imaging.contact_sheet import Pane, contact_sheet

RNG = np.random.default_rng(8)


def drawn(*rows: list[Pane], zoom: int = 1, heading: str = "", note: str = "") -> np.ndarray:
    with Image.open(io.BytesIO(contact_sheet(heading, note, rows, zoom))) as sheet:
        return np.array(sheet)


def places(sheet: np.ndarray, picture: np.ndarray) -> list[tuple[int, int]]:
    """Return all positions of a picture in a sheet, as (top, left)."""
    height, width = picture.shape[:2]
    corners = np.argwhere((sheet == picture[0, 0]).all(axis=2))
    return [
        (int(top), int(left))
        for top, left in corners
        if np.array_equal(sheet[top : top + height, left : left + width], picture)
    ]


def noise(height: int, width: int) -> np.ndarray:
    return RNG.integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_every_picture_stands_once_in_rows_and_columns() -> None:
    pictures = [noise(20, 30) for _ in range(4)]
    panes = [Pane(picture, ("title", "more")) for picture in pictures]
    sheet = drawn(panes[:2], panes[2:])
    (a,), (b,), (c,), (d,) = (places(sheet, picture) for picture in pictures)
    assert a[0] == b[0] < c[0] == d[0]
    assert a[1] == c[1] < b[1] == d[1]


def test_pixels_become_squares() -> None:
    picture = noise(5, 7)
    sheet = drawn([Pane(picture, ("title",))], zoom=3)
    assert len(places(sheet, picture.repeat(3, axis=0).repeat(3, axis=1))) == 1


def test_grey_and_sixteen_bits_are_shown_as_eight_bits_of_rgb() -> None:
    grey = noise(20, 30)[..., :1]
    deep = grey * np.uint16(257)
    deep[grey < 255] += 200  # less than one 8-bit level
    sheet = drawn([Pane(deep, ("title",)), Pane(grey, ("title",))])
    assert len(places(sheet, grey.repeat(3, axis=2))) == 2


def test_a_row_may_be_shorter_and_pictures_smaller() -> None:
    small, large = noise(8, 9), noise(30, 40)
    sheet = drawn([Pane(large, ("a",)), Pane(large, ("b",))], [Pane(small, ("c",))])
    assert len(places(sheet, small)) == 1
    assert len(places(sheet, large)) == 2


def test_text_stays_in_its_cell() -> None:
    white = np.full((20, 60, 3), 255, np.uint8)
    long = Pane(white, ("a very long name of a checkpoint.safetensors",))
    alone = drawn([long, Pane(white, ("",))], heading="h" * 100, note="n" * 100)
    ink = np.argwhere((alone < 128).any(axis=2))
    # Texts begin at the left margin; the heading ends at the right one, the name before its pane.
    assert ink[:, 1].max() < alone.shape[1] - 16
    below = ink[ink[:, 0] > 70]
    assert len(below) > 0
    assert below[:, 1].max() <= 16 + 60


def test_texts_are_drawn() -> None:
    panes = [Pane(np.full((20, 90, 3), 255, np.uint8), ("title", "more"))]
    bare = drawn([Pane(panes[0].pixels, ("", ""))])
    assert (bare == 255).all()
    sheet = drawn(panes, heading="heading", note="note")
    inked = {int(row) // 8 for row in np.argwhere((sheet < 200).any(axis=2))[:, 0]}
    assert len(inked) >= 5  # four lines of text


def test_a_sheet_without_panes_is_refused() -> None:
    with pytest.raises(ValueError, match="needs at least one pane"):
        contact_sheet("", "", [])
