"""Tiles partition every image and give the same result as the whole image."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sr_core.inference.tiled import GeneratorUpscaler
from sr_core.inference.tiling import Span, plan_tiles
from sr_core.models.generator import Generator

SIDES = st.integers(1, 700)


def window_size(span: Span) -> int:
    return span.window_stop - span.window_start


@given(SIDES, SIDES, st.integers(0, 40), st.integers(1, 300_000))
def test_tiles_partition_the_image_and_carry_their_context(
    height: int, width: int, reach: int, max_window_px: int
) -> None:
    covered = np.zeros((height, width), np.uint8)
    tiles = plan_tiles(height, width, reach, max_window_px)
    for tile in tiles:
        rows, columns = tile.rows, tile.columns
        covered[rows.start : rows.stop, columns.start : columns.stop] += 1
        for span, length in ((rows, height), (columns, width)):
            assert 0 <= span.window_start <= max(0, span.start - reach)
            assert min(length, span.stop + reach) <= span.window_stop <= length
    assert (covered == 1).all()
    assert len({(window_size(tile.rows), window_size(tile.columns)) for tile in tiles}) == 1
    smallest = (2 * max(1, 2 * reach) + 2 * reach) ** 2
    assert all(tile.window_px <= max(max_window_px, smallest) for tile in tiles)


@given(SIDES, SIDES, st.integers(0, 40))
def test_one_tile_where_one_is_enough(height: int, width: int, reach: int) -> None:
    assert len(plan_tiles(height, width, reach, height * width)) == 1


@settings(max_examples=25)
@given(
    height=st.integers(1, 75),
    width=st.integers(1, 75),
    channels=st.sampled_from([1, 3]),
    trunk_px=st.integers(400, 3000),
    tail_px=st.integers(40, 900),
    dtype=st.sampled_from([np.uint8, np.uint16]),
    seed=st.integers(0, 99),
)
def test_tiled_equals_whole(
    height: int,
    width: int,
    channels: int,
    trunk_px: int,
    tail_px: int,
    dtype: type[np.uint8] | type[np.uint16],
    seed: int,
) -> None:
    torch.manual_seed(seed)
    generator = Generator(channels=4, blocks=1)
    with torch.no_grad():
        generator.output.bias.fill_(0.5)
    generator.trunk_bn.weight.data.fill_(1.0)
    upscaler = GeneratorUpscaler(generator, "test")
    top = np.iinfo(dtype).max
    image = np.random.default_rng(seed).integers(0, top + 1, (height, width, channels), dtype)
    whole = upscaler.upscale(image, 4 * height, 4 * width).pixels
    assert whole.std() > 0.005 * top  # the input tells tiles apart, also if it is a single pixel
    upscaler.trunk_px, upscaler.tail_px = trunk_px, tail_px
    tiled = upscaler.upscale(image, 4 * height, 4 * width).pixels
    # 1e-4 of the range, plus one level for a value halfway between two.
    difference = np.abs(tiled.astype(np.int64) - whole.astype(np.int64)).max()
    assert difference <= max(1, 1e-4 * top)
    assert tiled.dtype == dtype
