"""Whether an error says that memory ran out, whatever library says it."""

from __future__ import annotations

import torch

_SAYINGS = (
    # On the CPU torch raises a plain RuntimeError.
    "not enough memory",
    "could not create a primitive",
    "bad_alloc",
    # OpenVINO's: of its tensors, of its plugin's workspace, of kernels it could not make.
    "failed to allocate",
    "can't alloc",
    "broken promise",
    # CUDA's own, and its driver's: of recordings and page-locked memory.
    "error: out of memory",
    # cuDNN's and cuBLAS's, whose workspaces found no room.
    "unable to find an engine",
    "_alloc_failed",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error of any kind means that memory ran out."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    said = str(error).lower()
    return isinstance(error, RuntimeError) and any(saying in said for saying in _SAYINGS)
