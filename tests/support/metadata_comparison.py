"""Source and output compared as ExifTool reads them: the differences that nothing explains.

A difference is explained if it is intended, as docs/formats.md lists, or named in a warning.
"""

from __future__ import annotations

import json
import math
import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from sr_core.imaging.codecs import Page, Picture
from tests.support.metadata_expected import INTENDED, Enlargement, expected, is_named

Tags = dict[str, Any]
"""Values by group and tag, such as "IFD0:Make"; further ones of a name are "IFD0:Make (2)"."""

SCALE = 2
_LONGEST_PX = 240
_ADDED = re.compile(r"(IFD0|JFIF|PNG-pHYs):[XY]?Resolution(Unit)?|IFD1:|ICC")


_WARNING = re.compile(r"ExifTool:(Warning|Error)")
_OLD_DOUBT = "IPTCDigest"
"""Word of a warning that ExifTool gives only for formats in which it compares the digest."""
_STANDARD = re.compile(r"IFD\d|ExifIFD|GPS|InteropIFD|XMP|IPTC|Photoshop|PNG|File|ICC")
"""Groups other than maker notes."""
_MOVED = re.compile(r"File:Comment|IPTC|ICC")
"""Tags that move to other groups, are listed in any order, or have control characters."""


def exiftool(*paths: Path) -> dict[str, Tags]:
    """Return what ExifTool reads, by file name and then by group and tag."""
    command = ["exiftool", "-a", "-G1:4", "-j", "-n", "-@", "-"]
    listed = "\n".join(map(str, paths)).encode()
    said = subprocess.run(command, input=listed, capture_output=True, check=False).stdout
    return {
        Path(each["SourceFile"]).name: _numbered(each)
        for each in json.loads(said.decode(errors="replace") or "[]")
    }


def _numbered(tags: Tags) -> Tags:
    """Number the tags of one name in their order, as ExifTool numbers them across groups."""
    found, seen = {}, Counter[str]()
    for key, value in tags.items():
        name = re.sub(r":Copy\d+:", ":", key)
        seen[name] += 1
        found[name if seen[name] == 1 else f"{name} ({seen[name]})"] = value
    return found


def enlarged(picture: Picture) -> tuple[Picture, Enlargement]:
    """Return a picture of twice the size, or of a small size if it is large, without filtering."""
    pages = tuple(_enlarged(page) for page in picture.pages)
    (height, width), (high, wide) = (each[0].pixels.shape[:2] for each in (pages, picture.pages))
    turned = picture.orientation_in != 1
    made = Enlargement(width, height, width / wide, height / high, turned)
    return replace(picture, pages=pages), made


def _enlarged(page: Page) -> Page:
    step = math.ceil(max(page.pixels.shape[:2]) / _LONGEST_PX)
    pixels = page.pixels[::step, ::step].repeat(SCALE, 0).repeat(SCALE, 1)
    alpha = page.alpha
    if alpha is not None:
        alpha = alpha[::step, ::step].repeat(SCALE, 0).repeat(SCALE, 1)
    return Page(pixels, alpha)


def differences(before: Tags, after: Tags, warnings: str, made: Enlargement) -> list[str]:
    """Return the differences that are neither intended nor named."""
    return [*_lost(before, after, warnings, made), *_new(before, after, warnings)]


def _lost(before: Tags, after: Tags, warnings: str, made: Enlargement) -> Iterator[str]:
    values_after = {_letters(value) for value in after.values()}
    misread = "MakerNotes" in _doubts(before) or "maker notes" in _doubts(before)
    for key, value in before.items():
        if INTENDED.match(key) or key.startswith("ExifTool:") or value == "":
            continue
        if key.startswith("IFD1:") and any(each.startswith("IFD1:") for each in after):
            continue  # made anew
        if not _STANDARD.match(key) and (misread or _is_guessed(key, after)):
            continue
        wanted, same = expected(key, value, after.get(key), made)
        if _MOVED.match(key):
            same = _letters(value) in values_after
        if not same and not is_named(key, warnings):
            yield f"{key}: {value!r} became {after.get(key)!r}, expected {wanted!r}"


def _new(before: Tags, after: Tags, warnings: str) -> Iterator[str]:
    if before.get("File:FileType") == "JXL":
        return  # ExifTool 12 does not read compressed boxes
    values_before = {_letters(value) for value in before.values()}
    for key, value in after.items():
        if _letters(value) in values_before:
            continue
        if _WARNING.match(key):
            allowed = is_named(key, warnings) or _OLD_DOUBT in str(value)
            places = re.findall(r"\w+IFD|MakerNotes|maker notes", str(value))
            allowed = allowed or any(place in _doubts(before) for place in places)
        else:
            allowed = key in before or bool(INTENDED.match(key) or _ADDED.match(key))
            allowed = allowed or key.partition(":")[2] in _doubts(before)
            allowed = allowed or ("Comment" in key and is_named(key, warnings))
        if not allowed:
            yield f"{key}: {value!r} is new"


def _letters(value: Any) -> str:
    return re.sub(r"[\W\0-\x1f]+", "", str(value))


def _doubts(before: Tags) -> str:
    """Return what ExifTool found wrong with a source."""
    return " ".join(str(value) for key, value in before.items() if _WARNING.match(key))


def is_damaged(before: Tags) -> bool:
    """Return True for a source in which ExifTool stops reading a directory; readers may go on."""
    return "Error reading value for" in _doubts(before)


def _is_guessed(key: str, after: Tags) -> bool:
    """Return True for notes of Casio in WebP, for which ExifTool 12 guesses another base."""
    return key.startswith("Casio:") and after.get("File:FileType") in ("WEBP", "Extended WEBP")
