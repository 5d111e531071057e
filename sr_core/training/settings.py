"""What a training is asked to do: its stages, their losses and schedules. Plain values."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar, Literal

Content = Literal["l1", "l2", "vgg22", "vgg54"]


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a training. Lengths are in steps.

    Defaults are those of `srresnet_stage`; `srgan_stage` shows what the second stage changes.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}  # where YAML is read

    name: str
    """srresnet or srgan by custom; it names the checkpoint."""
    steps: int
    content: dict[Content, float] = field(default_factory=lambda: {"l1": 1.0})
    """Content losses and their weights."""
    adversarial: float = 0.0
    """Weight of the adversarial loss; 0 trains without a discriminator."""
    batch_size: int = 16
    """Of all workers together."""
    crop_px: int = 96
    """Side of the HR crops."""
    learning_rate: float = 6e-4
    discriminator_learning_rate: float = 1e-4
    warmup: int = 50
    decay_share: float = 1.0
    """Share of the steps, at the end, over which the learning rate falls to zero as a cosine."""
    ema_decay: float = 0.999
    """Of the moving average of the generator's weights, which is what is validated and shipped."""
    clip_norm: float = 1.0
    """Largest norm of the generator's gradient; a larger one is scaled down to it."""

    def __post_init__(self) -> None:
        """Refuse what cannot be trained.

        Raises: ValueError.
        """
        for key in ("steps", "batch_size", "crop_px"):
            if getattr(self, key) < 1:
                raise ValueError(f"{key} must be at least 1, not {getattr(self, key)}")
        if self.adversarial < 0:
            raise ValueError(f"adversarial must be at least 0, not {self.adversarial}")
        if not any(weight > 0 for weight in self.content.values()):
            raise ValueError("content needs at least one loss with a weight above 0")

    def rate_at(self, step: int) -> float:
        """Return the share of the learning rate at a step: warm-up, plateau, cosine to zero."""
        rise = min(1.0, (step + 1) / max(1, self.warmup))
        decay_steps = max(1.0, self.steps * self.decay_share)
        left = min(1.0, (self.steps - step) / decay_steps)
        return rise * 0.5 * (1 - math.cos(math.pi * left))


def vgg_layers(stage: Stage) -> list[Literal["vgg22", "vgg54"]]:
    """Return which feature maps a stage compares."""
    layers: tuple[Literal["vgg22", "vgg54"], ...] = ("vgg22", "vgg54")
    return [layer for layer in layers if stage.content.get(layer, 0) > 0]
