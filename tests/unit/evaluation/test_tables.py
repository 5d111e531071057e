"""Tables of scores: Parquet with units, and Markdown beside published numbers."""

from __future__ import annotations

import io
import math
from dataclasses import asdict, fields, replace

import pyarrow.parquet as pq

from sr_core.evaluation.flat_pages import FlatPage
from sr_core.evaluation.judges import Judges
from sr_core.evaluation.published import PUBLISHED, published
from sr_core.evaluation.scores import Scores
from sr_core.evaluation.tables import (
    ScoresRow,
    means,
    means_table,
    scores_markdown,
    scores_parquet,
)

ROW = ScoresRow(
    benchmark="Set5",
    image="a.png",
    model="srgan",
    made_by="srgan",
    checkpoint_sha256="0123abcd",
    lpips_optimised=False,
    scale=4,
    lr_source="LRx4",
    width_px=40,
    height_px=36,
    psnr_y_db=28.0,
    ssim_y=0.75,
    lpips_alex=0.125,
    lr_psnr_db=40.0,
    self_psnr_y_db=30.0,
    colour_drift_delta_e=0.5,
    flat_grain=1.25,
    grid_share=0.01,
    upscale_ms=12.5,
    protocol="1",
)
PAGES = {"srgan": (FlatPage("white", (255, 255, 255), (255, 253, 238)),)}
ROWS = [
    ROW,
    replace(ROW, image="b.png", psnr_y_db=30.0, ssim_y=0.25, lpips_alex=0.375),
    replace(ROW, model="bicubic", made_by="bicubic", checkpoint_sha256=None, lpips_alex=None),
    replace(ROW, benchmark="other", psnr_y_db=math.inf, lr_source="bicubic"),
]


def test_rows_come_back_from_parquet() -> None:
    table = pq.read_table(io.BytesIO(scores_parquet(ROWS)))
    assert [ScoresRow(**row) for row in table.to_pylist()] == ROWS


def test_every_column_has_its_meaning_and_unit() -> None:
    schema = pq.read_schema(io.BytesIO(scores_parquet(ROWS)))
    assert schema.names == list(asdict(ROW))
    assert all(schema.field(name).metadata[b"description"] for name in schema.names)
    units = {name: schema.field(name).metadata.get(b"unit") for name in schema.names}
    assert units["psnr_y_db"] == b"dB"
    assert units["upscale_ms"] == b"ms"
    assert units["width_px"] == units["height_px"] == b"px"
    nullable = {name for name in schema.names if schema.field(name).nullable}
    judges = {field.name for field in fields(Judges)}
    assert nullable == {"checkpoint_sha256", "lpips_alex"} | judges


def test_means_are_of_a_model_on_a_benchmark() -> None:
    first, second, third = means(ROWS)
    assert (first.benchmark, first.model, first.images) == ("Set5", "srgan", 2)
    assert first.scores == Scores(29.0, 0.5, 0.25)
    assert (second.model, second.scores.lpips_alex) == ("bicubic", None)
    assert (third.benchmark, third.scores.psnr_y_db) == ("other", math.inf)


def test_the_markdown_table_has_what_is_published_beside_it() -> None:
    lines = scores_markdown(ROWS, PAGES).splitlines()
    assert "| Set5 | 2 | srgan | 29.00 | 29.40 | 0.5000 | 0.250 | 0.088 |" in lines
    assert "| Set5 | 1 | bicubic | 28.00 | 28.42 | 0.7500 | – | 0.341 |" in lines
    assert "| other | 1 | srgan | inf | – | 0.7500 | 0.125 | – |" in lines
    assert "| Set5 | srgan | 40.00 | 30.00 | 0.50 | 1.25 | 0.010 |" in lines
    assert "| srgan | 255; 255,253,238 at the border |" in lines
    assert "- srgan: 0123abcd" in lines
    assert "- Set5: files of LRx4" in lines
    assert "- other: made from HR by antialiased bicubic" in lines


def test_a_table_without_anything_published_has_no_column_for_it() -> None:
    assert means_table(ROWS[3:]) == [
        ("benchmark", "images", "model", "PSNR-Y dB", "SSIM-Y", "LPIPS"),
        ("other", "1", "srgan", "inf", "0.7500", "0.125"),
    ]
    unknown = replace(ROWS[3], lpips_alex=None)  # must stay visible
    assert means_table([unknown])[0][-1] == "LPIPS"
    assert means_table([replace(ROW, model="srresnet")])[0].count("published") == 1


def test_the_markdown_says_what_auto_chose() -> None:
    chosen = [replace(ROW, model="auto", made_by=name) for name in ("srgan", "mine", "srgan")]
    lines = scores_markdown([*ROWS, *chosen], PAGES).splitlines()
    assert "- Set5: srgan 2, mine 1" in lines
    assert "- mine: 0123abcd" in lines
    assert not any(line.startswith("- auto") for line in lines)
    assert "Models chosen:" not in scores_markdown(ROWS, PAGES)


def test_a_name_cannot_break_the_table() -> None:
    lines = scores_markdown([replace(ROW, model="a|b\nc")], PAGES).splitlines()
    assert any(line.startswith("| Set5 | 1 | a\\|b c |") for line in lines)


def test_nothing_is_published_for_other_scales_and_models() -> None:
    assert published("Set5", "srgan", 4) is PUBLISHED["Set5", "srgan"]
    assert published("Set5", "srgan", 2) is None
    assert published("Set5", "mine.safetensors", 4) is None


def test_a_model_trained_on_lpips_is_marked() -> None:
    optimised = replace(ROW, lpips_optimised=True)
    assert "| srgan (LPIPS-optimised) |" in scores_markdown([optimised], PAGES)
    assert "LPIPS-optimised" not in scores_markdown(ROWS, PAGES)
