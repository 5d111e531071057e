"""The shipped rules and baselines on real photographs: good outputs pass, faults do not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import jobs
from sr_core.archive.tables import metrics_table
from sr_core.audit.verdicts.audit import audit_rows, shipped_standard
from sr_core.imaging.codecs import Limits, decode
from sr_core.imaging.pixels import Pixels
from sr_core.imaging.resample import resize_pixels
from sr_core.inference.upscaler import open_upscaler
from sr_core.metrics.registry import METRICS
from sr_core.metrics.suite import measure
from sr_core.models.cards import find_card
from sr_core.models.checkpoint import save_generator
from sr_core.models.generator import Generator
from sr_core.records import MetricsRow, Status
from tests.support.commands import srfleet_here
from tests.support.small_run import CONFIG, record

SAMPLES = sorted((Path(jobs.__file__).parent / "samples" / "lr").iterdir())
LIMITS = Limits(1 << 30, 65_500, 10**9, 10**9)

Fault = Callable[[Pixels, Pixels], Pixels]


def _black_square(sr: Pixels, lr: Pixels) -> Pixels:
    """Blacken 64 px where the output is not dark."""
    found = sr.copy()
    brightest = resize_pixels(lr, lr.shape[0] // 16, lr.shape[1] // 16, "bicubic").mean(2)
    y, x = (64 * each for each in np.unravel_index(brightest.argmax(), brightest.shape))
    found[y : y + 64, x : x + 64] = 0
    return found


FAULTS: dict[str, Fault] = {
    "black": lambda sr, lr: np.zeros_like(sr),
    "mirrored": lambda sr, lr: np.ascontiguousarray(sr[:, ::-1]),
    "BGR": lambda sr, lr: np.ascontiguousarray(sr[..., ::-1]),
    "bicubic": lambda sr, lr: resize_pixels(lr, *sr.shape[:2], "bicubic"),
    "shifted by 2 px": lambda sr, lr: np.roll(sr, 2, axis=1),
    "black square": _black_square,
}


@pytest.fixture(scope="module")
def outputs() -> list[tuple[Pixels, Pixels]]:
    """Upscale the samples by srgan: pairs of source and output."""
    upscaler = open_upscaler("srgan")
    sources = [decode(file.read_bytes(), LIMITS).pages[0].pixels for file in SAMPLES]
    return [
        (lr, upscaler.upscale(lr, *(4 * side for side in lr.shape[:2])).pixels) for lr in sources
    ]


def verdicts(pairs: list[tuple[Pixels, Pixels]]) -> dict[str, int]:
    """Judge outputs as those of a run by srgan."""
    rows = []
    for index, (lr, sr) in enumerate(pairs):
        found = measure(lr, sr, upscale=None, scale=4, reference=None)
        rows.append(
            MetricsRow(
                f"{index:016x}",
                f"{index}.png",
                0,
                0,
                "a",
                Status.OK,
                model="srgan",
                width_in_px=lr.shape[1],
                height_in_px=lr.shape[0],
                width_out_px=sr.shape[1],
                height_out_px=sr.shape[0],
                **{metric.name: getattr(found, metric.name) for metric in METRICS},
            )
        )
    card = find_card("srgan", 4)
    assert card is not None
    run = record(config=CONFIG | {"model": "srgan"}, checkpoint_sha256=card.sha256)
    audit = audit_rows(run, metrics_table(rows), shipped_standard())
    assert audit.without_baseline() == 0
    return audit.total.by_verdict


def test_good_outputs_pass(outputs: list[tuple[Pixels, Pixels]]) -> None:
    assert verdicts(outputs) == {"pass": len(SAMPLES), "review": 0, "fail": 0}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_whole_run_passes_nowhere(
    fault: str, outputs: list[tuple[Pixels, Pixels]]
) -> None:
    found = verdicts([(lr, FAULTS[fault](sr, lr)) for lr, sr in outputs])
    assert found["pass"] == 0


@pytest.mark.usefixtures("ray_session")
def test_a_run_of_nothing_but_black_fails_its_gate(tmp_path: Path) -> None:
    network = Generator(scale=4)
    with torch.no_grad():
        for each in network.parameters():
            each.zero_()
    save_generator(tmp_path / "black.safetensors", network, {}, torch.float16)
    (tmp_path / "photos").mkdir()
    for file in SAMPLES[:3]:
        (tmp_path / "photos" / file.name).write_bytes(file.read_bytes())
    run = ["upscale", str(tmp_path / "photos"), str(tmp_path / "out")]
    run += ["--model", str(tmp_path / "black.safetensors"), "--scale", "4"]
    done = srfleet_here(*run, "--fail-on", "fail")
    assert done.exit_code == 4
    assert "verdicts: 0 pass, 0 review, 3 fail" in done.stdout
