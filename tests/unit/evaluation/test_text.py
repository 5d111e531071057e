"""Pages of print, and the tables of what was read of them."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from sr_core.evaluation.benchmark import Degradation
from sr_core.evaluation.characters import plain
from sr_core.evaluation.passages import PASSAGES
from sr_core.evaluation.text_pages import TextPage, text_pages
from sr_core.evaluation.text_tables import TextRow, error_rates, text_markdown, text_parquet
from sr_core.imaging.resample import resize_pixels
from sr_core.imaging.typesetting import Typeface

OWN = Typeface("Aileron", None)
ROW = TextRow(
    lr_source="bicubic",
    typeface="Aileron",
    size_px=24,
    image="bicubic",
    made_by="bicubic",
    checkpoint_sha256=None,
    scale=4,
    width_px=40,
    height_px=36,
    characters=100,
    errors=10,
    error_rate=0.1,
    read="a",
    reader="tesseract 5.9",
)
ROWS = [
    replace(ROW, image="HR", made_by=None, errors=0),
    ROW,
    replace(ROW, size_px=40, characters=300, errors=6),
    replace(ROW, image="auto", made_by="srgan", checkpoint_sha256="0123abcd", errors=150),
    replace(ROW, lr_source="archive, seed 3", errors=20),
]


def pages(scale: int = 4, seed: int = 0) -> list[TextPage]:
    degradations = [Degradation("bicubic"), Degradation("archive", seed)]
    return list(text_pages(scale, [OWN, replace(OWN, name="again")], degradations, (24, 40)))


def test_every_font_size_and_degradation_has_a_page() -> None:
    made = pages()
    assert [(page.typeface, page.size_px, str(page.degradation)) for page in made] == [
        (name, size, lr)
        for name in ("Aileron", "again")
        for size in (24, 40)
        for lr in ("bicubic", "archive, seed 0")
    ]
    assert {page.text for page in made} == set(PASSAGES[:2])
    assert {page.text for page in made[:4]} == {PASSAGES[0]}


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_lr_belongs_to_hr(scale: int) -> None:
    page = pages(scale)[0]
    height, width = page.lr.shape[:2]
    assert page.hr.shape == (height * scale, width * scale, 3)
    shrunk = resize_pixels(page.hr, height, width, "bicubic")
    assert abs(shrunk.astype(int) - page.lr).max() <= 1


def test_the_seed_decides_the_degradation() -> None:
    first, again, other = (pages(seed=seed)[1].lr for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("passage", PASSAGES, ids=lambda text: text[:12])
def test_a_passage_is_plain(passage: str) -> None:
    assert passage.isascii()
    assert plain(passage) == passage
    assert 300 < len(passage) < 420


def test_rates_are_of_all_characters_of_a_size_together() -> None:
    assert error_rates(ROWS) == [
        ("LR", "read", "24 px", "40 px", "all"),
        ("–", "HR", "0.000", "–", "0.000"),
        ("bicubic", "bicubic", "0.100", "0.020", "0.040"),
        ("bicubic", "auto", "1.500", "–", "1.500"),
        ("archive, seed 3", "bicubic", "0.200", "–", "0.200"),
    ]


def test_the_page_names_fonts_reader_and_checkpoints() -> None:
    text = text_markdown(ROWS)
    assert "| bicubic | bicubic | 0.100 | 0.020 | 0.040 |" in text
    assert "read by tesseract 5.9. Fonts: Aileron." in text
    assert "- archive, seed 3: made from HR by the degradation archive, seed 3" in text
    assert "- srgan: 0123abcd" in text


def test_rows_come_back_from_parquet() -> None:
    table = pq.read_table(io.BytesIO(text_parquet(ROWS)))
    assert [TextRow(**row) for row in table.to_pylist()] == ROWS
    assert all(table.schema.field(name).metadata[b"description"] for name in table.column_names)
    assert [field.name for field in table.schema if field.nullable] == [
        "made_by",
        "checkpoint_sha256",
    ]
