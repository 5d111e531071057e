"""Trainings of a few steps on small pictures, and readers of their journals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from jobs.train.run import Request
from sr_core.archive.storage import open_store
from tests.support.photographs import write_photographs

SRRESNET = {"name": "srresnet", "steps": 6, "learning_rate": 1e-4}
SRGAN = {
    "name": "srgan",
    "steps": 2,
    "adversarial": 1e-2,
    "learning_rate": 1e-4,
    "discriminator_learning_rate": 1e-5,
}


def write_training(folder: Path, *stages: dict[str, Any], **settings: Any) -> tuple[Path, Path]:
    """Write photographs and settings; return their paths. Each record covers two steps."""
    folder.mkdir(parents=True, exist_ok=True)
    write_photographs(folder / "photographs", 4, side=40)
    small = {"batch_size": 2, "crop_px": 32, "warmup": 1}
    training = {
        "precision": "float32",
        "compile": False,
        "memory_budget_mb": 64,
        "report_every": 2,
        "validate_every": 4,
        "save_every": 4,
        "stages": [small | stage for stage in stages],
    }
    (folder / "train.yaml").write_text(yaml.safe_dump(training | settings))
    return folder / "photographs", folder / "train.yaml"


def small_request(
    folder: Path, output: Path | str, *stages: dict[str, Any], **settings: Any
) -> Request:
    """Return a request for a small training on the CPU; writes its pictures and settings."""
    photographs, config = write_training(folder, *stages, **settings)
    return Request(str(photographs), str(output), config=config, device="cpu")


def start_training(
    photographs: Path, output: Path | str, config: Path, options: Sequence[str] = ()
) -> subprocess.Popen[str]:
    """Run the command in a process of its own."""
    command = [sys.executable, "-m", "jobs", "train", str(photographs), str(output)]
    return subprocess.Popen(
        [*command, "--config", str(config), "--device", "cpu", *options],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        # A shell starts background processes with SIGINT ignored; these must react to it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads
    )


def journal(output: Path | str) -> list[dict[str, Any]]:
    """Return the records of a training without times."""
    data, _ = open_store(str(output)).read_object("journal.jsonl")
    records = [json.loads(line) for line in data.splitlines()]
    return [{key: value for key, value in each.items() if key != "seconds"} for each in records]


def losses(output: Path | str) -> list[dict[str, float]]:
    """Return the losses of a training's records."""
    return [record["losses"] for record in journal(output) if record["kind"] == "steps"]
