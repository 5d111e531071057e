"""Rules for rows against their planned images and the configuration of the run."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sr_core.archive.ledger.runs import RunRecord
from sr_core.archive.planning.outputs import output_sizes
from sr_core.audit.verify.rules.masks import PLANNED, Mask, Rule, is_ok, names_beyond, strings
from sr_core.models.catalogue import BASELINES, models_of
from sr_core.records import Status

_COARSENESS = {"float32": 0, "half": 1, "int8": 2}


def plan_rules() -> Iterable[Rule]:
    """Return the rules for rows against the plan."""
    yield Rule(
        "its row has another source than the plan: {planned_key}",
        lambda rows: pc.not_equal(rows["key"], rows[f"{PLANNED}key"]),
    )
    yield Rule(
        "its output is {output_key}, planned {planned_output_key}",
        _differs("output_key", "output_key"),
    )
    yield Rule(
        "its output is {format_out}, planned {planned_output_format}",
        _differs("format_out", "output_format"),
    )
    yield Rule(
        "its source is version {source_etag}, planned {planned_etag}",
        _differs("source_etag", "etag"),
    )
    yield Rule(
        "its source has {source_size_bytes} bytes, planned {planned_size_bytes}",
        lambda rows: pc.and_(
            pc.is_valid(rows[f"{PLANNED}etag"]), _differs("source_size_bytes", "size_bytes")(rows)
        ),
    )
    for name in ("status", "error_class"):
        message = f"its {name} is {{{name}}}, but the plan refused it: {{planned_{name}}}"
        yield Rule(message, _not_as_refused(name))


def source_rule(run: RunRecord) -> Rule:
    """Return the rule for the address of a source."""
    return Rule(
        "its source_uri is {source_uri}",
        lambda rows: pc.not_equal(
            rows["source_uri"], pc.binary_join_element_wise(run.source_uri, rows["key"], "/")
        ),
    )


def size_rule(run: RunRecord) -> Rule:
    """Return the rule for the size of an output."""
    scale, target = int(run.config["scale"]), run.config.get("target")
    box = None if target is None else (int(target[0]), int(target[1]))

    def broken_by(rows: pa.Table) -> pa.ChunkedArray:
        width, height = (_numbers(rows[name]) for name in ("width_in_px", "height_in_px"))
        wide, high = output_sizes(width, height, scale, box)
        return pc.and_(
            pc.and_(is_ok(rows), pc.is_valid(rows["width_in_px"])),
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


def maker_rules(run: RunRecord) -> Iterable[Rule]:
    """Return the rules for model, engine and precision."""
    model = str(run.config["model"])
    coarsest = _COARSENESS.get(str(run.config.get("precision", "half")), max(_COARSENESS.values()))
    precisions = {name for name, coarseness in _COARSENESS.items() if coarseness <= coarsest}
    by_model, by_precision = frozenset({"model"}), frozenset({"precision"})
    yield Rule(
        "it is ok and not adopted but has no model",
        lambda rows: pc.and_(
            is_ok(rows), pc.and_(pc.invert(rows["adopted"]), pc.is_null(rows["model"]))
        ),
        by_model,
    )
    yield Rule(
        f"its model is {{model}}, but the run's is {_literal(model)}",
        names_beyond("model", models_of(model)),
        by_model,
    )
    yield Rule(
        f"its precision is {{precision}}, but the run allows {', '.join(sorted(precisions))}",
        names_beyond("precision", precisions),
        by_precision,
    )
    yield Rule(
        "its engine is {engine}, but its model {model}",
        lambda rows: pc.and_(
            pc.is_valid(rows["engine"]), pc.is_in(rows["model"], strings(BASELINES))
        ),
        by_model,
    )
    yield Rule(
        "its engine is {engine}, but its precision {precision}",
        lambda rows: pc.xor(pc.is_valid(rows["engine"]), pc.is_valid(rows["precision"])),
        by_precision,
    )


def _differs(column: str, planned: str) -> Mask:
    """Mask ok rows with another value than planned; null masks nothing."""
    return lambda rows: pc.and_(is_ok(rows), pc.not_equal(rows[column], rows[PLANNED + planned]))


def _not_as_refused(name: str) -> Mask:
    """Mask rows of images that the plan refused, with another status or error class."""
    return lambda rows: pc.and_(
        pc.not_equal(rows[f"{PLANNED}status"], Status.OK),
        pc.fill_null(pc.not_equal(rows[name], rows[PLANNED + name]), True),
    )


def _literal(text: str) -> str:
    """Escape braces, for a message that is formatted with the values of a row."""
    return text.replace("{", "{{").replace("}", "}}")


def _numbers(column: pa.ChunkedArray) -> np.typing.NDArray[np.int64]:
    values: np.typing.NDArray[np.int64] = pc.fill_null(column, 0).to_numpy()
    return values
