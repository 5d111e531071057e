"""An engine on CUDA whose calls are recorded once for each size of tile, and then replayed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from sr_core.inference.engine import Engine

_KEPT = 12
"""Recordings of each level. An image has one size of trunk tile and up to nine of tail tiles."""


class GraphedEngine:
    """Compute what another engine does, with one launch per tile in place of some hundred.

    The first tile of a size runs as it is, as sizes may come only once; the second is recorded.
    Recordings of one level share their memory, which the contract of `Engine` allows: what is
    returned holds until the level is computed again. The two levels do not share theirs, as a
    trunk's features must last for all of its tail tiles. One thread at a time may call it.
    """

    def __init__(self, engine: Engine) -> None:
        self.device, self.dtype = engine.device, engine.dtype
        self._trunk, self._tail = _Recordings(engine.trunk), _Recordings(engine.tail)

    def trunk(self, lr: Tensor) -> Tensor:
        """Return features of an image; they are overwritten by the next call."""
        return self._trunk(lr.to(self.device))

    def tail(self, features: Tensor) -> Tensor:
        """Return the image of features; it is overwritten by the next call."""
        return self._tail(features)


@dataclass(frozen=True, slots=True)
class _Recording:
    graph: torch.cuda.CUDAGraph
    given: Tensor
    made: Tensor


class _Recordings:
    """The recordings of one function by the shape of its argument; the least used are dropped."""

    def __init__(self, compute: Callable[[Tensor], Tensor]) -> None:
        self._compute = compute
        self._by_shape: OrderedDict[torch.Size, _Recording | None] = OrderedDict()
        self._pool = torch.cuda.graph_pool_handle()

    @torch.inference_mode()
    def __call__(self, values: Tensor) -> Tensor:
        try:
            return self._answer(values)
        except torch.OutOfMemoryError:
            self._by_shape.clear()  # smaller tiles follow, which need the memory
            raise

    def _answer(self, values: Tensor) -> Tensor:
        shape = values.shape
        if shape not in self._by_shape:
            made = self._compute(values)
            self._by_shape[shape] = None
            if len(self._by_shape) > _KEPT:
                self._by_shape.popitem(last=False)
            return made
        self._by_shape.move_to_end(shape)
        recording = self._by_shape[shape]
        if recording is None:
            recording = self._by_shape[shape] = self._record(values)
        recording.given.copy_(values)
        recording.graph.replay()
        return recording.made

    def _record(self, values: Tensor) -> _Recording:
        given = torch.empty_like(values, memory_format=torch.channels_last)
        given.copy_(values)
        graph = torch.cuda.CUDAGraph()
        with torch.backends.cudnn.flags(enabled=True, benchmark=True):
            # cuDNN tries its kernels, which it cannot do in a recording, for each thread anew.
            self._compute(given)
            with torch.cuda.graph(graph, pool=self._pool):
                made = self._compute(given)
        return _Recording(graph, given, made)
