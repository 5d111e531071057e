"""Faults planted into known-good outputs, severe and hard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from benchmarks.faults.pictures import Levels, as_jpeg

SCALE = 4


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A known-good output, its source, and another picture of the same size."""

    sr: Levels
    lr: Levels
    other: Levels
    """The output of another picture."""
    wrong: Levels | None
    """The output of another model on the same source."""
    broken: Callable[[], Levels]
    """Makes the output of the model with one layer zeroed."""
    rng: np.random.Generator


Fault = Callable[[Case], Levels | None]
"""Returns the faulty output; None if it cannot be planted here."""


def _levels(values: np.ndarray) -> Levels:
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def _cast(level: float) -> Fault:
    def plant(case: Case) -> Levels:
        offset = np.zeros(3, np.float32)
        offset[case.rng.integers(3)] = level * case.rng.choice([-1, 1])
        return _levels(case.sr + offset)

    return plant


def _gamma(value: float) -> Fault:
    return lambda case: _levels(255 * (case.sr / np.float32(255)) ** np.float32(value))


def _bgr(case: Case) -> Levels | None:
    if np.ptp(case.sr.astype(np.int16), axis=2).mean() < 6:
        return None  # nothing to see in a grey picture
    return case.sr[..., ::-1].copy()


def _shift(pixels: int) -> Fault:
    def plant(case: Case) -> Levels:
        return np.roll(case.sr, pixels * case.rng.choice([-1, 1]), axis=int(case.rng.integers(2)))

    return plant


def _seam(pixels: int) -> Fault:
    def plant(case: Case) -> Levels:
        found = case.sr.copy()
        axis = int(case.rng.integers(2))
        part = found if axis == 0 else found.transpose(1, 0, 2)
        half = part.shape[1] // 2
        part[:, half:] = np.roll(part[:, half:], pixels, axis=0)
        return found

    return plant


def _crop(pixels: int) -> Fault:
    def plant(case: Case) -> Levels:
        image = Image.fromarray(case.sr[pixels:-pixels, pixels:-pixels])
        return np.array(image.resize(case.sr.shape[1::-1], Image.Resampling.BICUBIC))

    return plant


def _corner(case: Case, side_px: int) -> tuple[slice, slice]:
    top, left = (int(case.rng.integers(0, side - side_px + 1)) for side in case.sr.shape[:2])
    return slice(top, top + side_px), slice(left, left + side_px)


def _black_square(side_px: int) -> Fault:
    def plant(case: Case) -> Levels | None:
        found = case.sr.copy()
        place = _corner(case, side_px)
        if found[place].mean() < 16:
            return None  # black on black
        found[place] = 0
        return found

    return plant


def _foreign_square(side_px: int) -> Fault:
    def plant(case: Case) -> Levels | None:
        found, place = case.sr.copy(), _corner(case, side_px)
        patch = case.other[place]
        if np.abs(found[place].astype(np.int16) - patch).mean() < 8:
            return None
        found[place] = patch
        return found

    return plant


def _black_pixels(count: int) -> Fault:
    def plant(case: Case) -> Levels:
        found = case.sr.copy()
        rows, columns = (case.rng.integers(0, side, count) for side in found.shape[:2])
        found[rows, columns] = 0
        return found

    return plant


def _checkerboard(level: float) -> Fault:
    def plant(case: Case) -> Levels:
        rows, columns = np.indices(case.sr.shape[:2])
        return _levels(case.sr + level * (1 - 2 * ((rows + columns) % 2))[..., None])

    return plant


def _texture(deviation: float) -> Fault:
    def plant(case: Case) -> Levels:
        return _levels(case.sr + case.rng.normal(0, deviation, (*case.sr.shape[:2], 1)))

    return plant


def _detail_of_another(share: float) -> Fault:
    def plant(case: Case) -> Levels:
        found = case.sr.astype(np.float32)
        side = max(8, round(min(found.shape[:2]) * share**0.5))
        place = _corner(case, side) if share < 1 else np.s_[:, :]
        found[place] = _low(case.sr)[place] + (case.other - _low(case.other))[place]
        return _levels(found)

    return plant


def _low(pixels: Levels) -> np.ndarray:
    image = Image.fromarray(pixels)
    small = image.resize([side // SCALE for side in image.size], Image.Resampling.BICUBIC)
    return np.asarray(small.resize(image.size, Image.Resampling.BICUBIC)).astype(np.float32)


def _jpeg(quality: int) -> Fault:
    return lambda case: as_jpeg(case.sr, quality)


def _blur(radius: float) -> Fault:
    return lambda case: np.array(Image.fromarray(case.sr).filter(ImageFilter.GaussianBlur(radius)))


def _interpolated(how: Image.Resampling) -> Fault:
    return lambda case: np.array(Image.fromarray(case.lr).resize(case.sr.shape[1::-1], how))


def _step(level: int) -> Fault:
    def plant(case: Case) -> Levels:
        found = case.sr.astype(np.int16)
        axis = int(case.rng.integers(2))
        part = found if axis == 0 else found.transpose(1, 0, 2)
        part[part.shape[0] // 2 :] += level
        return _levels(found)

    return plant


def _other(case: Case) -> Levels:
    return case.other


def _mirrored(case: Case) -> Levels:
    return case.sr[:, ::-1].copy()


def _turned(case: Case) -> Levels:
    return case.sr[::-1, ::-1].copy()


def _black(case: Case) -> Levels | None:
    return np.zeros_like(case.sr) if case.sr.mean() > 16 else None


def _wrong_weights(case: Case) -> Levels | None:
    return case.wrong


def _broken(case: Case) -> Levels:
    return case.broken()


def _not_finite(case: Case) -> Levels:
    """Values that are no numbers become black: a tenth of the pixels of a tile of 64 px."""
    found, place = case.sr.copy(), _corner(case, 64)
    found[place][case.rng.random((64, 64)) < 0.1] = 0
    return found


def _seen(fault: Fault) -> Fault:
    """Leave out what nobody could see: fewer than 1 % of the pixels change by over 4 levels."""

    def plant(case: Case) -> Levels | None:
        found = fault(case)
        if found is None:
            return None
        change = np.abs(found.astype(np.int16) - case.sr).max(axis=2)
        return found if (change > 4).mean() >= 0.01 else None

    return plant


def _blocky(case: Case) -> Levels:
    """Tiles of 64 px pasted one tile too late, as after a swallowed error."""
    found = case.sr.copy()
    found[64:128, 64:128] = case.sr[64:128, 0:64]
    return found


SEVERE: dict[str, Fault] = {
    "cast of 8 in one channel": _cast(8),
    "gamma 1.2": _gamma(1.2),
    "BGR": _bgr,
    "wrong image": _seen(_other),
    "mirrored": _seen(_mirrored),
    "turned by 180 degrees": _seen(_turned),
    "black": _black,
    "shift of 1 px": _seen(_shift(1)),
    "shift of 2 px": _seen(_shift(2)),
    "seam of 1 px over half": _seen(_seam(1)),
    "cropped by 2 px": _seen(_crop(2)),
    "black square of 16 px": _black_square(16),
    "black square of 64 px": _black_square(64),
    "foreign square of 16 px": _foreign_square(16),
    "foreign square of 64 px": _foreign_square(64),
    "tile pasted twice": _seen(_blocky),
    "checkerboard of 2": _checkerboard(2),
    "checkerboard of 4": _checkerboard(4),
    "blur of 1 px": _seen(_blur(1)),
    "blur of 2 px": _seen(_blur(2)),
    "bicubic": _seen(_interpolated(Image.Resampling.BICUBIC)),
    "nearest": _seen(_interpolated(Image.Resampling.NEAREST)),
    "JPEG q10": _seen(_jpeg(10)),
    "wrong weights": _seen(_wrong_weights),
    "one layer zeroed": _seen(_broken),
    "non-finite values": _not_finite,
}
"""At 0.5 % false alarms, at least 95 % of each are to be found."""
HARD: dict[str, Fault] = {
    "texture of sd 4": _texture(4),
    "detail of another photograph": _seen(_detail_of_another(1)),
    "detail of another, 5 % of the area": _detail_of_another(0.05),
    "JPEG q50": _seen(_jpeg(50)),
    "20 black pixels": _black_pixels(20),
    "step of 2 levels": _step(2),
    "cast of 2": _cast(2),
    "gamma 1.05": _gamma(1.05),
    "checkerboard of 1": _checkerboard(1),
}
