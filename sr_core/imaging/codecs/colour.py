"""Colour: ICC profiles, and conversion of decoded samples to grey or RGB with alpha."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from dataclasses import dataclass

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from sr_core import scratch
from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.pixels import Page, Pixels
from sr_core.imaging.strips import map_strips

_TO_RGB = frozenset({"RGBX", "YCbCr", "PA", "RGBa", "La"})
_AS_IT_IS = frozenset({"L", "LA", "RGB", "RGBA", "I;16"})


@dataclass(frozen=True, slots=True)
class Raster:
    """Decoded samples of one page."""

    samples: Pixels
    """(H, W) or (H, W, 1..4) uint8 or uint16: grey or RGB, straight alpha last."""
    icc: bytes | None = None
    """Profile of the samples; None if they are sRGB or their colour space is unknown."""
    orientation: int = 1
    """EXIF orientation still to be applied."""
    warnings: tuple[str, ...] = ()


def to_page(raster: Raster) -> Page:
    """Split a raster into pixels and alpha: upright, contiguous and writable."""
    samples = raster.samples if raster.samples.ndim == 3 else raster.samples[:, :, None]
    samples = turned(samples, raster.orientation)
    if samples.shape[2] in (1, 3):
        return Page(scratch.owned(samples))
    return Page(scratch.owned(samples[:, :, :-1]), scratch.owned(samples[:, :, -1]))


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


def from_pillow(image: Image.Image, icc: bytes | None) -> Raster:
    """Convert a decoded Pillow image to grey or RGB, with alpha if it has transparency.

    CMYK and LAB become sRGB; CMYK through its profile, if any.

    Raises: ImageError with class unsupported_mode.
    """
    mode = image.mode
    if mode in ("CMYK", "LAB"):
        return _to_srgb(image, icc)
    if mode == "1":
        image = image.convert("L")
    elif mode == "P":
        clear = (
            image.info.get("transparency") is not None
            or getattr(image.palette, "mode", "") == "RGBA"
        )
        image = image.convert("RGBA" if clear else "RGB")
    elif mode in _TO_RGB:
        image = image.convert({"La": "LA", "PA": "RGBA", "RGBa": "RGBA"}.get(mode, "RGB"))
    elif mode in ("L", "RGB") and image.info.get("transparency") is not None:
        image = image.convert("LA" if mode == "L" else "RGBA")
    elif mode not in _AS_IT_IS:
        raise ImageError(ErrorClass.UNSUPPORTED_MODE, f"pixels of mode {mode} are not supported")
    return Raster(np.asarray(image), icc)


def from_cmyk(samples: Pixels, icc: bytes | None, *, inverted: bool) -> Raster:
    """Convert CMYK samples to sRGB.

    Args:
        samples: (H, W, 4) uint8.
        icc: CMYK profile; None if missing.
        inverted: True if 255 means no ink, as in Adobe's JPEG.
    """
    size = (samples.shape[1], samples.shape[0])
    raw = "CMYK;I" if inverted else "CMYK"
    return _to_srgb(Image.frombuffer("CMYK", size, samples, "raw", raw, 0, 1), icc)


def convert_to_srgb(pixels: Pixels, icc: bytes) -> Pixels:
    """Convert grey or RGB pixels (H, W, 1 | 3) from a profile to sRGB; the dtype stays."""
    grey = pixels.shape[2] == 1
    # Each strip builds the transform again, which costs little compared with applying it.
    srgb = _srgb_profile()

    def converted(rows: Pixels) -> Pixels:
        found: Pixels = imagecodecs.cms_transform(
            rows[:, :, 0] if grey else rows,
            icc,
            srgb,
            colorspace="gray" if grey else "rgb",
            outcolorspace="rgb",
            # By default littlecms interpolates in a coarse table: good enough for 8 bits, not 16.
            flags=imagecodecs.CMS.FLAGS.NOOPTIMIZE if rows.dtype == np.uint16 else None,
        )
        return found[:, :, :1] if grey else found

    return map_strips(converted, pixels, dtype=pixels.dtype)


def profile_of(
    gamma: float, white: Sequence[float], primaries: Sequence[float], *, grey: bool
) -> bytes:
    """Build an ICC profile from a gamma and chromaticities.

    Equal arguments give equal bytes: the date in the header is fixed.

    Args:
        gamma: decoding exponent.
        white: x and y of the white point.
        primaries: x and y of red, green and blue; ignored if grey.
        grey: True for a grey profile, False for RGB.

    Raises: any exception of imagecodecs, for impossible chromaticities.
    """
    white = [*white, 1.0]
    if grey:
        profile = imagecodecs.cms_profile("gray", whitepoint=white, gamma=gamma)
    else:
        triples = [number for at in (0, 2, 4) for number in (*primaries[at : at + 2], 1.0)]
        profile = imagecodecs.cms_profile("rgb", whitepoint=white, primaries=triples, gamma=gamma)
    return bytes(profile[:24] + struct.pack(">6H", 2000, 1, 1, 0, 0, 0) + profile[36:])


def checked_profile(icc: bytes | None, channels: int) -> tuple[bytes | None, tuple[str, ...]]:
    """Return the profile if it fits pixels of 1 (grey) or 3 (RGB) channels, else None; warnings.

    Source: ICC.1:2022, section 7.2 (header: signature at byte 36, colour space at byte 16).
    """
    if icc is None:
        return None, ()
    wanted = b"GRAY" if channels == 1 else b"RGB "
    if len(icc) < 132 or icc[36:40] != b"acsp":
        return None, ("the ICC profile is damaged and was dropped",)
    if icc[16:20] != wanted:
        space = icc[16:20].decode("ascii", "replace").strip()
        return None, (f"the ICC profile is for {space} and was dropped",)
    try:
        convert_to_srgb(np.zeros((1, 1, channels), np.uint8), icc)
    except Exception:  # noqa: BLE001 - a profile that cannot be used must not fail the image later
        return None, ("the ICC profile is damaged and was dropped",)
    return icc, ()


def _to_srgb(image: Image.Image, icc: bytes | None) -> Raster:
    """Convert CMYK or LAB to sRGB; CMYK without a usable profile by plain arithmetic."""
    try:
        if image.mode == "LAB":
            profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
        elif icc is not None:
            profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        else:
            return _naive(image, "CMYK without an ICC profile converted to RGB by arithmetic")
        converted = ImageCms.profileToProfile(
            image,
            profile,
            ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError):
        return _naive(
            image, "CMYK with an ICC profile that cannot be used converted to RGB by arithmetic"
        )
    return Raster(np.asarray(converted), None, warnings=(f"{image.mode} converted to sRGB",))


def _naive(image: Image.Image, warning: str) -> Raster:
    return Raster(np.asarray(image.convert("RGB")), None, warnings=(warning,))


def _srgb_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
