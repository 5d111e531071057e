"""srfleet evaluate: models on benchmarks, as a table in the terminal, Parquet, Markdown, PNG."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.box import SIMPLE
from rich.console import Console
from rich.progress import track
from rich.table import Table

from jobs.cli.exit_codes import ExitCode
from jobs.models.torch_device import torch_device
from jobs.models.weights import open_lpips
from sr_core.errors import ConfigurationError, RetryLaterError
from sr_core.evaluation.benchmark import Benchmark, Pair, open_benchmark
from sr_core.evaluation.crops import crops, spread
from sr_core.evaluation.evaluate import evaluate
from sr_core.evaluation.tables import (
    ScoresRow,
    means_table,
    scores_markdown,
    scores_parquet,
    scores_row,
)
from sr_core.imaging.contact_sheet import Pane, contact_sheet
from sr_core.inference.upscaler import Upscaler, open_upscaler
from sr_core.metrics.lpips import LPIPS
from sr_core.models.catalogue import checkpoint_sha256, shipped_models

_YARDSTICK = "bicubic"
_SHOWN_IMAGES = 6
_ZOOM = 2
_NOTE = "Crops: where bicubic loses most. PSNR-Y and LPIPS: of the whole image."


def run_evaluation(
    folders: Sequence[Path],
    models: Sequence[str],
    output: Path,
    console: Console,
    *,
    lpips_file: Path | None,
    scale: int,
    device: str,
    engine: str = "torch",
) -> int:
    """Score models on benchmark folders, and write scores.parquet, scores.md and crops.

    Everything is checked before the first image is upscaled, and written after the last one.

    Args:
        folders: see `open_benchmark`.
        models: names and checkpoints; none: all that are shipped. Bicubic always comes along.
        output: a folder that does not exist yet, or is empty.
        console: for people.
        lpips_file: None: where it is expected; if it is not there, a line says so.
        scale: of the benchmarks; a network of another scale is resized by bicubic from its output.
        device: auto, cpu or cuda.
        engine: see `open_upscaler`. With torch on the CPU, machines' scores differ by the rounding
            of float32 alone; on CUDA it computes in float16.

    Raises: ConfigurationError.
    """
    _check_output(output)
    device = torch_device(device)
    benchmarks = _open_benchmarks(folders, scale)
    upscalers = _open_upscalers(models or shipped_models(), device, engine)
    lpips = open_lpips(lpips_file, console)
    if lpips is not None:
        lpips.to(device)
    try:
        for pair in _pairs(benchmarks, console, "checking"):
            del pair  # that it can be read is all that counts
        output.mkdir(parents=True, exist_ok=True)
        rows, sheets = _evaluate(benchmarks, upscalers, lpips, console)
    except KeyboardInterrupt as interrupt:
        raise RetryLaterError("nothing is written; the same command begins anew") from interrupt
    files = {"scores.parquet": scores_parquet(rows), "scores.md": scores_markdown(rows).encode()}
    for name, data in (files | sheets).items():
        with (output / name).open("xb") as file:
            file.write(data)
    _show(rows, console)
    console.print(f"wrote {', '.join([*files, *sheets])} into {output}", markup=False)
    return ExitCode.DONE


def _check_output(output: Path) -> None:
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise ConfigurationError(
            f"{output} is there already and not empty: scores are never overwritten; remove it or "
            "give another --output"
        )


def _open_benchmarks(folders: Sequence[Path], scale: int) -> list[Benchmark]:
    benchmarks = [open_benchmark(folder, scale) for folder in folders]
    (name, count), *_ = Counter(each.name.casefold() for each in benchmarks).most_common(1)
    if count > 1:
        raise ConfigurationError(f"{count} benchmarks are called {name!r}: rename a folder")
    return benchmarks


def _open_upscalers(
    models: Sequence[str], device: str, engine: str
) -> dict[str, tuple[Upscaler, str | None]]:
    """Return upscaler and checkpoint hash by the name that tables show, each model once.

    That is what the upscaler calls itself, but for files of the same name what was typed.
    """
    wanted = models if _YARDSTICK in models else [_YARDSTICK, *models]
    opened = {model: open_upscaler(model, device=device, engine=engine) for model in wanted}
    names = Counter(upscaler.name for upscaler in opened.values())
    return {
        upscaler.name if names[upscaler.name] == 1 else model: (upscaler, checkpoint_sha256(model))
        for model, upscaler in opened.items()
    }


def _pairs(
    benchmarks: Sequence[Benchmark], console: Console, doing: str
) -> Iterator[tuple[Benchmark, int, Pair]]:
    """Go through all images, each with its number in its benchmark, with a bar on a terminal."""
    every = ((each, index, pair) for each in benchmarks for index, pair in enumerate(each.pairs()))
    count = sum(len(benchmark.files) for benchmark in benchmarks)
    silent = not console.is_terminal
    yield from track(every, doing, count, console=console, transient=True, disable=silent)


def _evaluate(
    benchmarks: Sequence[Benchmark],
    upscalers: dict[str, tuple[Upscaler, str | None]],
    lpips: LPIPS | None,
    console: Console,
) -> tuple[list[ScoresRow], dict[str, bytes]]:
    """Return the rows, and a PNG of crops by file name for each benchmark."""
    rows: list[ScoresRow] = []
    shown: dict[str, list[list[Pane]]] = {}
    models = {name: upscaler for name, (upscaler, _) in upscalers.items()}
    for benchmark, index, pair in _pairs(benchmarks, console, "evaluating"):
        outputs = evaluate(pair, models, benchmark.scale, lpips)
        rows += [scores_row(benchmark, pair, each, upscalers[each.model][1]) for each in outputs]
        if index in spread(len(benchmark.files), _SHOWN_IMAGES):
            shown.setdefault(benchmark.name, []).append(crops(pair, outputs, benchmark.scale))
    return rows, {
        f"{name}.png": contact_sheet(f"{name}, x{benchmarks[0].scale}", _NOTE, panes, _ZOOM)
        for name, panes in shown.items()
    }


def _show(rows: Sequence[ScoresRow], console: Console) -> None:
    headings, *lines = means_table(rows)
    table = Table(box=SIMPLE, padding=(0, 1, 0, 0))
    for heading in headings:
        left = heading in ("benchmark", "model")
        table.add_column(heading, justify="left" if left else "right", overflow="fold")
    for index, line in enumerate(lines):
        table.add_row(*line, end_section=line[0] != lines[(index + 1) % len(lines)][0])
    console.print(table)
