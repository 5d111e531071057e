"""Pages of print with known text, as HR and LR."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sr_core.evaluation.benchmark import Degradation, make_lr
from sr_core.evaluation.passages import PASSAGES
from sr_core.imaging.pixels import Pixels
from sr_core.imaging.typesetting import Typeface, typeset

SIZES_PX = (24, 28, 32, 40)
"""Sizes of the font in HR: at x4, 6 to 10 px in LR. Print of 10 pt has 42 px at 300 dpi."""
_WIDTH_PX = 840
"""A multiple of all scales up to 8."""


@dataclass(frozen=True, slots=True, eq=False)
class TextPage:
    """A page: (H, W, 3) hr, its lr, and the text that both show."""

    typeface: str
    size_px: int
    """Size of the font in HR."""
    degradation: Degradation
    text: str
    lr: Pixels
    hr: Pixels


def text_pages(
    scale: int,
    typefaces: Sequence[Typeface],
    degradations: Sequence[Degradation],
    sizes_px: Sequence[int] = SIZES_PX,
) -> Iterator[TextPage]:
    """Set one page in each font and size, and make its LR by each degradation.

    A font shows the same passage in all sizes, so that sizes compare. The fonts take the passages
    in turn. Of a random degradation each page has a draw of its own, decided by its seed.
    """
    for index, typeface in enumerate(typefaces):
        text = PASSAGES[index % len(PASSAGES)]
        for size_px in sizes_px:
            page = typeset(text, typeface, size_px, _WIDTH_PX // scale * scale)
            hr = page[: page.shape[0] // scale * scale]
            for degradation in degradations:
                lr = make_lr(f"{typeface.name} {size_px}", hr, scale, degradation)
                yield TextPage(typeface.name, size_px, degradation, text, lr, hr)
