"""HR photographs to train on, from a folder, a bucket or a manifest, read on demand."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from jobs.terminal import Terminal
from sr_core.archive.source.manifest import image_id, manifest_digest
from sr_core.archive.source.opening import open_source
from sr_core.archive.source.probing import refuse
from sr_core.archive.storage import Store
from sr_core.archive.tables import manifest_rows, manifest_table
from sr_core.errors import ConfigurationError, ErrorClass, ImageError, RetryLaterError
from sr_core.imaging.codecs import Limits, decode, probe
from sr_core.imaging.codecs.samples import flattened, reduced
from sr_core.parallel import map_in_order
from sr_core.records import ManifestRow, Status

_LIMITS = Limits(
    max_bytes=1 << 30, max_side_px=65_500, max_source_px=250_000_000, max_output_px=1 << 40
)
_PASSING = frozenset({ErrorClass.NETWORK, ErrorClass.OUT_OF_MEMORY})
"""Errors that are not the file's. Leaving files out for them would make trainings differ."""
_NAMES_SHOWN = 3
_THREADS = 16


@dataclass(slots=True)
class LeftOut:
    """Reports each unreadable file once, the first few by name."""

    terminal: Terminal
    keys: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def report(self, key: str, reason: str) -> None:
        """Report that a file is left out, and why."""
        with self.lock:
            if key in self.keys:
                return
            self.keys.add(key)
            if len(self.keys) <= _NAMES_SHOWN:
                self.terminal.say(f"left out {key}: {reason}")
            elif len(self.keys) == _NAMES_SHOWN + 1:
                self.terminal.say(f"left out {key}; more are left out without a line each")


class SourcePhotographs:
    """The photographs of a source in key order. Thread-safe."""

    def __init__(self, store: Store, rows: pa.Table, left_out: LeftOut) -> None:
        """Use manifest rows that have sizes."""
        self.store, self.rows, self._left_out = store, rows, left_out
        self.keys: list[str] = rows["key"].to_pylist()

    def __len__(self) -> int:
        """Return the number of photographs."""
        return len(self.keys)

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        """Read the photographs in order, without unreadable ones."""
        for index in range(len(self)):
            pixels = self.read(index)
            if pixels is not None:
                yield pixels

    @property
    def sizes(self) -> Sequence[tuple[int, int]]:
        """Height and width of each from its header, upright."""
        columns = (self.rows[name].to_pylist() for name in ("height_px", "width_px"))
        return list(zip(*columns, strict=True))

    @property
    def digest(self) -> str:
        """Digest of keys and versions: constant while no photograph is added or changed."""
        return manifest_digest(self.rows)

    def read(self, index: int) -> NDArray[np.uint8] | None:
        """Return the first page: upright, 8 bits, grey as neutral RGB, over white.

        Colours stay in the profile of the file, as they do when an archive is upscaled.

        Returns:
            (H, W, 3), or None if the file cannot be read, which is reported once.

        Raises: RetryLaterError if the store or the file is unavailable for now.
        """
        key = self.keys[index]
        try:
            data, _ = self.store.read_object(key, max_bytes=_LIMITS.max_bytes)
            page = decode(data, _LIMITS).pages[0]
        except ImageError as error:
            if error.error_class in _PASSING:
                raise _not_now(key, error) from error
            self._left_out.report(key, error.message)
            return None
        pixels = reduced(flattened(page))
        rgb = np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels
        return rgb.astype(np.uint8, copy=False)

    def part(self, chosen: NDArray[np.bool_]) -> SourcePhotographs:
        """Return the photographs selected by a mask."""
        return SourcePhotographs(self.store, self.rows.filter(pa.array(chosen)), self._left_out)


def open_photographs(
    source: str, terminal: Terminal, *, min_side_px: int = 96
) -> SourcePhotographs:
    """List the photographs of a source and their sizes, without decoding any.

    Args:
        source: a folder, an s3:// prefix, a manifest, or a table of the user's own; see
            `open_source`. A manifest avoids reading all headers at each start, and fixes the
            photographs of a training while the source grows.
        terminal: receives one line about files left out.
        min_side_px: photographs with a shorter side are left out.

    Raises: ConfigurationError if nothing is left; RetryLaterError if the store cannot be used.
    """
    opened = open_source(source)
    table = opened.table()
    table = table.filter(pc.not_equal(table["status"], Status.DUPLICATE))
    table = _looked_into(opened.store, table)
    side = pc.min_element_wise(table["height_px"], table["width_px"])
    is_large = pc.and_(
        pc.equal(table["status"], Status.OK),
        pc.fill_null(pc.greater_equal(side, min_side_px), fill_value=False),
    )
    others = table.filter(pc.invert(is_large))
    reasons = pc.coalesce(others["error_message"], f"shorter than {min_side_px} px")
    summary = _summary(others["key"].to_pylist(), reasons.to_pylist())
    if len(others) == len(table):
        raise ConfigurationError(
            f"{source} holds no photograph of {min_side_px} px on each side{summary}"
        )
    if len(others):
        terminal.say(f"left out {len(others)} of {len(table)} files{summary}")
    return SourcePhotographs(opened.store, table.filter(is_large), LeftOut(terminal))


def split(
    photographs: SourcePhotographs, share: float, *, at_most: int = 100
) -> tuple[SourcePhotographs, SourcePhotographs]:
    """Hold out photographs for validation, by a hash of their keys.

    Each stays on its side when others are added, unless `at_most` limits the number. Copies of a
    photograph under different names can end up on both sides.

    Args:
        photographs: at least two.
        share: share held out, in (0, 1); at least one photograph and no more than at_most.
        at_most: limit, as every validation takes time.

    Returns:
        Those to train on, and those to validate on.

    Raises: ConfigurationError for fewer than two photographs.
    """
    if len(photographs) < 2:
        raise ConfigurationError(
            "one photograph cannot serve for both training and validation; give --validation"
        )
    hashes = np.array([int(image_id(key), 16) / 2**64 for key in photographs.keys])
    wanted = min(max(1, int((hashes < share).sum())), at_most, len(photographs) - 1)
    held_out = np.zeros(len(photographs), np.bool_)
    held_out[np.argsort(hashes)[:wanted]] = True
    return photographs.part(~held_out), photographs.part(held_out)


def _looked_into(store: Store, table: pa.Table) -> pa.Table:
    """Read the files whose size no probe could determine, so that each has a size or an error."""
    unknown = pc.and_(pc.equal(table["status"], Status.OK), pc.is_null(table["height_px"]))
    if not pc.any(unknown).as_py():
        return table
    rows = manifest_rows(table.filter(unknown))
    found = list(map_in_order(partial(_with_size, store), rows, threads=_THREADS))
    known = table.filter(pc.invert(unknown))
    return pa.concat_tables([known, manifest_table(found).cast(known.schema)]).sort_by("key")


def _with_size(store: Store, row: ManifestRow) -> ManifestRow:
    try:
        data, info = store.read_object(row.key, max_bytes=_LIMITS.max_bytes)
        header = probe(data)
        if header.animated:
            raise ImageError(ErrorClass.ANIMATED, f"an animated {header.format}")
    except ImageError as error:
        if error.error_class in _PASSING:
            raise _not_now(row.key, error) from error
        return refuse(row, error)
    return replace(row, etag=info.etag, height_px=header.height_px, width_px=header.width_px)


def _not_now(key: str, error: ImageError) -> RetryLaterError:
    return RetryLaterError(
        f"{key} cannot be read now: {error.message}; the same command resumes from the saved state"
    )


def _summary(keys: Sequence[str], reasons: Sequence[str]) -> str:
    """Return the first few files, each with its problem."""
    told = [f"{key} ({reason})" for key, reason in zip(keys, reasons, strict=True)][:_NAMES_SHOWN]
    more = f" and {len(keys) - len(told)} more" if len(keys) > len(told) else ""
    return ": " + ", ".join(told) + more if told else ""
