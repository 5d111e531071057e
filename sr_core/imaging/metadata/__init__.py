"""Metadata of an image, independent of the container that it comes from or goes into."""

from sr_core.imaging.metadata.losses import Losses
from sr_core.imaging.metadata.mark import Mark
from sr_core.imaging.metadata.record import Metadata, TextChunk

__all__ = ["Losses", "Mark", "Metadata", "TextChunk"]
