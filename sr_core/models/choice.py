"""The rule of `--model auto`: the model that suits a picture, by the evidence in it."""

from __future__ import annotations

from dataclasses import dataclass

from sr_core.imaging.evidence import Evidence, JpegEvidence
from sr_core.models.catalogue import CLEAN, PHOTO

RULE_VERSION = "1"
"""Part of the id of runs that use the rule. Raise it if the rule chooses differently."""

QUALITY = 88
"""JPEG quality from which a file alone is no reason for the photo model: at 90 the clean model is
better on average, at 85 the photo model (docs/models.md). Subsampled colour moves that by less than
a step of quality, so it is reported but decides nothing."""
BLOCKS = 0.3
"""Steps at block borders, in levels of 255: quality 85 leaves that much in some photographs, 95 in
none."""
NOISE = 2.6
"""Luma noise in levels of 255, which is 4 in each of three colours. At 2 the clean model is better
on average, at 5 the photo model (docs/models.md); texture stays below."""
SHARPNESS = 0.48
"""Sharpness below which the clean model has nothing to work on. Photographs that were shrunk have
.54 or more; a blur of .8 pixels leaves .47 or less, and the photo model is better on all of them.
"""


@dataclass(frozen=True, slots=True)
class Choice:
    """A model and the reason for it, in a few words."""

    model: str
    reason: str


def choose_model(evidence: Evidence) -> Choice:
    """Return the photo model if a picture shows compression, noise or blur, else the clean one."""
    reasons = []
    jpeg = evidence.jpeg
    if jpeg is not None and jpeg.quality < QUALITY:
        reasons.append(f"JPEG quality {jpeg.quality}{_sampling(jpeg)}")
    if evidence.blocks >= BLOCKS:
        reasons.append("blocks")
    if evidence.noise >= NOISE:
        reasons.append(f"noise of {evidence.noise:.0f} levels")
    if evidence.sharpness < SHARPNESS:
        reasons.append("soft edges")
    if reasons:
        return Choice(PHOTO, ", ".join(reasons))
    return Choice(CLEAN, "no compression, noise or blur found")


def _sampling(jpeg: JpegEvidence) -> str:
    return "" if jpeg.sampling in ("4:4:4", "grey") else f" {jpeg.sampling}"
