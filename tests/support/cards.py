"""Cards of small networks that tests make, beside those of the shipped weights."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from sr_core.models import cards
from sr_core.models.cards import ModelCard, find_card
from sr_core.models.checkpoint import save_generator
from sr_core.models.generator import Generator


def add_card(
    patch: pytest.MonkeyPatch, folder: Path, model: str, scale: int, seed: int = 0
) -> ModelCard:
    """Give a shipped model a network for a scale; the one that it may have is replaced."""
    torch.manual_seed(seed)
    path = folder / f"{model}_x{scale}.safetensors"
    save_generator(path, Generator(scale, channels=4, blocks=1), {}, torch.float32)
    card = find_card(model)
    assert card is not None
    made = replace(
        card,
        scale=scale,
        file=str(path),  # a path below WEIGHTS, unless it is absolute
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
    )
    others = [each for each in cards.CARDS if (each.name, each.scale) != (model, scale)]
    patch.setattr(cards, "CARDS", (*others, made))
    return made


def only_x4(patch: pytest.MonkeyPatch) -> None:
    """Take the networks for other scales than 4 off all models."""
    patch.setattr(cards, "CARDS", tuple(each for each in cards.CARDS if each.scale == 4))
