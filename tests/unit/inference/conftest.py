"""Fixtures for engines: a small network, and a separate folder for conversions."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from sr_core.models.generator import Generator, initialise_as_interpolator


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "srfleet"


@pytest.fixture
def generator() -> Generator:
    torch.manual_seed(1)
    generator = Generator(channels=8, blocks=2)
    initialise_as_interpolator(generator)
    return generator.eval()
