"""Evaluation: models on benchmarks and flat pages, written as Parquet, Markdown and PNG."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rich.progress import track

from jobs.terminal import Terminal
from jobs.train.torch_device import torch_device
from jobs.train.weights import open_lpips
from sr_core.errors import ConfigurationError, RetryLaterError
from sr_core.evaluation.benchmark import Benchmark, Degradation, Pair, open_benchmark
from sr_core.evaluation.crops import crops, spread
from sr_core.evaluation.evaluate import enlarge, evaluate
from sr_core.evaluation.flat_pages import flat_pages
from sr_core.evaluation.judge_tables import judges_table, pages_table
from sr_core.evaluation.tables import (
    ScoresRow,
    judged,
    means_table,
    scores_markdown,
    scores_parquet,
    scores_row,
)
from sr_core.imaging.contact_sheet import Pane, contact_sheet
from sr_core.inference.upscaled import Upscaler
from sr_core.inference.upscaler import open_upscaler
from sr_core.metrics.lpips import LPIPS
from sr_core.models.catalogue import (
    is_lpips_optimised,
    model_name,
    scales_by_model,
    shipped_models,
    used_checkpoints,
)
from sr_core.records import Precision

_YARDSTICK = "bicubic"
_SHOWN_IMAGES = 6
_ZOOM = 2
_NOTE = "Crops: the areas that bicubic loses most in. PSNR-Y and LPIPS: the whole image."


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Tables of rows of cells, headings first, and the names of the files written."""

    tables: tuple[list[tuple[str, ...]], ...]
    files: tuple[str, ...]


def run_evaluation(
    folders: Sequence[Path],
    models: Sequence[str],
    output: Path,
    terminal: Terminal,
    *,
    lpips_file: Path | None,
    scale: int,
    device: str,
    precision: Precision | Literal["auto"] = "float32",
    engine: str = "torch",
    degradation: Degradation | None = None,
) -> Evaluation:
    """Score models on benchmark folders; write scores.parquet, scores.md and crops at the end.

    Args:
        folders: see `open_benchmark`.
        models: names and checkpoints; empty for all with shipped weights. Bicubic is always added.
        output: a folder that does not exist yet, or is empty.
        terminal: for progress and warnings.
        lpips_file: None looks in the expected place and warns if it is not there.
        scale: HR pixels per LR pixel; outputs of a network of another scale are resized by bicubic.
        device: auto, cpu or cuda.
        precision, engine: see `open_upscaler`. Scores in float32 differ between machines by
            rounding only.
        degradation: see `open_benchmark`.

    Raises: ConfigurationError; RetryLaterError if stopped.
    """
    check_output(output)
    benchmarks = _check_names([open_benchmark(folder, scale, degradation) for folder in folders])
    device = torch_device(device)
    upscalers = open_upscalers(models or shipped_models(), scale, device, precision, engine)
    if (lpips := open_lpips(lpips_file, terminal)) is not None:
        lpips.to(device)
    try:
        deque(_pairs(benchmarks, terminal, "checking"), maxlen=0)  # reads every file once
        output.mkdir(parents=True, exist_ok=True)
        rows, sheets = _evaluate(benchmarks, upscalers, lpips, terminal)
        pages = {
            name: flat_pages(enlarge(each.upscaler, scale), scale)
            for name, each in upscalers.items()
        }
    except KeyboardInterrupt as interrupt:
        raise RetryLaterError("nothing was written; the same command starts over") from interrupt
    files = {
        "scores.parquet": scores_parquet(rows),
        "scores.md": scores_markdown(rows, pages).encode(),
        **sheets,
    }
    tables = means_table(rows), judges_table(map(judged, rows)), pages_table(pages)
    return Evaluation(tables, write_new(files, output))


def write_new(files: Mapping[str, bytes], output: Path) -> tuple[str, ...]:
    """Write new files into a folder, which is made if needed; return their names."""
    output.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        with (output / name).open("xb") as file:
            file.write(data)
    return tuple(files)


def check_output(output: Path) -> None:
    """Raise ConfigurationError unless a folder is new or empty."""
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise ConfigurationError(
            f"{output} exists and is not empty; scores are never overwritten: remove it or give "
            "another --output"
        )


def _check_names(benchmarks: list[Benchmark]) -> list[Benchmark]:
    """Return the benchmarks; raise ConfigurationError if two have the same name."""
    (name, count), *_ = Counter(each.name.casefold() for each in benchmarks).most_common(1)
    if count > 1:
        raise ConfigurationError(f"{count} benchmarks are called {name!r}; rename a folder")
    return benchmarks


@dataclass(frozen=True, slots=True)
class Opened:
    """An upscaler, and the hashes of the checkpoints that it may use, by the model's name."""

    upscaler: Upscaler
    sha256: Mapping[str, str]
    lpips_optimised: bool


def open_upscalers(
    models: Sequence[str],
    scale: int,
    device: str,
    precision: Precision | Literal["auto"],
    engine: str,
) -> dict[str, Opened]:
    """Open bicubic and each model once, by the name shown in tables.

    The name is the upscaler's own, or what was typed if several checkpoints have the same name.
    Only the networks for this scale are loaded.
    """
    wanted = models if _YARDSTICK in models else [_YARDSTICK, *models]
    checkpoints = {model: used_checkpoints(model, scale, None) for model in wanted}
    opened = {
        model: Opened(
            open_upscaler(
                model,
                device=device,
                precision=precision,
                engine=engine,
                scales=scales_by_model(checkpoints[model]),
            ),
            {model_name(each.model): each.sha256 for each in checkpoints[model]},
            is_lpips_optimised(model),
        )
        for model in wanted
    }
    names = Counter(each.upscaler.name for each in opened.values())
    return {
        each.upscaler.name if names[each.upscaler.name] == 1 else model: each
        for model, each in opened.items()
    }


def _pairs(
    benchmarks: Sequence[Benchmark], terminal: Terminal, doing: str
) -> Iterator[tuple[Benchmark, int, Pair]]:
    """Yield each image with its number in its benchmark, with a progress bar on a terminal."""
    every = ((each, index, pair) for each in benchmarks for index, pair in enumerate(each.pairs()))
    count = sum(len(benchmark.files) for benchmark in benchmarks)
    silent = not terminal.is_terminal
    yield from track(every, doing, count, console=terminal, transient=True, disable=silent)


def _evaluate(
    benchmarks: Sequence[Benchmark],
    upscalers: Mapping[str, Opened],
    lpips: LPIPS | None,
    terminal: Terminal,
) -> tuple[list[ScoresRow], dict[str, bytes]]:
    """Return the rows, and for each benchmark a PNG of crops, by file name."""
    rows: list[ScoresRow] = []
    shown: dict[str, list[list[Pane]]] = {}
    models = {name: each.upscaler for name, each in upscalers.items()}
    for benchmark, index, pair in _pairs(benchmarks, terminal, "evaluating"):
        outputs = evaluate(pair, models, benchmark.scale, lpips)
        rows += [
            scores_row(
                benchmark,
                pair,
                each,
                checkpoint_sha256=upscalers[each.model].sha256.get(each.made_by),
                lpips_optimised=upscalers[each.model].lpips_optimised,
            )
            for each in outputs
        ]
        if index in spread(len(benchmark.files), _SHOWN_IMAGES):
            shown.setdefault(benchmark.name, []).append(crops(pair, outputs, benchmark.scale))
    return rows, {
        f"{name}.png": contact_sheet(f"{name}, x{benchmarks[0].scale}", _NOTE, panes, _ZOOM)
        for name, panes in shown.items()
    }
