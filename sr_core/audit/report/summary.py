"""The head of a report: headline, counts and totals of a run."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from sr_core.archive.ledger.runs import RunRecord
from sr_core.archive.ledger.snapshot import Progress
from sr_core.archive.source.skipped import failed_only, listed
from sr_core.models.cards import find_card
from sr_core.models.catalogue import AUTO, models_of
from sr_core.page.text import duration, megapixels, number
from sr_core.records import Status

SIZE_COLUMNS = (
    "output_size_bytes",
    "adopted",
    "upscale_ms",
    "width_out_px",
    "height_out_px",
    "model",
)
"""Columns of the metrics table that the totals are computed from."""

_TIMES = "\N{MULTIPLICATION SIGN}"


@dataclass(frozen=True, slots=True)
class Share:
    """A segment of the bar of all images; start and share are fractions of the bar."""

    kind: str
    label: str
    count: int
    start: float
    share: float


@dataclass(frozen=True, slots=True)
class Fact:
    """One total of the head, with its unit or a remark."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Summary:
    """The head of a report."""

    run: RunRecord
    state: str
    headline: str
    finished: bool
    method: str
    shares: list[Share]
    facts: list[Fact]
    classes: list[tuple[str, int]]
    """Error classes with their number of images, the commonest first."""
    skipped: str
    """Skipped files by kind; empty if there are none."""
    record: list[tuple[str, str]]
    """The record of the run, as labels and values."""


def summarise(progress: Progress, ok: pa.Table) -> Summary:
    """Summarise a run.

    Args:
        progress: the progress of the run.
        ok: the latest rows of the images that are ok, with SIZE_COLUMNS.
    """
    run = progress.run
    return Summary(
        run=run,
        state=_state(progress),
        headline=_headline(progress),
        finished=progress.finished,
        method=method(run),
        shares=_shares(progress),
        facts=_facts(progress, ok),
        classes=_classes(progress),
        skipped=listed(progress.error_classes),
        record=_record(run),
    )


def method(run: RunRecord) -> str:
    """Describe the upscaling: SRResNet x4, bicubic to fit 3840x2160."""
    model = str(run.config.get("model", "an unknown upscaler"))
    target = run.config.get("target")
    size = (
        f"to fit {target[0]}{_TIMES}{target[1]}"
        if target
        else f"{_TIMES}{run.config.get('scale', '?')}"
    )
    return f"{' or '.join(map(_label, models_of(model)))} {size}"


def _label(model: str) -> str:
    card = find_card(model)
    return model if card is None else card.label


def _state(progress: Progress) -> str:
    if progress.finished:
        return "complete"
    done, shards = number(progress.shards_done), number(progress.shards)
    return f"not complete: {done} of {shards} shards committed"


def _headline(progress: Progress) -> str:
    ok = progress.statuses.get(Status.OK, 0)
    images = progress.images - progress.statuses.get(Status.SKIPPED, 0)
    if not progress.statuses:
        return f"No result yet for {_images(images)}"
    if not ok:
        return f"None of {_images(images)} upscaled"
    if ok == images:
        return f"{_images(ok).capitalize()} upscaled, none failed"
    return f"{number(ok)} of {_images(images)} upscaled"


def _images(count: int) -> str:
    return "one image" if count == 1 else f"{number(count)} images"


def _shares(progress: Progress) -> list[Share]:
    counts = [
        ("ok", "ok", progress.statuses.get(Status.OK, 0)),
        ("failed", "failed", progress.statuses.get(Status.FAILED, 0)),
        ("skipped", "skipped", progress.statuses.get(Status.SKIPPED, 0)),
        ("duplicate", "duplicate", progress.statuses.get(Status.DUPLICATE, 0)),
    ]
    rest = progress.images - sum(count for _, _, count in counts)
    counts.append(("left", "left", max(0, rest)))
    total = sum(count for _, _, count in counts) or 1
    shares: list[Share] = []
    start = 0.0
    for kind, label, count in counts:
        if count:
            shares.append(Share(kind, label, count, start, count / total))
            start += count / total
    return shares


def _facts(progress: Progress, ok: pa.Table) -> list[Fact]:
    area = pc.multiply(ok.column("width_out_px"), ok.column("height_out_px"))
    out_megapixels = (pc.sum(area).as_py() or 0) / 1e6
    out_bytes = pc.sum(ok.column("output_size_bytes")).as_py() or 0
    device_s = (pc.sum(ok.column("upscale_ms")).as_py() or 0) / 1e3
    adopted = pc.sum(ok.column("adopted")).as_py() or 0
    facts = [
        Fact("Output", megapixels(out_megapixels)),
        Fact("Output size", *_bytes(out_bytes)),
        Fact("Device time", duration(device_s)),
    ]
    if device_s:
        facts.append(Fact("Speed", number(out_megapixels / device_s, 2), "MP/s of device time"))
    if progress.salvaged:
        facts.append(Fact("Salvaged", number(progress.salvaged), "of damaged files, in part"))
    if progress.run.config.get("model") == AUTO:
        facts += _model_facts(ok)
    if adopted:
        facts.append(Fact("Adopted", number(adopted), "from earlier attempts"))
    if progress.rounds > 1:
        facts.append(Fact("Rounds", number(progress.rounds)))
    return facts


def _model_facts(ok: pa.Table) -> list[Fact]:
    """Count the images of each model; adopted ones do not name theirs."""
    counts = pc.value_counts(pc.drop_null(ok.column("model"))).to_pylist()
    return [
        Fact(f"By {_label(each['values'])}", number(each["counts"]), "images")
        for each in sorted(counts, key=lambda each: (-each["counts"], each["values"]))
    ]


def _bytes(count: int) -> tuple[str, str]:
    size, unit = float(count), "bytes"
    for larger in ("kB", "MB", "GB", "TB", "PB"):
        if size < 1000:
            break
        size, unit = size / 1000, larger
    return number(size, 1 if unit != "bytes" else 0), unit


def _classes(progress: Progress) -> list[tuple[str, int]]:
    counts = [(str(name), n) for name, n in failed_only(progress.error_classes).items()]
    return sorted(counts, key=lambda pair: (-pair[1], pair[0]))


def _record(run: RunRecord) -> list[tuple[str, str]]:
    lines = [("begun", f"{run.created_at:%Y-%m-%d %H:%M %Z}"), ("source", run.source_uri)]
    lines += [(name.replace("_", " "), _plain(value)) for name, value in run.config.items()]
    checkpoints = run.checkpoints or {"checkpoint": run.checkpoint_sha256 or "none"}
    lines += [(f"{name} sha256", sha256) for name, sha256 in checkpoints.items()]
    if run.model_rule is not None:
        lines.append(("model rule", run.model_rule))
    lines += [
        ("manifest digest", run.manifest_digest),
        ("metric protocol", run.metric_protocol),
    ]
    return lines + [(f"{name} version", version) for name, version in run.versions.items()]


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
