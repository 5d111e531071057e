"""The table of docs/audit.md on tampering: python -m tests.support.tampering_table prints it.

A small signed run is altered in each way of CHANGES, and verified three times: as it is, after its
closing record was made to agree with the change, and then with the key that signed it.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sr_core.archive.ledger.layout import part_name, plan_name, success_name
from sr_core.archive.ledger.runs import from_json, identity, to_json
from sr_core.archive.storage import open_store
from sr_core.archive.tables import metrics_rows, metrics_table, to_parquet
from sr_core.audit.verify.checks import verify
from sr_core.audit.verify.findings import Finding, Severity
from sr_core.audit.verify.signing import check_signature, sign_run
from sr_core.config import ExecutionConfig, JobConfig, RunConfig
from sr_core.records import MetricsRow
from tests.support.photographs import write_photographs
from tests.support.tampering import reseal, sha256_of_file
from tests.support.whole_run import run_here

PART, PLAN, CLOSED = part_name(0, 0), plan_name(0), success_name(0)
NOTHING = "**nothing**"
Change = Callable[[Path], None]


def make_run(folder: Path, key: Ed25519PrivateKey) -> Path:
    """Upscale four photographs and a broken file, and sign the run."""
    write_photographs(folder / "photos", 4)
    (folder / "photos" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and nothing more")
    job = JobConfig(
        source=str(folder / "photos"),
        output=str(folder / "run"),
        run=RunConfig(model="srresnet", precision="float32"),
        execution=ExecutionConfig(shard_megapixels=1),
    )
    run_here(job)
    sign_run(open_store(job.output), key)
    return folder / "run"


def rows_of(root: Path) -> list[MetricsRow]:
    return metrics_rows(pq.read_table(root / PART))


def write_rows(root: Path, rows: Sequence[MetricsRow]) -> None:
    metadata = pq.read_schema(root / PART).metadata
    table = metrics_table(rows)
    (root / PART).write_bytes(to_parquet(table.replace_schema_metadata(metadata)))


def write_table(root: Path, key: str, table: pa.Table) -> None:
    (root / key).write_bytes(to_parquet(table))


def edited(output_key: str | None = None, **columns: Any) -> Change:
    """Edit the row of an output; by default of the first one."""

    def change(root: Path) -> None:
        rows = rows_of(root)
        keys = [row.output_key for row in rows]
        place = keys.index(output_key or first(root).output_key)
        rows[place] = replace(rows[place], **columns)
        write_rows(root, rows)

    return change


def first(root: Path) -> MetricsRow:
    return next(row for row in rows_of(root) if row.output_key)


def output(root: Path, row: MetricsRow) -> Path:
    return root / str(row.output_key)


def flip_a_bit(root: Path) -> None:
    path = output(root, first(root))
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)


def replace_output(root: Path) -> None:
    one, other = [row for row in rows_of(root) if row.output_key][:2]
    shutil.copy(output(root, other), output(root, one))


def replace_output_and_row(root: Path) -> None:
    replace_output(root)
    path = output(root, first(root))
    edited(output_sha256=sha256_of_file(path), output_size_bytes=path.stat().st_size)(root)


def remove_image(root: Path) -> None:
    """Remove an image from output, rows, plan and counts."""
    row = first(root)
    output(root, row).unlink()
    write_rows(root, [each for each in rows_of(root) if each.image_id != row.image_id])
    plan = pq.read_table(root / PLAN)
    write_table(root, PLAN, plan.filter(pa.compute.not_equal(plan["image_id"], row.image_id)))
    record = json.loads((root / CLOSED).read_text())
    record["images"] -= 1
    record["statuses"]["ok"] -= 1
    (root / CLOSED).write_text(json.dumps(record, indent=2))


def edit_json(key: str, **values: Any) -> Change:
    def change(root: Path) -> None:
        content = json.loads((root / key).read_text())
        (root / key).write_text(json.dumps(content | values, indent=2) + "\n")

    return change


def other_weights(root: Path) -> None:
    """Name other weights in run.json, and give the run, its plan and its part the new run id."""
    record = from_json((root / "run.json").read_bytes(), str(root))
    record = replace(record, checkpoint_sha256="0" * 64)
    record = replace(record, run_id=identity(record))
    (root / "run.json").write_bytes(to_json(record))
    for key in (PLAN, PART):
        table = pq.read_table(root / key)
        metadata = dict(table.schema.metadata) | {b"srfleet.run_id": record.run_id.encode()}
        write_table(root, key, table.replace_schema_metadata(metadata))
    edit_json(CLOSED, run_id=record.run_id)(root)


def edit_plan(root: Path) -> None:
    plan = pq.read_table(root / PLAN)
    keys = [key and key.replace("000", "999") for key in plan["output_key"].to_pylist()]
    place = plan.schema.get_field_index("output_key")
    field = plan.schema.field(place)
    write_table(root, PLAN, plan.set_column(place, field, pa.array(keys, pa.string())))


def add_column(root: Path) -> None:
    table = pq.read_table(root / PART)
    write_table(root, PART, table.append_column("approved", pa.array(["yes"] * len(table))))


def change_type(root: Path) -> None:
    table = pq.read_table(root / PART)
    place = table.schema.get_field_index("shard")
    write_table(root, PART, table.set_column(place, "shard", table["shard"].cast("int32")))


def link_output(root: Path) -> None:
    path = output(root, first(root))
    path.rename(root.parent / "elsewhere")
    path.symlink_to(root.parent / "elsewhere")


def link_inside(root: Path) -> None:
    path = output(root, first(root))
    path.rename(root / "images" / ".hidden")
    path.symlink_to(root / "images" / ".hidden")


def written(key: str) -> Change:
    return lambda root: (root / key).write_bytes(b"foreign") and None


def removed(key: str) -> Change:
    return lambda root: (root / key).unlink()


CHANGES: dict[str, Change] = {
    "one bit of an output flipped": flip_a_bit,
    "an output cut short": lambda root: output(root, first(root)).write_bytes(b"short") and None,
    "an output deleted": lambda root: output(root, first(root)).unlink(),
    "an output replaced by another one": replace_output,
    "an output and its row replaced together": replace_output_and_row,
    "an output replaced by a link out of the root": link_output,
    "an output replaced by a link inside the root": link_inside,
    "a metric improved": edited(lr_psnr_db=55.5),
    "a metric out of its range": edited(self_ssim_y=1.2),
    "the engine of a row": edited(engine="another"),
    "the device of a row": edited(device="another"),
    "the precision of a row": edited(precision="int8"),
    "the model of a row": edited(model="srgan"),
    "the width of a row": edited(width_out_px=4000),
    "the source hash of a row": edited(source_sha256="0" * 64),
    "the source address of a row": edited(source_uri="file:///elsewhere/000.png"),
    "the warnings of a row": edited(warnings=("approved",)),
    "the attempt of a row": edited(attempt="another"),
    "an ok row turned to failed": edited(status="failed", error_class="decode"),
    "an error class": lambda root: write_rows(
        root, [replace(row, error_class=row.error_class and "network") for row in rows_of(root)]
    ),
    "a row removed": lambda root: write_rows(root, rows_of(root)[1:]),
    "a row twice": lambda root: write_rows(root, [*rows_of(root), rows_of(root)[0]]),
    "an image removed everywhere": remove_image,
    "a part deleted": removed(PART),
    "a part with another column": add_column,
    "a part with a column of another type": change_type,
    "a part that is no table": written(PART),
    "an output key in the plan": edit_plan,
    "a plan that is no table": written(PLAN),
    "the scale in `run.json`": lambda root: edit_json(
        "run.json", config=json.loads((root / "run.json").read_text())["config"] | {"scale": 2}
    )(root),
    "the weights in `run.json`, with a new run id everywhere": other_weights,
    "the versions in `run.json`": edit_json("run.json", versions={"srfleet": "9"}),
    "`run.json` deleted": removed("run.json"),
    "the counts in `_SUCCESS.json`": edit_json(CLOSED, images=6),
    "the root hash in `_SUCCESS.json`": edit_json(CLOSED, root_hash="0" * 64),
    "the time in `_SUCCESS.json`": edit_json(CLOSED, finished_at="2020-01-01T00:00:00+00:00"),
    "the digests removed from `_SUCCESS.json`": edit_json(CLOSED, root_hash=None, digests={}),
    "`_SUCCESS.json` deleted": removed(CLOSED),
    "a foreign file in `images/`": written("images/holiday.jpg"),
    "a foreign file in `metrics/`": written("metrics/notes.txt"),
    "a foreign file in the root": written("notes.txt"),
    "an unfinished write left behind": written("images/.srfleet-tmp-1-2"),
}
"""What is changed, and how."""


def outcomes() -> dict[str, tuple[str, str, str]]:
    """Return what verify says to each change: as it is, sealed again, and with the key."""
    key = Ed25519PrivateKey.generate()
    with tempfile.TemporaryDirectory() as folder:
        sound = make_run(Path(folder), key)
        said = {}
        for number, (name, change) in enumerate(CHANGES.items()):
            root = Path(folder) / str(number) / "run"
            shutil.copytree(sound, root)
            change(root)
            before = findings(root)
            reseal(root)
            after = findings(root)
            store = open_store(str(root))
            signed = check_signature(store, verify(store), key.public_key())
            said[name] = (summary(before), summary(after), summary([*after, *signed]))
    return said


def findings(root: Path) -> list[Finding]:
    return list(verify(open_store(str(root))).findings)


def summary(found: Sequence[Finding]) -> str:
    """Name the kinds of findings, worst first."""
    names = [
        each.kind if severity is Severity.ERROR else f"{severity}: {each.kind}"
        for severity in Severity
        for each in found
        if each.severity is severity
    ]
    return ", ".join(dict.fromkeys(names)) or NOTHING


def markdown(said: Mapping[str, tuple[str, str, str]]) -> str:
    """Return outcomes as a table."""
    lines = ["| changed | `verify` | sealed again | and `--key` |", "| --- | --- | --- | --- |"]
    lines += [f"| {name} | {' | '.join(each)} |" for name, each in said.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(markdown(outcomes()))
