"""The rule of `--model auto`: thresholds, and reasons in words."""

from __future__ import annotations

import pytest

from sr_core.imaging.evidence import Evidence, JpegEvidence
from sr_core.models.catalogue import CLEAN, PHOTO
from sr_core.models.choice import (
    BLOCKS,
    NOISE,
    QUALITY,
    SHARPNESS,
    Choice,
    choose_model,
)


def chosen(
    jpeg: JpegEvidence | None = None,
    blocks: float = 0.0,
    noise: float = 0.5,
    sharpness: float = 0.6,
) -> Choice:
    return choose_model(Evidence(jpeg, blocks, noise, sharpness))


def test_a_picture_without_traces_is_clean() -> None:
    assert chosen() == Choice(CLEAN, "no compression, noise or blur found")


@pytest.mark.parametrize(
    ("evidence", "reason"),
    [
        ({"jpeg": JpegEvidence(62, "4:2:0"), "blocks": 0.9}, "JPEG quality 62 4:2:0, blocks"),
        ({"jpeg": JpegEvidence(80, "4:4:4")}, "JPEG quality 80"),
        ({"jpeg": JpegEvidence(80, "grey")}, "JPEG quality 80"),
        ({"blocks": 0.9}, "blocks"),
        ({"noise": 6.6}, "noise of 7 levels"),
        ({"sharpness": 0.4}, "soft edges"),
        ({"noise": 5.0, "sharpness": 0.4}, "noise of 5 levels, soft edges"),
    ],
)
def test_any_trace_takes_the_photo_model_and_is_named(
    evidence: dict[str, object], reason: str
) -> None:
    assert chosen(**evidence) == Choice(PHOTO, reason)


@pytest.mark.parametrize(
    ("below", "at"),
    [
        ({"jpeg": JpegEvidence(QUALITY, "4:4:4")}, {"jpeg": JpegEvidence(QUALITY - 1, "4:4:4")}),
        ({"jpeg": JpegEvidence(QUALITY, "4:2:0")}, {"jpeg": JpegEvidence(QUALITY - 1, "4:2:0")}),
        ({"blocks": BLOCKS - 0.01}, {"blocks": BLOCKS}),
        ({"noise": NOISE - 0.01}, {"noise": NOISE}),
        ({"sharpness": SHARPNESS}, {"sharpness": SHARPNESS - 0.01}),
    ],
    ids=["quality", "subsampled", "blocks", "noise", "sharpness"],
)
def test_a_trace_counts_from_its_threshold(below: dict[str, object], at: dict[str, object]) -> None:
    assert (chosen(**below).model, chosen(**at).model) == (CLEAN, PHOTO)


def test_high_quality_is_no_reason_but_blocks_of_an_earlier_life_are() -> None:
    high = JpegEvidence(96, "4:4:4")
    assert chosen(high).model == CLEAN
    assert chosen(high, blocks=1.0) == Choice(PHOTO, "blocks")
