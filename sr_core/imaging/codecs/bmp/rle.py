"""BMP: run-length encoding of 4, 8 and 24 bits.

Source: Bitmap Compression of the Windows API; OS/2 2.0 Bitmap File Format (24 bits).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sr_core.scratch import Blob

_END_OF_LINE, _END_OF_PICTURE, _MOVE = 0, 1, 2


def expand(
    data: Blob, start: int, width: int, height: int, bits: int
) -> tuple[NDArray[np.uint8], int]:
    """Expand to one sample per index, or three of 24 bits.

    Pixels that are skipped stay 0.

    Args:
        data: the file.
        start: position of the codes.
        width: width in pixels.
        height: height in pixels.
        bits: 4, 8 or 24.

    Returns: (H, W) or (H, W, 3), the first row of the file first, and the number of known rows:
        all, if the end of the picture is there.
    """
    size = 3 if bits == 24 else 1
    pixels = np.zeros((height, width, size), np.uint8)
    end, row, column = len(data), 0, 0
    while start + 2 <= end:
        count, value = data[start], data[start + 1]
        start += 2
        if count:
            start += size - 1
            if start > end:
                break
            run = _run(data[start - size : start], count, bits)
        elif value == _END_OF_LINE:
            row, column = row + 1, 0
            continue
        elif value == _END_OF_PICTURE:
            return _shaped(pixels, bits), height
        elif value == _MOVE:
            if start + 2 > end:
                break
            row, column, start = row + data[start + 1], column + data[start], start + 2
            continue
        else:
            length = (value + 1) // 2 if bits == 4 else value * size
            run = _literals(data[start : min(end, start + length)], value, bits)
            start += length + length % 2
            if start > end + 1:
                break
        if row >= height:
            break
        part = run[: max(0, width - column)]
        pixels[row, column : column + len(part)] = part
        column += len(run)
    return _shaped(pixels, bits), height if row >= height else row + (column >= width)


def _run(value: bytes, count: int, bits: int) -> NDArray[np.uint8]:
    colours = np.frombuffer(value, np.uint8)
    if bits == 4:
        pair = np.array([value[0] >> 4, value[0] & 15], np.uint8)
        return np.resize(pair, count)[:, None]
    return np.tile(colours, (count, 1))


def _literals(value: bytes, count: int, bits: int) -> NDArray[np.uint8]:
    samples = np.frombuffer(value, np.uint8)
    if bits == 4:
        return np.stack([samples >> 4, samples & 15], axis=1).reshape(-1)[:count, None]
    if bits == 24:
        return samples[: len(samples) // 3 * 3].reshape(-1, 3)
    return samples[:, None]


def _shaped(pixels: NDArray[np.uint8], bits: int) -> NDArray[np.uint8]:
    return pixels if bits == 24 else pixels[:, :, 0]
