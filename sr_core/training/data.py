"""Random aligned crops from a pool of decoded photographs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sr_core.imaging.resample import degrade
from sr_core.imaging.tensors import to_pixels, to_tensor, to_unit_range


class CropPool:
    """Hold photographs with their LR versions in memory and cut random batches from them.

    LR is made once from the whole photograph, so a crop's LR has the context that it has in a real
    image. A batch is a function of the seed and the step alone: a resumed training continues with
    the very batches that an uninterrupted one would have seen.
    """

    def __init__(self, photographs: Sequence[NDArray[np.uint8]], scale: int, crop_px: int) -> None:
        """Take (H, W, 3) uint8 photographs; crop_px is the side of HR crops.

        Raises: ValueError if crop_px is no multiple of scale or no photograph is large enough.
        """
        if crop_px % scale:
            raise ValueError(f"crop_px {crop_px} is no multiple of scale {scale}")
        self.scale, self.crop_px = scale, crop_px
        self._pairs: list[tuple[Tensor, Tensor]] = []
        for photograph in photographs:
            if min(photograph.shape[:2]) < crop_px:
                continue
            lr = to_pixels(degrade(to_tensor(photograph), scale), np.dtype(np.uint8))
            self._pairs.append((torch.from_numpy(lr), torch.from_numpy(photograph)))
        if not self._pairs:
            raise ValueError(
                f"none of {len(photographs)} photographs has {crop_px} px on each side"
            )
        areas = np.array([hr.shape[0] * hr.shape[1] for _, hr in self._pairs], dtype=np.float64)
        self._shares = areas / areas.sum()

    def __len__(self) -> int:
        """Return how many photographs are large enough to be used."""
        return len(self._pairs)

    def batch(self, size: int, seed: int, step: int) -> tuple[Tensor, Tensor]:
        """Return (lr, hr) of one step: (size, 3, crop / scale, ..) and (size, 3, crop, ..).

        float32 in [0, 1]; photographs are drawn by area, crops flipped and turned at random.
        """
        rng = np.random.default_rng((seed, step))
        pairs = [self._crop(rng) for _ in range(size)]
        lr, hr = (torch.stack(list(side)).permute(0, 3, 1, 2) for side in zip(*pairs, strict=True))
        layout = torch.channels_last
        return (
            to_unit_range(lr).contiguous(memory_format=layout),
            to_unit_range(hr).contiguous(memory_format=layout),
        )

    def _crop(self, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
        lr, hr = self._pairs[int(rng.choice(len(self._pairs), p=self._shares))]
        side = self.crop_px // self.scale
        y = int(rng.integers(lr.shape[0] - side + 1))
        x = int(rng.integers(lr.shape[1] - side + 1))
        lr = lr[y : y + side, x : x + side]
        y, x, side = y * self.scale, x * self.scale, self.crop_px
        hr = hr[y : y + side, x : x + side]
        turns, flip = int(rng.integers(4)), bool(rng.integers(2))
        lr, hr = torch.rot90(lr, turns), torch.rot90(hr, turns)
        return (lr.flip(1), hr.flip(1)) if flip else (lr, hr)
