"""TIFF: colour information of a page, from the tags of its directory."""

from __future__ import annotations

from sr_core.errors import ImageError
from sr_core.imaging.codecs.tags import exif
from sr_core.imaging.codecs.tags.directory import Directory, TagFile
from sr_core.imaging.codecs.tiff.layout import BITS, CIELAB, ICCLAB, PHOTOMETRIC
from sr_core.imaging.colour import ColourFacts, LabEncoding, Space, calibrated
from sr_core.imaging.colour.spaces import D50, D65

_ICC, _WHITE, _PRIMARIES, _TRANSFER = 0x8773, 0x13E, 0x13F, 0x12D
_GAMMA = 2.2  # TIFF 6.0, section 20: what the missing TransferFunction stands for, NTSC's gamma


def facts(tags: TagFile, directory: Directory, notes: list[str]) -> ColourFacts:
    """Return the ICC profile, the calibration and the encoding of Lab of one page."""
    photometric = tags.number(directory, PHOTOMETRIC, -1)
    return ColourFacts(
        icc=_profile(tags, directory, notes),
        calibrated=_calibration(tags, directory, notes),
        exif=exif.colour_space_in(tags, directory),
        lab=_lab(tags, directory) if photometric in (CIELAB, ICCLAB) else None,
    )


def _profile(tags: TagFile, directory: Directory, notes: list[str]) -> bytes | None:
    entry = directory.entries.get(_ICC)
    if entry is None:
        return None
    try:
        return tags.value(entry)
    except ImageError:
        notes.append("dropped: ICC profile of a TIFF page, which lies outside the file")
        return None


def _lab(tags: TagFile, directory: Directory) -> LabEncoding:
    """Return the encoding of samples whose a* and b* are unsigned.

    Source: TIFF 6.0, section 23 (CIELab); Adobe's TIFF technical notes of 2002 (ICCLab, which is
    the encoding of ICC.1:2001, annex A: 16-bit L* of 0xff00 is 100). Without WhitePoint it is D50,
    as in Photoshop and libtiff.
    """
    depth = int(max(tags.numbers(directory.entries.get(BITS)) or (8,)))
    photometric = tags.number(directory, PHOTOMETRIC)
    white = tags.numbers(directory.entries.get(_WHITE))
    point = (white[0], white[1]) if len(white) == 2 and white[1] > 0 else D50
    if photometric == ICCLAB:
        point = D50
    if depth <= 8:
        return LabEncoding((100.0, 255.0, 255.0), (0.0, -128.0, -128.0), point)
    span = 65_535 / 256
    lightness = 100 * 65_535 / 0xFF00 if photometric == ICCLAB else 100.0
    return LabEncoding((lightness, span, span), (0.0, -128.0, -128.0), point)


def _calibration(tags: TagFile, directory: Directory, notes: list[str]) -> Space | None:
    """Return the colour space of PrimaryChromaticities and WhitePoint; None if they are missing.

    Source: TIFF 6.0, section 20.
    """
    primaries = tags.numbers(directory.entries.get(_PRIMARIES))
    if len(primaries) != 6:
        return None
    if _TRANSFER in directory.entries:
        notes.append("dropped: TransferFunction of the TIFF")
        return None
    white = tags.numbers(directory.entries.get(_WHITE))
    return calibrated(_GAMMA, white if len(white) == 2 else D65, primaries)
