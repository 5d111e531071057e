"""The models that can be named or read, with the licence of their weights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sr_core.models.cards import CARDS, ModelCard


@dataclass(frozen=True, slots=True)
class ListedModel:
    """A network that upscales."""

    name: str
    """Value of --model."""
    scale: int
    licence: str | None
    """None if the file does not state it."""
    generative: bool | None
    """True if the model draws detail that is likely rather than measured; None if unknown."""
    description: str


def list_models(checkpoints: Sequence[Path]) -> list[ListedModel]:
    """Return the shipped networks, or the given checkpoints instead.

    Raises: ConfigurationError for a file that holds no network.
    """
    if not checkpoints:
        return [_shipped(card) for card in CARDS]
    return [_read(path) for path in checkpoints]


def _shipped(card: ModelCard) -> ListedModel:
    return ListedModel(card.name, card.scale, card.licence, card.generative, card.purpose)


def _read(path: Path) -> ListedModel:
    from sr_core.models.checkpoint import load_network  # loads torch

    network, info = load_network(path)
    named = f"{info.name}: " if info.name else ""
    description = f"{named}{info.layout}, blocks {info.blocks}, channels {info.channels}"
    return ListedModel(str(path), network.scale, info.licence, None, description)
