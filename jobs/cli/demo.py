"""srfleet demo: every model on the sample photographs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from jobs.cli.terminal import answers
from sr_core.config import ExecutionConfig, JobConfig, RunConfig

EXAMPLES = ("srfleet demo", "srfleet demo ./try")

SAMPLES = Path(__file__).parent.parent / "samples"


def demo(
    output: Annotated[
        Path, typer.Argument(metavar="OUT", help="Folder for the runs and comparison.html.")
    ] = Path("demo-out"),
) -> None:
    """Upscale eight sample photographs with every model and compare them side by side."""
    from jobs.cli.upscale import drive
    from jobs.cluster.connect import connected
    from sr_core.archive.storage import open_store
    from sr_core.audit.report.comparison import write_comparison
    from sr_core.models.catalogue import BASELINES, CLEAN, shipped_models

    output.mkdir(parents=True, exist_ok=True)
    source = _sample_manifest(output)
    # The page compares the last one with the others, at first with the one before it: auto takes
    # CLEAN for these samples, and SRResNet is its twin that invents nothing.
    others = [model for model in reversed(shipped_models()) if model != CLEAN]
    models = [*BASELINES, *others, CLEAN]
    with connected(ExecutionConfig()):
        codes = [drive(_job(source, output, model)) for model in models]
    page = output / "comparison.html"
    variants = [(_label(model), open_store(str(output / model))) for model in models]
    write_comparison(variants, source=open_store(str(SAMPLES)), path=page)
    answers().say(f"open {page} in a browser", style="bold")
    raise typer.Exit(max(codes))


def _label(model: str) -> str:
    from sr_core.models.cards import find_card

    card = find_card(model)
    return model.capitalize() if card is None else card.label


def _sample_manifest(output: Path) -> Path:
    from jobs.upscale.manifest import make_manifest

    manifest = output / "samples.parquet"
    if not manifest.exists():
        make_manifest(str(SAMPLES / "manifest.csv"), manifest, reference_column="reference_key")
    return manifest


def _job(source: Path, output: Path, model: str) -> JobConfig:
    return JobConfig(
        source=str(source),
        output=str(output / model),
        run=RunConfig(model=model, format="png"),
    )
