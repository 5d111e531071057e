"""Consistency of the repository's own files: pins, layers, cluster and job files."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema.exceptions import ValidationError
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from sr_core.config import JobConfig, load_settings
from sr_core.training.settings import Training

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
GROUPS = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
# Optional packages; commands work without them.
EXTRAS = [
    line
    for name, lines in PROJECT["optional-dependencies"].items()
    if name != "dev"
    for line in lines
]
REQUIREMENTS = [Requirement(line) for line in chain.from_iterable(GROUPS)]


def pins() -> dict[str, str]:
    """Return the versions of constraints.txt by canonical name."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pairs = (line.split("==") for line in lines if not line.startswith("#"))
    return {canonicalize_name(name): version for name, version in pairs}


@pytest.mark.parametrize("requirement", REQUIREMENTS, ids=lambda r: r.name)
def test_every_dependency_is_pinned_within_its_range(requirement: Requirement) -> None:
    assert pins()[canonicalize_name(requirement.name)] in requirement.specifier


def imported_distributions(*folders: str) -> set[str]:
    """Return the distributions that the import statements below some folders need."""
    modules = {
        name.partition(".")[0]
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        for name in imported_names(node)
    }
    installed = packages_distributions()
    return {canonicalize_name(installed[module][0]) for module in modules & installed.keys()}


def imported_names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module:
        return [node.module]
    return []


def test_what_is_imported_is_declared_and_what_is_declared_is_imported() -> None:
    declared = {canonicalize_name(Requirement(line).name) for line in PROJECT["dependencies"]}
    # Parts of boto3, jinja2 and pydantic, and types that only mypy imports.
    others = {"botocore", "urllib3", "markupsafe", "pydantic-core", "mypy-boto3-s3", "srfleet"}
    extras = {canonicalize_name(Requirement(line).name) for line in EXTRAS}
    imported = imported_distributions("jobs", "sr_core") - others
    assert declared <= imported <= declared | extras


def test_pins_name_a_public_version_each() -> None:
    # A local version (torch +cpu) would exclude all other builds of the same release.
    assert [version for version in pins().values() if "+" in version] == []


# Import every module of the packages named in argv[2], with those of argv[1] impossible to import.
IMPORT_ALL = """
import importlib, pkgutil, sys
for name in sys.argv[1].split(","):
    sys.modules[name] = None
for root in sys.argv[2].split(","):
    package = importlib.import_module(root)
    for module in pkgutil.walk_packages(getattr(package, "__path__", []), root + "."):
        importlib.import_module(module.name)
"""


def errors_of_importing(packages: list[str], blocked: set[str]) -> str:
    """Import packages in a fresh interpreter that lacks the blocked ones; return its errors."""
    command = [sys.executable, "-W", "error", "-c", IMPORT_ALL]
    arguments = [",".join(sorted(blocked)), ",".join(packages)]
    result = subprocess.run(
        [*command, *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    return result.stderr or ("" if result.returncode == 0 else str(result.returncode))


def test_the_command_line_loads_without_torch_and_ray() -> None:
    packages = ["jobs.cli", "jobs.upscale.manifest"]
    assert errors_of_importing(packages, {"torch", "ray"}) == ""
    assert "ModuleNotFoundError" in errors_of_importing(packages, {"typer"})


def test_numerics_load_with_torch_numpy_and_pillow_alone() -> None:
    allowed = {"numpy", "pillow", "torch"}
    dependencies = {
        canonicalize_name(Requirement(line).name) for line in PROJECT["dependencies"]
    } - allowed
    blocked = {
        module
        for module, distributions in packages_distributions().items()
        if dependencies & {canonicalize_name(name) for name in distributions}
    }
    assert {"imagecodecs", "pyarrow", "pydantic", "safetensors", "yaml"} <= blocked
    packages = [
        "sr_core.evaluation",
        "sr_core.imaging.contact_sheet",
        "sr_core.imaging.resample",
        "sr_core.imaging.tensors",
        "sr_core.inference",
        "sr_core.metrics",
        "sr_core.models",
        "sr_core.training",
    ]
    assert errors_of_importing(packages, blocked) == ""


def cluster() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "cluster.yaml").read_text())


def test_the_cluster_file_is_valid_for_the_ray_launcher() -> None:
    from ray.autoscaler._private.util import prepare_config, validate_config

    prepared = prepare_config(cluster())
    validate_config(prepared)
    assert prepared["cluster_name"] == cluster()["cluster_name"]
    with pytest.raises(ValidationError, match="no_such_key"):
        validate_config(prepared | {"no_such_key": 1})


def test_the_cluster_runs_the_pinned_ray_on_a_supported_python() -> None:
    docker = cluster()["docker"]
    assert docker["head_image"] == f"rayproject/ray:{pins()['ray']}-py311-cpu"
    assert docker["worker_image"] == f"rayproject/ray:{pins()['ray']}-py311-gpu"


def test_the_cluster_wants_a_token_and_hides_its_dashboard() -> None:
    config = cluster()
    assert "--env RAY_AUTH_MODE=token" in config["docker"]["run_options"]
    assert config["file_mounts"]["/home/ray/.ray/auth_token"] == "~/.ray/auth_token"
    assert "--dashboard-host=127.0.0.1" in " ".join(config["head_start_ray_commands"])


def test_the_head_computes_nothing_and_every_worker_has_a_gpu() -> None:
    config = cluster()
    types = dict(config["available_node_types"])
    head = types.pop(config["head_node_type"])
    assert head["resources"] == {"CPU": 0, "GPU": 0}
    assert types
    assert all(worker["resources"]["GPU"] > 0 for worker in types.values())


def test_only_named_files_that_exist_are_sent_to_the_cluster() -> None:
    mounts = cluster()["file_mounts"]
    own = {local for remote, local in mounts.items() if remote.startswith("/home/ray/srfleet/")}
    assert all((ROOT / local).exists() for local in own)
    assert own >= {"jobs", "sr_core", "pyproject.toml", "constraints.txt"}
    assert not own & {".", "./"}


@pytest.mark.parametrize("path", sorted(ROOT.glob("jobs/configs/*.yaml")), ids=lambda p: p.name)
def test_the_example_loads(path: Path) -> None:
    wanted = Training if path.name.startswith("train_") else JobConfig
    assert isinstance(load_settings(path, wanted), wanted)
