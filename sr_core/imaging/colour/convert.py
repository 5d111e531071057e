"""Conversions to sRGB, strip by strip: of pixels with a profile, of CMYK, and of CIELAB."""

from __future__ import annotations

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from sr_core.imaging.colour.facts import LabEncoding
from sr_core.imaging.colour.profiles import adaptation, build, rgb_to_xyz
from sr_core.imaging.colour.spaces import SRGB
from sr_core.imaging.pixels import Pixels
from sr_core.imaging.strips import map_strips

_FLAGS = imagecodecs.CMS.FLAGS
_RELATIVE = imagecodecs.CMS.INTENT.RELATIVE_COLORIMETRIC


def convert_to_srgb(pixels: Pixels, icc: bytes) -> Pixels:
    """Convert grey or RGB pixels (H, W, 1 | 3) from a profile to sRGB; the dtype stays."""
    grey = pixels.shape[2] == 1
    # Each strip builds the transform again, which costs little compared with applying it.
    srgb = build(SRGB)

    def converted(rows: Pixels) -> Pixels:
        found: Pixels = imagecodecs.cms_transform(
            rows[:, :, 0] if grey else rows,
            icc,
            srgb,
            colorspace="gray" if grey else "rgb",
            outcolorspace="rgb",
            # By default littlecms interpolates in a coarse table: good enough for 8 bits, not 16.
            flags=_FLAGS.NOOPTIMIZE if rows.dtype == np.uint16 else None,
        )
        return found[:, :, :1] if grey else found

    return map_strips(converted, pixels, dtype=pixels.dtype)


def cmyk_to_srgb(inks: Pixels, icc: bytes) -> Pixels:
    """Convert inks (H, W, 4), 0 for none, through their profile; the dtype stays.

    Relative colorimetric with black point compensation, as in most viewers.
    """
    srgb = build(SRGB)

    def converted(rows: Pixels) -> Pixels:
        found: Pixels = imagecodecs.cms_transform(
            rows,
            icc,
            srgb,
            colorspace="cmyk",
            outcolorspace="rgb",
            intent=_RELATIVE,
            flags=_FLAGS.BLACKPOINTCOMPENSATION,
        )
        return found

    return map_strips(converted, inks, dtype=inks.dtype)


def cmyk_by_arithmetic(inks: Pixels) -> Pixels:
    """Convert inks (H, W, 4), 0 for none, without a profile: each ink and black absorb light."""
    top = np.uint32(np.iinfo(inks.dtype).max)

    def converted(rows: Pixels) -> NDArray[np.uint32]:
        left = top - rows  # of at most 16 bits, so that the products fit 32
        found: NDArray[np.uint32] = (left[:, :, :3] * left[:, :, 3:] + top // 2) // top
        return found

    return map_strips(converted, inks, dtype=inks.dtype)


def lab_to_srgb(samples: Pixels, encoding: LabEncoding) -> Pixels:
    """Convert CIELAB (H, W, 3) to sRGB; colours outside its gamut are clipped; the dtype stays.

    Source: CIE 15:2004, 8.2.1; IEC 61966-2-1.
    """
    x, y = encoding.white
    white = np.array([x / y, 1.0, (1 - x - y) / y])
    sx, sy = SRGB.white
    to_srgb = adaptation(white, np.array([sx / sy, 1.0, (1 - sx - sy) / sy]))
    matrix = (np.linalg.inv(rgb_to_xyz(SRGB)) @ to_srgb * white).T.astype(np.float32)
    top = np.float32(np.iinfo(samples.dtype).max)
    scales = (np.array(encoding.scales) / float(top)).astype(np.float32)
    offsets = np.array(encoding.offsets, np.float32)

    def converted(rows: Pixels) -> NDArray[np.float32]:
        lab = rows.astype(np.float32) * scales + offsets
        level = (lab[..., 0] + 16) / 116
        cubes = np.stack([level + lab[..., 1] / 500, level, level - lab[..., 2] / 200], -1)
        shares = np.where(cubes > 6 / 29, cubes**3, (cubes - 4 / 29) * (3 * (6 / 29) ** 2))
        linear: NDArray[np.float32] = np.clip(shares @ matrix, 0, 1)
        levels: NDArray[np.float32] = np.rint(_srgb_encoded(linear) * top)
        return levels

    return map_strips(converted, samples, dtype=samples.dtype)


def _srgb_encoded(linear: NDArray[np.float32]) -> NDArray[np.float32]:
    curved = 1.055 * linear ** (1 / 2.4) - 0.055
    found: NDArray[np.float32] = np.where(linear <= 0.0031308, linear * 12.92, curved)
    return found
