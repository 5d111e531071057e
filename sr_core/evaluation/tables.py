"""Tables of an evaluation: a row per image and model as Parquet, means as Markdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

from sr_core.evaluation.benchmark import Benchmark, Pair, describe_lr
from sr_core.evaluation.evaluate import Output
from sr_core.evaluation.flat_pages import FlatPage
from sr_core.evaluation.judge_tables import judges_table, pages_table
from sr_core.evaluation.judges import Judges
from sr_core.evaluation.markdown import UNKNOWN, markdown_list, markdown_table, number
from sr_core.evaluation.parquet import rows_parquet
from sr_core.evaluation.published import published
from sr_core.evaluation.scores import Scores, mean_scores
from sr_core.metrics.registry import PROTOCOL_VERSION
from sr_core.models.catalogue import AUTO


@dataclass(frozen=True, slots=True)
class ScoresRow:
    """One row of scores.parquet: one image upscaled by one model. `_COLUMNS` describes them."""

    benchmark: str
    image: str
    model: str
    made_by: str
    checkpoint_sha256: str | None
    lpips_optimised: bool
    scale: int
    lr_source: str
    width_px: int
    height_px: int
    psnr_y_db: float
    ssim_y: float
    lpips_alex: float | None
    lr_psnr_db: float | None
    self_psnr_y_db: float | None
    colour_drift_delta_e: float | None
    flat_grain: float | None
    grid_share: float | None
    upscale_ms: float
    protocol: str


# Arrow type, unit and meaning.
_COLUMNS = {
    "benchmark": ("string", "", "name of the benchmark's folder"),
    "image": ("string", "", "name of the HR file"),
    "model": ("string", "", "name of the model, or of its checkpoint file"),
    "made_by": ("string", "", "the same; of auto, the model that it chose"),
    "checkpoint_sha256": ("string", "", "SHA-256 of the checkpoint; null for interpolation"),
    "lpips_optimised": ("bool", "", "LPIPS was a loss of the model's training"),
    "scale": ("int64", "", "how many times wider and higher HR is than LR"),
    "lr_source": ("string", "", "folder of the LR files, or how LR was made from HR"),
    "width_px": ("int64", "px", "width of the output and of HR, cut to a multiple of scale"),
    "height_px": ("int64", "px", "height of the same"),
    "psnr_y_db": ("double", "dB", "PSNR of luma, scale pixels cut on each side; +inf: identical"),
    "ssim_y": ("double", "1", "SSIM of the same luma"),
    "lpips_alex": ("double", "1", "LPIPS v0.1 with AlexNet, RGB, whole image; null: not measured"),
    "lr_psnr_db": ("double", "dB", "PSNR of the output, shrunk again, against LR; RGB"),
    "self_psnr_y_db": ("double", "dB", "PSNR of luma on LR's centre, shrunk and upscaled again"),
    "colour_drift_delta_e": ("double", "ΔE", "CIEDE2000 of output and LR in blocks of 8x8 LR px"),
    "flat_grain": ("double", "×", "grain in flat dark areas over HR's; null: there are none"),
    "grid_share": ("double", "1", "share of the finest detail that repeats with every LR pixel"),
    "upscale_ms": ("double", "ms", "time to upscale; of a model's first image with its warm-up"),
    "protocol": ("string", "", "version of the metrics' definitions"),
}

LPIPS_OPTIMISED = "LPIPS-optimised"
"""Mark of models whose training had LPIPS as a loss: it flatters them."""

_HEADINGS = (
    "benchmark",
    "images",
    "model",
    "PSNR-Y dB",
    "published",
    "SSIM-Y",
    "LPIPS",
    "published",
)


@dataclass(frozen=True, slots=True)
class Mean:
    """A model's mean scores on a benchmark."""

    benchmark: str
    images: int
    model: str
    lpips_optimised: bool
    scale: int
    scores: Scores

    def cells(self) -> tuple[str, ...]:
        """Format the mean, one cell for each of `_HEADINGS`."""
        known = published(self.benchmark, self.model, self.scale)
        return (
            self.benchmark,
            str(self.images),
            f"{self.model} ({LPIPS_OPTIMISED})" if self.lpips_optimised else self.model,
            number(self.scores.psnr_y_db, 2),
            number(known.psnr_y_db if known else None, 2),
            number(self.scores.ssim_y, 4),
            number(self.scores.lpips_alex, 3),
            number(known.lpips_alex if known else None, 3),
        )


def scores_row(
    benchmark: Benchmark,
    pair: Pair,
    output: Output,
    *,
    checkpoint_sha256: str | None,
    lpips_optimised: bool,
) -> ScoresRow:
    """Return the row of an output."""
    height, width = pair.hr.shape[:2]
    return ScoresRow(
        benchmark=benchmark.name,
        image=pair.image,
        model=output.model,
        made_by=output.made_by,
        checkpoint_sha256=checkpoint_sha256,
        lpips_optimised=lpips_optimised,
        scale=benchmark.scale,
        lr_source=benchmark.lr_source,
        width_px=width,
        height_px=height,
        psnr_y_db=output.scores.psnr_y_db,
        ssim_y=output.scores.ssim_y,
        lpips_alex=output.scores.lpips_alex,
        **asdict(output.judges),
        upscale_ms=output.upscale_ms,
        protocol=PROTOCOL_VERSION,
    )


def means(rows: Iterable[ScoresRow]) -> list[Mean]:
    """Return the means of each model on each benchmark, in order."""
    groups: dict[tuple[str, str, bool, int], list[Scores]] = {}
    for row in rows:
        key = (row.benchmark, row.model, row.lpips_optimised, row.scale)
        groups.setdefault(key, []).append(Scores(row.psnr_y_db, row.ssim_y, row.lpips_alex))
    return [
        Mean(benchmark, len(scores), model, optimised, scale, mean_scores(scores))
        for (benchmark, model, optimised, scale), scores in groups.items()
    ]


def means_table(rows: Iterable[ScoresRow]) -> list[tuple[str, ...]]:
    """Return the means as lines of cells, headings first.

    Columns of published numbers are left out if they are empty.
    """
    columns = zip(_HEADINGS, *(mean.cells() for mean in means(rows)), strict=True)
    return list(
        zip(
            *(
                column
                for column in columns
                if column[0] != "published" or {*column[1:]} != {UNKNOWN}
            ),
            strict=True,
        )
    )


def judged(row: ScoresRow) -> tuple[str, str, Judges]:
    """Return benchmark, model and judges of a row."""
    judges = Judges(
        row.lr_psnr_db,
        row.self_psnr_y_db,
        row.colour_drift_delta_e,
        row.flat_grain,
        row.grid_share,
    )
    return row.benchmark, row.model, judges


def scores_parquet(rows: Sequence[ScoresRow]) -> bytes:
    """Return rows as a Parquet file, with unit and description in the metadata of each column."""
    return rows_parquet("scores", _COLUMNS, rows)


def scores_markdown(rows: Sequence[ScoresRow], pages: Mapping[str, Sequence[FlatPage]]) -> str:
    """Return means and judges as Markdown tables, with protocol, LR sources and checkpoints."""
    first = rows[0]
    sources = {row.benchmark: describe_lr(row.lr_source) for row in rows}
    checkpoints = {row.made_by: row.checkpoint_sha256 for row in rows if row.checkpoint_sha256}
    return "\n".join(
        [
            f"# Scores at x{first.scale}\n",
            *markdown_table(means_table(rows)),
            f"\nPSNR and SSIM: luma of BT.601, {first.scale} pixels cut on each side. LPIPS: v0.1 "
            f"with AlexNet, whole RGB image. Protocol {first.protocol}.\n",
            "Judges that are part of no loss:\n",
            *markdown_table(judges_table(map(judged, rows))),
            "\nFlat pages, RGB furthest from 255, 0 and 128:\n",
            *markdown_table(pages_table(pages)),
            "",
            *markdown_list("LR", sources),
            *markdown_list("Models chosen", _chosen(rows)),
            *markdown_list("SHA-256 of checkpoints", checkpoints),
        ]
    )


def _chosen(rows: Sequence[ScoresRow]) -> dict[str, str]:
    """Return how often auto chose which model, by benchmark."""
    counts: dict[str, Counter[str]] = {}
    for row in rows:
        if row.model == AUTO:
            counts.setdefault(row.benchmark, Counter())[row.made_by] += 1
    return {
        benchmark: ", ".join(f"{model} {count}" for model, count in found.most_common())
        for benchmark, found in counts.items()
    }
