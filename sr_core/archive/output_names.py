"""Names of outputs: the source's path with another extension, unique on any kind of store."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sr_core.archive.layout import IMAGES_PREFIX

NAME_MAX_BYTES = 255
"""The longest file name, in UTF-8, that file systems in use take."""


@dataclass(frozen=True, slots=True)
class OutputNames:
    """Output keys in the order of the sources, null where none was wanted.

    `renamed` are the positions of those that could not have their plain name.
    """

    keys: pa.Array
    renamed: list[int]


def name_outputs(
    keys: pa.Array, image_ids: pa.Array, extensions: pa.Array, taken: Iterable[str]
) -> OutputNames:
    """Name an output for every source.

    photos/a.png becomes images/photos/a.jpg. Where that name is taken, the first source keeps it
    and the others get the first 8 digits of their image id before the extension. Names that differ
    only in case or Unicode composition count as one, since on many file systems they are; so does
    a name that is also a folder's.

    Args:
        keys: of the sources, in the order in which they have the claim to a plain name.
        image_ids: of the sources.
        extensions: without the dot; null where the source has no output.
        taken: output keys of earlier rounds.
    """
    stems = pc.replace_substring_regex(keys, r"([^/])\.[^./]*$", r"\1")
    plain = pc.binary_join_element_wise(IMAGES_PREFIX, stems, ".", extensions, "")
    used = {_fold(name) for name in taken}
    folders = _folders(used) | _folders(_fold(name) for name in _first_of_each_folder(plain))
    losers = []
    for position, name in enumerate(_stream(plain)):
        if name is None:
            continue
        folded = _fold(name)
        if folded in used or folded in folders or _is_long(name):
            losers.append(position)
        else:
            used.add(folded)
    used |= folders
    renamed = [
        _rename(plain[position].as_py(), image_ids[position].as_py(), used) for position in losers
    ]
    return OutputNames(_replace(plain, losers, renamed), losers)


def _fold(name: str) -> str:
    """Map names that one file system may take for the same to the same text."""
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


def _stream(names: pa.Array) -> Iterator[str | None]:
    for start in range(0, len(names), 1 << 14):
        yield from names[start : start + (1 << 14)].to_pylist()


def _first_of_each_folder(names: pa.Array) -> Iterator[str]:
    """Yield some path within each folder, instead of all of them."""
    inside = pc.replace_substring_regex(names, r"/[^/]*$", "/-")
    return (name for name in _stream(pc.unique(inside)) if name is not None)


def _folders(names: Iterable[str]) -> set[str]:
    """Collect the folders that names lie in, on all levels."""
    folders: set[str] = set()
    for name in names:
        folder = name.rpartition("/")[0]
        while folder and folder not in folders:
            folders.add(folder)
            folder = folder.rpartition("/")[0]
    return folders


def _is_long(name: str) -> bool:
    return len(name) > NAME_MAX_BYTES // 4 and (
        len(name.rpartition("/")[2].encode()) > NAME_MAX_BYTES
    )


def _rename(name: str, image_id: str, used: set[str]) -> str:
    """Find a free name for an output whose plain name is not, and take it."""
    free = next(each for each in _alternatives(name, image_id) if _fold(each) not in used)
    used.add(_fold(free))
    return free


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


def _replace(names: pa.Array, positions: list[int], values: list[str]) -> pa.Array:
    if not positions:
        return names
    mask = np.zeros(len(names), bool)
    mask[positions] = True
    return pc.replace_with_mask(names, mask, pa.array(values, pa.string()))
