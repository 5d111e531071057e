"""What becomes of each kind of metadata, by source and output format.

python -m tests.support.metadata_table prints the tables of docs/formats.md, on colours too.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from sr_core.imaging.codecs import EXTENSIONS, Metadata, decode, encode, losses
from sr_core.imaging.codecs.tags import exif_block
from tests.support import colour_table
from tests.support.image_files import LIMITS
from tests.support.metadata_corpus import CORPUS
from tests.support.outcome_table import (
    CANNOT,
    CONVERTED,
    KEPT,
    LOST,
    NAMED,
    Outcomes,
    table,
)

EXIF, GPS, NOTE, INTEROPERABILITY = 0x8769, 0x8825, 0x927C, 0xA005


def _value(metadata: Metadata, *path: int) -> tuple[bytes, int | None] | None:
    """Return a tag's value, and for a maker note its place."""
    if metadata.exif is None:
        return None
    field = exif_block.tree_of(metadata.exif).tag(*path)
    return None if field is None else (field.value, field.place if path[-1] == NOTE else None)


def _has_comment(metadata: Metadata) -> bool:
    return bool(metadata.comments) or any(each.keyword == "Comment" for each in metadata.text)


KINDS: dict[str, tuple[Callable[[Metadata], object], str]] = {
    "EXIF: camera": (lambda found: _value(found, 0x10F), "EXIF"),
    "EXIF: text of any encoding": (lambda found: _value(found, 0x13B), "EXIF"),
    "EXIF: private tag": (lambda found: _value(found, 0xFDE8), "EXIF"),
    "EXIF: date": (lambda found: _value(found, EXIF, 0x9003), "EXIF"),
    "interoperability": (lambda found: _value(found, EXIF, INTEROPERABILITY, 1), "EXIF"),
    "GPS": (lambda found: _value(found, GPS, 2), "GPS"),
    "maker note, at its offset": (lambda found: _value(found, EXIF, NOTE), "maker note"),
    "thumbnail": (lambda found: bool(found.thumbnail_bytes), "EXIF thumbnail"),
    "XMP": (lambda found: b"album 7" in (found.xmp or b""), "XMP data"),
    "IPTC": (lambda found: (found.iptc or b"").rstrip(b"\0"), "IPTC data"),
    "Photoshop resources": (lambda found: found.photoshop, "Photoshop resources"),
    "comment": (_has_comment, "comment"),
    "PNG text": (lambda found: any(each.keyword == "Author" for each in found.text), "PNG text"),
    "PNG time": (lambda found: found.modified, "PNG time"),
    "resolution": (lambda found: found.dpi and tuple(map(round, found.dpi)), "resolution"),
}
"""How to find each kind, and the word of the warning that names its loss."""


ALWAYS = {
    "C2PA manifest": "C2PA manifest",
    "video of a motion photo": "video of a motion photo",
    "layers of Photoshop": "layers of Photoshop",
}
"""Kinds that no output has, and the word of the warning that names them."""


def outcomes() -> Outcomes:
    """Return what becomes of each kind of metadata."""
    found: Outcomes = {kind: {} for kind in (*KINDS, *ALWAYS)}
    for source, made in CORPUS.items():
        decoded = decode(made(), LIMITS)
        for kind, word in ALWAYS.items():
            if any(word in warning for warning in decoded.warnings):
                found[kind][source] = dict.fromkeys(EXTENSIONS, NAMED)
        for output in EXTENSIONS:
            after = decode(encode(decoded, output, 95), LIMITS).metadata
            for kind, (read, word) in KINDS.items():
                before = read(decoded.metadata)
                if before:
                    lost = _lost(word, losses(decoded, output))
                    kept = CONVERTED if kind == "thumbnail" else KEPT
                    outcome = kept if read(after) == before else lost
                    found[kind].setdefault(source, {})[output] = outcome
    return found


def _lost(word: str, warnings: Sequence[str]) -> str:
    named = next((warning for warning in warnings if word in warning), None)
    if named is None:
        return LOST
    return CANNOT if "cannot hold" in named else NAMED


if __name__ == "__main__":
    sys.stdout.write(f"{colour_table.table()}\n\n{table(outcomes())}\n")
