"""Glob patterns of --include and --exclude. docs/manifest.md has their rules."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from sr_core.archive.source.rules import class_of_file, class_of_folder
from sr_core.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern for keys, as in .gitignore, except that capitals do not matter."""

    text: str
    """The pattern as it was given."""
    _regex: re.Pattern[str]
    _parts: tuple[str, ...]

    @classmethod
    def of(cls, text: str, option: str) -> Pattern:
        """Compile a pattern.

        Raises: ConfigurationError if it cannot match any key.
        """
        plain = unicodedata.normalize("NFC", text).removeprefix("./")
        parts = [part for part in plain.split("/") if part not in ("", ".")]
        if not parts or ".." in parts:
            raise ConfigurationError(
                f"{option} {text!r} matches no file: patterns are relative to the source root, "
                "such as '*.tif' or '2019/**'"
            )
        is_anchored = "/" in plain.rstrip("/")
        start = "" if is_anchored else "(?:.*/)?"
        end = "/.+" if plain.endswith("/") else "(?:/.*)?"
        regex = re.compile(start + "".join(_translated(parts)) + end, re.IGNORECASE | re.DOTALL)
        return cls(text, regex, tuple(part.lower() for part in parts))

    def matches(self, key: str) -> bool:
        """Return True if the pattern matches a key or one of its folders."""
        return self._regex.fullmatch(_composed(key)) is not None

    def names(self, name: str) -> bool:
        """Return True if the pattern itself names a system file or folder, and this is one.

        `@eaDir/**` names the folder @eaDir; `**/*.jpg` names none, although it matches files in it.
        """
        return any(
            re.fullmatch(_part(part), name, re.IGNORECASE) is not None
            for part in self._parts
            if class_of_folder(part) is not None or class_of_file(part) is not None
        )

    def begins_in(self, folder: str) -> bool:
        """Return True if the pattern begins with the path of a folder."""
        wanted = tuple(_composed(folder).lower().split("/"))
        return self._parts[: len(wanted)] == wanted


def compile_patterns(texts: tuple[str, ...], option: str) -> tuple[Pattern, ...]:
    """Compile the patterns of an option.

    Raises: ConfigurationError.
    """
    return tuple(Pattern.of(text, option) for text in texts)


def _composed(key: str) -> str:
    """Return a key with composed letters: some systems store "é" as "e" and an accent."""
    return key if key.isascii() else unicodedata.normalize("NFC", key)


def _translated(parts: list[str]) -> Iterator[str]:
    """Yield regular expressions of the parts of a pattern, with the slashes between them."""
    last = len(parts) - 1
    for place, part in enumerate(parts):
        if part == "**":
            yield ".*" if place == last else "(?:.*/)?"
        else:
            yield _part(part) + ("/" if place < last else "")


def _part(part: str) -> str:
    """Translate one part: * and ? match anything but a slash, [ab] and [!ab] one character."""
    pieces, place = [], 0
    while place < len(part):
        character = part[place]
        place += 1
        end = part.find("]", place + 1) if character == "[" else -1
        if character == "*":
            pieces.append("[^/]*")
        elif character == "?":
            pieces.append("[^/]")
        elif end > 0:
            negated = part[place] in "!^"
            inside = re.sub(r"([\\\[\]^&~|])", r"\\\1", part[place + negated : end])
            pieces.append(f"(?!/)[{'^' * negated}{inside}]")
            place = end + 1
        else:
            pieces.append(re.escape(character))
    return "".join(pieces)
