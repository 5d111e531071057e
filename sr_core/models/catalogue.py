"""The models that can be named, and the files of those that have weights. Needs no torch."""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path

from sr_core.errors import ConfigurationError
from sr_core.models.cards import CARDS, find_card

WEIGHTS = Path(__file__).parent / "weights"
BASELINES = ("nearest", "bilinear", "bicubic")
ASSUMED_SCALE = 4
"""Scale if none is stated, as for baselines that fit a box and for other people's checkpoints."""
_HEADER_BYTES = 1 << 20
"""Most that is read of a safetensors header; ours has a few kilobytes."""


def shipped_models() -> list[str]:
    """Return the names of the weights that come with the package, in the order of their cards."""
    return [card.name for card in CARDS]


def find_checkpoint(model: str) -> Path:
    """Return the file of a shipped model's name, or the path itself.

    Raises: ConfigurationError if there is neither.
    """
    card = find_card(model)
    if card is not None:
        return WEIGHTS / card.file
    path = Path(model)
    if path.is_file():
        return path.absolute()
    known = ", ".join([*BASELINES, *shipped_models()])
    raise ConfigurationError(
        f"no model or checkpoint file {model!r}; known models: {known}, or give a path"
    )


def model_name(model: str) -> str:
    """Return the name of a model in tables and run.json: its own, or its file's."""
    if model in BASELINES or find_card(model) is not None:
        return model
    return find_checkpoint(model).name


def checkpoint_sha256(model: str) -> str | None:
    """Return the hash of a model's file; None for the baselines, which have none."""
    if model in BASELINES:
        return None
    return hashlib.sha256(find_checkpoint(model).read_bytes()).hexdigest()


def native_scale(model: str) -> int | None:
    """Return the scale of a model's network; None for the baselines, which take any.

    Taken from its card, or from the header of a checkpoint that srfleet wrote; else ASSUMED_SCALE.
    """
    if model in BASELINES:
        return None
    card = find_card(model)
    return card.scale if card is not None else _stated_scale(Path(model)) or ASSUMED_SCALE


def _stated_scale(path: Path) -> int | None:
    """Read the scale from the training record in a safetensors header; None if there is none."""
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(min(length, _HEADER_BYTES)))
        return int(json.loads(header["__metadata__"]["srfleet"])["scale"])
    except (OSError, struct.error, ValueError, KeyError, TypeError):
        return None
