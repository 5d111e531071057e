"""Versions of everything that computes: this package, its libraries, Python."""

from __future__ import annotations

import platform
import subprocess
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PACKAGES = (
    "srfleet",
    "imagecodecs",
    "isal",
    "numpy",
    "openvino",
    "pillow",
    "pillow-heif",
    "pyarrow",
    "ray",
    "safetensors",
    "simplejpeg",
    "torch",
)
"""Packages that decide pixels or tables; OpenVINO and pillow-heif are optional."""
_SOURCE_TREE = Path(__file__).parents[3]


@cache
def computing_versions() -> dict[str, str]:
    """Return versions by package, of Python, and the commit if this is a git checkout.

    Changes that are not committed show as "-dirty".
    """
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    commit = _commit(_SOURCE_TREE)
    return found if commit is None else found | {"commit": commit}


def _commit(source_tree: Path) -> str | None:
    if not (source_tree / ".git").exists():  # an installed package may lie in another's checkout
        return None
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        said = subprocess.run(  # noqa: S603 - a fixed command
            command, cwd=source_tree, capture_output=True, text=True, check=True, timeout=10
        )
    except (OSError, subprocess.SubprocessError):  # no git, or a checkout of another user
        return None
    return said.stdout.strip()
