"""Cards of the shipped weights: their purpose, origin and hash. Needs no torch."""

from __future__ import annotations

from dataclasses import dataclass

from sr_core.records import ENHANCED, GENERATED

_TRAINING_DATA = (
    "456 photographs under free licences (CC0, CC BY, CC BY-SA, Unsplash, public domain, GPL art; "
    "18 animals from Wikimedia Commons without a licence noted per file)"
)
_GAN_TRAINING_DATA = (
    "438 photographs under free licences (CC0, CC BY, CC BY-SA, Unsplash, public domain, GPL art), "
    "24 drawn pages of print; its start, srresnet, saw 18 more without a licence noted per file"
)
_PHOTO_TRAINING_DATA = (
    "438 photographs under free licences (CC0, CC BY, CC BY-SA, Unsplash, public domain, GPL art), "
    "24 drawn pages of print; 18 more, without a licence noted per file, in the first 7,262 steps"
)


@dataclass(frozen=True, slots=True)
class ModelCard:
    """Weights that come with the package; docs/model-card.md says more about them."""

    name: str
    """Value of --model; the networks of one model for several scales share it."""
    label: str
    """Name in reports."""
    file: str
    """File in sr_core/models/weights."""
    scale: int
    purpose: str
    generative: bool
    """True if the model draws detail that is likely rather than measured."""
    licence: str
    training_data: str
    sha256: str

    @property
    def digital_source_type(self) -> str:
        """IPTC's term for outputs of the model, as a URI."""
        return GENERATED if self.generative else ENHANCED


CARDS = (
    ModelCard(
        name="srresnet",
        label="SRResNet",
        file="srresnet_x4.safetensors",
        scale=4,
        purpose="images to measure: nothing is invented",
        generative=False,
        licence="Apache-2.0",
        training_data=_TRAINING_DATA,
        sha256="eaa80ca07fbfa336c108dccbd46d534e097b7aed17b38523805df6e00895552f",
    ),
    ModelCard(
        name="srgan",
        label="SRGAN",
        file="srgan_x4.safetensors",
        scale=4,
        purpose="clean images to look at",
        generative=True,
        licence="Apache-2.0",
        training_data=_GAN_TRAINING_DATA,
        sha256="b8026932ed5ff31ab8583eeeac58ff14e0d4f53aea5ce5c36e4fe0bde77ff17d",
    ),
    ModelCard(
        name="srresnet-photo",
        label="SRResNet-photo",
        file="srresnet-photo_x4.safetensors",
        scale=4,
        purpose="JPEGs, scans and noise, to measure: nothing is invented",
        generative=False,
        licence="Apache-2.0",
        training_data=_PHOTO_TRAINING_DATA,
        sha256="cf49221488af500736a7bce3b29bf579f0e7fd0d27cde7a6219caf2f36317fa8",
    ),
    ModelCard(
        name="srgan-photo",
        label="SRGAN-photo",
        file="srgan-photo_x4.safetensors",
        scale=4,
        purpose="JPEGs, scans and noisy photographs to look at",
        generative=True,
        licence="Apache-2.0",
        training_data=_PHOTO_TRAINING_DATA,
        sha256="bd95cd1286b5671a2a7fdc891be540461c37488b56c460b3fe4a012196381d25",
    ),
)
"""All shipped weights, in the order in which they are listed."""


def card_names() -> list[str]:
    """Return the names of the shipped models, in the order of their cards."""
    return list(dict.fromkeys(card.name for card in CARDS))


def card_scales(model: str) -> tuple[int, ...]:
    """Return the scales that a shipped model has weights for, ascending; empty for others."""
    return tuple(sorted(card.scale for card in CARDS if card.name == model))


def find_card(model: str, scale: int | None = None) -> ModelCard | None:
    """Return the card of a model's name; None for baselines and checkpoints of the user.

    Args:
        model: value of --model.
        scale: of the network; None for the largest.
    """
    scale = scale or max(card_scales(model), default=None)
    return next((card for card in CARDS if (card.name, card.scale) == (model, scale)), None)
