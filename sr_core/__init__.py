"""The library: super-resolution for whole photo archives, without Ray and without a terminal.

The names below are public; docs/python.md describes them. Each is imported when it is first used,
so `import sr_core` loads no torch, and neither does reading a run.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sr_core.archive.ledger.ledger import Ledger
    from sr_core.archive.ledger.snapshot import Snapshot
    from sr_core.archive.storage import open_store
    from sr_core.audit.verify.checks import verify_run
    from sr_core.audit.verify.findings import Finding, Severity
    from sr_core.config import RunConfig
    from sr_core.engine.files import FileUpscaler, UpscaledFile
    from sr_core.errors import (
        ConfigurationError,
        ErrorClass,
        ImageError,
        RetryLaterError,
        SrfleetError,
    )
    from sr_core.inference.upscaled import MadeBy, Upscaled, Upscaler
    from sr_core.inference.upscaler import open_upscaler
    from sr_core.records import Status

__all__ = [
    "ConfigurationError",
    "ErrorClass",
    "FileUpscaler",
    "Finding",
    "ImageError",
    "Ledger",
    "MadeBy",
    "RetryLaterError",
    "RunConfig",
    "Severity",
    "Snapshot",
    "SrfleetError",
    "Status",
    "Upscaled",
    "UpscaledFile",
    "Upscaler",
    "open_store",
    "open_upscaler",
    "verify_run",
]

_MODULES = {
    "sr_core.archive.ledger.ledger": ("Ledger",),
    "sr_core.archive.ledger.snapshot": ("Snapshot",),
    "sr_core.archive.storage": ("open_store",),
    "sr_core.audit.verify.checks": ("verify_run",),
    "sr_core.audit.verify.findings": ("Finding", "Severity"),
    "sr_core.config": ("RunConfig",),
    "sr_core.engine.files": ("FileUpscaler", "UpscaledFile"),
    "sr_core.errors": (
        "ConfigurationError",
        "ErrorClass",
        "ImageError",
        "RetryLaterError",
        "SrfleetError",
    ),
    "sr_core.inference.upscaled": ("MadeBy", "Upscaled", "Upscaler"),
    "sr_core.inference.upscaler": ("open_upscaler",),
    "sr_core.records": ("Status",),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> object:
    """Import a public name from its module on first use."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(_MODULE_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names."""
    return __all__
