"""Copies of tiles from the device into the image in host memory."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sr_core.imaging.pixels import Pixels
from sr_core.imaging.tensors import to_integers

# Full-range luma of BT.601, which turns the network's three channels into a grey image.
_GREY = (0.299, 0.587, 0.114)


class Download:
    """Convert an image's tiles from floats on the device to integers in host memory.

    On CUDA the integers are copied by a stream of their own while the device computes the next
    tile: a copy is awaited once the next one has started. Non-finite values are checked for only at
    the end, since the check waits for the device.
    """

    def __init__(self, sr: Pixels, device: torch.device) -> None:
        self._sr = sr
        self._finite = torch.ones((), dtype=torch.bool, device=device)
        # Once, as copying them to the device waits for it.
        self._grey = torch.tensor(_GREY, device=device).view(1, 3, 1, 1)
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None
        self._on_its_way: _Copy | None = None

    def put(self, image: Tensor, rows: slice, columns: slice) -> None:
        """Place one tile; its luma if the image is grey.

        Args:
            image: (1, 3, rows, columns) float32, nominally in [0, 1]; free to be overwritten after.
            rows: rows of the output that it covers.
            columns: columns of the output that it covers.
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
        """Wait for the last tile. Return True if every value was finite."""
        self._arrive()
        return bool(self._finite)

    def _arrive(self) -> None:
        if self._on_its_way is not None:
            self._on_its_way.wait()
            self._on_its_way = None


@dataclass(frozen=True, slots=True)
class _Copy:
    """A tile that a CUDA stream is copying into page-locked memory."""

    host: Tensor
    place: Pixels
    done: torch.cuda.Event

    @classmethod
    def started(cls, integers: Tensor, place: Pixels, stream: torch.cuda.Stream) -> _Copy:
        # torch caches page-locked blocks until `torch.cuda.graph` frees the idle ones, so this
        # allocates only at first and after a recording.
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
