"""Differences between source and output that docs/formats.md intends, and words of warnings."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Enlargement:
    """Size of an output, and its ratio to the source."""

    width_px: int
    height_px: int
    across: float
    down: float
    turned: bool = False
    """True if the output is turned or mirrored: its places are elsewhere."""


_CONTAINERS = (
    r"SourceFile|System|Composite|JFIF|RIFF|VP8\w*|GIF|Jpeg2000|Meta|Track1|QuickTime|JUMBF|Adobe"
    r"|PNG-pHYs|PNG-cICP|ExifTool:(?!Warning|Error)|File:(?!Comment)"
)
"""Groups that describe the file, its samples or its container."""
_SAMPLES = (
    r"ImageWidth|ImageHeight|BitsPerSample|Compression|PhotometricInterpretation|FillOrder"
    r"|Strip\w+|SamplesPerPixel|RowsPerStrip|Predictor|PlanarConfiguration|Orientation"
    r"|YCbCr\w+|ReferenceBlackWhite|SubfileType|OldSubfileType|ColorMap|Tile\w+|ExtraSamples"
    r"|SampleFormat|Thresh\w+|GrayResponse\w+|JPEG\w+|T[46]Options|TransferFunction"
    r"|DotRange|M(in|ax)SampleValue|TransferRange|InkSet|Indexed|CleanFaxData|Thumbnail\w+|(Other|Preview)Image\w*|JpgFromRaw\w*|PaletteHistogram"
)
"""Tags of a TIFF directory that describe how its samples are stored."""
INTENDED = re.compile(
    rf"({_CONTAINERS})|IFD(?!1:)\d+:({_SAMPLES})\b"
    r"|PNG:(PaletteHistogram|BitDepth|ColorType|Compression|Filter|Interlace|ProfileName|Palette|Transparency"
    r"|Image(Width|Height)|SRGBRendering|Gamma|SignificantBits|ICC_Profile|(White|Red|Green|Blue)\w*[XY])\b"
    r"|XMP-xmpNote:HasExtendedXMP"  # the parts are joined
    r"|\w+:\w*(Offset|ImageStart)\b"  # positions in the file
)
"""Tags whose values belong to the file or to its stored samples."""

_NAMES = (
    (r"XMP", "XMP data that is damaged"),
    (r"IPTC\b", "IPTC data"),
    (r"IPTC\d", r"\(with IPTC\)|second IPTC|IPTC data"),
    (r"Photoshop", "Photoshop"),
    (r"File:Comment", "comment|APP10 segment"),
    (r"PNG", "PNG t|PNG chunk"),
    (r"ICC\S*", "Raw profile type icc|second PNG chunk iCCP"),
    (r"(File|PNG):Comment", "zeros in a comment"),
    (r"DJI|Nikon|Canon", "dropped: maker note"),
    (r"Nikon:NEF\w+|PreviewIFD\S*|ExifTool:Warning", "preview that the maker note refers to"),
    (r"ExifTool:Warning", "original decision data|after the (main )?picture"),
    (r"MIE\S*", "trailer of .*MIE"),
    (r"IFD1", "EXIF thumbnail"),
    (r"(IFD[1-9]\d*|SubIFD\d*)", "only the first of|reduced copies|SubIFDs"),
    (r"\w+:(Preview|Jpg|Other)\w*", "after the (main )?picture"),
    (r"IFD0:ImageSourceData", "layers of Photoshop"),
    (r"IFD0:(PixelScale|Model\w+)|GeoTiff|IFD0:GeoTiff\w+", "on the ground"),
    (r"JFXX", "JFXX"),
    (r"XMP\S*", "EXIF or XMP of another picture"),
    (r"ICC\S*2", "HEIF thumbnail"),
    (r"MPF\d|MPImage\d", r"\(MPF\)"),
    (r"FlashPix", "FlashPix"),
    (r"Ducky", "Ducky"),
    (r"FotoStation", "FotoStation"),
    (r"PhotoMechanic", "PhotoMechanic"),
    (r"CanonVRD", r"Canon \(VRD\)"),
    (r"Samsung", "Samsung"),
    (r"XML\S*|XMP-x", "box xml of JPEG 2000"),
    (
        r"XMP-(hdrgm|Container|GContainer\w*|Item|GCamera)|XMP-(exif|tiff):NativeDigest",
        "parts of the old",
    ),
    (
        r"(ExifIFD|XMP-exif):ColorSpace|InteropIFD:InteropIndex|XMP-photoshop:ICC\w+|ICC\S*",
        "converted to sRGB",
    ),
    (r"ICC\S*", "ICC profile"),
    (
        r"(SPIFF|CIFF|AVI1|MetaIFD|RMETA|PrintIM|NITF|Qualcomm|MediaJukebox|JPEG-HDR|JSON|AdobeCM"
        r"|PictureInfo|Kodak(Effects|Borders)IFD|GraphConv|FLIR|InfiRay|GoPro|Casio|HP|Stim|Scalado|Unknown)",
        r"APP\d+ segment",
    ),
)
"""Patterns of tags, and of the warning that names their loss."""


_SECOND = "second (EXIF|XMP|IPTC|value of tag 700)|EXIF thumbnail"
"""Words for further tags of one name; a thumbnail may link to directories of its own."""


def is_named(key: str, warnings: str) -> bool:
    """Return True if a warning names the loss of a tag."""
    if key.endswith(")") and re.search(_SECOND, warnings):
        return True
    return any(
        re.match(rf"({pattern})(?![\w-])", key) and re.search(words, warnings)
        for pattern, words in _NAMES
    )


def expected(key: str, value: Any, now: Any, made: Enlargement) -> tuple[Any, bool]:
    """Return the value that an output should have, and True if it has it."""
    change = next((each for pattern, each in _PIXEL_TAGS if re.fullmatch(pattern, key)), None)
    if change is None or now is None:
        return value, now == value
    if made.turned and change is _place:
        return "a place elsewhere", True
    wanted = change(made, value)
    close = isinstance(wanted, float) and math.isclose(wanted, float(now), rel_tol=1e-3)
    return wanted, close or str(wanted) == str(now)


def _size(side: str) -> Callable[[Enlargement, Any], Any]:
    return lambda made, _: getattr(made, side)


def _place(made: Enlargement, value: Any) -> Any:
    ratios = (made.across, made.down) * 2
    numbers = [float(part) for part in str(value).split()]
    return " ".join(str(round(a * b)) for a, b in zip(numbers, ratios, strict=False))


_PIXEL_TAGS: tuple[tuple[str, Callable[[Enlargement, Any], Any]], ...] = (
    (
        r"(ExifIFD|XMP-exif):ExifImageWidth|InteropIFD:RelatedImageWidth|XMP-tiff:ImageWidth",
        _size("width_px"),
    ),
    (
        r"(ExifIFD|XMP-exif):ExifImageHeight|InteropIFD:RelatedImageHeight|XMP-tiff:ImageHeight",
        _size("height_px"),
    ),
    (r"XMP-tiff:Orientation", lambda made, value: 1 if made.turned else value),
    (r"XMP-GPano:.*(Width|Left).*", lambda made, value: round(value * made.across)),
    (r"XMP-GPano:.*(Height|Top).*", lambda made, value: round(value * made.down)),
    (r"ExifIFD:Subject(Area|Location)", _place),
    (r"XMP-mwg-rs:RegionAppliedToDimensionsW", lambda made, value: round(value * made.across)),
    (r"XMP-mwg-rs:RegionAppliedToDimensionsH", lambda made, value: round(value * made.down)),
    (r"(ExifIFD|XMP-exif):FocalPlaneXResolution", lambda made, value: value * made.across),
    (r"(ExifIFD|XMP-exif):FocalPlaneYResolution", lambda made, value: value * made.down),
)
"""Tags about pixels and their values in an output."""
