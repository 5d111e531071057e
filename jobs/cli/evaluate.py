"""srfleet evaluate: models on benchmarks, or on pages of print."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.box import SIMPLE
from rich.table import Table

from jobs.cli.options import DeviceOption
from jobs.cli.terminal import answers, notices

EXAMPLES = (
    "srfleet evaluate ./Set5 ./Set14",
    "srfleet evaluate ./photos --degradation archive --seed 1",
    "srfleet evaluate --text --model srresnet --model mine.safetensors --output ./scores",
)


BenchmarksArgument = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="BENCHMARK",
        help="Folders of HR images, or of HR/ and LRx4/ with the same file names.",
        show_default=False,
    ),
]
ModelsOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="MODEL",
        help="auto, nearest, srresnet, ..., or a checkpoint; repeatable. bicubic is added.",
        show_default="all with shipped weights",
    ),
]
OutputOption = Annotated[
    Path, typer.Option("--output", "-o", metavar="OUT", help="New folder for scores and crops.")
]
LpipsOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Weights of LPIPS.", show_default="in $SRFLEET_SHARED/weights"
    ),
]
TextOption = Annotated[
    bool, typer.Option("--text", help="Pages of print, read by tesseract, in place of BENCHMARK.")
]
DegradationOption = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Make LR from HR by bicubic, or by archive: blur, noise and JPEG as in archives.",
        show_default="LR files, or bicubic",
    ),
]
SeedOption = Annotated[int, typer.Option(min=0, help="Seed of the archive degradation.")]
ScaleOption = Annotated[int, typer.Option(min=2, max=8, help="HR pixels per LR pixel.")]
PrecisionOption = Annotated[
    Literal["auto", "float32", "half", "int8"],
    typer.Option(help="As in upscale; float32 scores differ between machines only by rounding."),
]
EngineOption = Annotated[str, typer.Option(help="As in upscale.")]


def evaluate(
    benchmarks: BenchmarksArgument = None,
    text: TextOption = False,
    model: ModelsOption = None,
    output: OutputOption = Path("evaluation-out"),
    lpips: LpipsOption = None,
    degradation: DegradationOption = None,
    seed: SeedOption = 0,
    scale: ScaleOption = 4,
    device: DeviceOption = None,
    precision: PrecisionOption = "float32",
    engine: EngineOption = "torch",
) -> None:
    """Score models against true images, or with --text by how well their print is read."""
    from jobs.models.evaluate import run_evaluation
    from jobs.models.read_text import run_text_evaluation
    from sr_core.errors import ConfigurationError
    from sr_core.evaluation.benchmark import Degradation

    if bool(benchmarks) == text:
        raise ConfigurationError("give folders to score models on, or --text, one of both")
    given = Degradation(degradation, seed) if degradation else None
    if text:
        every = [given] if given else [Degradation("bicubic"), Degradation("archive", seed)]
        evaluation = run_text_evaluation(
            model or [],
            output,
            notices(),
            scale=scale,
            device=device or "auto",
            precision=precision,
            engine=engine,
            degradations=every,
        )
    else:
        evaluation = run_evaluation(
            benchmarks or [],
            model or [],
            output,
            notices(),
            lpips_file=lpips,
            scale=scale,
            device=device or "auto",
            precision=precision,
            engine=engine,
            degradation=given,
        )
    for lines in evaluation.tables:
        answers().print(_table(lines))
    answers().say(f"wrote {', '.join(evaluation.files)} into {output}")


def _table(rows: list[tuple[str, ...]]) -> Table:
    headings, *lines = rows
    table = Table(box=SIMPLE, padding=(0, 1, 0, 0))
    for heading in headings:
        left = heading in ("benchmark", "model", "LR", "read")
        table.add_column(heading, justify="left" if left else "right", overflow="fold")
    for index, line in enumerate(lines):
        table.add_row(*line, end_section=line[0] != lines[(index + 1) % len(lines)][0])
    return table
