"""White, black and grey pages: the colour that is furthest off, inside and at the border."""

from __future__ import annotations

import numpy as np

from sr_core.evaluation.flat_pages import FlatPage, flat_pages
from sr_core.imaging.pixels import Pixels


def nearest(pixels: Pixels) -> Pixels:
    return pixels.repeat(4, axis=0).repeat(4, axis=1)


def test_an_ideal_model_leaves_pages_as_they_are() -> None:
    pages = flat_pages(nearest, 4)
    assert [(page.name, page.text()) for page in pages] == [
        ("white", "255"),
        ("black", "0"),
        ("grey", "128"),
    ]


def test_the_worst_pixel_counts_inside_and_at_the_border() -> None:
    def flawed(pixels: Pixels) -> Pixels:
        sr = nearest(pixels).astype(int) - np.array([1, 0, 2])
        sr[128, 128] -= 5
        sr[0, -1] -= 17
        return np.clip(sr, 0, 255).astype(np.uint8)

    white, black, _ = flat_pages(flawed, 4)
    assert white == FlatPage("white", (249, 250, 248), (237, 238, 236))
    assert white.text() == "249,250,248; 237,238,236 at the border"
    assert black.text() == "0"


def test_the_border_ends_where_padding_is_no_longer_seen() -> None:
    def marked(pixels: Pixels) -> Pixels:
        sr = nearest(pixels)
        sr[63, 100] = 100
        return sr

    assert flat_pages(marked, 4)[0] == FlatPage("white", (255, 255, 255), (100, 100, 100))


def test_a_cast_of_one_channel_is_worse_than_a_lesser_grey() -> None:
    def flawed(pixels: Pixels) -> Pixels:
        sr = nearest(pixels)
        sr[128, 100] = np.maximum(sr[128, 100], 6) - 6
        sr[128, 140, 1] = np.maximum(sr[128, 140, 1], 10) - 10
        return sr

    assert flat_pages(flawed, 4)[0].inside == (255, 245, 255)
