"""Fixtures and settings of all tests. The environment is set before torch or Ray is imported."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

os.environ.setdefault("OMP_NUM_THREADS", "1")
# Every Ray that a test starts has a token of its own; without it Ray writes one to the home folder.
os.environ.setdefault("RAY_AUTH_MODE", "token")
os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(16))

# No deadline: the machine may be busy. The same examples in every run of continuous integration.
settings.register_profile(
    "srfleet",
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("srfleet")

REPOSITORY = Path(__file__).resolve().parent.parent


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-golden", action="store_true", help="write tests/golden anew")


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of photographs, benchmarks and weights too large for the repository."""
    folder = Path(os.environ.get("SRFLEET_SHARED", REPOSITORY.parent / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip(f"no shared data in {folder}; SRFLEET_SHARED says where it is")
    return folder


@pytest.fixture(scope="module")
def without_shared_weights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Hide the weights of VGG19 and LPIPS from commands, wherever the tests run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SRFLEET_SHARED", str(tmp_path_factory.mktemp("nothing")))
        yield


@pytest.fixture(scope="session", autouse=True)
def conversions_of_this_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the conversions of tests apart from the user's own.

    Set before any Ray starts, because its workers inherit the environment.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def ray_session() -> Iterator[None]:
    """Start a local Ray with two cores and no GPU, on the first request."""
    import ray

    ray.init(
        num_cpus=2,
        num_gpus=0,
        include_dashboard=False,
        object_store_memory=128 << 20,
        log_to_driver=False,
    )
    yield
    ray.shutdown()
