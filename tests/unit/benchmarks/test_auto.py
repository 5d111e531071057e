"""The benchmark of the rule of `--model auto`."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.auto import SCALE, Result, results_table
from benchmarks.damage import damaged, print_page
from sr_core.evaluation.scores import Scores
from sr_core.imaging.codecs import jpeg_evidence
from sr_core.imaging.degradation import shrink
from sr_core.imaging.evidence import Evidence
from tests.support.photograph import photograph

CLEAN, NOISY = Evidence(None, 0.0, 0.0, 0.6), Evidence(None, 0.0, 9.0, 0.6)


def result(kind: str, evidence: Evidence, photo: float, clean: float) -> Result:
    return Result(kind, "a", evidence, Scores(26.0, 0.8, photo), Scores(27.0, 0.8, clean))


def test_regret_is_what_the_better_model_would_have_gained() -> None:
    lines = results_table(
        [
            result("clean", CLEAN, 0.3, 0.2),
            result("noise", NOISY, 0.2, 0.5),
            result("noise", CLEAN, 0.2, 0.3),
        ]
    ).splitlines()
    columns = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert " ".join(columns[2]) == "clean 0.300 0.200 26.00 27.00 0% 0% 0.0000 0.1000 0.0000"
    assert " ".join(columns[3]) == "noise 0.200 0.400 26.00 27.00 100% 50% 0.0500 0.0000 0.2000"
    assert columns[4][0] == "all"
    assert [float(cell) for cell in columns[4][7:]] == pytest.approx(
        [0.1 / 3, 0.1 / 3, 0.4 / 3], abs=1e-4
    )


def test_every_kind_of_damage_keeps_the_size_and_jpegs_keep_their_file() -> None:
    hr = photograph(256, 256)
    lr = shrink(hr, SCALE, "bicubic", np.random.default_rng(0))
    found = {each.kind: each for each in damaged(lr, hr)}
    assert {each.pixels.shape for each in found.values()} == {(64, 64, 3)}
    assert np.array_equal(found["clean"].pixels, lr)
    jpeg = jpeg_evidence(found["JPEG 75 4:2:0"].file or b"")
    assert jpeg is not None
    assert (jpeg.quality, jpeg.sampling) == (75, "4:2:0")
    assert found["PNG of a JPEG 85"].file is None
    assert np.array_equal(found["PNG of a JPEG 85"].pixels, found["JPEG 85 4:2:0"].pixels)
    assert len(found) == len(list(damaged(lr, hr)))


def test_a_page_of_print_is_ink_on_white() -> None:
    page = print_page(32)
    assert page.max() == 255
    assert page.min() < 40
    assert 0.5 < (page > 250).mean() < 0.95
