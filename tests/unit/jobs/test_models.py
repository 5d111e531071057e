"""srfleet models: shipped models and checkpoints with their licences."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from sr_core.models.cards import CARDS
from sr_core.models.checkpoint import save_generator
from sr_core.models.generator import Generator
from tests.support.commands import srfleet_here
from tests.support.foreign_sr import RRDBNet


def test_every_shipped_model_is_listed_with_its_licence() -> None:
    said = " ".join(srfleet_here("models").output.split())
    listed = json.loads(srfleet_here("models", "--json").stdout)
    assert listed["schema"] == "srfleet.models/1"
    assert [(each["model"], each["scale"]) for each in listed["models"]] == [
        (card.name, card.scale) for card in CARDS
    ]
    for card, each in zip(CARDS, listed["models"], strict=True):
        assert f"{card.name} x{card.scale} {card.licence}" in said
        assert each["licence"] == card.licence
        assert each["generative"] == card.generative


def test_checkpoints_are_described_by_their_headers(tmp_path: Path) -> None:
    mine, theirs = tmp_path / "mine.safetensors", tmp_path / "theirs.pth"
    save_generator(mine, Generator(2, 4, 1), {}, torch.float32, name="fine", licence="CC0-1.0")
    torch.save({"params_ema": RRDBNet(4).state_dict()}, theirs)
    answer = json.loads(srfleet_here("models", str(mine), str(theirs), "--json").stdout)
    first, second = answer["models"]
    assert (first["model"], first["scale"], first["licence"]) == (str(mine), 2, "CC0-1.0")
    assert first["description"] == "fine: srfleet's own, blocks 1, channels 4"
    assert (second["scale"], second["licence"], second["generative"]) == (4, None, None)
    assert second["description"].startswith("RRDBNet of BasicSR")
    assert "not stated" in srfleet_here("models", str(theirs)).output
