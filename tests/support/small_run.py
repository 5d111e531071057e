"""A miniature run: every ledger call of the main job, with a line of text for each image.

Each attempt writes its name into its outputs, as two encodings of an image may differ. A row that
describes bytes other than those stored is therefore detected.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime

from sr_core.archive.ledger.history import list_parts, read_plan
from sr_core.archive.ledger.ledger import Ledger
from sr_core.archive.ledger.rounds import Success
from sr_core.archive.ledger.runs import RunRecord, run_id_of
from sr_core.archive.schemas import PLAN_SCHEMA
from sr_core.archive.source.manifest import digest_in_key_order
from sr_core.archive.storage import Store
from sr_core.archive.tables import manifest_table, plan_rows, plan_table, to_parquet
from sr_core.errors import ErrorClass, ImageError
from sr_core.records import ManifestRow, MetricsRow, PlannedImage, Status

SOURCE_URI = "s3://archive/photos"
CONFIG = {"model": "bicubic", "scale": 4, "target": None}


def record(**changes: object) -> RunRecord:
    """Return the record of a run; keywords change settings that decide its outputs."""
    deciding = {
        "source_uri": SOURCE_URI,
        "config": CONFIG,
        "manifest_digest": manifest_digest_of(planned_images(5, per_shard=2, refused={1})),
        "checkpoint_sha256": None,
        "metric_protocol": "1",
    } | changes
    return RunRecord(
        run_id=run_id_of(**deciding),
        versions={"srfleet": "0.1.0"},
        created_at=datetime(2024, 1, 1, tzinfo=UTC),
        **deciding,
    )


def manifest_digest_of(images: Sequence[PlannedImage]) -> str:
    """Return the digest of the manifest that images were planned from."""
    return digest_in_key_order(manifest_table([each.image for each in images]))


def planned_images(
    count: int, *, per_shard: int, refused: Collection[int] = ()
) -> list[PlannedImage]:
    """Plan `count` images of 20x10 px, upscaled by 4; those in `refused` have failed already."""
    return [
        _refused(number, number // per_shard)
        if number in refused
        else PlannedImage(
            ManifestRow(f"{number:016x}", f"album/{number}.jpg", width_px=20, height_px=10),
            shard=number // per_shard,
            output_key=f"images/album/{number}.jpg",
            output_format="jpeg",
            output_width_px=80,
            output_height_px=40,
        )
        for number in range(count)
    ]


def _refused(number: int, shard: int) -> PlannedImage:
    row = ManifestRow(
        f"{number:016x}",
        f"album/{number}.txt",
        status=Status.FAILED,
        error_class=ErrorClass.UNSUPPORTED_FORMAT,
    )
    return PlannedImage(row, shard, None, None, None, None)


def plan_bytes(run_id: str, images: Sequence[PlannedImage], round_index: int = 0) -> bytes:
    """Serialise a plan, sorted by shard as the planner does."""
    metadata = {"srfleet.run_id": run_id, "srfleet.round": str(round_index)}
    ordered = sorted(images, key=lambda image: image.shard)
    return to_parquet(plan_table(ordered), metadata)


def begin(store: Store, images: Sequence[PlannedImage]) -> Ledger:
    """Open the run and freeze its first plan, unless both exist."""
    ledger = Ledger(store)
    run = ledger.open_run(record(manifest_digest=manifest_digest_of(images)))
    if not ledger.rounds():
        ledger.put_plan(0, plan_bytes(run.run_id, images))
    return ledger


def process_round(
    ledger: Ledger, round_index: int, attempt: str, *, sick: Collection[str] = ()
) -> None:
    """Process and commit the shards of a round that are not committed.

    Args:
        ledger: ledger of an open run.
        round_index: a planned round.
        attempt: name of this attempt.
        sick: keys whose source cannot be read at present.
    """
    images = plan_rows(read_plan(ledger.store, round_index, PLAN_SCHEMA.names))
    parts = list_parts(ledger.store)
    committed = {part.shard for part in parts if part.round_index == round_index}
    for shard in sorted({image.shard for image in images} - committed):
        mine = [image for image in images if image.shard == shard]
        ledger.commit(
            round_index,
            shard,
            [_process(ledger, image, round_index, attempt, sick) for image in mine],
        )


def work(
    store: Store, images: Sequence[PlannedImage], attempt: str, *, sick: Collection[str] = ()
) -> Success:
    """Do the whole job, or the rest of it."""
    ledger = begin(store, images)
    last = ledger.rounds()[-1]
    process_round(ledger, last, attempt, sick=sick)
    return ledger.finish_round(ledger.snapshot(), last)


def plan_retry(ledger: Ledger) -> int:
    """Plan the failed images again, two per shard; return the number of the new round."""
    round_index = ledger.rounds()[-1] + 1
    failed = set(ledger.failed_images(ledger.snapshot()).column("image_id").to_pylist())
    first = plan_rows(read_plan(ledger.store, 0, PLAN_SCHEMA.names))
    again = [
        PlannedImage(
            image.image,
            position // 2,
            image.output_key,
            image.output_format,
            image.output_width_px,
            image.output_height_px,
        )
        for position, image in enumerate(each for each in first if each.image.image_id in failed)
    ]
    run = ledger.run()
    assert run is not None
    ledger.put_plan(round_index, plan_bytes(run.run_id, again, round_index))
    return round_index


def contents(store: Store, prefixes: Iterable[str] = ("",)) -> dict[str, bytes]:
    """Read every object of a root."""
    return {info.key: store.read(info.key) for each in prefixes for info in store.list(each)}


def ok_row(image: PlannedImage, data: bytes, round_index: int, attempt: str) -> MetricsRow:
    """Return the row of an image whose output is `data`."""
    return MetricsRow(
        image_id=image.image.image_id,
        key=image.image.key,
        round=round_index,
        shard=image.shard,
        attempt=attempt,
        status=Status.OK,
        source_uri=f"{SOURCE_URI}/{image.image.key}",
        source_size_bytes=1000,
        source_sha256=hashlib.sha256(image.image.key.encode()).hexdigest(),
        format_in="JPEG",
        width_in_px=image.image.width_px,
        height_in_px=image.image.height_px,
        output_key=image.output_key,
        format_out=image.output_format,
        width_out_px=image.output_width_px,
        height_out_px=image.output_height_px,
        output_size_bytes=len(data),
        output_sha256=hashlib.sha256(data).hexdigest(),
        model=str(CONFIG["model"]),
        finished_at=datetime(2024, 1, 1, tzinfo=UTC),
    )


def failed_row(
    image: PlannedImage, error_class: ErrorClass, round_index: int, attempt: str
) -> MetricsRow:
    """Return the row of an image without an output."""
    return MetricsRow(
        image_id=image.image.image_id,
        key=image.image.key,
        round=round_index,
        shard=image.shard,
        attempt=attempt,
        status=Status.FAILED,
        error_class=error_class,
    )


def _process(
    ledger: Ledger, image: PlannedImage, round_index: int, attempt: str, sick: Collection[str]
) -> MetricsRow:
    if image.output_key is None:
        assert image.image.error_class is not None
        return failed_row(image, image.image.error_class, round_index, attempt)
    if image.image.key in sick:
        return failed_row(image, ErrorClass.NETWORK, round_index, attempt)
    try:
        return ok_row(image, _put_or_adopt(ledger, image.output_key, attempt), round_index, attempt)
    except ImageError as error:
        return failed_row(image, error.error_class, round_index, attempt)


def _put_or_adopt(ledger: Ledger, key: str, attempt: str) -> bytes:
    run = ledger.run()
    assert run is not None
    standing = ledger.adoptable(key, run.run_id)
    if standing is not None:
        return standing
    data = f"{key} by {attempt}".encode()
    sha256 = hashlib.sha256(data).hexdigest()
    if ledger.put_image(key, data, run_id=run.run_id, attempt=attempt, sha256=sha256):
        return data
    adopted = ledger.adoptable(key, run.run_id)
    assert adopted is not None
    return adopted
