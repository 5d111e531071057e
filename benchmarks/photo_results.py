"""Results of models on a set of windows, as a table."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.photo_models import Upscale
from benchmarks.photo_sets import SCALE, Window
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


def measure(model: str, upscale: Upscale, windows: Sequence[Window], lpips: LPIPS | None) -> Result:
    """Upscale, time and score every window.

    Processor time, summed over cores, is affected little by a busy machine.
    """
    upscale(windows[0].lr)  # warm up
    scores, judges, seconds, pixels = [], [], 0.0, 0
    for window in windows:
        start = time.process_time()
        sr = upscale(window.lr)
        seconds += time.process_time() - start
        pixels += window.hr.shape[0] * window.hr.shape[1]
        scores.append(score(sr, window.hr, SCALE, lpips))
        judges.append(judge(sr, window.lr, window.hr, SCALE, upscale))
    return Result(model, tuple(scores), tuple(judges), seconds * 1e6 / pixels)


def truth(windows: Sequence[Window]) -> Result:
    """Judge the photographs themselves."""
    judges = tuple(judge(window.hr, window.lr, window.hr, SCALE) for window in windows)
    return Result(TRUTH, (), judges, None)


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


def _wins(result: Result, other: Result) -> str:
    pairs = zip(result.scores, other.scores, strict=True)
    wins = sum(_distance(mine) < _distance(theirs) for mine, theirs in pairs)
    return f"{wins} of {len(result.scores)}"


def _distance(scores: Scores) -> float:
    return scores.psnr_y_db if scores.lpips_alex is None else scores.lpips_alex
