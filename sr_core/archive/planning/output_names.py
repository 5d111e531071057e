"""Names of outputs: the path of the source with another extension, unique on any store."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, count

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from sr_core.archive.ledger.layout import IMAGES_PREFIX

Prints = NDArray[np.uint64]

NAME_MAX_BYTES = 255
"""Longest file name of common file systems, in bytes of UTF-8."""
_PIECE_ROWS = 1 << 16


@dataclass(frozen=True, slots=True)
class OutputNames:
    """Output keys in the order of the sources; null for sources without an output.

    `renamed` are the positions of the sources that could not have their plain name.
    """

    keys: pa.ChunkedArray
    renamed: list[int]


def name_outputs(
    keys: pa.ChunkedArray,
    image_ids: pa.ChunkedArray,
    extensions: pa.Array,
    taken: Iterable[str],
) -> OutputNames:
    """Name an output for every source.

    photos/a.png becomes images/photos/a.jpg. If several sources would get the same name, the first
    one gets it, and the others get the first 8 digits of their image id before the extension. Names
    that differ only in case or Unicode composition count as the same, as they are on many file
    systems; so does a name that is also that of a folder.

    Args:
        keys: keys of the sources; earlier ones have the first claim to a plain name.
        image_ids: image ids of the sources.
        extensions: extensions without the dot; null for sources without an output.
        taken: output keys of earlier rounds.
    """
    plain = _plain_names(keys, extensions)
    prints = _prints(_stream(plain), len(plain))
    barred = _barred(plain, taken)
    _, first = np.unique(prints, return_index=True)
    is_loser = np.ones(len(plain), bool)
    is_loser[first] = False
    is_loser |= np.isin(prints, barred) | _are_too_long(plain)
    wanted = plain.is_valid().to_numpy()
    losers = np.flatnonzero(is_loser & wanted)
    used = _Used(np.concatenate([prints[wanted & ~is_loser], barred]))
    renamed = [used.take(_alternatives(plain[at].as_py(), image_ids[at].as_py())) for at in losers]
    return OutputNames(_replace(plain, losers, renamed), losers.tolist())


class _Used:
    """Fingerprints of the names in use."""

    def __init__(self, prints: Prints) -> None:
        self._prints = np.sort(prints)
        self._added: set[int] = set()

    def take(self, names: Iterable[str]) -> str:
        """Return the first free name, and mark it as used."""
        for name in names:
            mark = _print(name)
            at = int(np.searchsorted(self._prints, np.uint64(mark)))
            in_use = at < len(self._prints) and int(self._prints[at]) == mark
            if not in_use and mark not in self._added:
                self._added.add(mark)
                return name
        raise ValueError("none of the names is free")


def fold(name: str) -> str:
    """Map names that some file system treats as the same to the same text."""
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


def _print(name: str) -> int:
    """Hash a name to 64 bits; names that some file system treats as the same get the same hash.

    With 10^6 names, one archive in 30 million has a collision, and then one image is renamed
    needlessly. Fingerprints of 10^7 names take 80 MB, the names themselves 2 GB.
    """
    return int.from_bytes(hashlib.blake2b(fold(name).encode(), digest_size=8).digest())


def _prints(names: Iterable[str | None], count: int) -> Prints:
    return np.fromiter((0 if name is None else _print(name) for name in names), np.uint64, count)


def _plain_names(keys: pa.ChunkedArray, extensions: pa.Array) -> pa.ChunkedArray:
    """Build the names piece by piece, so that intermediate arrays take little memory."""
    pieces = []
    sources = pa.table({"key": keys, "extension": extensions})
    for piece in sources.to_batches(max_chunksize=_PIECE_ROWS):
        stems = pc.replace_substring_regex(piece["key"], r"([^/])\.[^./]*$", r"\1")
        extension = piece["extension"]
        pieces.append(pc.binary_join_element_wise(IMAGES_PREFIX, stems, ".", extension, ""))
    return pa.chunked_array(pieces, pa.string())


def _barred(names: pa.ChunkedArray, taken: Iterable[str]) -> Prints:
    """Collect the names that no output may have: taken names, and folders."""
    taken = list(taken)
    folders = _folders(taken)
    for piece in names.chunks:
        inside = pc.unique(pc.replace_substring_regex(piece, r"/[^/]*$", "/-"))
        folders |= _folders(pc.drop_null(inside).to_pylist())
    return _prints(chain(taken, folders), len(taken) + len(folders))


def _stream(names: pa.ChunkedArray) -> Iterator[str | None]:
    for piece in names.chunks:
        yield from piece.to_pylist()


def _folders(names: Iterable[str]) -> set[str]:
    """Collect the folders of some names, on all levels."""
    folders: set[str] = set()
    for name in names:
        folder = name.rpartition("/")[0]
        while folder and folder not in folders:
            folders.add(folder)
            folder = folder.rpartition("/")[0]
    return folders


def _are_too_long(names: pa.ChunkedArray) -> NDArray[np.bool_]:
    lengths = (
        pc.binary_length(pc.replace_substring_regex(piece, r"^.*/", "")) for piece in names.chunks
    )
    too_long = [pc.greater(pc.fill_null(each, 0), NAME_MAX_BYTES) for each in lengths]
    mask: NDArray[np.bool_] = pa.chunked_array(too_long, pa.bool_()).to_numpy()
    return mask


def _alternatives(name: str, image_id: str) -> Iterator[str]:
    path, _, extension = name.rpartition(".")
    folder, _, stem = path.rpartition("/")
    for suffix in _suffixes(image_id):
        ending = f".{suffix}.{extension}"
        cut = stem.encode()[: NAME_MAX_BYTES - len(ending)].decode(errors="ignore")
        yield f"{folder}/{cut}{ending}"


def _suffixes(image_id: str) -> Iterator[str]:
    yield image_id[:8]
    yield image_id
    for number in count(2):
        yield f"{image_id}-{number}"


def _replace(
    names: pa.ChunkedArray, positions: NDArray[np.intp], values: list[str]
) -> pa.ChunkedArray:
    mask = np.zeros(len(names), bool)
    mask[positions] = True
    return pc.replace_with_mask(names, mask, pa.array(values, pa.string()))
