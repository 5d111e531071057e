"""The mirrored border of images: what a network sees of it, and that it leaves no trace."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sr_core.inference.border import Surrounded, border_cells, mirror
from sr_core.inference.tiled import GeneratorUpscaler
from sr_core.models.generator import Generator, initialise_as_interpolator
from tests.support.networks import make_network

SIDES = st.integers(1, 90)


def image(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def test_a_border_repeats_the_edge_and_what_is_behind_it() -> None:
    row = np.array([[[1], [2], [3]]], np.uint8)
    assert mirror(row, 2)[2, :, 0].tolist() == [2, 1, 1, 2, 3, 3, 2]
    assert mirror(row, 2, 4).shape == (8, 8, 1)
    assert mirror(row[:, :1], 8)[0, :, 0].tolist() == [1] * 17


def test_a_border_is_no_wider_than_a_network_sees() -> None:
    assert border_cells(40, 1) == 8
    assert border_cells(40, 2) == 4
    assert border_cells(5, 1) == 5


@given(SIDES, SIDES, st.sampled_from([1, 2, 4]), st.integers(8, 30), st.integers(1, 3000))
def test_windows_are_cut_from_the_mirrored_image(
    height: int, width: int, cell_px: int, reach: int, max_window_px: int
) -> None:
    lr = image(height, width)
    border = border_cells(reach, cell_px)
    whole = mirror(lr, border * cell_px, cell_px)
    surrounded = Surrounded(lr, cell_px, border)
    covered = np.zeros(surrounded.cells, int)
    for tile in surrounded.tiles(reach, max_window_px):
        covered[tile.rows.start : tile.rows.stop, tile.columns.start : tile.columns.stop] += 1
        assert tile.rows.start < tile.rows.stop
        assert tile.columns.start < tile.columns.stop
        rows, columns = (
            slice((s.window_start + border) * cell_px, (s.window_stop + border) * cell_px)
            for s in (tile.rows, tile.columns)
        )
        assert np.array_equal(surrounded.window(tile), whole[rows, columns])
    assert (covered == 1).all()


def test_a_window_inside_the_image_is_not_copied() -> None:
    lr = image(300, 300)
    surrounded = Surrounded(lr, 1, 8)
    inner = [
        tile
        for tile in surrounded.tiles(10, 60 * 60)
        if min(tile.rows.window_start, tile.columns.window_start) >= 0
        and max(tile.rows.window_stop, tile.columns.window_stop) <= 300
    ]
    assert inner
    assert all(np.shares_memory(surrounded.window(tile), lr) for tile in inner)


@pytest.mark.parametrize("level", [255, 128, 0])
def test_a_page_of_one_colour_is_as_even_at_its_edges_as_in_the_middle(level: int) -> None:
    torch.manual_seed(1)
    generator = Generator(channels=8, blocks=2)
    initialise_as_interpolator(generator)
    torch.nn.init.constant_(generator.head.bias, 0.3)  # so that padding with zeros shows
    generator.trunk_bn.weight.data.fill_(0.2)
    sr = GeneratorUpscaler(generator, "g").upscale(np.full((31, 40, 3), level, np.uint8), 124, 160)
    middle = sr.pixels[60:64, 80:84].astype(int)
    assert np.abs(sr.pixels.astype(int) - np.tile(middle, (31, 40, 1))).max() <= 1


def test_a_network_of_cells_is_even_at_the_edges_too() -> None:
    network = make_network("RRDBNet x2 of cells")
    sr = GeneratorUpscaler(network, "n").upscale(np.full((33, 41, 3), 200, np.uint8), 66, 82)
    middle = sr.pixels[32:36, 40:44].astype(int)
    assert np.abs(sr.pixels.astype(int) - np.tile(middle, (17, 21, 1))[:66, :82]).max() <= 2
