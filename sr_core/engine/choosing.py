"""The upscaler of one image: the run's own, or the one that its model "auto" chooses."""

from __future__ import annotations

from sr_core.imaging.codecs import Picture, jpeg_evidence
from sr_core.imaging.evidence import evidence_of
from sr_core.inference.several import AutoUpscaler, Chosen
from sr_core.inference.upscaled import Upscaler
from sr_core.scratch import Blob

NAMED = "named"
"""Reason if the user named the model."""


def choose_upscaler(upscaler: Upscaler, data: Blob, picture: Picture) -> Chosen:
    """Return the upscaler of an image; its first page decides for all.

    Args:
        upscaler: that of the run.
        data: the file.
        picture: its decoded pages.
    """
    if not isinstance(upscaler, AutoUpscaler):
        return Chosen(upscaler, NAMED)
    return upscaler.choose(evidence_of(picture.pages[0].pixels, jpeg_evidence(data)))
