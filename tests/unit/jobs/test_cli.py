"""The command line: what is typed becomes a job, what is wrong one line and a code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from jobs.cli import app, build_job, parse_target
from sr_core.errors import ConfigurationError


def srfleet(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "jobs", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_what_is_typed_wins_over_the_job_file(tmp_path: Path) -> None:
    file = tmp_path / "job.yaml"
    file.write_text("source: a\noutput: b\nrun: {model: nearest, scale: 2}\n")
    job = build_job(file, None, "c", {"scale": 4, "model": None}, {"actors": 3})
    assert (job.source, job.output) == ("a", "c")
    assert (job.run.model, job.run.scale, job.execution.actors) == ("nearest", 4, 3)


def test_a_job_without_an_output_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="no output given"):
        build_job(None, "a", None, {}, {})


@pytest.mark.parametrize(
    ("option", "value", "names"),
    [("scale", 3, "scale"), ("quality", 0, "quality"), ("format", "gif", "format")],
)
def test_a_wrong_option_is_named_with_its_value(option: str, value: object, names: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"{names}: .*got {value!r}"):
        build_job(None, "a", "b", {option: value}, {})


def test_targets() -> None:
    assert parse_target("3840x2160") == (3840, 2160)
    assert parse_target("640X480") == (640, 480)
    assert parse_target(None) is None
    for wrong in ("3840", "x", "3840x", "-1x5", "1.5x2"):
        with pytest.raises(ConfigurationError, match="must look like 3840x2160"):
            parse_target(wrong)


def test_help_lists_every_command_and_exit_code() -> None:
    said = CliRunner().invoke(app, ["--help"]).output
    for word in (
        "demo",
        "manifest",
        "plan",
        "upscale",
        "status",
        "verify",
        "doctor",
        "75 try again",
    ):
        assert word in " ".join(said.split())


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["upscale", "no-such-folder", "out"], "no-such-folder does not exist"),
        (["upscale", "pyproject.toml", "out"], "pyproject.toml is a file"),
        (["upscale", "docs", "out", "--model", "srganx"], "no model or checkpoint file 'srganx'"),
        (["upscale", "docs", "docs"], "both source and output"),
        (["upscale", "docs", "ftp://x/y"], "ftp:// is not supported"),
        (["status", "docs"], "holds no run"),
        (["verify", "docs"], "holds no run"),
        (["upscale", "docs", "out", "--scale", "x"], "unable to parse string as an integer"),
    ],
)
def test_bad_usage_is_one_message_and_exit_code_2(
    arguments: list[str], says: str, tmp_path: Path
) -> None:
    run = srfleet(*(str(tmp_path / "out") if each == "out" else each for each in arguments))
    assert run.returncode == 2, run.stderr
    assert says in " ".join(run.stderr.replace("│", " ").split())
    assert "Traceback" not in run.stderr
    assert not (tmp_path / "out").exists()
