"""Treatment of every picture as large: through scratch files, written strip by strip."""

from __future__ import annotations

import pytest

from sr_core import scratch
from sr_core.imaging.codecs.jpeg import strips as jpeg_strips


def take_everything_as_large(patch: pytest.MonkeyPatch) -> None:
    """Lower every limit above which a picture counts as large, until the patch is undone."""
    patch.setattr(scratch, "limit_bytes", 0)
    patch.setattr(jpeg_strips, "_STRIP_PX", 0)
    for module in ("png.write", "tiff.write"):
        patch.setattr(f"sr_core.imaging.codecs.{module}._STRIP_BYTES", 1000)
