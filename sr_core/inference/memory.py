"""Recognition of out-of-memory errors, whichever library raised them."""

from __future__ import annotations

import torch

_SAYINGS = (
    # On the CPU torch raises a plain RuntimeError.
    "not enough memory",
    "could not create a primitive",
    "bad_alloc",
    # OpenVINO, for its tensors, its plugin's workspace, and kernels.
    "failed to allocate",
    "can't alloc",
    "broken promise",
    # CUDA and its driver, for recordings and page-locked memory.
    "error: out of memory",
    # cuDNN and cuBLAS, for their workspaces.
    "unable to find an engine",
    "_alloc_failed",
)


def is_out_of_memory(error: BaseException) -> bool:
    """Return True if an error of any kind means that memory ran out."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    said = str(error).lower()
    return isinstance(error, RuntimeError) and any(saying in said for saying in _SAYINGS)
