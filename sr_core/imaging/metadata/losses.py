"""Losses of metadata, by kind and size, as warnings for the image's row."""

from __future__ import annotations


class Losses:
    """Collects what is dropped; equal kinds are counted together."""

    def __init__(self) -> None:
        self._found: dict[str, list[int]] = {}

    def add(self, kind: str, size_bytes: int) -> None:
        """Note that something is dropped.

        Args:
            kind: its name, such as "JFIF thumbnail".
            size_bytes: its size.
        """
        self._found.setdefault(kind, []).append(size_bytes)

    def warnings(self) -> list[str]:
        """Return one warning for each kind."""
        return [
            f"dropped: {kind}{f' ({len(sizes)} times)' * (len(sizes) > 1)}, {sum(sizes)} bytes"
            for kind, sizes in self._found.items()
        ]


def printable(name: bytes) -> str:
    """Return a name from a file for a message: printable ASCII, shortened."""
    text = name[:32].decode("ascii", "replace")
    return "".join(letter if letter.isascii() and letter.isprintable() else "?" for letter in text)
