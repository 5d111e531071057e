"""Evaluation on text: pages enlarged by each model, read, written as Parquet, Markdown and PNG."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from rich.progress import track

from jobs.models.evaluate import Evaluation, Opened, check_output, open_upscalers, write_new
from jobs.terminal import Terminal
from jobs.train.torch_device import torch_device
from sr_core.errors import RetryLaterError
from sr_core.evaluation.benchmark import Degradation
from sr_core.evaluation.characters import errors, plain
from sr_core.evaluation.reading import Reader
from sr_core.evaluation.text_pages import SIZES_PX, TextPage, text_pages
from sr_core.evaluation.text_tables import HR, LR, TextRow, error_rates, text_markdown, text_parquet
from sr_core.imaging.contact_sheet import Pane, contact_sheet
from sr_core.imaging.pixels import Pixels
from sr_core.imaging.resample import resize_pixels
from sr_core.imaging.typesetting import find_typefaces
from sr_core.models.catalogue import shipped_models
from sr_core.records import Precision

_SHOWN_PX = (72, 320)
"""Height and width of the corner of a page on the contact sheet."""
_NOTE = "Corners of the pages of the smallest font, and the character error rate of the whole page."


@dataclass(frozen=True, slots=True, eq=False)
class _Image:
    """HR, LR or the output of a model for a page."""

    name: str
    pixels: Pixels
    made_by: str | None = None
    sha256: str | None = None


def run_text_evaluation(
    models: Sequence[str],
    output: Path,
    terminal: Terminal,
    *,
    scale: int,
    device: str,
    precision: Precision | Literal["auto"] = "float32",
    engine: str = "torch",
    degradations: Sequence[Degradation],
    sizes_px: Sequence[int] = SIZES_PX,
) -> Evaluation:
    """Let tesseract read pages of print; write text.parquet, text.md and text.png at the end.

    Args:
        models: names and checkpoints; empty for all with shipped weights. Bicubic is always added.
        output: a folder that does not exist yet, or is empty.
        terminal: for progress.
        scale: HR pixels per LR pixel.
        device: auto, cpu or cuda.
        precision, engine: see `open_upscaler`.
        degradations: how LR is made, each in turn.
        sizes_px: sizes of the font in HR.

    Raises: ConfigurationError, also if there is no tesseract; RetryLaterError if stopped.
    """
    check_output(output)
    reader = Reader.find()
    upscalers = open_upscalers(
        models or shipped_models(), scale, torch_device(device), precision, engine
    )
    pages = list(text_pages(scale, find_typefaces(), degradations, sizes_px))
    rows: list[TextRow] = []
    shown: list[list[Pane]] = []
    try:
        for page in _tracked(pages, terminal):
            images = list(_images(page, upscalers, with_hr=page.degradation == degradations[0]))
            read = [_row(page, image, reader, scale) for image in images]
            rows += read
            if page.size_px == pages[0].size_px and page.typeface in _ends(pages):
                shown.append(_panes(page, images, read))
    except KeyboardInterrupt as interrupt:
        raise RetryLaterError("nothing was written; the same command starts over") from interrupt
    files = {
        "text.parquet": text_parquet(rows),
        "text.md": text_markdown(rows).encode(),
        "text.png": contact_sheet(f"Text, x{scale}", _NOTE, shown),
    }
    return Evaluation((error_rates(rows),), write_new(files, output))


def _tracked(pages: Sequence[TextPage], terminal: Terminal) -> Iterator[TextPage]:
    silent = not terminal.is_terminal
    yield from track(pages, "reading", console=terminal, transient=True, disable=silent)


def _images(page: TextPage, upscalers: Mapping[str, Opened], *, with_hr: bool) -> Iterator[_Image]:
    """Yield HR, unless it was read before, LR, and the output of each model."""
    height, width = page.hr.shape[:2]
    if with_hr:
        yield _Image(HR, page.hr)
    yield _Image(LR, page.lr)
    for name, each in upscalers.items():
        upscaled = each.upscaler.upscale(page.lr, height, width)
        made_by = upscaled.made_by.model
        yield _Image(name, upscaled.pixels, made_by, each.sha256.get(made_by))


def _row(page: TextPage, image: _Image, reader: Reader, scale: int) -> TextRow:
    text = reader.read(image.pixels)
    characters, wrong = len(plain(page.text)), errors(text, page.text)
    return TextRow(
        lr_source=str(page.degradation),
        typeface=page.typeface,
        size_px=page.size_px,
        image=image.name,
        made_by=image.made_by,
        checkpoint_sha256=image.sha256,
        scale=scale,
        width_px=image.pixels.shape[1],
        height_px=image.pixels.shape[0],
        characters=characters,
        errors=wrong,
        error_rate=wrong / characters,
        read=plain(text),
        reader=reader.version,
    )


def _ends(pages: Sequence[TextPage]) -> set[str]:
    return {pages[0].typeface, pages[-1].typeface}


def _panes(page: TextPage, images: Sequence[_Image], rows: Sequence[TextRow]) -> list[Pane]:
    """Cut the corner out of HR and of every other image of a page."""
    height, width = page.hr.shape[:2]
    corner = np.s_[: _SHOWN_PX[0], : _SHOWN_PX[1]]
    panes = [Pane(page.hr[corner], (HR, "", f"{page.typeface}, {page.degradation}"))]
    for image, row in zip(images, rows, strict=True):
        pixels = image.pixels
        if image.name == LR:
            pixels = resize_pixels(pixels, height, width, "nearest")
        if image.name != HR:
            panes.append(Pane(pixels[corner], (image.name, f"{row.error_rate:.3f}")))
    return panes
