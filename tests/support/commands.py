"""Commands as people type them, in this process or in one of their own."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import yaml
from click.testing import Result
from typer.testing import CliRunner

from jobs.cli.app import app
from jobs.cli.terminal import run
from sr_core.config import JobConfig


def srfleet(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own, through all that ends one."""
    command = [sys.executable, "-m", "jobs", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def srfleet_here(*arguments: str) -> Result:
    """Run a command in this process, and with its Ray."""
    return CliRunner().invoke(app, arguments, catch_exceptions=False)


def exit_code_here(*arguments: str) -> int:
    """Run a command in this process, including its error handling; return its exit code."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        run(lambda: app(arguments, prog_name="srfleet"))
    except SystemExit as end:
        return int(end.code or 0)
    finally:
        signal.signal(signal.SIGTERM, before)
    return 0


def job_file(job: JobConfig, folder: Path) -> Path:
    """Write a job for --job."""
    path = folder / "job.yaml"
    path.write_text(yaml.safe_dump(job.model_dump(mode="json")))
    return path
