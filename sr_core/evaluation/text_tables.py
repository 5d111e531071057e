"""Tables of read pages: a row per page and image as Parquet, error rates as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sr_core.evaluation.benchmark import describe_lr
from sr_core.evaluation.markdown import UNKNOWN, markdown_list, markdown_table
from sr_core.evaluation.parquet import rows_parquet

HR, LR = "HR", "LR"
"""`image` of pages that no model has made."""


@dataclass(frozen=True, slots=True)
class TextRow:
    """One row of text.parquet: one image of one page, as read. `_COLUMNS` describes them."""

    lr_source: str
    typeface: str
    size_px: int
    image: str
    made_by: str | None
    checkpoint_sha256: str | None
    scale: int
    width_px: int
    height_px: int
    characters: int
    errors: int
    error_rate: float
    read: str
    reader: str


_COLUMNS = {
    "lr_source": ("string", "", "how LR was made from HR"),
    "typeface": ("string", "", "font of the page"),
    "size_px": ("int64", "px", "size of the font in HR, its em"),
    "image": ("string", "", "HR, LR, or the model that enlarged LR"),
    "made_by": ("string", "", "the model; of auto, the one that it chose; null for HR and LR"),
    "checkpoint_sha256": ("string", "", "SHA-256 of the checkpoint; null without one"),
    "scale": ("int64", "", "how many times wider and higher HR is than LR"),
    "width_px": ("int64", "px", "width of the image that was read"),
    "height_px": ("int64", "px", "height of the same"),
    "characters": ("int64", "", "characters of the page's text"),
    "errors": ("int64", "", "characters to insert, remove or replace in what was read"),
    "error_rate": ("double", "1", "errors over characters; above 1 if more was read than is there"),
    "read": ("string", "", "text as read"),
    "reader": ("string", "", "program that read, and its version"),
}


def text_parquet(rows: Sequence[TextRow]) -> bytes:
    """Return rows as a Parquet file, with unit and description in the metadata of each column."""
    return rows_parquet("text", _COLUMNS, rows)


def error_rates(rows: Sequence[TextRow]) -> list[tuple[str, ...]]:
    """Return character error rates per size and overall as lines of cells, headings first.

    Errors over characters of all pages together. HR, which has no LR, comes first.
    """
    sizes = sorted({row.size_px for row in rows})
    groups = dict.fromkeys((row.lr_source, row.image) for row in rows if row.image != HR)
    true = [row for row in rows if row.image == HR]
    lines = [(UNKNOWN, HR, *_rates(true, sizes))]
    for source, image in groups:
        group = [row for row in rows if (row.lr_source, row.image) == (source, image)]
        lines.append((source, image, *_rates(group, sizes)))
    return [("LR", "read", *(f"{size} px" for size in sizes), "all"), *lines]


def text_markdown(rows: Sequence[TextRow]) -> str:
    """Return the error rates as a Markdown table, with fonts, reader and checkpoints."""
    first = rows[0]
    typefaces = dict.fromkeys(row.typeface for row in rows)
    sources = dict.fromkeys(row.lr_source for row in rows)
    checkpoints = {
        row.made_by: row.checkpoint_sha256
        for row in rows
        if row.made_by is not None and row.checkpoint_sha256 is not None
    }
    return "\n".join(
        [
            f"# Character error rates at x{first.scale}\n",
            *markdown_table(error_rates(rows)),
            f"\nBy the size of the font in HR, read by {first.reader}. "
            f"Fonts: {', '.join(typefaces)}.\n",
            *markdown_list("LR", {source: describe_lr(source) for source in sources}),
            *markdown_list("SHA-256 of checkpoints", checkpoints),
        ]
    )


def _rates(rows: Iterable[TextRow], sizes: Sequence[int]) -> list[str]:
    every = list(rows)
    parts = [*([row for row in every if row.size_px == size] for size in sizes), every]
    return [_rate(part) for part in parts]


def _rate(rows: Sequence[TextRow]) -> str:
    characters = sum(row.characters for row in rows)
    return f"{sum(row.errors for row in rows) / characters:.3f}" if characters else UNKNOWN
