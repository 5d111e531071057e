"""Tables of judges and of flat pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sr_core.evaluation.flat_pages import LEVELS, FlatPage
from sr_core.evaluation.judges import Judges, mean_judges
from sr_core.evaluation.markdown import number

JUDGE_HEADINGS = ("LR-PSNR dB", "self-PSNR dB", "drift ΔE", "grain ×", "grid")


def judges_table(judged: Iterable[tuple[str, str, Judges]]) -> list[tuple[str, ...]]:
    """Return the mean judges of each model on each benchmark as cells, headings first.

    Args:
        judged: benchmark, model and judges of each output.
    """
    groups: dict[tuple[str, str], list[Judges]] = {}
    for benchmark, model, judges in judged:
        groups.setdefault((benchmark, model), []).append(judges)
    lines = [(*names, *judge_cells(mean_judges(judges))) for names, judges in groups.items()]
    return [("benchmark", "model", *JUDGE_HEADINGS), *lines]


def judge_cells(judges: Judges) -> tuple[str, ...]:
    """Format judges, one cell for each number."""
    return (
        number(judges.lr_psnr_db, 2),
        number(judges.self_psnr_y_db, 2),
        number(judges.colour_drift_delta_e, 2),
        number(judges.flat_grain, 2),
        number(judges.grid_share, 3),
    )


def pages_table(pages: Mapping[str, Sequence[FlatPage]]) -> list[tuple[str, ...]]:
    """Return what each model makes of the flat pages, headings first."""
    lines = [(model, *(page.text() for page in found)) for model, found in pages.items()]
    return [("model", *LEVELS), *lines]
