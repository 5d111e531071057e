"""Whole trainings of a few steps: stopped and resumed, in a bucket, on two workers, diverging."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from io import StringIO
from itertools import count
from pathlib import Path

import pytest
import torch

from jobs.cli.exit_codes import ExitCode, ending
from jobs.terminal import Terminal
from jobs.train.folder import TrainingFolder
from jobs.train.run import prepare, train
from sr_core.archive.storage import open_store
from sr_core.errors import ConfigurationError, RetryLaterError
from sr_core.models.checkpoint import load_generator
from sr_core.training.loss_sums import DivergenceError
from sr_core.training.workers import LONE_WORKER
from tests.integration.storage.conftest import set_environment
from tests.support.servers import S3Server, moto_server
from tests.support.small_training import SRGAN, SRRESNET, journal, losses, small_request

pytestmark = pytest.mark.usefixtures("without_shared_weights")

QUIET = Terminal(StringIO())
RAY_WARNS_OF_ITSELF = pytest.mark.filterwarnings("ignore::DeprecationWarning:ray")
WILD = SRRESNET | {"learning_rate": 1e5, "clip_norm": 1e9}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, without_shared_weights: None) -> Path:
    """Run a training of both stages without interruption; return its output."""
    folder = tmp_path_factory.mktemp("undisturbed")
    request = small_request(folder, folder / "out", SRRESNET, SRGAN, licence="CC0-1.0")
    train(request, QUIET)
    return folder / "out"


def stop_after(steps: int) -> Callable[[], bool]:
    """Return a stop request that becomes true after `steps` steps of this process."""
    asked = count(1)
    return lambda: next(asked) >= steps


def test_a_training_leaves_weights_records_and_a_page(undisturbed: Path) -> None:
    srresnet, _ = load_generator(undisturbed / "srresnet_x4.safetensors")
    srgan, info = load_generator(undisturbed / "srgan_x4.safetensors")
    assert not torch.equal(srgan.head.weight, srresnet.head.weight)
    assert info.training["stage"]["adversarial"] == SRGAN["adversarial"]
    assert (info.name, info.licence) == ("srgan", "CC0-1.0")
    assert info.training["photographs"] + info.training["held_out"] == 4
    steps = [(record["stage"], record["kind"], record["step"]) for record in journal(undisturbed)]
    assert steps == [
        ("srresnet", "steps", 2),
        ("srresnet", "steps", 4),
        ("srresnet", "validation", 4),
        ("srresnet", "steps", 6),
        ("srresnet", "validation", 6),
        ("srgan", "steps", 2),
        ("srgan", "validation", 2),
    ]
    page = (undisturbed / "index.html").read_text()
    assert "samples/srgan-0000002.png" in page
    assert (undisturbed / "samples" / "srgan-0000002.png").is_file()


def test_a_finished_training_is_left_as_it_is(undisturbed: Path, tmp_path: Path) -> None:
    def state() -> dict[str, bytes]:
        return {name: (undisturbed / name).read_bytes() for name in names}

    names = ("srresnet_x4.safetensors", "srgan_x4.safetensors", "journal.jsonl", "train.json")
    before = state()
    train(small_request(tmp_path, undisturbed, SRRESNET, SRGAN), QUIET)
    assert state() == before


def test_a_training_stopped_between_two_records_goes_on_to_the_bit(
    undisturbed: Path, tmp_path: Path
) -> None:
    request = small_request(tmp_path, tmp_path / "out", SRRESNET, SRGAN)
    task = prepare(request, QUIET)
    with pytest.raises(RetryLaterError, match="saved at step 3 of 6; the same command resumes"):
        task.work(LONE_WORKER, QUIET, stop_after(3))
    train(request, QUIET)
    assert journal(tmp_path / "out") == journal(undisturbed)
    mine, theirs = (
        load_generator(folder / "srgan_x4.safetensors")[0].state_dict()
        for folder in (tmp_path / "out", undisturbed)
    )
    assert all(torch.equal(mine[name], theirs[name]) for name in theirs)


@pytest.fixture(scope="module")
def moto() -> Iterator[S3Server]:
    with moto_server() as server:
        yield server


@pytest.fixture
def bucket(moto: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return the address of an empty prefix."""
    set_environment(monkeypatch, moto.environment())
    return f"s3://{moto.bucket}/{uuid.uuid4().hex}"


def test_a_training_on_a_bucket_goes_on_where_nothing_of_it_is_on_disk(
    undisturbed: Path, tmp_path: Path, bucket: str
) -> None:
    request = small_request(tmp_path, bucket, SRRESNET, SRGAN, licence="CC0-1.0")
    with pytest.raises(RetryLaterError, match="saved at step 5 of 6"):
        prepare(request, QUIET).work(LONE_WORKER, QUIET, stop_after(5))
    said = StringIO()
    train(request, Terminal(said))
    assert "srresnet resumes after step 5 of 6" in said.getvalue()
    assert journal(bucket) == journal(undisturbed)
    keys = {found.key for found in open_store(bucket).list()}
    assert {"index.html", "srgan_x4.safetensors", "samples/srresnet-0000004.png"} <= keys
    assert any(key.startswith("tensorboard/srresnet/") for key in keys)
    assert (
        open_store(bucket).read("srgan_x4.safetensors")
        == (undisturbed / "srgan_x4.safetensors").read_bytes()
    )


def test_on_a_bucket_the_later_of_two_trainings_goes_on_alone(tmp_path: Path, bucket: str) -> None:
    prepare(small_request(tmp_path, bucket, SRRESNET), QUIET)
    with TrainingFolder(bucket, writes=True) as first:
        (first.path / "index.html").write_text("first")
        first.publish(first.path / "index.html")
        with TrainingFolder(bucket, writes=True) as second:
            (second.path / "index.html").write_text("second")
            second.publish(second.path / "index.html")
            with pytest.raises(ConfigurationError, match="another training took over"):
                first.publish(first.path / "index.html")
    assert open_store(bucket).read("index.html") == b"second"


@RAY_WARNS_OF_ITSELF
def test_two_workers_train_as_one_does(
    undisturbed: Path, tmp_path: Path, ray_session: None
) -> None:
    request = small_request(tmp_path, tmp_path / "out", SRRESNET, SRGAN)
    said = StringIO()
    train(replace(request, workers=2), Terminal(said))
    assert "2 workers of 1 CPU cores each" in said.getvalue()
    assert "srgan begins: 2 steps" in said.getvalue()
    mine, theirs = losses(tmp_path / "out"), losses(undisturbed)
    assert len(mine) == len(theirs)
    for together, alone in zip(mine, theirs, strict=True):
        assert together == pytest.approx(alone, rel=1e-5)


def test_a_divergence_is_told_in_a_line_with_its_curve(tmp_path: Path) -> None:
    request = small_request(tmp_path, tmp_path / "out", WILD)
    with pytest.raises(DivergenceError, match=r"loss of stage srresnet .* learning rate") as error:
        train(request, QUIET)
    assert ending(error.value) == (ExitCode.USAGE, str(error.value))
    assert len(losses(tmp_path / "out")) > 0
    assert (tmp_path / "out" / "index.html").exists()
    assert not (tmp_path / "out" / "srresnet_x4.safetensors").exists()


@pytest.mark.slow
@RAY_WARNS_OF_ITSELF
def test_workers_that_diverge_are_not_tried_again(tmp_path: Path, ray_session: None) -> None:
    request = small_request(tmp_path, tmp_path / "out", WILD)
    said = StringIO()
    with pytest.raises(DivergenceError, match="loss of stage srresnet"):
        train(replace(request, workers=2), Terminal(said))
    assert said.getvalue().count("srresnet begins") == 1


def test_workers_that_cannot_share_a_batch_are_refused(tmp_path: Path, ray_session: None) -> None:
    request = small_request(tmp_path, tmp_path / "out", SRRESNET | {"batch_size": 3})
    with pytest.raises(ConfigurationError, match="2 workers cannot share the batch_size 3"):
        train(replace(request, workers=2), QUIET)
