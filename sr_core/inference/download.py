"""Tiles of an output on their way from the device to the image in host memory."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sr_core.imaging.pixels import Pixels
from sr_core.imaging.tensors import to_integers

# Full-range luma of BT.601, by which a grey image is read from the network's three channels.
_GREY = (0.299, 0.587, 0.114)


class Download:
    """Take an image's tiles as floats on the device, and leave integers in host memory.

    On CUDA integers are what is copied, by a stream of its own, while the device computes the next
    tile: one tile's copy is awaited when the next tile's is under way. Whether all values were
    finite is asked only at the end, since asking waits for the device.
    """

    def __init__(self, sr: Pixels, device: torch.device) -> None:
        self._sr = sr
        self._finite = torch.ones((), dtype=torch.bool, device=device)
        # Here, once: to bring them to the device waits for it.
        self._grey = torch.tensor(_GREY, device=device).view(1, 3, 1, 1)
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None
        self._on_its_way: _Copy | None = None

    def put(self, image: Tensor, rows: slice, columns: slice) -> None:
        """Place one tile; of a grey image its luma.

        Args:
            image: (1, 3, rows, columns) float32, nominally in [0, 1]; it may be overwritten after.
            rows: where it lies in the output.
            columns: likewise.
        """
        self._finite &= torch.isfinite(image).all()
        if self._sr.shape[2] == 1:
            image = (image * self._grey).sum(1, keepdim=True)
        integers = to_integers(image, self._sr.dtype)
        place: Pixels = self._sr[rows, columns]
        if self._stream is None:
            place[:] = integers.numpy()
            return
        copy = _Copy.started(integers, place, self._stream)
        self._arrive()
        self._on_its_way = copy

    def finish(self) -> bool:
        """Wait for the last tile; returns whether every value was finite."""
        self._arrive()
        return bool(self._finite)

    def _arrive(self) -> None:
        if self._on_its_way is not None:
            self._on_its_way.wait()
            self._on_its_way = None


@dataclass(frozen=True, slots=True)
class _Copy:
    """A tile that a CUDA stream is copying into page-locked memory, which alone can be so."""

    host: Tensor
    place: Pixels
    done: torch.cuda.Event

    @classmethod
    def started(cls, integers: Tensor, place: Pixels, stream: torch.cuda.Stream) -> _Copy:
        # torch keeps page-locked blocks and gives them out again, until `torch.cuda.graph` frees
        # those that are idle: this allocates at first and after a recording.
        host = torch.empty(integers.shape, dtype=integers.dtype, pin_memory=True)
        stream.wait_stream(torch.cuda.current_stream(stream.device))
        with torch.cuda.stream(stream):
            host.copy_(integers, non_blocking=True)
            done = torch.cuda.Event()
            done.record(stream)
        integers.record_stream(stream)
        return cls(host, place, done)

    def wait(self) -> None:
        self.done.synchronize()
        self.place[:] = self.host.numpy()
