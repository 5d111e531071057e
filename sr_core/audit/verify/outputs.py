"""Checks of outputs and sources against the rows that describe them."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from sr_core.archive.storage import Store, sha256_of
from sr_core.audit.verify.findings import Finding, Kind, broken
from sr_core.audit.verify.names import Listing
from sr_core.errors import ErrorClass, ImageError
from sr_core.parallel import map_in_order
from sr_core.records import Status

_READERS = 8
"""Number of objects read concurrently."""
_COLUMNS = (
    "image_id",
    "key",
    "output_key",
    "output_size_bytes",
    "output_sha256",
    "source_sha256",
)


Progress = Callable[[str, int, int], None]
"""Called with what is counted, how many are done, and how many there are."""


@dataclass(frozen=True, slots=True)
class Described:
    """An output, as the latest row of its image describes it."""

    image_id: str
    key: str
    output_key: str
    output_size_bytes: int | None
    """None if it is not stated, as for the copy of a sidecar."""
    output_sha256: str | None
    source_sha256: str | None
    is_sidecar: bool = False
    """True for the copy of a sidecar of the image."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A random choice of images, the same for the same seed and images."""

    images: int
    seed: int

    def of(self, described: Iterable[Described]) -> list[Described]:
        """Return the sample of some images, all of which are drawn from the iterable."""
        drawn = heapq.nsmallest(max(1, self.images), described, key=self._rank)
        return drawn[: self.images]

    def _rank(self, image: Described) -> bytes:
        return hashlib.sha256(f"{self.seed} {image.output_key}".encode()).digest()


def described_by(rows: pa.Table, superseded: pa.Array) -> list[Described]:
    """Return the outputs of rows, unless a later round has a row for their images.

    The copies of sidecars follow the images.
    """
    latest = pc.invert(pc.is_in(rows.column("image_id"), superseded))
    is_ok = pc.equal(rows.column("status"), Status.OK)
    has_output = pc.and_(pc.and_(latest, is_ok), pc.is_valid(rows.column("output_key")))
    rows = rows.filter(has_output)
    columns = [rows.column(name).to_pylist() for name in _COLUMNS]
    images = [Described(*values) for values in zip(*columns, strict=True)]
    return images + [
        Described(
            image, each["key"], each["output_key"], None, each["sha256"], each["sha256"], True
        )
        for image, sidecars in _sidecars_of(rows)
        for each in sidecars
    ]


def _sidecars_of(rows: pa.Table) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Yield the images with copies of sidecars, and the copies."""
    rows = rows.select(["image_id", "sidecars"]).filter(pc.is_valid(rows.column("sidecars")))
    yield from zip(*(column.to_pylist() for column in rows.columns), strict=True)


def check_listed(images: list[Described], listing: Listing) -> Iterator[Finding]:
    """Check that outputs exist and have the right size, without reading them."""
    sizes = listing.sizes_of([image.output_key for image in images])
    for image, size_bytes in zip(images, sizes, strict=True):
        if size_bytes is None:
            yield _missing(image)
        elif _differs(image, size_bytes):
            yield _of_another_size(image, size_bytes)


def check_outputs(
    store: Store, run_id: str, images: Iterable[Described]
) -> Iterator[tuple[Finding | None, Described]]:
    """Read outputs again and compare their size, SHA-256 and metadata."""

    def check(image: Described) -> tuple[Finding | None, Described]:
        return _check_output(store, run_id, image), image

    yield from map_in_order(check, images, threads=_READERS)


def check_sources(source: Store, images: Iterable[Described]) -> Iterator[Finding | None]:
    """Read sources again and compare their SHA-256."""

    def check(image: Described) -> Finding | None:
        return _check_source(source, image)

    yield from map_in_order(check, images, threads=_READERS)


def _check_output(store: Store, run_id: str, image: Described) -> Finding | None:
    key = image.output_key
    try:
        digest, size_bytes = sha256_of(store, key)
        metadata = store.metadata(key) if store.keeps_metadata else None
    except ImageError as error:  # of the store, or for a foreign key
        is_missing = error.error_class is ErrorClass.NOT_FOUND
        return _missing(image) if is_missing else _damaged(image, str(error))
    if _differs(image, size_bytes):
        return _of_another_size(image, size_bytes)
    if digest != image.output_sha256:
        return _damaged(image, "its bytes do not match their SHA-256")
    if not image.is_sidecar and metadata is not None and not _is_original(metadata, run_id, digest):
        message = "its metadata does not name this run and its SHA-256: it was written again"
        return _damaged(image, message)
    return None


def _differs(image: Described, size_bytes: int) -> bool:
    return image.output_size_bytes is not None and size_bytes != image.output_size_bytes


def _is_original(metadata: Mapping[str, str], run_id: str, digest: str) -> bool:
    return (metadata.get("run-id"), metadata.get("sha256")) == (run_id, digest)


def _check_source(source: Store, image: Described) -> Finding | None:
    try:
        digest, _ = sha256_of(source, image.key)
    except ImageError as error:
        return broken(Kind.SOURCE, image.key, str(error))
    if digest != image.source_sha256:
        return broken(Kind.SOURCE, image.key, "the source is not the one that was upscaled")
    return None


def _missing(image: Described) -> Finding:
    message = f"the output of {image.key} is missing"
    return broken(Kind.MISSING_OUTPUT, image.output_key, message, image.image_id)


def _of_another_size(image: Described, size_bytes: int) -> Finding:
    return _damaged(image, f"it has {size_bytes} bytes, not {image.output_size_bytes}")


def _damaged(image: Described, message: str) -> Finding:
    return broken(Kind.DAMAGED_OUTPUT, image.output_key, message, image.image_id)
