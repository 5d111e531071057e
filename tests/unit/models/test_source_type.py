"""IPTC's term for the outputs of a model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from sr_core.models.cards import CARDS
from sr_core.models.catalogue import BASELINES, find_checkpoint
from sr_core.models.checkpoint import save_generator
from sr_core.models.generator import Generator
from sr_core.models.source_type import digital_source_type
from sr_core.records import ENHANCED, GENERATED

CAPTURE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeCapture"


@pytest.mark.parametrize("model", BASELINES)
def test_interpolation_enhances(model: str) -> None:
    assert digital_source_type(model) == ENHANCED


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.file)
def test_a_card_and_the_file_of_the_same_weights_agree(card: Any) -> None:
    assert digital_source_type(card.name, card.scale) == (
        GENERATED if card.generative else ENHANCED
    )
    path = find_checkpoint(card.name, card.scale)
    assert digital_source_type(str(path)) == digital_source_type(card.name, card.scale)


@pytest.mark.parametrize(
    ("stage", "expected"),
    [
        ({"content": {"l1": 1.0}, "adversarial": 0.0}, ENHANCED),
        ({"content": {"l2": 1.0, "blotch": 2.0, "lpips": 0.0}, "adversarial": 0}, ENHANCED),
        ({"content": {"l1": 1.0}, "adversarial": 0.05}, GENERATED),
        ({"content": {"l1": 1.0, "lpips": 0.5}, "adversarial": 0.0}, GENERATED),
        ({"content": {"vgg54": 1.0}, "adversarial": 0.0}, GENERATED),
        ({"content": "l1", "adversarial": 0.0}, GENERATED),
        ({"content": {"l1": 1.0}}, GENERATED),
        (None, GENERATED),
    ],
)
def test_a_training_that_rewarded_likely_detail_generates(
    stage: object, expected: str, tmp_path: Path
) -> None:
    path = tmp_path / "trained.safetensors"
    save_generator(path, Generator(4, 4, 1), {"stage": stage}, torch.float32)
    assert digital_source_type(str(path)) == expected


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ("algorithmicallyEnhanced", ENHANCED),
        (ENHANCED, ENHANCED),
        (CAPTURE, CAPTURE),
        ("not a term", GENERATED),
        ("http://elsewhere.example/term", GENERATED),
        ("", GENERATED),
    ],
)
def test_a_foreign_checkpoint_may_state_its_term(
    stated: str, expected: str, tmp_path: Path
) -> None:
    path = tmp_path / "foreign.safetensors"
    save_file({"a": torch.zeros(1)}, path, metadata={"digital_source_type": stated})
    assert digital_source_type(str(path)) == expected


def test_a_checkpoint_that_says_nothing_generates(tmp_path: Path) -> None:
    (tmp_path / "foreign.pth").write_bytes(b"PK\3\4")
    assert digital_source_type(str(tmp_path / "foreign.pth")) == GENERATED
