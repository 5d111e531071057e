"""Fixtures and settings that all tests share. The environment is set before torch or Ray load."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

os.environ.setdefault("OMP_NUM_THREADS", "1")
# A token of its own for every Ray that a test starts; without it Ray would write one to the home.
os.environ.setdefault("RAY_AUTH_MODE", "token")
os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(16))

# No deadline: the machine may be busy. The same examples in every continuous integration run.
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
    """The folder of photographs, benchmarks and weights that are too large for the repository."""
    folder = Path(os.environ.get("SRFLEET_SHARED", REPOSITORY.parent / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip(f"no shared data in {folder}; SRFLEET_SHARED says where it is")
    return folder


@pytest.fixture(scope="module")
def without_shared_weights(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Let commands find no weights of VGG19 and LPIPS, wherever the tests run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SRFLEET_SHARED", str(tmp_path_factory.mktemp("nothing")))
        yield


@pytest.fixture(scope="session", autouse=True)
def conversions_of_this_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep conversions for the tests' own processes, apart from those of the person who runs them.

    Before any Ray starts, whose workers inherit it.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def ray_session() -> Iterator[None]:
    """A local Ray of two cores without a GPU, started by the first test that asks for it."""
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
