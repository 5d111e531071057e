"""Sidecars of images, such as .xmp files: which image each belongs to, and the name of its copy."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from sr_core.archive.planning.output_names import NAME_MAX_BYTES, fold
from sr_core.records import PlannedSidecar

_TAKEOUT_TAIL = "supplemental-metadata"
"""Google Takeout: photo.jpg.supplemental-metadata.json, cut anywhere so that the name is short."""
_TAKEOUT_BASE = 46
"""Letters of a name in Google Takeout, without its extension, from which it may be cut."""
_NUMBERED = re.compile(r"(.*)(\(\d+\))")
_RAW = re.compile("3fr|arw|cr[23w]|dng|erf|iiq|nef|nrw|orf|pef|raf|rw2|srw|x3f")
"""Extensions of camera raw files."""


@dataclass(frozen=True, slots=True)
class _Copy:
    """A sidecar of an image: its name follows the image's whole name, or the name's stem."""

    image: int
    suffix: str
    after_stem: bool


@dataclass(slots=True)
class _Folder:
    """Positions of the images in a folder, by whole name and by stem, in small letters."""

    names: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    stems: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    raw_stems: set[str] = field(default_factory=set)

    def copies_of(self, name: str) -> Iterator[_Copy]:
        """Yield the copies of a sidecar, one for each image that it belongs to."""
        base, _, extension = name.rpartition(".")
        suffix, wanted = f".{extension}", base.lower()
        for image in self.names.get(wanted, ()):
            yield _Copy(image, suffix, after_stem=False)
        if wanted in self.names:
            return
        if extension.lower() == "json":
            found = [_Copy(image, tail, False) for image, tail in self._of_takeout(base)]
            if found:
                yield from found
                return
        if wanted not in self.raw_stems:  # else it belongs to the camera raw file
            for image in self.stems.get(wanted, ()):
                yield _Copy(image, suffix, after_stem=True)

    def _of_takeout(self, base: str) -> Iterator[tuple[int, str]]:
        """Yield the images of a sidecar of Google Takeout, and what follows their names."""
        number = match[2] if (match := _NUMBERED.fullmatch(base)) else ""
        plain = match[1] if match else base
        head, _, tail = plain.rpartition(".")
        choices = [(plain, ".json")]
        if head and tail and _TAKEOUT_TAIL.startswith(tail.lower()):
            choices.append((head, f".{tail}.json"))
        for stem, suffix in choices:
            first, dot, last = stem.rpartition(".")
            name = f"{first}{number}{dot}{last}".lower()
            for image in self.names.get(name, ()):
                yield image, suffix
        if len(base) >= _TAKEOUT_BASE and not number:
            cut = [name for name in self.names if name.startswith(base.lower())]
            if len(cut) == 1:
                yield from ((image, ".json") for image in self.names[cut[0]])


def plan_sidecars(
    sidecars: Iterable[str],
    keys: Sequence[str],
    output_keys: Sequence[str | None],
    taken_keys: Iterable[str] = (),
) -> dict[int, list[PlannedSidecar]]:
    """Assign sidecars to images in the same folder.

    photo.xmp and photo.jpg.xmp belong to photo.jpg; the copies are photo.xmp and photo.png.xmp if
    its output is photo.png. A sidecar of several images is copied for each, unless two copies would
    have one name. An .xmp without the extension of an image belongs to the camera raw file of that
    name, if there is one.

    Args:
        sidecars: keys of the sidecars.
        keys: keys of all files of the source, in key order.
        output_keys: keys of their outputs; None for files without.
        taken_keys: keys that no copy may have, such as those of damaged copies.

    Returns:
        The sidecars by position of their image.
    """
    wanted = sorted(set(sidecars))
    folders = _folders({key.rpartition("/")[0] for key in wanted}, keys, output_keys)
    found: dict[int, list[PlannedSidecar]] = defaultdict(list)
    taken = {fold(key): "" for key in taken_keys}
    for key in wanted:
        folder, _, name = key.rpartition("/")
        for copy in folders[folder].copies_of(name):
            output_key = output_keys[copy.image] or ""
            for target in _names(output_key, copy, key):
                owner = taken.setdefault(fold(target), key)
                if owner == key:
                    planned = PlannedSidecar(key, target)
                    found[copy.image].append(planned)
                    break
    return found


def _folders(
    wanted: set[str], keys: Sequence[str], output_keys: Sequence[str | None]
) -> dict[str, _Folder]:
    folders = {folder: _Folder() for folder in wanted}
    for position, (key, output_key) in enumerate(zip(keys, output_keys, strict=True)):
        folder = folders.get(key.rpartition("/")[0])
        if folder is None:
            continue
        name = key.rpartition("/")[2].lower()
        stem, _, extension = name.rpartition(".")
        if output_key is not None:
            folder.names[name].append(position)
            folder.stems[stem or name].append(position)
        elif _RAW.fullmatch(extension):
            folder.raw_stems.add(stem)
    return folders


def _names(output_key: str, copy: _Copy, key: str) -> Iterator[str]:
    """Yield names for a copy, the plain one first; one of them is free and short enough."""
    folder, _, name = output_key.rpartition("/")
    base = name.rpartition(".")[0] if copy.after_stem else name
    digits = hashlib.sha256(key.encode()).hexdigest()
    for suffix in (copy.suffix, f".{digits[:8]}{copy.suffix}", f".{digits}{copy.suffix}"):
        if len(f"{base}{suffix}".encode()) <= NAME_MAX_BYTES:
            yield f"{folder}/{base}{suffix}"
    cut = base.encode()[:150].decode(errors="ignore")
    yield f"{folder}/{cut}.{digits}{copy.suffix[-20:]}"
