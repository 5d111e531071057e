"""All curves of a training as one PNG, by matplotlib."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sr_core.training.panels import Panel, StageView

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import SubFigure

_COLUMNS = 3
_ROW_INCHES = 2.5
_COLOURS = ("#0b6b73", "#b8741a")
_ALARM = "#b23c17"


def plot(stages: Sequence[StageView]) -> bytes:
    """Return a PNG of every panel of every stage, stages one below the other."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - of the extra `train`

    rows = [-(-len(stage.panels) // _COLUMNS) for stage in stages]
    figure = Figure(figsize=(12, _ROW_INCHES * sum(rows)), dpi=110, layout="constrained")
    parts = figure.subfigures(len(stages), 1, height_ratios=rows, squeeze=False)
    for stage, part, row_count in zip(stages, parts[:, 0], rows, strict=True):
        _plot_stage(stage, part, row_count)
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()


def _plot_stage(stage: StageView, figure: SubFigure, row_count: int) -> None:
    # Stage names are free text: without this, $ would start a formula.
    figure.suptitle(f"{stage.name}, step {stage.step:,}", weight="bold", parse_math=False)
    axes = list(figure.subplots(row_count, _COLUMNS, squeeze=False).flat)
    for panel, ax in zip(stage.panels, axes, strict=False):
        _plot_panel(panel, ax)
        ax.set_xlim(0, max(1, stage.step))
    for ax in axes[len(stage.panels) :]:
        ax.set_axis_off()


def _plot_panel(panel: Panel, ax: Axes) -> None:
    ax.set_title(panel.title, fontsize=10, loc="left", parse_math=False)
    ax.tick_params(labelsize=8)
    ax.grid(alpha=0.25)
    ax.spines[["top", "right"]].set_visible(False)
    if panel.is_log:
        ax.set_yscale("log")
    for series, colour in zip(panel.series, _COLOURS, strict=False):
        steps, means, lows, highs = series.thinned()
        ax.fill_between(steps, lows, highs, color=colour, alpha=0.18, linewidth=0)
        ax.plot(steps, means, color=colour, linewidth=1.4, label=series.label)
        if odd := [step for step, _ in series.marks()]:
            bottom = ax.get_xaxis_transform()
            ax.plot(odd, [0] * len(odd), "x", color=_ALARM, transform=bottom, clip_on=False)
    if len(panel.series) > 1:
        ax.legend(fontsize=8, frameon=False)
