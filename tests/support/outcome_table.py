"""Tables of outcomes by kind, source and output format, as in docs/formats.md."""

from __future__ import annotations

from sr_core.imaging.codecs import EXTENSIONS

KEPT, CONVERTED, NAMED, CANNOT, LOST = "kept", "converted", "named", "cannot", "lost"
Outcomes = dict[str, dict[str, dict[str, str]]]
"""Outcome by kind, source and output."""

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
    "bmp": "BMP",
    "ptif": "ptif",
}


def table(found: Outcomes) -> str:
    """Return one row for each kind, or several if its outcome depends on the source."""
    outputs = list(EXTENSIONS)
    lines = [
        "| kind | from | " + " | ".join(f"in {NAMES[name]}" for name in outputs) + " |",
        "| --- " * (2 + len(outputs)) + "|",
    ]
    for kind, by_source in found.items():
        rows: dict[tuple[str, ...], list[str]] = {}
        for source, name in NAMES.items():
            if source in by_source:
                cells = tuple(by_source[source][output] for output in outputs)
                rows.setdefault(cells, []).append(name)
        for cells, sources in rows.items():
            lines.append(f"| {kind} | {', '.join(sources)} | {' | '.join(cells)} |")
    return "\n".join(lines)
