"""The tables of docs/formats.md on metadata: python -m tests.support.metadata_table prints them."""

from __future__ import annotations

import sys
from collections.abc import Callable

from sr_core.imaging.codecs import EXTENSIONS, Metadata, decode, encode, losses
from sr_core.imaging.codecs.tags import exif_block
from tests.support.image_files import LIMITS
from tests.support.metadata_corpus import CORPUS

EXIF, GPS, NOTE, INTEROPERABILITY = 0x8769, 0x8825, 0x927C, 0xA005
NAMES = {
    "jpeg": "JPEG",
    "png": "PNG",
    "tiff": "TIFF",
    "webp": "WebP",
    "jxl": "JPEG XL",
    "gif": "GIF",
    "jp2": "JPEG 2000",
    "avif": "AVIF",
    "heif": "HEIF",
    "ptif": "ptif",
}


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


def outcomes() -> dict[str, dict[str, dict[str, str]]]:
    """Return the outcome by kind, source and output: kept, made anew, named or lost."""
    found: dict[str, dict[str, dict[str, str]]] = {kind: {} for kind in KINDS}
    for source, made in CORPUS.items():
        decoded = decode(made(), LIMITS)
        for output in EXTENSIONS:
            after = decode(encode(decoded, output, 95), LIMITS).metadata
            named = " ".join(losses(decoded, output))
            for kind, (read, word) in KINDS.items():
                before = read(decoded.metadata)
                if not before:
                    continue
                same = "made anew" if kind == "thumbnail" else "kept"
                outcome = "named" if word in named else "lost"
                if read(after) == before:
                    outcome = same
                found[kind].setdefault(source, {})[output] = outcome
    return found


def tables() -> str:
    """Return what becomes of each kind in each output, and which sources it is read from."""
    outputs = list(EXTENSIONS)
    lines = [
        "| kind | read from | " + " | ".join(f"in {NAMES[name]}" for name in outputs) + " |",
        "| --- " * (2 + len(outputs)) + "|",
    ]
    for kind, by_source in outcomes().items():
        cells = [
            ", ".join(sorted({by_output[name] for by_output in by_source.values()}))
            for name in outputs
        ]
        sources = ", ".join(NAMES[name] for name in by_source)
        lines.append(f"| {kind} | {sources} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(tables() + "\n")
