"""Checks before the first step of a training, and its output folder."""

from __future__ import annotations

import io
import json
import re
from dataclasses import fields
from itertools import zip_longest
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch

from jobs.terminal import Terminal
from jobs.train import folder as training_folder
from jobs.train.folder import TrainingFolder, begin
from jobs.train.run import load_start, prepare
from jobs.train.weights import open_lpips
from jobs.train.workers import Group, share_out
from sr_core.config import load_settings
from sr_core.errors import ConfigurationError
from sr_core.models.catalogue import find_checkpoint
from sr_core.training.settings import Content, Stage, Training
from tests.support.small_training import SRGAN, SRRESNET, small_request

pytestmark = pytest.mark.usefixtures("without_shared_weights")

QUIET = Terminal(io.StringIO())
GPU_MACHINE = {"CPU": 8.0, "GPU": 1.0}
CPU_MACHINE = {"CPU": 4.0}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("stages: [{name: a, steps: 1, rate: 2}]", "stages.0.rate: .*got 2"),
        ("stages: [{name: a, steps: 0}]", "steps must be at least 1"),
        ("stages: [{name: a, steps: 1, crop_px: 90}]", "crop_px 90 is not a multiple of scale 4"),
        ("stages: [{name: a, steps: 1, content: {vgg19: 1}}]", "content.vgg19"),
        ("scale: 3\nstages: [{name: a, steps: 1}]", "scale: .*got 3"),
        ("stages: [", "is not valid YAML"),
        ("", "got None"),
    ],
)
def test_settings_that_are_wrong_are_named(tmp_path: Path, text: str, what: str) -> None:
    (tmp_path / "train.yaml").write_text(text)
    with pytest.raises(ConfigurationError, match=what):
        load_settings(tmp_path / "train.yaml", Training)


def test_every_setting_is_documented_with_its_default() -> None:
    document = (Path(__file__).parents[3] / "docs" / "training.md").read_text()
    lines = re.findall(
        r"^\| (`.*?) \| (.*?) \|", document.partition("## Settings")[2], re.MULTILINE
    )
    documented = {
        name: default
        for names, defaults in lines
        for name, default in zip_longest(re.findall(r"\w+", names), defaults.split(", "))
    }
    settings = [*fields(Training), *fields(Stage)]
    assert documented.keys() == {each.name for each in settings} - {"stages"}
    for each in settings:
        if type(each.default) in (int, float):
            assert float(documented[each.name]) == each.default, each.name
    assert all(f"`{loss}`" in document for loss in get_args(Content))


def test_missing_vgg_weights_are_found_before_anything_is_begun(tmp_path: Path) -> None:
    perceptual = SRGAN | {"content": {"vgg54": 1.0}}
    request = small_request(tmp_path, tmp_path / "out", SRRESNET, perceptual)
    with pytest.raises(ConfigurationError, match=r"stage srgan needs .*VGG19 for vgg54.*--vgg"):
        prepare(request, QUIET)
    assert not (tmp_path / "out").exists()


def test_a_training_is_written_down_once_and_found_again(tmp_path: Path) -> None:
    request = small_request(tmp_path, tmp_path / "out", SRRESNET)
    task = prepare(request, QUIET)
    assert prepare(request, QUIET).training == task.training
    settings = json.loads((tmp_path / "out" / "train.json").read_text())
    assert settings["training"]["stages"][0]["learning_rate"] == SRRESNET["learning_rate"]


def test_settings_can_be_put_right_until_something_came_of_them(tmp_path: Path) -> None:
    prepare(small_request(tmp_path, tmp_path / "out", SRRESNET), QUIET)
    with TrainingFolder(str(tmp_path / "out"), writes=True):
        pass
    prepare(small_request(tmp_path, tmp_path / "out", SRRESNET, seed=1), QUIET)
    assert json.loads((tmp_path / "out" / "train.json").read_text())["training"]["seed"] == 1


def test_other_settings_on_the_same_output_are_refused_by_name(tmp_path: Path) -> None:
    prepare(small_request(tmp_path, tmp_path / "out", SRRESNET), QUIET)
    (tmp_path / "out" / "journal.jsonl").touch()
    other = small_request(tmp_path, tmp_path / "out", SRRESNET | {"steps": 7}, seed=1)
    expected = r"training.seed was 0, is 1; training.stages.0.steps was 6, is 7\. Give another"
    with pytest.raises(ConfigurationError, match=expected):
        prepare(other, QUIET)


def test_photographs_that_came_since_are_noticed(tmp_path: Path) -> None:
    request = small_request(tmp_path, tmp_path / "out", SRRESNET)
    prepare(request, QUIET)
    (tmp_path / "out" / "journal.jsonl").touch()
    (tmp_path / "photographs" / "new.png").write_bytes(
        (tmp_path / "photographs" / "000.png").read_bytes()
    )
    with pytest.raises(ConfigurationError, match=r"(photographs|held_out) was \d with the digest"):
        prepare(request, QUIET)


def test_photographs_that_were_only_copied_are_the_same(tmp_path: Path) -> None:
    request = small_request(tmp_path, tmp_path / "out", SRRESNET)
    prepare(request, QUIET)
    (tmp_path / "out" / "journal.jsonl").touch()
    for file in (tmp_path / "photographs").iterdir():
        file.write_bytes(file.read_bytes())  # a new time, so a new etag
    assert prepare(request, QUIET).training.stages[0].name == "srresnet"


def test_a_training_begun_without_newer_settings_goes_on_with_their_defaults(
    tmp_path: Path,
) -> None:
    out = tmp_path / "out"
    prepare(small_request(tmp_path, out, SRRESNET), QUIET)
    (out / "journal.jsonl").touch()
    begun = json.loads((out / "train.json").read_text())
    del begun["training"]["stages"][0]["richest_of"]
    (out / "train.json").write_text(json.dumps(begun))
    prepare(small_request(tmp_path, out, SRRESNET), QUIET)
    with pytest.raises(ConfigurationError, match=r"stages.0.richest_of was 1, is 2"):
        prepare(small_request(tmp_path, out, SRRESNET | {"richest_of": 2}), QUIET)


def test_a_folder_of_other_things_is_no_output(tmp_path: Path) -> None:
    (tmp_path / "srresnet_x4.safetensors").write_bytes(b"mine")
    with pytest.raises(ConfigurationError, match=r"other files, such as srresnet_x4.safetensors"):
        begin(str(tmp_path), {})


def test_a_second_writer_is_refused_until_the_first_has_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training_folder, "_LOCK_PATIENCE_S", 0.0)
    begin(str(tmp_path), {})
    with (
        TrainingFolder(str(tmp_path), writes=True),
        pytest.raises(ConfigurationError, match="another training is writing"),
        TrainingFolder(str(tmp_path), writes=True),
    ):
        pass
    with TrainingFolder(str(tmp_path), writes=True) as folder:
        assert folder.path == tmp_path


def test_a_folder_that_another_machine_does_not_have_is_told(tmp_path: Path) -> None:
    with (
        pytest.raises(ConfigurationError, match=r"a folder that they share, or an s3:// prefix"),
        TrainingFolder(str(tmp_path / "elsewhere"), writes=True),
    ):
        pass


def test_a_start_of_another_scale_gives_its_trunk() -> None:
    checkpoint = find_checkpoint("srresnet")
    same, smaller = load_start(checkpoint, 4), load_start(checkpoint, 2)
    assert set(same) - set(smaller) == {name for name in same if name.startswith("upsample.1.")}
    assert all(torch.equal(smaller[name], same[name]) for name in smaller)


def test_missing_lpips_weights_are_found_before_anything_is_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SRFLEET_SHARED", str(tmp_path))
    stage = SRRESNET | {"content": {"lpips": 1.0}}
    request = small_request(tmp_path, tmp_path / "out", stage)
    with pytest.raises(ConfigurationError, match=r"stage srresnet needs .*LPIPS.*--lpips"):
        prepare(request, QUIET)
    assert not (tmp_path / "out").exists()


def test_a_validation_source_is_validated_on_in_part_if_it_is_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.train.run._VALIDATED", 3)
    request = small_request(tmp_path, tmp_path / "out", SRRESNET)
    request = type(request)(
        request.photographs, request.output, request.config, validation=request.photographs
    )
    task = prepare(request, QUIET)
    assert (len(task.photographs.rows), len(task.held_out.rows)) == (4, 3)


@pytest.mark.parametrize(
    ("machines", "workers", "device", "group"),
    [
        ([GPU_MACHINE, GPU_MACHINE], None, "auto", Group(2, 8, 1)),
        ([GPU_MACHINE, CPU_MACHINE], None, "auto", Group(1, 8, 1)),
        ([GPU_MACHINE, CPU_MACHINE], None, "cpu", Group(2, 4, 0)),
        ([CPU_MACHINE], 3, "auto", Group(3, 1, 0)),
        ([CPU_MACHINE], 2, "auto", Group(2, 2, 0)),
        ([{"CPU": 0.0}, CPU_MACHINE], None, "auto", Group(1, 4, 0)),
        ([{"CPU": 8.0, "GPU": 4.0}], None, "cuda", Group(4, 2, 1)),
    ],
)
def test_workers_share_out_what_the_machines_have(
    machines: list[dict[str, float]], workers: int | None, device: str, group: Group
) -> None:
    assert share_out(machines, workers, device) == group


@pytest.mark.parametrize(
    ("machines", "workers", "device", "what"),
    [
        ([CPU_MACHINE], 5, "cpu", "5 workers do not fit: each takes a CPU core.*4 CPU cores"),
        ([GPU_MACHINE], 2, "auto", "2 workers do not fit: each takes a GPU.*1 GPUs"),
        ([CPU_MACHINE], 1, "cuda", "no GPU"),
        ([], None, "auto", "0 workers do not fit"),
        ([CPU_MACHINE], 1, "tpu", "auto, cpu or cuda, not 'tpu'"),
    ],
)
def test_workers_that_do_not_fit_are_refused(
    machines: list[dict[str, float]], workers: int | None, device: str, what: str
) -> None:
    with pytest.raises(ConfigurationError, match=what):
        share_out(machines, workers, device)


def test_of_many_photographs_some_are_chosen_evenly() -> None:
    from jobs.train.run import _evenly

    assert np.flatnonzero(_evenly(7, 4)).tolist() == [0, 2, 4, 6]
    assert _evenly(2, 4).all()


def test_other_lpips_weights_on_the_same_output_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = tmp_path / "weights" / "lpips_alex_v0.1.safetensors"
    weights.parent.mkdir()
    monkeypatch.setenv("SRFLEET_SHARED", str(tmp_path))
    monkeypatch.setattr("jobs.train.weights.load_lpips", lambda path: path)
    request = small_request(tmp_path, tmp_path / "out", SRRESNET | {"content": {"lpips": 1.0}})
    weights.write_bytes(b"one")
    prepare(request, QUIET)
    (tmp_path / "out" / "journal.jsonl").touch()
    prepare(request, QUIET)
    weights.write_bytes(b"another")
    with pytest.raises(ConfigurationError, match="lpips_sha256 was "):
        prepare(request, QUIET)


def test_missing_weights_are_reported_with_their_path_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SRFLEET_SHARED", str(tmp_path / "[red]"))
    said = io.StringIO()
    assert open_lpips(None, Terminal(said)) is None
    assert f"{tmp_path}/[red]/weights/" in said.getvalue()
