"""Readers of results need neither torch nor Ray: reading never imports them."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

IMPORT_ALL = """
import importlib, json, pkgutil, sys

def import_all(name):
    module = importlib.import_module(name)
    for each in pkgutil.iter_modules(getattr(module, "__path__", [])):
        import_all(f"{name}.{each.name}")

import_all(sys.argv[1])
ours = [name for name in sys.modules if name.startswith("sr_core.")]
print(json.dumps([len(ours), sorted({"torch", "ray"} & sys.modules.keys())]))
"""


@pytest.mark.parametrize(
    "package", ["sr_core.archive", "sr_core.audit", "sr_core.config", "sr_core.imaging.codecs"]
)
def test_importing_all_of_it_loads_neither_torch_nor_ray(package: str) -> None:
    answer = subprocess.run(
        [sys.executable, "-c", IMPORT_ALL, package], capture_output=True, text=True, check=True
    )
    modules, loaded = json.loads(answer.stdout)
    assert modules > 0
    assert loaded == []
