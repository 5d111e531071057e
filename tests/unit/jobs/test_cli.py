"""The command line: arguments become a job; errors become one line and an exit code."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from jobs.cli import app as cli
from jobs.cli.app import app
from jobs.cli.options import build_job, parse_target
from sr_core.archive.planning.estimate import Estimate
from sr_core.archive.planning.summary import summarise
from sr_core.archive.tables import PLAN_SCHEMA
from sr_core.config import JobConfig
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


def test_a_job_knows_what_neither_its_file_nor_the_command_line_names(tmp_path: Path) -> None:
    file = tmp_path / "job.yaml"
    file.write_text("source: a\noutput: b\nrun: {quality: 90}\n")
    typed = build_job(file, None, None, {"scale": 2, "model": None}, {})
    assert typed.run.model_fields_set == {"quality", "scale"}
    assert build_job(None, "a", "b", {"model": "srgan"}, {}).run.model_fields_set == {"model"}


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


@pytest.fixture
def planned(monkeypatch: pytest.MonkeyPatch) -> list[JobConfig]:
    """Collect the jobs passed to `plan`, instead of measuring them on a Ray."""
    jobs: list[JobConfig] = []
    nothing = summarise(PLAN_SCHEMA.empty_table(), 0, [], [], model="srgan")

    def collect(job: JobConfig) -> SimpleNamespace:
        jobs.append(job)
        found = Estimate(job.source, job.run.model, nothing, "cpu", 1, 1.0)
        return SimpleNamespace(estimate=lambda: found)

    monkeypatch.setattr("jobs.upscale.plan.plan_run", collect)
    return jobs


def test_a_plan_takes_its_job_file_whole(planned: list[JobConfig], tmp_path: Path) -> None:
    file = tmp_path / "job.yaml"
    file.write_text("source: a\noutput: b\nrun: {scale: 2}\n")
    assert CliRunner().invoke(app, ["plan", "--job", str(file)]).exit_code == 0
    (job,) = planned
    assert (job.source, job.output, job.run.scale) == ("a", "b", 2)


def test_a_plan_understands_the_arguments_of_upscale(planned: list[JobConfig]) -> None:
    typed = "a b --model bicubic --format webp --quality 80 --strip-gps --actors 3 --device cpu"
    assert CliRunner().invoke(app, ["plan", *typed.split()]).exit_code == 0
    (job,) = planned
    assert (job.source, job.output, job.execution.actors) == ("a", "b", 3)
    assert (job.run.format, job.run.quality, job.run.strip_gps) == ("webp", 80, True)


def test_a_plan_needs_no_output(planned: list[JobConfig]) -> None:
    assert CliRunner().invoke(app, ["plan", "a"]).exit_code == 0
    assert [job.source for job in planned] == ["a"]
    refused = CliRunner().invoke(app, ["plan"])
    assert "no source given" in str(refused.exception)


def test_targets() -> None:
    assert parse_target("3840x2160") == (3840, 2160)
    assert parse_target("640X480") == (640, 480)
    assert parse_target(None) is None
    for wrong in ("3840", "x", "3840x", "-1x5", "1.5x2"):
        with pytest.raises(ConfigurationError, match="must look like 3840x2160"):
            parse_target(wrong)


def test_the_long_help_shows_what_the_short_one_leaves_out() -> None:
    runner = CliRunner(env={"COLUMNS": "100"})
    short, long = (runner.invoke(app, ["upscale", each]) for each in ("--help", "--help-all"))
    assert long.exit_code == 0
    assert "--precision" in long.output
    assert "--precision" not in short.output
    assert "--help-all" in short.output


@pytest.mark.parametrize("name", get_command(app).commands)
def test_the_help_of_a_command_fits_a_screen_and_shows_two_examples(name: str) -> None:
    said = CliRunner(env={"COLUMNS": "100"}).invoke(app, [name, "--help"]).output
    assert len(said.splitlines()) <= 40
    assert len(max(said.splitlines(), key=len)) == 100
    examples = [line.split() for line in said.splitlines() if line.startswith(f" srfleet {name}")]
    assert len(examples) >= 2
    known = {option for each in get_command(app).commands[name].params for option in each.opts}
    assert {word for words in examples for word in words if word.startswith("-")} <= known


def test_help_loads_nothing_heavy() -> None:
    heavy = ("torch", "ray", "pyarrow", "numpy", "boto3")
    check = f"import sys, jobs.cli.app; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_help_lists_every_command_and_exit_code() -> None:
    said = CliRunner().invoke(app, ["--help"]).output
    for word in (
        "demo",
        "evaluate",
        "export",
        "manifest",
        "models",
        "plan",
        "quantize",
        "train",
        "upscale",
        "status",
        "verify",
        "doctor",
        "75 not finished",
    ):
        assert word in " ".join(said.split())


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["upscale", "no-such-folder", "out"], "no-such-folder does not exist"),
        (["upscale", "pyproject.toml", "out"], "pyproject.toml is a file"),
        (["upscale", "docs", "out", "--model", "srganx"], "no model or checkpoint file 'srganx'"),
        (["upscale", "docs", "out", "--engine", "onnx"], "engine: "),
        (
            ["quantize", "no-such-folder", "--model", "pyproject.toml"],
            "no-such-folder does not exist",
        ),
        (["export", "bicubic", "out.onnx"], "bicubic is an interpolation and has no network"),
        (["export", "auto", "out.onnx"], "export srgan-photo and srgan each"),
        (["export", "srgan", "out.txt"], "ends in .onnx"),
        (["export", "srgan", "no-such-folder/a.onnx"], "there is no folder no-such-folder"),
        (["baseline", "docs", "--model", "bicubic", "-o", "README.md"], "exists already"),
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


@pytest.mark.parametrize(
    ("command", "number"),
    [("manifest", signal.SIGINT), ("manifest", signal.SIGTERM), ("plan", signal.SIGTERM)],
)
def test_a_signal_while_a_source_is_listed_is_one_line_and_exit_code_75(
    command: str, number: signal.Signals, tmp_path: Path
) -> None:
    # A store that accepts the listing request and never answers.
    with socket.create_server(("127.0.0.1", 0)) as storage:
        storage.settimeout(60)
        environment = os.environ | {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{storage.getsockname()[1]}",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
            "NO_PROXY": "127.0.0.1",
            "PYTHONPATH": str(Path(__file__).parents[3]),
        }
        with subprocess.Popen(
            [sys.executable, "-m", "jobs", command, "s3://archive/photos"],
            cwd=tmp_path,
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
            # A shell starts background processes with SIGINT ignored; this one must react to it.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - no threads
        ) as process:
            connection, _ = storage.accept()
            with connection:
                process.send_signal(number)
                _, said = process.communicate(timeout=60)
    assert process.returncode == 75, said
    assert said.splitlines() == ["stopped: the same command resumes from what is committed"]
    assert list(tmp_path.iterdir()) == []


def test_a_manifest_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    run = srfleet("manifest", str(tmp_path / "photos"), "-o", str(tmp_path / "missing" / "out"))
    assert run.returncode == 2
    assert len(run.stderr.splitlines()) == 1
    assert run.stderr.startswith("error: ")
    assert "No such file or directory" in run.stderr


def test_a_full_disk_may_be_emptied(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    # A limit on file sizes simulates a full disk.
    limited = 'ulimit -f 0; exec "$0" -m jobs manifest photos -o out'
    run = subprocess.run(
        ["bash", "-c", limited, sys.executable],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 75, run.stderr
    assert len(run.stderr.splitlines()) == 1
    assert "File too large" in run.stderr


@pytest.mark.parametrize(
    ("ended", "code"),
    [(0, 0), (2, 2), (3, 3), (75, 75), (130, 75), (signal.SIGTERM, 75), (1, 75)],
)
def test_whatever_stops_a_command_the_code_is_a_documented_one(
    ended: int, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli, "app", lambda: sys.exit(ended))
    before = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(SystemExit) as end:
            cli.main()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert end.value.code == code


def test_the_code_says_it_even_where_nobody_reads() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "jobs", "status", "no-such-folder"]
    with open(writer, "wb") as closed:
        assert subprocess.run(command, stderr=closed, check=False).returncode == 2
