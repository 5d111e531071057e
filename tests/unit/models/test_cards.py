"""Cards of the shipped weights, and the scale that a model states."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch

from sr_core.inference.quantised import load_ranges
from sr_core.models.cards import CARDS, ModelCard, find_card
from sr_core.models.catalogue import (
    ASSUMED_SCALE,
    AUTO,
    BASELINES,
    WEIGHTS,
    find_checkpoint,
    native_scales,
    shipped_models,
)
from sr_core.models.checkpoint import load_network, save_generator
from sr_core.models.generator import Generator

PAGE = Path(__file__).parents[3] / "docs" / "model-card.md"


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.file)
def test_a_card_describes_its_weights(card: ModelCard) -> None:
    path = find_checkpoint(card.name, card.scale)
    assert path == WEIGHTS / card.file
    assert hashlib.sha256(path.read_bytes()).hexdigest() == card.sha256
    assert load_network(path)[1].scale == card.scale
    assert card.scale in native_scales(card.name)
    assert card.purpose
    assert card.licence
    assert card.training_data


def test_every_file_of_weights_has_one_card() -> None:
    files = sorted(path.name for path in WEIGHTS.glob("*.safetensors"))
    assert sorted(card.file for card in CARDS) == files
    assert len({(card.name, card.scale) for card in CARDS}) == len(CARDS)
    assert not {card.name for card in CARDS} & {AUTO, *BASELINES}
    assert shipped_models() == list(dict.fromkeys(card.name for card in CARDS))


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.file)
def test_shipped_weights_are_calibrated_for_int8(card: ModelCard) -> None:
    assert load_ranges(find_checkpoint(card.name, card.scale))


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.file)
def test_the_documented_card_names_the_model(card: ModelCard) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert f"`{card.name}`" in page
    assert f"`{card.file}`" in page
    assert card.label in page


def test_srresnet_invents_nothing_and_srgan_does() -> None:
    generative = {card.name: card.generative for card in CARDS}
    assert not generative["srresnet"]
    assert generative["srgan"]
    assert find_card("bicubic") is None


@pytest.mark.parametrize("baseline", BASELINES)
def test_a_baseline_has_no_scale_of_its_own(baseline: str) -> None:
    assert native_scales(baseline) == ()


def test_the_scale_of_a_checkpoint_is_the_one_in_its_header(tmp_path: Path) -> None:
    path = tmp_path / "mine.safetensors"
    save_generator(path, Generator(2, channels=4, blocks=1), {}, torch.float32)
    assert native_scales(str(path)) == (2,)


@pytest.mark.parametrize(
    "content", [b"", b"\x02\0\0\0\0\0\0\0{}", b"\x08\0\0\0\0\0\0\0not json", b"PK\x03\x04" * 9]
)
def test_the_scale_is_assumed_if_a_checkpoint_states_none(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "theirs.pth"
    path.write_bytes(content)
    assert native_scales(str(path)) == (ASSUMED_SCALE,)
    assert native_scales(str(tmp_path / "missing.pth")) == (ASSUMED_SCALE,)
