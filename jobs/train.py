"""Train SRResNet on a folder of photographs, resumably, and write the checkpoint that ships."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import typer
from numpy.typing import NDArray
from rich.console import Console

from sr_core.errors import ConfigurationError, ImageError
from sr_core.imaging.codecs import Limits, decode
from sr_core.imaging.resample import degrade
from sr_core.imaging.tensors import to_pixels, to_tensor
from sr_core.inference.tiled import GeneratorUpscaler
from sr_core.metrics.reference import psnr_y
from sr_core.models.checkpoint import save_generator
from sr_core.training.data import CropPool
from sr_core.training.trainer import Schedule, SRResNetTrainer

_LIMITS = Limits(
    max_bytes=1 << 30, max_side_px=20_000, max_source_px=100_000_000, max_output_px=1 << 40
)
_SCALE = 4
_CROP_PX = 96
_SAVE_EVERY = 250

console = Console(stderr=True)


def train(
    photographs: Annotated[Path, typer.Argument(help="Folder of HR photographs.")],
    validation: Annotated[Path, typer.Argument(help="Folder of HR photographs kept apart.")],
    state: Annotated[Path, typer.Option(help="Folder of the resumable state.")],
    output: Annotated[Path, typer.Option(help="Checkpoint to write.")],
    steps: Annotated[int, typer.Option(help="Length of the schedule.")] = 10_000,
    seed: Annotated[int, typer.Option(help="Decides every crop and weight.")] = 0,
) -> None:
    """Train from where the state stands to the end of the schedule."""
    schedule = Schedule(steps=steps, seed=seed)
    trainer = SRResNetTrainer(schedule, _SCALE)
    state.mkdir(parents=True, exist_ok=True)
    file = state / "state.pt"
    if file.exists():
        trainer.load(file)
        console.print(f"resumed at step {trainer.step}")
    pool = CropPool(_read(photographs), _SCALE, _CROP_PX)
    held_out = _read(validation)
    start = time.monotonic()
    for result in trainer.train(pool):
        if result.step % _SAVE_EVERY and result.step != steps:
            continue
        trainer.save(file)
        console.print(
            f"step {result.step}: loss {result.loss:.4f}, "
            f"validation PSNR-Y {_validate(trainer, held_out):.2f} dB, "
            f"{time.monotonic() - start:.0f} s"
        )
    record = {
        "network": "SRResNet",
        "schedule": asdict(schedule),
        "crop_px": _CROP_PX,
        "photographs": len(pool),
        "validation_psnr_y_db": round(_validate(trainer, held_out), 3),
        "source": "arXiv 1609.04802",
    }
    save_generator(output, trainer.average, record, torch.float16)
    console.print(f"wrote {output}")


def _read(folder: Path) -> list[NDArray[np.uint8]]:
    photographs = []
    for path in sorted(folder.iterdir()):
        try:
            pixels = decode(path.read_bytes(), _LIMITS).pages[0].pixels
        except ImageError as error:
            console.print(f"left out {path.name}: {error.message}", markup=False)
            continue
        if pixels.dtype == np.uint16:
            pixels = pixels // 257
        rgb = np.repeat(pixels, 3 // pixels.shape[2], axis=2)
        photographs.append(rgb.astype(np.uint8, copy=False))
    if not photographs:
        raise ConfigurationError(f"{folder} holds no photographs")
    return photographs


def _validate(trainer: SRResNetTrainer, held_out: list[NDArray[np.uint8]]) -> float:
    """Return the mean PSNR-Y over the centres (256x256) of held-out photographs."""
    upscaler = GeneratorUpscaler(trainer.average, "average")
    values = []
    for photograph in held_out:
        top, left = (max(0, (side - 256) // 2) for side in photograph.shape[:2])
        hr = photograph[top : top + 256, left : left + 256]
        height, width = (side // _SCALE * _SCALE for side in hr.shape[:2])
        truth = to_tensor(hr[:height, :width])
        lr = to_pixels(degrade(truth, _SCALE), np.dtype(np.uint8))
        sr = upscaler.upscale(lr, height, width)
        values.append(psnr_y(to_tensor(sr), truth, _SCALE))
    return float(np.mean(values))


if __name__ == "__main__":
    typer.run(train)
