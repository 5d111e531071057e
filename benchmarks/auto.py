"""The rule of `--model auto` on a mixed set: `python -m benchmarks.auto [FOLDER]`.

Each photograph is shrunk by bicubic and given one kind of damage after the other, and the rule
looks at the whole result. The models for photographs and for clean pictures upscale its centre.
Regret is the LPIPS lost to the better of the two on each picture: of the rule, and of a model that
is always used.

Thresholds are chosen on data/train (`--save` keeps the evidence with the scores, so that they can
be chosen without upscaling again) and reported on data/val, the default folder.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console

from benchmarks.damage import Damaged, damaged, print_page
from benchmarks.photographs import photographs
from benchmarks.section import table
from jobs.train.weights import open_lpips
from sr_core.evaluation.scores import Scores, score
from sr_core.imaging.codecs import jpeg_evidence
from sr_core.imaging.degradation import shrink
from sr_core.imaging.evidence import Evidence, evidence_of
from sr_core.inference.upscaled import Upscaler
from sr_core.inference.upscaler import open_upscaler
from sr_core.metrics.lpips import LPIPS
from sr_core.models.catalogue import CLEAN, PHOTO
from sr_core.models.choice import choose_model

SCALE = 4
_WINDOW_PX = 64
"""Side of the scored centre, in LR pixels."""
_LARGEST_PX = 1600
"""Longer photographs are cut: LR of 400 pixels shows all that the rule looks at."""


@dataclass(frozen=True, slots=True)
class Result:
    """One damaged picture: its evidence, and the scores of both models."""

    kind: str
    picture: str
    evidence: Evidence
    photo: Scores
    clean: Scores

    @property
    def takes_photo(self) -> bool:
        """True if the rule takes the model for photographs."""
        return choose_model(self.evidence).model == PHOTO

    @property
    def gain(self) -> float:
        """LPIPS that the model for photographs gains over the clean one."""
        if self.photo.lpips_alex is None or self.clean.lpips_alex is None:
            raise ValueError("LPIPS was not measured")
        return self.clean.lpips_alex - self.photo.lpips_alex


def main() -> None:
    """Print one line per kind of picture, and the mean regrets."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "folder", type=Path, nargs="?", help="photographs; default: the shared ones"
    )
    parser.add_argument("--count", type=int, default=12, help="photographs, evenly chosen")
    parser.add_argument("--lpips", type=Path, help="weights of LPIPS")
    parser.add_argument("--save", type=Path, help="write every result to a file, one JSON a line")
    arguments = parser.parse_args()
    files = sorted(arguments.folder.iterdir()) if arguments.folder else photographs()
    chosen = {files[index] for index in np.linspace(0, len(files) - 1, arguments.count).astype(int)}
    pictures = [(each.stem, _read(each)) for each in sorted(chosen)]
    pictures += [(f"print-{size}", print_page(size)) for size in (24, 32, 44)]
    lpips = open_lpips(arguments.lpips, Console(stderr=True))
    upscalers = {name: open_upscaler(name) for name in (PHOTO, CLEAN)}
    results = [
        _result(name, hr, copy, upscalers, lpips)
        for name, hr in pictures
        for copy in damaged(shrink(hr, SCALE, "bicubic", np.random.default_rng(0)), hr)
    ]
    if arguments.save:
        lines = [json.dumps(asdict(each)) for each in results]
        arguments.save.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(pictures)} pictures, {PHOTO} against {CLEAN}, x{SCALE}\n")
    print(results_table(results))


def results_table(results: Sequence[Result]) -> str:
    """Return a Markdown table, one line per kind and one of the means of all kinds."""
    headings = ["picture", "LPIPS photo", "LPIPS clean", "PSNR-Y photo", "PSNR-Y clean"]
    headings += ["photo is better", "auto takes photo", "regret of auto", "of photo", "of clean"]
    kinds = list(dict.fromkeys(each.kind for each in results))
    rows = [_row(kind, [each for each in results if each.kind == kind]) for kind in kinds]
    return table(headings, [*rows, _row("all", results)])


def _row(name: str, results: Sequence[Result]) -> list[str]:
    photo_regret = [max(0.0, -each.gain) for each in results]
    clean_regret = [max(0.0, each.gain) for each in results]
    auto = [
        photo if each.takes_photo else clean
        for each, photo, clean in zip(results, photo_regret, clean_regret, strict=True)
    ]
    return [
        name,
        *(f"{_mean(each.lpips_alex for each in side):.3f}" for side in _sides(results)),
        *(f"{_mean(each.psnr_y_db for each in side):.2f}" for side in _sides(results)),
        f"{fmean(each.gain > 0 for each in results):.0%}",
        f"{fmean(each.takes_photo for each in results):.0%}",
        *(f"{fmean(regrets):.4f}" for regrets in (auto, photo_regret, clean_regret)),
    ]


def _sides(results: Iterable[Result]) -> tuple[list[Scores], list[Scores]]:
    every = list(results)
    return [each.photo for each in every], [each.clean for each in every]


def _mean(values: Iterable[float | None]) -> float:
    return fmean(each for each in values if each is not None)


def _result(
    name: str,
    hr: NDArray[np.uint8],
    copy: Damaged,
    upscalers: dict[str, Upscaler],
    lpips: LPIPS | None,
) -> Result:
    lr = copy.pixels
    top, left = ((side - _WINDOW_PX) // 2 for side in lr.shape[:2])
    window = lr[top : top + _WINDOW_PX, left : left + _WINDOW_PX]
    truth = hr[top * SCALE :, left * SCALE :][: _WINDOW_PX * SCALE, : _WINDOW_PX * SCALE]
    scores = {
        model: score(upscaler.upscale(window, *truth.shape[:2]).pixels, truth, SCALE, lpips)
        for model, upscaler in upscalers.items()
    }
    evidence = evidence_of(lr, jpeg_evidence(copy.file or b""))
    return Result(copy.kind, name, evidence, scores[PHOTO], scores[CLEAN])


def _read(file: Path) -> NDArray[np.uint8]:
    with Image.open(file) as image:
        whole = np.array(image.convert("RGB"))
    height, width = (min(_LARGEST_PX, side) // SCALE * SCALE for side in whole.shape[:2])
    top, left = (whole.shape[0] - height) // 2, (whole.shape[1] - width) // 2
    return whole[top : top + height, left : left + width]


if __name__ == "__main__":
    main()
