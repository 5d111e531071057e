"""Output of commands: answers on standard output, names verbatim, JSON, and the event log."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from sr_core.config import ExecutionConfig, JobConfig, RunConfig
from sr_core.errors import ErrorClass
from tests.integration.storage.conftest import set_environment
from tests.support.commands import exit_code_here, job_file, srfleet, srfleet_here
from tests.support.photo_run import PhotoRun
from tests.support.photographs import write_photographs
from tests.support.servers import moto_server
from tests.support.whole_run import run_here

NAMES = [
    "[/scans]",
    "[red]",
    "[bold]x",
    "\\[x]",
    "{}",
    "%s",
    ":smile:",
    "\x1b[31mred",
    "two\nlines",
    "\u202egpj.exe",
    "caf\u00e9",
    "n" * 200,
]
REPLACED = str.maketrans(dict.fromkeys("\x07\x1b\n\u202e", "\ufffd"))


def squeezed(text: str) -> str:
    """Remove boxes and line breaks from the text."""
    return "".join(text.replace("\u2502", "").split())


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go to a folder with three photographs, and a benchmark of them."""
    write_photographs(tmp_path / "photos", 3)
    monkeypatch.chdir(tmp_path)
    return tmp_path


REFUSED = [
    ["upscale", "NAME", "out"],
    ["upscale", "photos", "ftp://NAME"],
    ["upscale", "photos", "out", "--model", "NAME"],
    ["upscale", "photos", "out", "--target", "NAME"],
    ["upscale", "photos", "out", "--format", "NAME"],
    ["upscale", "photos", "out", "--job", "NAME"],
    ["upscale", "photos", "out", "--log-json", "missing/NAME"],
    ["plan", "NAME"],
    ["manifest", "NAME"],
    ["manifest", "photos", "--output", "missing/NAME"],
    ["manifest", "photos", "--since", "NAME"],
    ["status", "NAME"],
    ["verify", "NAME"],
    ["evaluate", "NAME"],
    ["evaluate", "photos", "--model", "NAME"],
    ["evaluate", "photos", "--lpips", "NAME"],
    ["train", "photos", "out", "--vgg", "NAME"],
    ["train", "photos", "out", "--config", "NAME"],
    ["quantize", "NAME", "--model", "photos/000.png"],
    ["quantize", "photos", "--model", "NAME"],
    ["NAME"],
]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
@pytest.mark.parametrize("arguments", REFUSED, ids=" ".join)
def test_a_message_shows_a_name_as_it_is(
    arguments: list[str], name: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code_here(*(each.replace("NAME", name) for each in arguments)) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "Traceback" not in said.err
    assert not set(said.err) & set("\x1b\x07\u202e")
    shown = (name.translate(REPLACED), name, repr(name)[1:-1], quote(name))
    assert any(squeezed(each) in squeezed(said.err) for each in shown), said.err


@pytest.fixture(scope="module")
def finished(ray_session: None, tmp_path_factory: pytest.TempPathFactory) -> JobConfig:
    """Run a job whose root and keys have hostile names; one image is broken."""
    folder = tmp_path_factory.mktemp("names")
    root = folder / "[" / "out][red]:smile:{}%s"
    job = JobConfig(
        source=str(folder / "photos"),
        output=str(root),
        run=RunConfig(model="nearest", measure=False),
        execution=ExecutionConfig(shard_megapixels=1),
    )
    write_photographs(folder / "photos", 1)
    picture = (folder / "photos" / "000.png").read_bytes()
    for name in NAMES:
        path = folder / "photos" / f"{name}.png"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(picture)
    (folder / "photos" / "[red]broken.png").write_bytes(picture[:50])
    assert srfleet_here("upscale", "--job", str(job_file(job, folder))).exit_code == 3
    return job


def test_a_run_with_every_name_is_planned_listed_and_verified(
    finished: JobConfig, tmp_path: Path
) -> None:
    file = str(job_file(finished, tmp_path))
    again = srfleet_here("upscale", "--job", file)
    assert f"-> {Path(finished.output).as_uri()}\n" in again.stderr
    assert again.stdout.startswith(f"{len(NAMES) + 2} images: ")
    plan = srfleet_here("plan", "--job", file)
    assert (plan.exit_code, plan.stderr) == (0, "")
    manifest = srfleet_here("manifest", finished.source, "-o", str(tmp_path / "[red].parquet"))
    assert manifest.stdout.startswith(f"{tmp_path}/[red].parquet: {len(NAMES) + 2} files of ")
    status = srfleet_here("status", finished.output)
    assert (status.exit_code, status.stderr) == (3, "")
    assert finished.source in status.stdout
    assert srfleet_here("verify", finished.output).exit_code == 0


def test_damage_names_the_object_and_is_exit_code_5(finished: JobConfig) -> None:
    output = Path(finished.output) / "images" / "[red].png"
    data = output.read_bytes()
    try:
        output.unlink()
        damaged = srfleet_here("verify", finished.output)
        answer = json.loads(srfleet_here("verify", finished.output, "--json").stdout)
    finally:
        output.write_bytes(data)
    assert damaged.exit_code == 5
    assert "error: images/[red].png: " in damaged.stdout
    assert [each["subject"] for each in answer["findings"]] == ["images/[red].png"]


def test_json_answers_of_a_whole_run(finished: JobConfig, tmp_path: Path) -> None:
    file = str(job_file(finished, tmp_path))
    images = len(NAMES) + 2
    status = json.loads(srfleet_here("status", finished.output, "--json").stdout)
    assert (status["images"], status["images_done"], status["finished"]) == (images, images, True)
    assert status["root_uri"] == Path(finished.output).as_uri()
    left = json.loads(srfleet_here("plan", "--job", file, "--json").stdout)
    assert (left["files"], left["price"]) == (0, None), "nothing is left of a finished run"
    fresh = str(tmp_path / "fresh")
    plan = json.loads(srfleet_here("plan", "--job", file, finished.source, fresh, "--json").stdout)
    assert plan["files"] == images
    assert plan["wall_s"] == pytest.approx(plan["device_s"] / plan["actors"])
    ended = srfleet_here("upscale", "--job", file, "--json")
    assert ended.exit_code == 3
    outcome = json.loads(ended.stdout)
    assert outcome["run_id"] == status["run_id"]
    assert outcome["statuses"] == status["statuses"]
    assert sum(outcome["statuses"].values()) == images


def test_the_event_log_tells_a_run_from_its_beginning_to_its_outcome(
    ray_session: None, tmp_path: Path
) -> None:
    write_photographs(tmp_path / "photos", 3)
    log = tmp_path / "[red].jsonl"
    arguments = ["upscale", str(tmp_path / "photos"), str(tmp_path / "out"), "--model", "nearest"]
    assert srfleet_here(*arguments, "--log-json", str(log)).exit_code == 0
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    names = [line["event"] for line in lines]
    assert names[:2] == ["log_opened", "run_opened"]
    assert names[-1] == "run_finished"
    assert {"round_planned", "round_begun", "shard_committed", "round_finished"} <= set(names)
    assert len({line["run_id"] for line in lines[1:]}) == 1
    assert all(line["time"].endswith("+00:00") for line in lines)
    assert lines[-1]["statuses"]["ok"] == 3
    # A second start appends to what is there.
    assert srfleet_here(*arguments, "--log-json", str(log)).exit_code == 0
    assert len(log.read_text().splitlines()) > len(lines)


@pytest.mark.parametrize(
    ("file", "says"),
    [
        ("missing/log", "No such file or directory"),
        (".", "Is a directory"),
        ("/dev/full", "No space left on device"),
    ],
)
def test_a_log_that_cannot_be_written_is_an_error_before_anything_starts(
    file: str, says: str, folder: Path
) -> None:
    run = srfleet("upscale", "photos", "out", "--log-json", file)
    assert run.returncode == 2
    assert run.stderr == f"error: --log-json {file} cannot be written: {says}\n"
    assert not (folder / "out").exists()


@pytest.fixture
def damaged(tmp_path: Path) -> str:
    """Write a run, and remove so many outputs that verify prints more than a pipe holds."""
    run = PhotoRun(tmp_path)
    for number in range(12):
        run.add(f"{number:02}{'n' * 200}.png")
    run.fail("x.png", ErrorClass.DECODE)
    run.write()
    for output in (tmp_path / "run" / "images").iterdir():
        output.unlink()
    return str(tmp_path / "run")


def test_answers_go_to_standard_output_and_nothing_else_does(damaged: str) -> None:
    status = srfleet("status", damaged)
    assert status.returncode == 3
    assert status.stderr == ""
    assert status.stdout.endswith("finished\n")
    verify = srfleet("verify", damaged)
    assert verify.returncode == 5
    assert verify.stderr == ""
    # Without a terminal, no line is wrapped at 80 columns.
    missing = [line for line in verify.stdout.splitlines() if line.endswith(".png is missing")]
    assert len(missing) == 12
    assert all("n" * 200 in line for line in missing)


@pytest.mark.parametrize("arguments", [["verify"], ["verify", "--json"]])
def test_a_reader_that_stops_early_changes_no_exit_code(damaged: str, arguments: list[str]) -> None:
    command = '"$0" -m jobs "$@" | head -1; exit "${PIPESTATUS[0]}"'
    run = subprocess.run(
        ["bash", "-c", command, sys.executable, *arguments, damaged],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (run.returncode, run.stderr) == (5, "")
    assert len(run.stdout.splitlines()) == 1


def test_a_reader_that_is_gone_changes_no_exit_code(damaged: str) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "wb") as closed:
        run = subprocess.run(
            [sys.executable, "-m", "jobs", "status", damaged],
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (run.returncode, run.stderr) == (3, "")


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with moto_server() as server:
        set_environment(monkeypatch, server.environment())
        yield f"s3://{server.bucket}/{uuid.uuid4().hex}"


def test_a_prefix_in_a_bucket_is_shown_as_it_is(
    bucket: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prefix = f"{bucket}/[/scans]"
    assert exit_code_here("status", prefix) == 2
    assert f"error: {prefix} holds no run" in capsys.readouterr().err
    job = JobConfig(
        source=str(folder / "photos"),
        output=prefix,
        run=RunConfig(model="nearest", measure=False),
        execution=ExecutionConfig(shard_megapixels=1),
    )
    run_here(job)
    assert exit_code_here("upscale", "--job", str(job_file(job, folder))) == 0
    said = capsys.readouterr()
    assert f"-> {prefix}\n" in said.err
    assert f"report: {prefix}/report.html\n" in said.out
    assert exit_code_here("manifest", f"{prefix}/images") == 0
    assert f"3 files of {prefix}/images\n" in capsys.readouterr().out
