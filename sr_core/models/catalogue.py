"""The models that can be named, and the files of those that have weights. Needs no torch."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sr_core.errors import ConfigurationError
from sr_core.models.cards import card_names, card_scales, find_card
from sr_core.models.headers import training_record

WEIGHTS = Path(__file__).parent / "weights"
BASELINES = ("nearest", "bilinear", "bicubic")
ASSUMED_SCALE = 4
"""Scale if none is stated, as for baselines that fit a box and for other people's checkpoints."""
X4_FROM = 3.0
"""Enlargement from which a network for x4 is used rather than one for x2: halfway, so that the
output of either is resized by the smaller factor. Per source pixel, x4 costs 1.5 times as much."""
AUTO = "auto"
"""The model that chooses one of AUTO_MODELS for each image."""
PHOTO, CLEAN = "srgan-photo", "srgan"
AUTO_MODELS = (PHOTO, CLEAN)
"""Models for JPEGs, scans and noise, and for clean pictures."""
TWINS = {CLEAN: "srresnet", PHOTO: "srresnet-photo"}
"""The network for accuracy alone from which each shipped GAN was trained."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Weights that a run may use: the model's name or path, its network's scale, and the hash."""

    model: str
    scale: int
    sha256: str


def shipped_models() -> list[str]:
    """Return the names of the weights that come with the package, in the order of their cards."""
    return card_names()


def models_of(model: str) -> tuple[str, ...]:
    """Return the models that make the images of a run: two for "auto", else the model itself."""
    return AUTO_MODELS if model == AUTO else (model,)


def all_checkpoints(model: str) -> tuple[Checkpoint, ...]:
    """Return all checkpoints of a model, of both for "auto"; none for the baselines.

    Raises: ConfigurationError if there is no such model.
    """
    return tuple(
        Checkpoint(each, scale, _sha256(find_checkpoint(each, scale)))
        for each in models_of(model)
        for scale in native_scales(each)
    )


def used_checkpoints(
    model: str, scale: int, target: tuple[int, int] | None
) -> tuple[Checkpoint, ...]:
    """Return the checkpoints that a run may use; none for the baselines.

    Args:
        model: value of --model.
        scale: scale factor, used without a target.
        target: box to fit outputs in; the enlargement then depends on the image.

    Raises: ConfigurationError if there is no such model.
    """
    return tuple(
        each
        for each in all_checkpoints(model)
        if target or each.scale == pick_scale(native_scales(each.model), scale)
    )


def scales_by_model(checkpoints: Iterable[Checkpoint]) -> dict[str, list[int]]:
    """Return the scales of checkpoints by their models."""
    scales: dict[str, list[int]] = {}
    for each in checkpoints:
        scales.setdefault(each.model, []).append(each.scale)
    return scales


def find_checkpoint(model: str, scale: int | None = None) -> Path:
    """Return the file of a shipped model's name, or the path itself.

    Args:
        model: name or path.
        scale: scale of a shipped model's network; None for its largest. A path has one network.

    Raises: ConfigurationError if there is neither.
    """
    card = find_card(model, scale)
    if card is not None:
        return WEIGHTS / card.file
    path = Path(model)
    if path.is_file():
        return path.absolute()
    known = ", ".join([AUTO, *BASELINES, *shipped_models()])
    raise ConfigurationError(
        f"no model or checkpoint file {model!r}; known models: {known}, or give a path"
    )


def model_name(model: str) -> str:
    """Return the name of a model in tables and run.json: its own, or its file's."""
    if model in (AUTO, *BASELINES) or find_card(model) is not None:
        return model
    return find_checkpoint(model).name


def checkpoint_sha256(model: str, scale: int | None = None) -> str | None:
    """Return the hash of a model's file; None for the baselines, which have none.

    Args:
        model: name or path.
        scale: as in `find_checkpoint`.
    """
    if model in BASELINES:
        return None
    return _sha256(find_checkpoint(model, scale))


def native_scales(model: str) -> tuple[int, ...]:
    """Return the scales of a model's networks, ascending; empty for the baselines.

    Taken from its cards, or from the header of a checkpoint that srfleet wrote; else ASSUMED_SCALE.
    """
    if model in BASELINES:
        return ()
    return card_scales(model) or (stated_scale(model) or ASSUMED_SCALE,)


def pick_scale(scales: Collection[int], enlargement: float) -> int:
    """Return the scale of the network to use for an image.

    Args:
        scales: scales of a model's networks.
        enlargement: output pixels per source pixel along a side.
    """
    return min(scales) if enlargement < X4_FROM else max(scales)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def stated_scale(model: str) -> int | None:
    """Return the scale in the training record of a checkpoint file; None if it has none."""
    try:
        return int(training_record(Path(model))["scale"])
    except (KeyError, TypeError, ValueError):
        return None


def is_lpips_optimised(model: str) -> bool:
    """Return True if LPIPS was a loss of the training of a network of this model.

    LPIPS then flatters the model, so tables of scores say so.

    Raises: ConfigurationError if there is no such model.
    """
    files = [
        find_checkpoint(each, scale) for each in models_of(model) for scale in native_scales(each)
    ]
    return any(_lpips_weight(training_record(file)) > 0 for file in files)


def _lpips_weight(record: Mapping[str, Any]) -> float:
    try:
        return float(record["training"]["stage"]["content"]["lpips"])
    except (KeyError, TypeError, ValueError):
        return 0.0
