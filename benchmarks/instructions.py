"""Differences of a rerun on another CPU: `python -m benchmarks.instructions`.

Every engine upscales the sample photographs in processes that see fewer of this CPU's instructions
each, by the switches of oneDNN, OpenVINO and torch. Outputs are compared with those of torch in
float32 with all instructions, and with the photographs themselves.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from benchmarks.engines import open_with
from benchmarks.section import Section, run_alone, say, table
from jobs.cli.demo import SAMPLES
from sr_core.errors import ConfigurationError
from sr_core.imaging.tensors import to_tensor
from sr_core.inference.engines import ENGINES
from sr_core.metrics.reference import psnr_y

MODELS = ("srgan", "srresnet")
SCALE = 4
ALL = "all of this CPU's"
INSTRUCTION_SETS: dict[str, dict[str, str]] = {
    ALL: {},
    "AVX512_CORE_VNNI": {
        "ONEDNN_MAX_CPU_ISA": "AVX512_CORE_VNNI",
        "OV_CPU_MAX_ISA": "AVX512_CORE_VNNI",
    },
    "AVX512_CORE": {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE", "OV_CPU_MAX_ISA": "AVX512_CORE"},
    "AVX2": {
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "OV_CPU_MAX_ISA": "AVX2",
        "ATEN_CPU_CAPABILITY": "avx2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    },
}
"""Environment that hides the newer instructions from the libraries that compute."""

Images = list[NDArray[np.uint8]]


@dataclass(frozen=True, slots=True)
class Outputs:
    """The samples as one engine upscaled them, and the output megapixels per second."""

    images: Images
    rate: float
    repeated: bool
    """True if a second pass gave the same bits."""


def measure(quick: bool) -> Section:
    """Compare engines, instruction sets and models."""
    rows = []
    for model in MODELS[:1] if quick else MODELS:
        rows += list(_rows(model, 1 if quick else len(lr_images())))
    columns = [
        "model",
        "engine",
        "instructions",
        "PSNR from the reference, dB",
        "largest difference, levels",
        "values that differ, %",
        "loss of PSNR-Y, dB",
        "worst photograph, dB",
        "same bits again",
        "MP/s",
    ]
    text = (
        "8-bit outputs of the sample photographs, against `torch` in float32 with all instructions "
        "of this CPU. The loss is that of PSNR-Y against the photographs. One core.\n\n"
        + table(columns, rows)
    )
    return Section("Engines and instruction sets", text)


def lr_images() -> Images:
    """Read the sample photographs."""
    return _images(SAMPLES / "lr")


def _images(folder: Path) -> Images:
    images = []
    for path in sorted(folder.iterdir()):
        with Image.open(path) as image:
            images.append(np.array(image.convert("RGB")))
    return images


def _rows(model: str, count: int) -> Iterator[list[str]]:
    truth = _images(SAMPLES / "hr")[:count]
    reference: Images | None = None
    for engine in ENGINES:
        for instructions in INSTRUCTION_SETS:
            say(f"{model} by {engine} with {instructions}")
            outputs = _upscaled(model, engine, instructions, count)
            if outputs is None:
                continue
            if reference is None:
                reference = outputs.images
            yield [model, engine, instructions, *_compared(outputs, reference, truth)]


def _compared(outputs: Outputs, reference: Images, truth: Images) -> Sequence[str]:
    differences = np.concatenate(
        [
            np.abs(found.astype(int) - wanted).ravel()
            for found, wanted in zip(outputs.images, reference, strict=True)
        ]
    )
    square = float((differences**2).mean())
    losses = [
        _psnr_y(wanted, hr) - _psnr_y(found, hr)
        for found, wanted, hr in zip(outputs.images, reference, truth, strict=True)
    ]
    return (
        f"{10 * np.log10(255**2 / square):.1f}" if square else "the same",
        str(differences.max()),
        f"{100 * (differences > 0).mean():.2g}",
        f"{np.mean(losses):.4f}",
        f"{max(losses):.3f}",
        "yes" if outputs.repeated else "no",
        f"{outputs.rate:.2f}",
    )


def _psnr_y(sr: NDArray[np.uint8], hr: NDArray[np.uint8]) -> float:
    return psnr_y(to_tensor(sr), to_tensor(hr), SCALE)


def _upscaled(model: str, engine: str, instructions: str, count: int) -> Outputs | None:
    """Upscale in a process of its own, as libraries read the switches when they are loaded."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "outputs.npz"
        command = [
            sys.executable,
            "-m",
            "benchmarks.instructions",
            model,
            engine,
            str(count),
            str(path),
        ]
        environment = os.environ | {"SRFLEET_CHILD": "1"} | INSTRUCTION_SETS[instructions]
        run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if run.returncode != 0:
            say(f"  left out: {run.stderr.strip().splitlines()[-1]}")
            return None
        with np.load(path) as stored:
            images = [stored[f"image-{index}"] for index in range(count)]
            return Outputs(images, float(stored["rate"]), bool(stored["repeated"]))


def _work() -> None:
    """Upscale the samples in this process and store what came out."""
    parser = argparse.ArgumentParser()
    for name in ("model", "engine", "count", "path"):
        parser.add_argument(name)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    try:
        upscaler = open_with(arguments.model, arguments.engine)
    except ConfigurationError as error:
        sys.exit(str(error))
    lrs = lr_images()[: int(arguments.count)]
    passes = []
    for _ in range(2):
        start = time.process_time()
        passes.append([upscaler.upscale(lr, *(SCALE * n for n in lr.shape[:2])) for lr in lrs])
        seconds = time.process_time() - start
    if {each.made_by.engine for each in passes[0]} != {arguments.engine}:
        sys.exit(f"{arguments.engine} left images to another engine")
    images = {f"image-{index}": each.pixels for index, each in enumerate(passes[0])}
    output_px = sum(each.shape[0] * each.shape[1] for each in images.values())
    repeated = all(np.array_equal(one.pixels, two.pixels) for one, two in zip(*passes, strict=True))
    np.savez(arguments.path, rate=output_px / 1e6 / seconds, repeated=repeated, **images)


if __name__ == "__main__":
    if "SRFLEET_CHILD" in os.environ:
        _work()
    else:
        run_alone(measure)
