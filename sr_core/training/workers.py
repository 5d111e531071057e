"""Workers of a training: device, share of each batch, and communication."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from sr_core.training.norms import share_batch_norms
from sr_core.training.settings import Precision

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Worker:
    """One worker: its device, and its rank among `world` workers. Rank 0 writes."""

    device: torch.device
    rank: int = 0
    world: int = 1

    def distributed(self, network: nn.Module) -> nn.Module:
        """Wrap a network so that all workers update it as one worker with the whole batch would.

        Gradients are averaged, and batch norms see every worker's part of the batch.
        """
        if self.world == 1:
            return network
        share_batch_norms(network, self.device)
        return DistributedDataParallel(network)

    def share(self, value: T) -> T:
        """Return rank 0's value, pickled, on every worker."""
        if self.world == 1:
            return value
        box = [value]
        torch.distributed.broadcast_object_list(box)
        return box[0]

    def mean(self, values: Mapping[str, Tensor]) -> dict[str, float]:
        """Average scalars over all workers; every worker gets the same numbers."""
        together = torch.stack([value.float() for value in values.values()])
        if self.world > 1:
            torch.distributed.all_reduce(together)
            together /= self.world
        return dict(zip(values, together.tolist(), strict=True))


LONE_WORKER = Worker(torch.device("cpu"))


def mixed_precision(precision: Precision, device: torch.device) -> torch.dtype | None:
    """Return the type for mixed precision, or None for float32.

    "auto" is bfloat16 if the device multiplies it in hardware; it needs no loss scaling.
    """
    if precision == "auto":
        precision = "bfloat16" if _multiplies_bfloat16(device) else "float32"
    return torch.bfloat16 if precision == "bfloat16" else None


def _multiplies_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    # There is no public API for this. AVX-512 without BF16 emulates it more slowly than float32.
    return bool(getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)())
