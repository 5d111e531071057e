"""An engine on CUDA whose calls are recorded once for each size of tile, and then replayed."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor

from sr_core.inference.engine import Engine
from sr_core.inference.memory import is_out_of_memory

# Recordings of one level share their intermediate memory, but each has its own input and output: a
# fifth of a trunk tile's memory, in some networks half; a twentieth of a tail tile's.
_KEPT_TRUNKS = 2
"""An image has one size of trunk tile; two serve a camera's photographs, portrait and landscape."""
_KEPT_TAILS = 9
"""An image has up to nine sizes of tail tile."""
_MET_ONCE = 64
"""Number of sizes seen once to remember; they hold no memory of the device."""


class GraphedEngine:
    """Compute as another engine does, with one launch per tile instead of some hundred.

    The first tile of a size is computed directly, as a size may come only once; the second is
    recorded. Recordings of one level share their memory, which the contract of `Engine` allows: a
    result is valid until the level is computed again. The two levels do not share memory, as a
    trunk's features must last for all of its tail tiles. One thread at a time may call it.
    """

    def __init__(self, engine: Engine) -> None:
        self.device, self.dtype = engine.device, engine.dtype
        self._trunk = _Recordings(engine.trunk, _KEPT_TRUNKS)
        self._tail = _Recordings(engine.tail, _KEPT_TAILS)

    def trunk(self, lr: Tensor) -> Tensor:
        """Return features of an image; they are overwritten by the next call."""
        with self._forgetting():
            return self._trunk(_upload(lr, self.device))

    def tail(self, features: Tensor) -> Tensor:
        """Return the image of features; it is overwritten by the next call."""
        with self._forgetting():
            return self._tail(features)

    def forget(self) -> None:
        """Drop all recordings and free their memory."""
        self._trunk.forget()
        self._tail.forget()

    @contextmanager
    def _forgetting(self) -> Iterator[None]:
        """Drop the recordings of both levels if memory runs out, as smaller tiles will follow."""
        try:
            yield
        except Exception as error:
            if is_out_of_memory(error):
                self.forget()
            raise


def _upload(lr: Tensor, device: torch.device) -> Tensor:
    """Start a copy to the device, through page-locked memory so that it need not wait.

    torch does not reuse the page-locked block before the copy is made.
    """
    if not lr.is_cpu:
        return lr.to(device)
    host = torch.empty(lr.shape, dtype=lr.dtype, pin_memory=True, memory_format=torch.channels_last)
    return host.copy_(lr).to(device, non_blocking=True)


@dataclass(frozen=True, slots=True)
class _Recording:
    graph: torch.cuda.CUDAGraph
    given: Tensor
    made: Tensor


class _Recordings:
    """The recordings of one function by the shape of its argument; the least used are dropped."""

    def __init__(self, compute: Callable[[Tensor], Tensor], kept: int) -> None:
        self._compute, self._kept = compute, kept
        self._by_shape: OrderedDict[torch.Size, _Recording] = OrderedDict()
        self._met: deque[torch.Size] = deque(maxlen=_MET_ONCE)

    @torch.inference_mode()
    def __call__(self, values: Tensor) -> Tensor:
        shape = values.shape
        recording = self._by_shape.get(shape)
        if recording is None:
            if shape not in self._met:
                self._met.append(shape)
                return self._compute(values)
            self._met.remove(shape)  # once dropped, a size must come twice again
            while len(self._by_shape) >= self._kept:
                self._by_shape.popitem(last=False)
            recording = self._by_shape[shape] = self._record(values)
        self._by_shape.move_to_end(shape)
        recording.given.copy_(values)
        recording.graph.replay()
        return recording.made

    def forget(self) -> None:
        """Drop all recordings."""
        self._by_shape.clear()
        self._met.clear()

    def _record(self, values: Tensor) -> _Recording:
        given = torch.empty_like(values, memory_format=torch.channels_last)
        given.copy_(values)
        # A first run loads kernels and plans them in each thread, which must not be recorded.
        self._compute(given)
        graph = torch.cuda.CUDAGraph()
        # The pool of a live recording: torch refuses a pool whose recordings are all gone.
        pool = next((other.graph.pool() for other in self._by_shape.values()), None)
        with torch.cuda.graph(graph, pool=pool):
            made = self._compute(given)
        return _Recording(graph, given, made)
