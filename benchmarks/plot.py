"""Chart of the benchmark: jobs and peers, engines, lossless formats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Samples = Mapping[str, Sequence[float]]

_OURS, _OTHERS = "#0b6b73", "#9aa3a8"
_SIDES = {
    "job.plain_script": ("plain script", _OTHERS),
    "job.ray_data": ("Ray Data", _OTHERS),
    "job.float32": ("srfleet,\nfloat32", _OURS),
    "job.png": ("srfleet", _OURS),
    "job.unmeasured": ("srfleet,\nno metrics", _OURS),
    "job.bare": ("bare\ngenerator", _OTHERS),
}
_ENGINE_COLOURS = {
    "eager": _OTHERS,
    "torch": "#6fb3b8",
    "openvino": _OURS,
    "openvino-bf16": "#b8741a",
}


def draw(samples: Samples, path: Path) -> bool:
    """Draw the measurements; panels without numbers are left out.

    Returns:
        Whether there was anything to draw; if not, nothing is written.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415 - slow to import, needed only here

    panels = [
        panel
        for panel, prefix in ((_draw_sides, "job."), (_draw_engines, "engines."))
        if any(name.startswith(prefix) for name in samples)
    ]
    if not panels:
        return False
    figure = Figure(figsize=(5.2 * len(panels), 3.6), dpi=110, layout="constrained")
    for panel, ax in zip(panels, figure.subplots(1, len(panels), squeeze=False)[0], strict=True):
        panel(ax, samples)
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(labelsize=8)
        ax.grid(axis="y", alpha=0.25)
        ax.set_axisbelow(True)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Software": None})
    return True


def _draw_sides(ax: Axes, samples: Samples) -> None:
    """Draw bars of megapixels per second, with minimum and maximum."""
    found = [(*side, samples[name]) for name, side in _SIDES.items() if name in samples]
    for position, (_, colour, values) in enumerate(found):
        _bar(ax, position, 0.65, values, colour)
        ax.annotate(f"{median(values):.2f}", (position, max(values)), **_ABOVE)
    ax.set_xticks(range(len(found)), [label for label, _, _ in found])
    ax.set_title("Photographs to PNG, output MP/s of the machine", fontsize=10, loc="left")


def _draw_engines(ax: Axes, samples: Samples) -> None:
    """Draw bars of megapixels per second by tile, one colour per engine."""
    keys = [name.split(".") for name in samples if name.endswith(".rate")]
    engines = list(dict.fromkeys(key[1] for key in keys))
    tiles = list(dict.fromkeys(key[2] for key in keys))
    width = 0.8 / len(engines)
    for number, engine in enumerate(engines):
        colour = _ENGINE_COLOURS.get(engine, "#444444")
        for place, tile in enumerate(tiles):
            position = place + (number - (len(engines) - 1) / 2) * width
            label = engine if place == 0 else None
            _bar(ax, position, width * 0.9, samples[f"engines.{engine}.{tile}.rate"], colour, label)
    ax.set_xticks(range(len(tiles)), [f"{tile} px" for tile in tiles])
    ax.set_title("Generator on one core, output MP/s by tile", fontsize=10, loc="left")
    ax.set_ylim(top=ax.get_ylim()[1] * 1.18)
    ax.legend(fontsize=8, frameon=False, ncols=len(engines), loc="upper left")


_ABOVE = {
    "xytext": (0, 4),
    "textcoords": "offset points",
    "ha": "center",
    "fontsize": 8,
}


def _bar(
    ax: Axes,
    position: float,
    width: float,
    values: Sequence[float],
    colour: str,
    label: str | None = None,
) -> None:
    middle = median(values)
    errors = [[middle - min(values)], [max(values) - middle]]
    ax.bar(
        position,
        middle,
        width,
        color=colour,
        label=label,
        yerr=errors if len(values) > 1 else None,
        error_kw={"elinewidth": 1, "ecolor": "#333333"},
    )
