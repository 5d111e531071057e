"""Training: SRResNet, then SRGAN from it, in this process or on the workers of a cluster."""

from __future__ import annotations

import hashlib
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import torch
from torch import Tensor

from jobs.terminal import Terminal
from jobs.train.folder import begin
from jobs.train.photographs import SourcePhotographs, open_photographs, split
from jobs.train.task import Listing, Task
from jobs.train.torch_device import torch_device
from jobs.train.weights import find_lpips, find_vgg, open_lpips
from sr_core.archive.storage import open_store
from sr_core.config import load_settings
from sr_core.errors import ConfigurationError
from sr_core.metrics.lpips import LPIPS
from sr_core.models.checkpoint import load_generator
from sr_core.models.generator import rescaled
from sr_core.models.vgg import load_vgg, load_vgg_stack
from sr_core.training.settings import Stage, Training, feature_losses
from sr_core.training.steps import FeatureNetwork
from sr_core.training.workers import Worker

PACKAGED_CONFIG = Path(__file__).parent.parent / "configs" / "train_x4.yaml"
_VALIDATION_SHARE = 0.05
_VALIDATED = 100
"""Largest number of photographs to validate on: more take time and change little."""
_SMALLEST_PX = 32
"""Shortest side of a photograph, in pixels, that LPIPS and SSIM accept."""


@dataclass(frozen=True, slots=True)
class Request:
    """Arguments of the command."""

    photographs: str
    output: str
    config: Path = PACKAGED_CONFIG
    validation: str | None = None
    """Source to validate on; None holds out a twentieth of the photographs."""
    vgg: Path | None = None
    lpips: Path | None = None
    device: str = "auto"
    workers: int | None = None
    address: str | None = None


@dataclass(frozen=True, slots=True)
class Trained:
    """The results of a training: the last stage's checkpoint, and the page of curves."""

    checkpoint: str
    page: str


def train(request: Request, terminal: Terminal) -> Trained:
    """Train to the end, resuming what OUT holds.

    Raises: ConfigurationError; DivergenceError; RetryLaterError if stopped, or if a store is
        unavailable.
    """
    if request.workers is None and request.address is None:
        worker = Worker(torch.device(torch_device(request.device)))
        task = prepare(request, terminal)
        with _stopping_on_signals(terminal) as stopping:
            task.work(worker, terminal, stopping)
    else:
        try:
            from jobs.train.workers import train_on_workers
        except ImportError as error:
            raise ConfigurationError(
                f"{error}; install it with pip install '.[train]' in a clone of srfleet"
            ) from error
        task = prepare(request, terminal)
        train_on_workers(task, request.workers, request.device, request.address, terminal)
    checkpoint = f"{task.training.stages[-1].name}_x{task.training.scale}.safetensors"
    output = request.output.rstrip("/")
    return Trained(f"{output}/{checkpoint}", f"{output}/index.html")


def prepare(request: Request, terminal: Terminal) -> Task:
    """Check everything that can be checked before the first step, and store the settings in OUT.

    Raises: ConfigurationError; RetryLaterError if a store cannot be used now.
    """
    training = load_settings(request.config, Training)
    start = None if training.start is None else load_start(Path(training.start), training.scale)
    vgg_file, lpips_file = find_vgg(request.vgg), find_lpips(request.lpips)
    lpips = open_lpips(request.lpips, terminal)
    features = _feature_networks(training, vgg_file, lpips)
    photographs, held_out = _open_photographs(request, training, terminal)
    affecting = {key: value for key, value in asdict(training).items() if key != "licence"}
    settings = {
        "training": affecting,
        "photographs": _name(photographs),
        "held_out": _name(held_out),
        "vgg_sha256": _sha256(vgg_file) if vgg_file and set(features) - {"lpips"} else None,
        "lpips_sha256": _sha256(lpips_file) if lpips_file and "lpips" in features else None,
        "start_sha256": None if training.start is None else _sha256(Path(training.start)),
    }
    defaults = {each.name: each.default for each in (*fields(Training), *fields(Stage))}
    begin(request.output, settings, defaults)
    return Task(
        training=training,
        output=open_store(request.output).uri,
        photographs=Listing.of(photographs),
        held_out=Listing.of(held_out),
        start=start,
        features=features,
        lpips=lpips,
    )


def load_start(path: Path, scale: int) -> Mapping[str, Tensor]:
    """Return the weights that the first stage starts from; see `rescaled` for another scale.

    Raises: ConfigurationError if they are of another network.
    """
    generator, info = load_generator(path)
    same = info.scale == scale
    return (generator if same else rescaled(generator, scale)).state_dict()


def _feature_networks(
    training: Training, vgg_file: Path | None, lpips: LPIPS | None
) -> dict[str, FeatureNetwork]:
    """Load the networks for the losses of all stages, so that missing weights are reported at once.

    Raises: ConfigurationError.
    """
    needed = {loss: stage.name for stage in training.stages for loss in feature_losses(stage)}
    lpips_stage = needed.pop("lpips", None)
    if needed and vgg_file is None:
        raise ConfigurationError(
            f"stage {' and '.join(sorted(set(needed.values())))} needs the weights of VGG19 for "
            f"{' and '.join(sorted(needed))}: give the path of torchvision's vgg19-dcbb9e9d.pth or "
            "of its convolutions with --vgg; docs/training.md says where they come from"
        )
    networks: dict[str, FeatureNetwork] = {}
    if vgg_file is not None:
        for loss in needed:
            if loss == "perceptual":
                networks[loss] = load_vgg_stack(vgg_file)
            elif loss != "lpips":
                networks[loss] = load_vgg(vgg_file, loss)
    if lpips_stage is not None:
        if lpips is None:
            raise ConfigurationError(
                f"stage {lpips_stage} needs the weights of LPIPS for its loss: give their path "
                "with --lpips; docs/evaluation.md explains how to make the file"
            )
        networks["lpips"] = lpips
    return networks


def _open_photographs(
    request: Request, training: Training, terminal: Terminal
) -> tuple[SourcePhotographs, SourcePhotographs]:
    """Return the photographs to train on, and those held out."""
    smallest = max(_SMALLEST_PX, *(stage.crop_px for stage in training.stages))
    photographs = open_photographs(request.photographs, terminal, min_side_px=smallest)
    if request.validation is None:
        photographs, held_out = split(photographs, _VALIDATION_SHARE, at_most=_VALIDATED)
    else:
        held_out = open_photographs(request.validation, terminal, min_side_px=smallest)
        held_out = held_out.part(_evenly(len(held_out), _VALIDATED))
    terminal.say(f"{len(photographs):,} photographs to train on, {len(held_out):,} to validate on")
    return photographs, held_out


def _evenly(count: int, at_most: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Return a mask of at most `at_most` evenly spaced items."""
    chosen = np.zeros(count, np.bool_)
    chosen[np.linspace(0, count - 1, min(count, at_most)).astype(int)] = True
    return chosen


def _name(photographs: SourcePhotographs) -> str:
    """Describe photographs by what batches depend on: names and sizes, not location."""
    digest = hashlib.sha256()
    for key, (height, width) in zip(photographs.keys, photographs.sizes, strict=True):
        digest.update(f"{key!r} {height} {width}\n".encode())
    return f"{len(photographs)} with the digest {digest.hexdigest()[:16]}"


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


@contextmanager
def _stopping_on_signals(terminal: Terminal) -> Iterator[Callable[[], bool]]:
    """Defer the first Ctrl-C or SIGTERM to the end of the step; the second one interrupts."""
    asked = Event()

    def ask(*_: object) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()
        terminal.say("stopping after this step; a second time stops at once")

    previous = {each: signal.signal(each, ask) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked.is_set
    finally:
        for each, handler in previous.items():
            signal.signal(each, handler)
