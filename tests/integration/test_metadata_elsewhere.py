"""Metadata of every kind in every format, compared with what ExifTool reads in the output.

A difference must be intended, or named in the warnings of the image.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sr_core.imaging.codecs import EXTENSIONS, Page, Picture, decode, encode, losses
from tests.support.image_files import LIMITS
from tests.support.metadata_corpus import CORPUS
from tests.support.metadata_table import tables

needs_exiftool = pytest.mark.skipif(
    shutil.which("exiftool") is None, reason="no exiftool is installed"
)

REPOSITORY = Path(__file__).resolve().parents[2]
SCALE = 2
# Groups that describe the file, its samples or its container.
CONTAINERS = frozenset(
    {"SourceFile", "ExifTool", "System", "Composite", "JFIF", "RIFF", "GIF", "Jpeg2000"}
    | {"Meta", "Track1", "QuickTime", "ICC-header", "ICC_Profile", "JUMBF", "PNG-pHYs"}
)
# Tags of a TIFF directory that describe its samples, and their like in PNG.
STRUCTURE = frozenset(
    {"ImageWidth", "ImageHeight", "BitsPerSample", "Compression", "PhotometricInterpretation"}
    | {"StripOffsets", "SamplesPerPixel", "RowsPerStrip", "StripByteCounts", "Predictor"}
    | {"PlanarConfiguration", "BitDepth", "ColorType", "Filter", "Interlace", "Orientation"}
)
RESOLUTION = frozenset({"XResolution", "YResolution", "ResolutionUnit"})
TRUE_NOW = {
    "ExifIFD:ExifImageWidth": 56 * SCALE,
    "ExifIFD:ExifImageHeight": 40 * SCALE,
    "ExifIFD:SubjectArea": "20 40",
    "XMP-tiff:ImageWidth": 56 * SCALE,
    "XMP-exif:ExifImageWidth": 56 * SCALE,
    "XMP-GPano:FullPanoWidthPixels": 560 * SCALE,
}
"""Tags about pixels, with their value in an output of twice the size."""
NAMED = {
    "IPTC": "IPTC data",
    "Photoshop": "Photoshop resources",
    "File:Comment": "comment",
    "PNG": "PNG t",
    "IFD1": "EXIF thumbnail",
    "IFD0:ImageSourceData": "layers of Photoshop",
}
"""Words of the warning that names a lost group or tag."""


def exiftool(*paths: Path) -> dict[str, dict[str, Any]]:
    """Return what ExifTool reads, by file name and then by group and tag."""
    command = ["exiftool", "-a", "-G1", "-j", "-n", *map(str, paths)]
    found = json.loads(subprocess.run(command, capture_output=True, check=False).stdout)
    return {Path(each["SourceFile"]).name: each for each in found}


def enlarged(picture: Picture) -> Picture:
    pages = tuple(
        Page(
            page.pixels.repeat(SCALE, 0).repeat(SCALE, 1),
            None if page.alpha is None else page.alpha.repeat(SCALE, 0).repeat(SCALE, 1),
        )
        for page in picture.pages
    )
    return replace(picture, pages=pages)


def is_named(key: str, warnings: str) -> bool:
    group = key.partition(":")[0]
    word = NAMED.get(key, NAMED.get(group))
    return word is not None and word in warnings


def differences(before: dict[str, Any], after: dict[str, Any], warnings: str) -> list[str]:
    """Return the differences that are neither intended nor named."""
    found = []
    values_after = {str(value) for value in after.values()}
    for key, value in before.items():
        group, _, tag = key.partition(":")
        if group in CONTAINERS or tag in STRUCTURE or (group == "File" and tag != "Comment"):
            continue
        if group == "IFD1" and any(each.startswith("IFD1:") for each in after):
            continue  # made anew
        expected = TRUE_NOW.get(key, value)
        same = after.get(key) == expected or (tag == "Comment" and str(value) in values_after)
        if not same and not is_named(key, warnings):
            found.append(f"{key}: {value!r} became {after.get(key)!r}, expected {expected!r}")
    for key, value in after.items():
        group, _, tag = key.partition(":")
        known = key in before or group in CONTAINERS | {"File", "IFD1"} or tag in STRUCTURE
        if not known and tag not in RESOLUTION and str(value) not in map(str, before.values()):
            found.append(f"{key}: {value!r} is new")
    return found


@needs_exiftool
@pytest.mark.parametrize("source", CORPUS)
def test_no_difference_is_unnamed(source: str, tmp_path: Path) -> None:
    data = CORPUS[source]()
    original = tmp_path / f"source.{source}"
    original.write_bytes(data)
    decoded = decode(data, LIMITS)
    warnings = {}
    for name, extension in EXTENSIONS.items():
        output = tmp_path / f"output.{extension}"
        output.write_bytes(encode(enlarged(decoded), name, 95))
        warnings[output.name] = " ".join((*decoded.warnings, *losses(decoded, name)))
    read = exiftool(*sorted(tmp_path.iterdir()))
    before = read.pop(original.name)
    assert len(read) == len(EXTENSIONS)
    found = {
        name: differences(before, after, warnings[name])
        for name, after in read.items()
        if differences(before, after, warnings[name])
    }
    assert found == {}


def test_the_comparison_sees_a_loss() -> None:
    before = {"IFD0:Make": "Canon", "IPTC:Keywords": "harbour"}
    assert differences(before, {}, "") == [
        "IFD0:Make: 'Canon' became None, expected 'Canon'",
        "IPTC:Keywords: 'harbour' became None, expected 'harbour'",
    ]
    assert differences(before, {"IFD0:Make": "Canon"}, "dropped: IPTC data, 9 bytes") == []


def test_the_table_of_the_documentation_is_true() -> None:
    assert "lost" not in tables()
    assert tables() in (REPOSITORY / "docs" / "formats.md").read_text()
