"""srfleet demo: every upscaler on the sample photographs, and one page that compares them."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from jobs.cli.manifest import make_manifest
from jobs.cli.upscale import run_upscale
from jobs.cluster.connect import connected
from sr_core.archive.storage import open_store
from sr_core.audit.report.comparison import write_comparison
from sr_core.config import ExecutionConfig, JobConfig, RunConfig
from sr_core.models.catalogue import BASELINES, shipped_models

SAMPLES = Path(__file__).parent.parent / "samples"
_LABELS = {
    "nearest": "Nearest",
    "bilinear": "Bilinear",
    "bicubic": "Bicubic",
    "srresnet": "SRResNet",
    "srgan": "SRGAN",
}


def run_demo(output: Path, console: Console) -> int:
    """Run one ordinary run per upscaler under `output`, and write comparison.html beside them.

    Returns:
        The exit code of the worst run.

    Raises: ConfigurationError where `output` holds something else.
    """
    output.mkdir(parents=True, exist_ok=True)
    manifest = output / "samples.parquet"
    if not manifest.exists():
        make_manifest(
            str(SAMPLES / "manifest.csv"),
            manifest,
            console,
            root=None,
            uri_column=None,
            reference_column="reference_key",
            since=[],
        )
    codes = []
    models = [*BASELINES, *shipped_models()]
    with connected(ExecutionConfig()):
        for model in models:
            job = JobConfig(
                source=str(manifest),
                output=str(output / model),
                run=RunConfig(model=model, format="png"),
            )
            codes.append(run_upscale(job, console))
    page = output / "comparison.html"
    variants = [(_LABELS.get(model, model), open_store(str(output / model))) for model in models]
    write_comparison(variants, source=open_store(str(SAMPLES)), path=page)
    console.print(f"open {page} in a browser", style="bold", markup=False)
    return max(codes)
