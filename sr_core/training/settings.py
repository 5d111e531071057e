"""Settings of a training: its stages, their losses and schedules, as plain values."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import ClassVar, Literal

Content = Literal["l1", "l2", "blotch", "vgg22", "vgg54", "perceptual", "lpips", "artefact", "grid"]
FeatureLoss = Literal["vgg22", "vgg54", "perceptual", "lpips"]
Precision = Literal["auto", "float32", "bfloat16"]

_CHECKED = {"extra": "forbid"}  # for pydantic, when a file is read


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a training. Durations are in steps; the defaults suit SRResNet with L1."""

    __pydantic_config__: ClassVar[dict[str, str]] = _CHECKED

    name: str
    """Name of the checkpoint, such as srresnet or srgan."""
    steps: int
    content: dict[Content, float] = field(default_factory=lambda: {"l1": 1.0})
    """Content losses and their weights."""
    adversarial: float = 0.0
    """Weight of the adversarial loss; 0 trains without a discriminator."""
    discriminator: Literal["paper", "unet"] = "paper"
    discriminator_channels: int = 64
    free_beyond_white: bool = False
    """Treat values beyond white or black as white or black if the truth is; see `saturated`."""
    batch_size: int = 16
    """Crops per step, over all workers."""
    crop_px: int = 96
    """Side of an HR crop."""
    richest_of: int = 1
    """Places drawn for each crop, of which the one with most detail is kept."""
    learning_rate: float = 6e-4
    discriminator_learning_rate: float = 1e-4
    warmup: int = 50
    """Steps over which the generator's learning rate rises. The discriminator's starts at its full
    value, so that its judgement is worth something once the generator moves."""
    decay_share: float = 1.0
    """Share of the steps, at the end, over which the learning rate falls to zero as a cosine."""
    ema_decay: float = 0.999
    """Decay of the moving average of the generator's weights, which is validated and saved."""
    frozen_norms_share: float = 0.0
    """Share of the steps, at the end, in which the generator's batch norms keep their statistics,
    as they do when it is used; 1 for all steps of a stage whose start is a trained generator."""
    clip_norm: float = 1.0
    """Upper limit of the norm of the generator's gradient."""

    def __post_init__(self) -> None:
        """Check the settings.

        Raises: ValueError.
        """
        for key in ("steps", "batch_size", "crop_px", "richest_of", "discriminator_channels"):
            if getattr(self, key) < 1:
                raise ValueError(f"{key} must be at least 1, not {getattr(self, key)}")
        if self.adversarial < 0:
            raise ValueError(f"adversarial must be at least 0, not {self.adversarial}")
        if not 0 <= self.frozen_norms_share <= 1:
            raise ValueError(
                f"frozen_norms_share must be from 0 to 1, not {self.frozen_norms_share}"
            )
        if not any(weight > 0 for weight in self.content.values()):
            raise ValueError("content needs at least one loss with a weight above 0")

    def warmup_at(self, step: int) -> float:
        """Return the warm-up's factor of the generator's learning rate at a step."""
        return min(1.0, (step + 1) / max(1, self.warmup))

    def decay_at(self, step: int) -> float:
        """Return the factor of the learning rates at a step: a plateau, then a cosine to zero."""
        decay_steps = max(1.0, self.steps * self.decay_share)
        left = min(1.0, (self.steps - step) / decay_steps)
        return 0.5 * (1 - math.cos(math.pi * left))

    def norms_are_frozen_at(self, step: int) -> bool:
        """Return True if the generator's batch norms keep their statistics at a step."""
        return step >= self.steps * (1 - self.frozen_norms_share)


@dataclass(frozen=True, slots=True)
class Training:
    """Settings that determine the results of a training; stored with it, and fixed."""

    __pydantic_config__: ClassVar[dict[str, str]] = _CHECKED

    stages: tuple[Stage, ...]
    """Stages in order; each starts from the generator of the one before."""
    scale: Literal[2, 4] = 4
    degradation: Literal["bicubic", "archive"] = "bicubic"
    """How LR is made from HR: antialiased bicubic, or the degradation of archives."""
    seed: int = 0
    start: str | None = None
    """Checkpoint that the first stage starts from; None for an interpolation."""
    precision: Precision = "auto"
    """auto: bfloat16 if the device multiplies it in hardware."""
    compile: bool = True
    """Pass the generator through torch.compile."""
    licence: str | None = None
    """SPDX identifier of the licence of the weights, written into the checkpoints."""
    memory_budget_mb: int = 4096
    """Memory budget for decoded photographs, in MiB."""
    report_every: int = 50
    validate_every: int = 500
    save_every: int = 250

    def __post_init__(self) -> None:
        """Check the settings.

        Raises: ValueError.
        """
        names = [stage.name for stage in self.stages]
        if not names or len(set(names)) < len(names):
            raise ValueError(f"stages must have distinct names, not {names}")
        for stage in self.stages:
            if stage.crop_px % self.scale:
                raise ValueError(f"crop_px {stage.crop_px} is not a multiple of scale {self.scale}")
        for key in ("report_every", "validate_every", "save_every", "memory_budget_mb"):
            if getattr(self, key) < 1:
                raise ValueError(f"{key} must be at least 1, not {getattr(self, key)}")


def feature_losses(stage: Stage) -> list[FeatureLoss]:
    """Return the losses of a stage that compare features of a trained network."""
    losses: tuple[FeatureLoss, ...] = ("vgg22", "vgg54", "perceptual", "lpips")
    return [loss for loss in losses if stage.content.get(loss, 0) > 0]
