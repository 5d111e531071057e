"""Decoded samples of a page before their colours are decided, and the page made of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sr_core import scratch
from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.colour import CHANNELS, ColourFacts, Decision, Model, decide
from sr_core.imaging.pixels import Box, Page, Pixels
from sr_core.imaging.strips import map_strips

_CONVERTED = {"La": "LA", "PA": "RGBA", "RGBa": "RGBA", "RGBX": "RGB", "YCbCr": "RGB"}
_MODELS: dict[str, Model] = {"L": "grey", "LA": "grey", "I;16": "grey", "RGB": "rgb"}
_MODELS |= {"RGBA": "rgb", "CMYK": "cmyk", "LAB": "lab"}


@dataclass(frozen=True, slots=True)
class Damage:
    """The part of a page that cannot be decoded."""

    reason: str
    boxes: tuple[Box, ...] = ()
    """Undecoded parts of the stored samples, which do not overlap; the samples in them mean
    nothing."""
    detail: float = 1.0
    """Share of the detail of all other samples that was decoded."""


@dataclass(frozen=True, slots=True)
class Raster:
    """Decoded samples of one page."""

    samples: Pixels
    """(H, W) or (H, W, 1..5) uint8 or uint16: the channels of the model, then straight alpha."""
    model: Model
    orientation: int = 1
    """EXIF orientation still to be applied."""
    warnings: tuple[str, ...] = ()
    damage: Damage | None = None
    """None if the whole page was decoded."""
    bitonal: bool = False
    """True if the file stores 1 bit per pixel, black or white."""


def model_of(samples: Pixels) -> Model:
    """Return grey for one channel or two, RGB for three or four: the second and fourth is alpha."""
    return "grey" if samples.ndim == 2 or samples.shape[2] <= 2 else "rgb"


def to_page(raster: Raster, facts: ColourFacts, format: str) -> tuple[Page, Decision]:  # noqa: A002
    """Return the page, upright, contiguous and writable, and the decision on its colours.

    Args:
        raster: the samples.
        facts: what the file states about their colours.
        format: format of the file, as in `Header.format`.

    Raises: ImageError with class unsupported_colour.
    """
    decision = decide(format, facts, raster.model)
    samples = raster.samples if raster.samples.ndim == 3 else raster.samples[:, :, None]
    samples = turned(samples, raster.orientation)
    count = CHANNELS[raster.model]
    colours = samples[:, :, :count]
    if decision.convert is not None:
        colours = decision.convert(colours)
    alpha = scratch.owned(samples[:, :, count]) if samples.shape[2] > count else None
    return Page(scratch.owned(colours), alpha, bitonal=raster.bitonal), decision


def turned(samples: Pixels, orientation: int) -> Pixels:
    """Apply an EXIF orientation, 1 to 8; return a view.

    Source: EXIF 2.32, tag 0x0112.
    """
    if orientation >= 5:
        samples = samples.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        samples = samples[::-1]
    if orientation in (2, 3, 6, 7):
        samples = samples[:, ::-1]
    return samples


def straight(samples: Pixels) -> Pixels:
    """Divide premultiplied colours by alpha, the last channel; pixels of alpha 0 stay unchanged."""
    top = np.uint32(np.iinfo(samples.dtype).max)

    def divided(rows: Pixels) -> NDArray[np.uint32]:
        alpha = rows[:, :, -1:].astype(np.uint32)
        colours = (rows[:, :, :-1] * top + alpha // 2) // np.maximum(alpha, 1)
        colours = np.where(alpha == 0, rows[:, :, :-1], np.minimum(colours, top))
        return np.concatenate([colours, alpha], axis=2)

    return map_strips(divided, samples, dtype=samples.dtype)


def widened(samples: Pixels, bits: int) -> Pixels:
    """Scale samples of `bits` bits to the full range of their dtype."""
    have, top = (1 << bits) - 1, int(np.iinfo(samples.dtype).max)
    if have == top:
        return samples
    return map_strips(
        lambda rows: (rows * np.uint32(top) + have // 2) // have, samples, dtype=samples.dtype
    )


def negative(samples: Pixels) -> Pixels:
    """Invert all samples."""
    return map_strips(lambda rows: ~rows, samples, dtype=samples.dtype)


def from_pillow(image: Image.Image) -> Raster:
    """Return the samples of a decoded Pillow image: grey, RGB, CMYK or LAB.

    Palettes become RGB, and transparency of any kind becomes alpha. LAB keeps the file's bytes.

    Raises: ImageError with class unsupported_mode.
    """
    mode = image.mode
    if mode == "1":
        image = image.convert("L")
    elif mode == "P":
        clear = (
            image.info.get("transparency") is not None
            or getattr(image.palette, "mode", "") == "RGBA"
        )
        image = image.convert("RGBA" if clear else "RGB")
    elif mode in _CONVERTED:
        image = image.convert(_CONVERTED[mode])
    elif mode in ("L", "RGB") and image.info.get("transparency") is not None:
        image = image.convert("LA" if mode == "L" else "RGBA")
    elif mode not in _MODELS:
        raise ImageError(ErrorClass.UNSUPPORTED_MODE, f"pixels of mode {mode} are not supported")
    return Raster(np.asarray(image), _MODELS[image.mode])
