"""Bicubic on the benchmark sets: `srfleet evaluate` reproduces the published scores."""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from jobs.models.evaluate import run_evaluation
from jobs.terminal import Terminal
from sr_core.evaluation.published import published
from sr_core.evaluation.tables import ScoresRow, means

MEASURED = {"Set5": (28.43, 0.8104), "Set14": (26.09, 0.7027)}
"""PSNR in dB of these files, measured independently (most tables have 28.42 and 26.00), and the
SSIM of most tables."""


@pytest.mark.parametrize("name", MEASURED)
def test_bicubic_scores_as_published(shared: Path, tmp_path: Path, name: str) -> None:
    run_evaluation(
        [shared / "data" / "bench" / name],
        ["bicubic"],
        tmp_path / "out",
        Terminal(io.StringIO()),
        lpips_file=shared / "weights" / "lpips_alex_v0.1.safetensors",
        scale=4,
        device="cpu",
    )
    table = pq.read_table(tmp_path / "out" / "scores.parquet")
    (mean,) = means(ScoresRow(**row) for row in table.to_pylist())
    psnr, similarity = MEASURED[name]
    assert mean.images == int(name.removeprefix("Set"))
    assert mean.scores.psnr_y_db == pytest.approx(psnr, abs=0.02)
    # Published SSIM uses Y rounded to integers, which costs .001.
    assert mean.scores.ssim_y == pytest.approx(similarity, abs=0.003)
    known = published(name, "bicubic", 4)
    assert known is not None
    assert known.psnr_y_db == pytest.approx(mean.scores.psnr_y_db, abs=0.1)
    assert mean.scores.lpips_alex == pytest.approx(known.lpips_alex, abs=0.002)
