"""Quantizing: calibrate a checkpoint for 8-bit integers, and measure its loss."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track

from jobs.terminal import Terminal
from jobs.train.photographs import SourcePhotographs, open_photographs, split
from jobs.upscale.speed import measure_speed
from sr_core.config import ExecutionConfig
from sr_core.errors import ConfigurationError, RetryLaterError
from sr_core.evaluation.crops import spread
from sr_core.evaluation.scores import score
from sr_core.imaging.tensors import to_tensor
from sr_core.inference.engines import candidate_engines
from sr_core.inference.known_answer import TOLERATED_LEVELS, known_answer_error, known_tile
from sr_core.inference.quantised import MAX_LOSS_DB, Calibration, Ranges, calibrate
from sr_core.inference.tiled import GeneratorUpscaler
from sr_core.models.catalogue import checkpoint_sha256, find_checkpoint, shipped_models
from sr_core.models.checkpoint import load_network
from sr_core.models.network import Network
from sr_core.training.validation import HeldOut

T = TypeVar("T")

_CALIBRATION_PHOTOGRAPHS = 64
_HELD_OUT_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Quantized:
    """A calibration that was written: its file, its loss in words, and the gain in speed."""

    path: Path
    loss: str
    speedup: float
    """Speed of int8 on this machine, relative to float32."""


def quantize(source: str, model: str, validation: str | None, terminal: Terminal) -> Quantized:
    """Calibrate a checkpoint on photographs and measure what 8 bits lose on others.

    Only the central window of 256 px of each photograph counts (`HeldOut.of`). The calibration is
    written beside the checkpoint, where `--precision int8` finds it, and only if the mean loss is
    below `MAX_LOSS_DB`.

    Args:
        source: photographs to calibrate with; 64 are taken, spread evenly over their keys; see
            `open_photographs`.
        model: path of a checkpoint; shipped weights come with their calibration.
        validation: photographs to measure on; None holds out a fifth of the source, at most 100.
        terminal: for progress.

    Raises: ConfigurationError for the name of shipped weights, or if 8 bits lose too much;
        RetryLaterError if stopped, or if a store is unavailable.
    """
    if model in shipped_models():
        raise ConfigurationError(
            f"--model {model}: the shipped weights are already calibrated for --precision int8; "
            "give the path of your own checkpoint"
        )
    candidate_engines("int8", "openvino", "cpu")
    checkpoint = find_checkpoint(model)
    try:
        found = _measured(checkpoint, *_photographs(source, validation, terminal), terminal)
    except KeyboardInterrupt as interrupt:
        raise RetryLaterError("nothing was written; the same command starts over") from interrupt
    loss = (
        f"{checkpoint.name} in 8 bits loses {found.psnr_y_loss_db} dB of luma PSNR on average over "
        f"the middles of {found.validated_on} photographs, {found.worst_psnr_y_loss_db} dB on the "
        "worst"
    )
    return Quantized(_save(found, checkpoint, loss), loss, _speedup(checkpoint))


def _save(found: Calibration, checkpoint: Path, loss: str) -> Path:
    """Write a calibration beside its checkpoint, unless the loss is too large."""
    if not found.psnr_y_loss_db < MAX_LOSS_DB:
        raise ConfigurationError(f"{loss}; more than {MAX_LOSS_DB} dB, so nothing was written")
    try:
        return found.save(checkpoint)
    except OSError as error:
        raise ConfigurationError(
            f"{loss}, but the calibration cannot be written beside it: {error}; copy the "
            "checkpoint to a folder of your own and quantize the copy"
        ) from error


def _speedup(checkpoint: Path) -> float:
    execution = ExecutionConfig(engine="openvino")
    int8 = measure_speed(str(checkpoint), "int8", execution, "cpu")
    return int8 / measure_speed(str(checkpoint), "float32", execution, "cpu")


def _photographs(
    source: str, validation: str | None, terminal: Terminal
) -> tuple[SourcePhotographs, SourcePhotographs]:
    photographs = open_photographs(source, terminal)
    if validation is not None:
        return photographs, open_photographs(validation, terminal)
    return split(photographs, _HELD_OUT_SHARE)


def _measured(
    checkpoint: Path,
    photographs: SourcePhotographs,
    held_out: SourcePhotographs,
    terminal: Terminal,
) -> Calibration:
    network, _ = load_network(checkpoint)
    # Not the first ones: in an archive sorted by date they show a single event.
    chosen = np.zeros(len(photographs), np.bool_)
    chosen[spread(len(photographs), _CALIBRATION_PHOTOGRAPHS)] = True
    ours = HeldOut.of(photographs.part(chosen), network.scale, "bicubic")
    # Archives hold photographs as sharp as cameras make them and as soft as shrinking makes them.
    # The known tile adds saturated colours, which a few photographs may lack.
    images = [known_tile(), *chain.from_iterable(ours.pairs)]
    ranges = calibrate(network, map(to_tensor, _shown(images, "calibrating", terminal)))
    theirs = HeldOut.of(held_out, network.scale, "bicubic")
    losses = _losses(network, ranges, theirs, terminal)
    sha256 = checkpoint_sha256(str(checkpoint))
    if sha256 is None:
        raise ConfigurationError(f"{checkpoint} is not a checkpoint file")
    return Calibration(
        sha256,
        ranges,
        len(ours.pairs),
        len(theirs.pairs),
        round(float(losses.mean()), 4),
        round(float(losses.max()), 4),
    )


def _shown(items: Sequence[T], doing: str, terminal: Terminal) -> Iterable[T]:
    """Yield the items, with a progress bar on a terminal."""
    return track(items, doing, console=terminal, transient=True, disable=not terminal.is_terminal)


def _losses(
    network: Network, ranges: Ranges, held_out: HeldOut, terminal: Terminal
) -> NDArray[np.float64]:
    """Return the loss of luma PSNR from float32 to 8 bits on each window, in dB.

    Raises: ConfigurationError if the known answer is wrong, which makes the numbers meaningless.
    """
    exact = GeneratorUpscaler(network, "float32")
    quantised = GeneratorUpscaler(network, "8 bits", engine="openvino-int8", ranges=ranges)
    levels = known_answer_error(quantised)
    if levels > TOLERATED_LEVELS[torch.int8]:
        raise ConfigurationError(
            f"in 8 bits a known tile is {levels:.0f} of 255 levels off; nothing was written"
        )
    losses = []
    for lr, hr in _shown(held_out.pairs, "measuring", terminal):
        both = (
            score(each.upscale(lr, *hr.shape[:2]).pixels, hr, held_out.scale, None).psnr_y_db
            for each in (exact, quantised)
        )
        losses.append(next(both) - next(both))
    return np.array(losses)
