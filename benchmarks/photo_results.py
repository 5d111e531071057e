"""Results of models on a set of windows, as a table."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from benchmarks.niqe import NIQE
from benchmarks.photo_models import Upscale
from benchmarks.photo_sets import SCALE, Levels, Window
from benchmarks.section import table
from sr_core.evaluation.judge_tables import JUDGE_HEADINGS, judge_cells
from sr_core.evaluation.judges import Judges, judge, mean_judges
from sr_core.evaluation.markdown import UNKNOWN, number
from sr_core.evaluation.scores import Scores, mean_scores, score
from sr_core.metrics.lpips import LPIPS

TRUTH = "the photograph"


@dataclass(frozen=True, slots=True)
class Result:
    """Scores of a model for each window, and its processor time per output megapixel.

    The photograph itself has judges alone: what an ideal output reaches on sources like these.
    """

    model: str
    scores: tuple[Scores, ...]
    judges: tuple[Judges, ...]
    niqe: tuple[float | None, ...]
    """None if not measured, or if a window is too small."""
    core_seconds_per_megapixel: float | None


@dataclass(frozen=True, slots=True)
class SetResults:
    """Results of all models on a set. LPIPS is compared with one of them."""

    name: str
    results: tuple[Result, ...]
    compared_with: str

    def samples(self) -> dict[str, list[float]]:
        """Return the LPIPS of every window, or PSNR if it was not measured, by set and model."""
        return {
            f"photo.{self.name}.{result.model}": [_distance(each) for each in result.scores]
            for result in self.results
            if result.scores
        }


@dataclass(frozen=True, slots=True)
class Instruments:
    """Measures that need weights or parameters of their own; None leaves one out."""

    lpips: LPIPS | None
    niqe: NIQE | None

    def naturalness(self, image: Levels) -> float | None:
        """Return NIQE, if it can be measured."""
        return None if self.niqe is None else self.niqe.measure(image)


def measure(
    model: str, upscale: Upscale, windows: Sequence[Window], instruments: Instruments
) -> Result:
    """Upscale, time and score every window.

    Processor time, summed over cores, is affected little by a busy machine.
    """
    upscale(windows[0].lr, windows[0].jpeg)  # warm up
    scores, judges, niqe, seconds, pixels = [], [], [], 0.0, 0
    for window in windows:
        start = time.process_time()
        sr = upscale(window.lr, window.jpeg)
        seconds += time.process_time() - start
        pixels += window.hr.shape[0] * window.hr.shape[1]
        scores.append(score(sr, window.hr, SCALE, instruments.lpips))
        judges.append(judge(sr, window.lr, window.hr, SCALE, upscale))
        niqe.append(instruments.naturalness(sr))
    return Result(model, tuple(scores), tuple(judges), tuple(niqe), seconds * 1e6 / pixels)


def truth(windows: Sequence[Window], instruments: Instruments) -> Result:
    """Judge the photographs themselves."""
    judges = tuple(judge(window.hr, window.lr, window.hr, SCALE) for window in windows)
    niqe = tuple(instruments.naturalness(window.hr) for window in windows)
    return Result(TRUTH, (), judges, niqe, None)


def set_table(found: SetResults) -> str:
    """Return a Markdown table, one line per model.

    A win is a photograph on which the model's LPIPS is lower than that of the other.
    """
    other = next(result for result in found.results if result.model == found.compared_with)
    headings = [
        "model",
        "PSNR-Y dB",
        "SSIM-Y",
        "LPIPS",
        f"of {other.model}",
        "wins",
        *JUDGE_HEADINGS,
        "NIQE",
        "core s per MP",
    ]
    judges = found.results[0].judges
    known = sum(each.flat_grain is not None for each in judges)
    return (
        table(headings, [_cells(result, other) for result in found.results])
        + f"\nGrain: the {known} of {len(judges)} photographs with flat dark areas.\n"
    )


def _cells(result: Result, other: Result) -> list[str]:
    judges = mean_judges(result.judges)
    return [
        result.model,
        *_score_cells(result, other),
        *judge_cells(judges),
        number(_mean(result.niqe), 2),
        number(result.core_seconds_per_megapixel, 1),
    ]


def _score_cells(result: Result, other: Result) -> list[str]:
    if not result.scores:
        return [UNKNOWN] * 5
    mean, base = mean_scores(result.scores), mean_scores(other.scores)
    ratio = mean.lpips_alex / base.lpips_alex if mean.lpips_alex and base.lpips_alex else None
    return [
        number(mean.psnr_y_db, 2),
        number(mean.ssim_y, 3),
        number(mean.lpips_alex, 3),
        number(ratio, 2),
        UNKNOWN if ratio is None or result is other else _wins(result, other),
    ]


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def _wins(result: Result, other: Result) -> str:
    pairs = zip(result.scores, other.scores, strict=True)
    wins = sum(_distance(mine) < _distance(theirs) for mine, theirs in pairs)
    return f"{wins} of {len(result.scores)}"


def _distance(scores: Scores) -> float:
    return scores.psnr_y_db if scores.lpips_alex is None else scores.lpips_alex
