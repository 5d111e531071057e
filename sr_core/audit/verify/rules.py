"""Rules that hold between the columns of every committed row, whatever the image.

A rule is a mask over a table of rows joined with their planned images; where the mask is true, the
row breaks the rule. Null masks nothing. Rules are evaluated on whole parts at once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sr_core.archive.ledger.runs import RunRecord
from sr_core.archive.planning.outputs import output_sizes
from sr_core.archive.schemas import METRICS_SCHEMA
from sr_core.errors import NOT_PHOTOGRAPHS, ErrorClass
from sr_core.imaging.codecs import EXTENSIONS
from sr_core.metrics.registry import METRICS
from sr_core.models.catalogue import BASELINES, models_of
from sr_core.records import Status

PLANNED = "planned_"
"""Prefix of the plan's columns in a joined table."""
PLANNED_COLUMNS = (
    "key",
    "size_bytes",
    "etag",
    "status",
    "error_class",
    "output_key",
    "output_format",
)
"""Columns of the plan that rules compare rows with."""

_OK_HAS = (
    "source_uri",
    "source_size_bytes",
    "source_sha256",
    "format_in",
    "width_in_px",
    "height_in_px",
    "format_out",
    "width_out_px",
    "height_out_px",
    "output_size_bytes",
    "output_sha256",
    "finished_at",
)
_OUTPUT_COLUMNS = (
    "output_key",
    "format_out",
    "width_out_px",
    "height_out_px",
    "output_size_bytes",
    "output_sha256",
    "same_pixels_as",
    "model",
    "engine",
)
_POSITIVE = (
    "source_size_bytes",
    "bit_depth",
    "width_in_px",
    "height_in_px",
    "pages",
    "width_out_px",
    "height_out_px",
    "output_size_bytes",
)
_SHA256 = "^[0-9a-f]{64}$"
_COARSENESS = {"float32": 0, "half": 1, "int8": 2}
_TIMES = tuple(name for name in METRICS_SCHEMA.names if name.endswith("_ms"))
_IDENTICAL = (
    ("psnr_y_db", "ssim_y"),
    ("self_psnr_y_db", "self_ssim_y"),
    ("self_psnr_y_bicubic_db", "self_ssim_y_bicubic"),
)
"""Metrics that are both perfect for identical images."""
_SSIM_MARGIN = 1e-6


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule about rows."""

    message: str
    """Reason of a finding; {column} stands for a value of the row."""
    broken_by: Callable[[pa.Table], pa.ChunkedArray]
    needs: frozenset[str] = frozenset()
    """Columns that a part of an earlier version may lack; the rule is then skipped."""


def rules_of(run: RunRecord) -> tuple[Rule, ...]:
    """Return the rules for the rows of a run."""
    return (
        *_status_rules(),
        *_presence_rules(run),
        *_plan_rules(),
        *_value_rules(),
        _size_rule(run),
        *_maker_rules(run),
        *_metric_rules(),
        *_source_rules(run),
    )


def _status_rules() -> Iterable[Rule]:
    yield Rule("its status is {status}", lambda rows: _not_in(rows["status"], [*Status]))
    yield Rule(
        "its error class is {error_class}", lambda rows: _not_in(rows["error_class"], [*ErrorClass])
    )
    yield Rule(
        "it is ok with error class {error_class}",
        lambda rows: pc.and_(_is_ok(rows), pc.is_valid(rows["error_class"])),
    )
    yield Rule(
        "it is failed without an error class",
        lambda rows: pc.and_(
            pc.equal(rows["status"], Status.FAILED), pc.is_null(rows["error_class"])
        ),
    )
    for status, classes in (
        (Status.DUPLICATE, _set({ErrorClass.DUPLICATE_KEY})),
        (Status.SKIPPED, _set(NOT_PHOTOGRAPHS)),
    ):
        yield Rule(
            "it is {status} with error class {error_class}",
            lambda rows, status=status, classes=classes: pc.xor(  # type: ignore[misc]
                pc.equal(rows["status"], status), pc.is_in(rows["error_class"], classes)
            ),
        )


def _presence_rules(run: RunRecord) -> Iterable[Rule]:
    yield Rule("it is ok but has no output", _ok_without("output_key"))
    for name in _OK_HAS:
        yield Rule(f"it is ok but has no {name}", _ok_without(name))
    metrics = [metric.name for metric in METRICS]
    for name in (*_OUTPUT_COLUMNS, *metrics):
        yield Rule(f"it is {{status}} but has {name} {{{name}}}", _not_ok_with(name))
    if run.config.get("measure") is False:
        for name in metrics:
            yield Rule(
                f"it has {name} {{{name}}}, but the run does not measure",
                lambda rows, name=name: pc.is_valid(rows[name]),  # type: ignore[misc]
            )


def _plan_rules() -> Iterable[Rule]:
    def differs(column: str, planned: str) -> Callable[[pa.Table], pa.ChunkedArray]:
        return lambda rows: pc.and_(
            _is_ok(rows), pc.not_equal(rows[column], rows[PLANNED + planned])
        )

    yield Rule(
        "its row has another source than the plan: {planned_key}",
        lambda rows: pc.not_equal(rows["key"], rows[f"{PLANNED}key"]),
    )
    yield Rule(
        "its output is {output_key}, planned {planned_output_key}",
        lambda rows: pc.and_(
            _is_ok(rows),
            pc.fill_null(pc.not_equal(rows["output_key"], rows[f"{PLANNED}output_key"]), False),
        ),
    )
    yield Rule(
        "its output is {format_out}, planned {planned_output_format}",
        differs("format_out", "output_format"),
    )
    yield Rule(
        "its source is version {source_etag}, planned {planned_etag}",
        differs("source_etag", "etag"),
    )
    yield Rule(
        "its source has {source_size_bytes} bytes, planned {planned_size_bytes}",
        lambda rows: pc.and_(
            pc.is_valid(rows[f"{PLANNED}etag"]), differs("source_size_bytes", "size_bytes")(rows)
        ),
    )
    for name in ("status", "error_class"):
        yield Rule(
            f"its {name} is {{{name}}}, but the plan refused it: {{planned_{name}}}",
            lambda rows, name=name: pc.and_(  # type: ignore[misc]
                pc.not_equal(rows[f"{PLANNED}status"], Status.OK),
                pc.fill_null(pc.not_equal(rows[name], rows[PLANNED + name]), True),
            ),
        )


def _value_rules() -> Iterable[Rule]:
    for name in ("source_sha256", "output_sha256"):
        yield Rule(
            f"its {name} is no SHA-256: {{{name}}}",
            lambda rows, name=name: pc.invert(  # type: ignore[misc]
                pc.match_substring_regex(rows[name], _SHA256)
            ),
        )
    for name in _POSITIVE:
        yield Rule(
            f"its {name} is {{{name}}}",
            lambda rows, name=name: pc.less(rows[name], 1),  # type: ignore[misc]
        )
    yield Rule(
        "its orientation_in is {orientation_in}",
        lambda rows: pc.or_(
            pc.less(rows["orientation_in"], 1), pc.greater(rows["orientation_in"], 8)
        ),
    )
    for name in _TIMES:
        yield Rule(f"its {name} is {{{name}}}", lambda rows, name=name: _not_at_least_0(rows[name]))  # type: ignore[misc]
    yield Rule(
        "its format_out is {format_out}", lambda rows: _not_in(rows["format_out"], [*EXTENSIONS])
    )
    for output_format, extension in EXTENSIONS.items():
        yield Rule(
            "its output {output_key} is {format_out}",
            lambda rows, name=output_format, ending=f".{extension}": pc.and_(  # type: ignore[misc]
                pc.equal(rows["format_out"], name),
                pc.invert(pc.ends_with(rows["output_key"], ending)),
            ),
        )


def _size_rule(run: RunRecord) -> Rule:
    scale, target = int(run.config["scale"]), run.config.get("target")
    box = None if target is None else (int(target[0]), int(target[1]))

    def broken_by(rows: pa.Table) -> pa.ChunkedArray:
        width, height = (_numbers(rows[name]) for name in ("width_in_px", "height_in_px"))
        wide, high = output_sizes(width, height, scale, box)
        return pc.and_(
            pc.and_(_is_ok(rows), pc.is_valid(rows["width_in_px"])),
            pc.or_(
                pc.not_equal(rows["width_out_px"], pa.chunked_array([pa.array(wide)])),
                pc.not_equal(rows["height_out_px"], pa.chunked_array([pa.array(high)])),
            ),
        )

    wanted = f"scale {scale}" if box is None else f"target {box[0]}x{box[1]}"
    return Rule(
        "its output is {width_out_px}x{height_out_px} px, which {width_in_px}x{height_in_px} px "
        f"does not become with {wanted}",
        broken_by,
    )


def _maker_rules(run: RunRecord) -> Iterable[Rule]:
    allowed = set(models_of(str(run.config["model"])))
    coarsest = _COARSENESS.get(str(run.config.get("precision", "half")), max(_COARSENESS.values()))
    precisions = {name for name, coarseness in _COARSENESS.items() if coarseness <= coarsest}
    yield Rule(
        "it is ok and not adopted but has no model",
        lambda rows: pc.and_(_is_ok(rows), _unless(rows["adopted"], pc.is_null(rows["model"]))),
        frozenset({"model"}),
    )
    yield Rule(
        "its model is {model}, but the run's is " + str(run.config["model"]),
        lambda rows: _names_beyond(rows["model"], allowed),
        frozenset({"model"}),
    )
    yield Rule(
        "its precision is {precision}, but the run allows " + ", ".join(sorted(precisions)),
        lambda rows: _names_beyond(rows["precision"], precisions),
        frozenset({"precision"}),
    )
    yield Rule(
        "its engine is {engine}, but its model {model}",
        lambda rows: pc.and_(pc.is_valid(rows["engine"]), pc.is_in(rows["model"], _set(BASELINES))),
        frozenset({"model"}),
    )
    yield Rule(
        "its engine is {engine}, but its precision {precision}",
        lambda rows: pc.xor(pc.is_valid(rows["engine"]), pc.is_valid(rows["precision"])),
        frozenset({"precision"}),
    )


def _metric_rules() -> Iterable[Rule]:
    for metric in METRICS:
        name = metric.name
        if "ssim" in name:
            yield Rule(
                f"its {name} is {{{name}}}",
                lambda rows, name=name: _outside(rows[name], -1, 1 + _SSIM_MARGIN),  # type: ignore[misc]
            )
        else:
            highest = np.inf if metric.unit == "dB" else np.finfo(np.float64).max
            yield Rule(
                f"its {name} is {{{name}}}",
                lambda rows, name=name, highest=highest: _outside(rows[name], 0, highest),  # type: ignore[misc]
            )
    for psnr, ssim in _IDENTICAL:
        yield Rule(
            f"its {psnr} is {{{psnr}}}, but its {ssim} {{{ssim}}}",
            lambda rows, psnr=psnr, ssim=ssim: pc.and_(  # type: ignore[misc]
                pc.is_inf(rows[psnr]), pc.less(rows[ssim], 1 - _SSIM_MARGIN)
            ),
        )
    yield Rule(
        "its lr_psnr_db is {lr_psnr_db}, but its colour_drift_delta_e {colour_drift_delta_e}",
        lambda rows: pc.and_(
            pc.is_inf(rows["lr_psnr_db"]), pc.greater(rows["colour_drift_delta_e"], 1e-3)
        ),
    )
    yield Rule(
        "it has one of self_psnr_y_db and self_psnr_y_bicubic_db",
        lambda rows: pc.xor(
            pc.is_valid(rows["self_psnr_y_db"]), pc.is_valid(rows["self_psnr_y_bicubic_db"])
        ),
    )


def _source_rules(run: RunRecord) -> Iterable[Rule]:
    yield Rule(
        "its source_uri is {source_uri}",
        lambda rows: pc.not_equal(
            rows["source_uri"], pc.binary_join_element_wise(run.source_uri, rows["key"], "/")
        ),
    )


def _is_ok(rows: pa.Table) -> pa.ChunkedArray:
    return pc.equal(rows["status"], Status.OK)


def _ok_without(name: str) -> Callable[[pa.Table], pa.ChunkedArray]:
    return lambda rows: pc.and_(_is_ok(rows), pc.is_null(rows[name]))


def _not_ok_with(name: str) -> Callable[[pa.Table], pa.ChunkedArray]:
    return lambda rows: pc.and_(pc.invert(_is_ok(rows)), pc.is_valid(rows[name]))


def _unless(condition: pa.ChunkedArray, mask: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.and_(pc.invert(condition), mask)


def _set(values: Collection[str]) -> pa.Array:
    return pa.array(sorted(values), pa.string())


def _not_in(column: pa.ChunkedArray, values: Sequence[str]) -> pa.ChunkedArray:
    return pc.and_(pc.is_valid(column), pc.invert(pc.is_in(column, _set(values))))


def _names_beyond(column: pa.ChunkedArray, allowed: set[str]) -> pa.ChunkedArray:
    """Mask values that name anything else; the pages of one image may differ: "half, float32"."""
    found = pc.unique(column).to_pylist()
    strange = [each for each in found if each is not None and not {*each.split(", ")} <= allowed]
    return pc.is_in(column, _set(strange))


def _outside(column: pa.ChunkedArray, lowest: float, highest: float) -> pa.ChunkedArray:
    """Mask values beyond two bounds, and NaN."""
    inside = pc.and_(pc.greater_equal(column, lowest), pc.less_equal(column, highest))
    return pc.invert(inside)


def _not_at_least_0(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return _outside(column, 0, np.finfo(np.float64).max)


def _numbers(column: pa.ChunkedArray) -> np.typing.NDArray[np.int64]:
    values: np.typing.NDArray[np.int64] = pc.fill_null(column, 0).to_numpy()
    return values
