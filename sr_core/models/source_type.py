"""IPTC's DigitalSourceType for the outputs of a model. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sr_core.models.cards import find_card
from sr_core.models.catalogue import BASELINES
from sr_core.models.headers import stated_metadata, training_record
from sr_core.records import ENHANCED, GENERATED, SOURCE_TYPES

_KEY = "digital_source_type"
_INVENTING = ("vgg22", "vgg54", "perceptual", "lpips")
"""Content losses that reward likely detail rather than the true pixels."""


def digital_source_type(model: str, scale: int | None = None) -> str:
    """Return the URI of the term for outputs of a model.

    - A shipped model: the term of its card.
    - Interpolation: ENHANCED.
    - A checkpoint: the term that its header states as digital_source_type, as a URI or a name of
      IPTC's vocabulary. Otherwise GENERATED, unless its training record shows a training without
      a discriminator and without a loss of features.

    Args:
        model: name or path.
        scale: scale of a shipped model's network; None for its largest.
    """
    if model in BASELINES:
        return ENHANCED
    card = find_card(model, scale)
    if card is not None:
        return card.digital_source_type
    path = Path(model)
    record = training_record(path)
    stated = record.get(_KEY) or stated_metadata(path).get(_KEY)
    if isinstance(stated, str) and stated.removeprefix(SOURCE_TYPES).isalpha():
        return SOURCE_TYPES + stated.removeprefix(SOURCE_TYPES)
    return ENHANCED if _measures_only(record) else GENERATED


def _measures_only(record: Mapping[str, Any]) -> bool:
    """Return True if a training record shows that only true pixels were rewarded."""
    try:
        stage = record["training"]["stage"]
        weights = [float(stage["content"].get(name, 0)) for name in _INVENTING]
        return not any(weights) and float(stage["adversarial"]) == 0
    except (KeyError, TypeError, ValueError, AttributeError):
        return False
