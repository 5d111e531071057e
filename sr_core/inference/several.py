"""Upscalers of several networks: of one model at several scales, and of several models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sr_core.imaging.evidence import Evidence, evidence_of
from sr_core.imaging.pixels import Pixels
from sr_core.inference.tiled import GeneratorUpscaler
from sr_core.inference.upscaled import Upscaled, Upscaler
from sr_core.models.catalogue import AUTO, CLEAN, pick_scale
from sr_core.models.choice import choose_model


class ModelUpscaler:
    """A model with networks for several scales; each image goes through the one that suits it."""

    def __init__(self, name: str, networks: Mapping[int, GeneratorUpscaler]) -> None:
        """Combine the networks of a model, by scale."""
        self.name, self._networks = name, networks

    @property
    def engine(self) -> str | None:
        """The engine of the network for the largest scale."""
        return self._networks[max(self._networks)].engine

    def network_scale(self, enlargement: float) -> int:
        """Return the scale of the network for an enlargement."""
        return pick_scale(self._networks, enlargement)

    def upscale(self, pixels: Pixels, height: int, width: int) -> Upscaled:
        """Upscale by the network for this enlargement, and resize its output if need be."""
        scale = self.network_scale(max(height, width) / max(pixels.shape[:2]))
        return self._networks[scale].upscale(pixels, height, width)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The upscaler of one image, and why it is this one."""

    upscaler: Upscaler
    reason: str


class AutoUpscaler:
    """Several models, of which the rule of `sr_core.models.choice` takes one for each image."""

    name = AUTO

    def __init__(self, models: Mapping[str, Upscaler]) -> None:
        """Combine the models that the rule may choose, by name."""
        self._models = models

    @property
    def engine(self) -> str | None:
        """The engine of the model for clean pictures."""
        return self._models[CLEAN].engine

    def network_scale(self, enlargement: float) -> int:
        """Return the scale of the network for an enlargement of a clean picture."""
        return self._models[CLEAN].network_scale(enlargement)

    def choose(self, evidence: Evidence) -> Chosen:
        """Choose the upscaler of a picture."""
        choice = choose_model(evidence)
        return Chosen(self._models[choice.model], choice.reason)

    def upscale(self, pixels: Pixels, height: int, width: int) -> Upscaled:
        """Upscale by the model that the pixels alone suggest; there is no file to look at."""
        chosen = self.choose(evidence_of(pixels))
        return chosen.upscaler.upscale(pixels, height, width)
