"""Readers of results need neither torch nor Ray: reading never imports them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sr_core.archive.storage import open_store
from tests.support.small_run import planned_images, work

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


RUN_WITHOUT = """
import sys
for name in ("torch", "ray"):
    sys.modules[name] = None
from jobs.cli.app import main
sys.argv = ["srfleet", *sys.argv[1:]]
main()
"""


@pytest.mark.parametrize("command", ["verify", "explain", "status", "sign", "audit", "report"])
def test_an_auditor_needs_neither_torch_nor_ray(command: str, tmp_path: Path) -> None:
    root = tmp_path / "run"
    work(open_store(str(root)), planned_images(5, per_shard=2, refused={1}), "a")
    key = tmp_path / "key.pem"
    private = Ed25519PrivateKey.generate()
    key.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    further = {"explain": ["album/0.jpg"], "sign": ["--key", str(key)]}
    arguments = [command, str(root), *further.get(command, [])]
    done = subprocess.run(
        [sys.executable, "-c", RUN_WITHOUT, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode in (0, 3), done.stderr
    assert done.stdout


def test_the_requirements_of_an_audit_are_those_of_the_package_without_torch_and_ray() -> None:
    top = Path(__file__).parents[2]
    project = tomllib.loads((top / "pyproject.toml").read_text())["project"]
    needed = {each for each in project["dependencies"] if not re.match(r"(ray|torch)\b", each)}
    needed |= set(project["optional-dependencies"]["sql"])
    lines = (top / "requirements-audit.txt").read_text().splitlines()
    assert {line for line in lines if not line.startswith("#")} == needed
