"""Batch norm over the batches of all workers, so that results do not depend on their number."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

_AXES = (0, 2, 3)


class _Sum(torch.autograd.Function):
    """Sum of a tensor over all workers; its gradient is the sum of their gradients.

    torch's own function is deprecated and has no public successor.
    """

    @staticmethod
    def forward(_: Any, tensor: Tensor) -> Tensor:
        total = tensor.clone()
        torch.distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(_: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].clone()
        torch.distributed.all_reduce(total)
        return total


def _summed(tensor: Tensor) -> Tensor:
    total: Tensor = _Sum.apply(tensor)  # type: ignore[no-untyped-call]
    return total


class SharedBatchNorm2d(nn.BatchNorm2d):
    """Batch norm over all workers' parts of a batch, which must have the same size.

    It has the parameters and buffers of `nn.BatchNorm2d` and behaves like it in evaluation.
    """

    momentum: float
    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - its name in torch
        """Normalise (N, C, H, W); gradients flow through all workers' parts."""
        if not self.training:
            return super().forward(input)
        values = input.float()
        count = values.numel() // values.shape[1] * torch.distributed.get_world_size()
        mean = _summed(values.sum(_AXES)) / count
        centred = values - mean[:, None, None]
        variance = _summed(centred.square().sum(_AXES)) / count
        self._remember(mean.detach(), variance.detach() * count / (count - 1))
        slope = self.weight * torch.rsqrt(variance + self.eps)
        normalised = centred * slope[:, None, None] + self.bias[:, None, None]
        return normalised.to(input.dtype)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        self.num_batches_tracked += 1
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance, self.momentum)


def share_batch_norms(network: nn.Module, device: torch.device) -> None:
    """Replace a network's batch norms by ones that see all workers' batches, with the same weights.

    On CUDA by torch's own, which is faster than `SharedBatchNorm2d` but needs CUDA.
    """
    if device.type == "cuda":
        nn.SyncBatchNorm.convert_sync_batchnorm(network)
        return
    for module in list(network.modules()):
        for name, norm in module.named_children():
            if isinstance(norm, nn.BatchNorm2d):
                setattr(module, name, _shared(norm))


def _shared(norm: nn.BatchNorm2d) -> SharedBatchNorm2d:
    shared = SharedBatchNorm2d(norm.num_features, norm.eps, norm.momentum)
    shared.weight, shared.bias = norm.weight, norm.bias
    for name, buffer in norm.named_buffers():
        setattr(shared, name, buffer)
    return shared
