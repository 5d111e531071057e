"""Simple properties of an XMP packet, read by an XML parser."""

from __future__ import annotations

from typing import NamedTuple
from xml.parsers import expat

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_DEEPEST, _MOST_PREFIXES = 64, 256
"""Bounds of sound packets, so that a hostile one costs little time."""


class Name(NamedTuple):
    """Expanded name of a property; the namespace is a prefix if the packet declares none for it."""

    namespace: str
    local: str


class Outline(NamedTuple):
    """The structure of a packet, as far as edits of its text need it."""

    end: int
    """Position of the end tag of rdf:RDF."""
    about: str
    """Subject of the packet, the same in all its descriptions; mostly empty."""
    values: dict[Name, list[str]]
    """Values by property: text, or the target of rdf:resource. Fields of a structure are "name
    value"."""

    def text(self, namespace: str, local: str) -> str | None:
        """Return the different values of a property, joined; None if it is missing or empty."""
        return ", ".join(dict.fromkeys(self.values.get(Name(namespace, local), []))) or None


def outline(packet: bytes) -> Outline | None:
    """Read the properties of a packet; None if it is not well-formed XML with one rdf:RDF.

    Prefixes that are used without a declaration are tolerated, as some programs write them.
    """
    reader = _Reader()
    try:
        reader.parser.Parse(packet.rstrip(b"\0 \t\r\n"), True)
    except (expat.ExpatError, _RefusedError, ValueError):
        return None
    if len(reader.ends) != 1 or not packet.startswith(b"</", reader.ends[0]):
        return None
    return Outline(reader.ends[0], reader.about, reader.values)


class _RefusedError(Exception):
    """The packet has a document type, which XMP forbids, or is absurdly deep."""


class _Reader:
    """Collects what is in rdf:Description elements directly below rdf:RDF."""

    def __init__(self) -> None:
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.ends: list[int] = []
        self.about = ""
        self.values: dict[Name, list[str]] = {}
        self._open: list[Name] = []
        self._scopes: list[dict[str, str]] = [{}]

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        scope = self._scopes[-1]
        declared = {name[6:]: uri for name, uri in attributes.items() if name.startswith("xmlns:")}
        if declared:
            scope = scope | declared
        if len(self._open) > _DEEPEST or len(scope) > _MOST_PREFIXES:
            raise _RefusedError
        self._scopes.append(scope)
        self._open.append(self._expanded(tag))
        place = self._below_rdf()
        for key, value in attributes.items():
            name = self._expanded(key)
            if name.namespace in ("xml", "xmlns", ""):
                continue
            if len(place) == 1 and name == Name(RDF, "about"):
                self.about = value
            elif len(place) == 1 and name.namespace != RDF:
                self._add(name, value)
            elif len(place) > 1 and (name.namespace != RDF or name.local == "resource"):
                self._add_to_property(place, value, name)

    def _end(self, tag: str) -> None:  # noqa: ARG002 - expat's own API
        if self._open == self._rdf:
            self.ends.append(self.parser.CurrentByteIndex)
        self._open.pop()
        self._scopes.pop()

    def _text(self, text: str) -> None:
        place = self._below_rdf()
        if text.strip() and len(place) > 1:
            self._add_to_property(place, text, place[-1])

    def _refuse(self, *_: object) -> None:
        raise _RefusedError

    def _add_to_property(self, place: list[Name], value: str, name: Name) -> None:
        """Add a value below a property, with the name of its field unless RDF owns the name."""
        plain = name == place[1] or name.namespace == RDF
        self._add(place[1], value if plain else f"{name.local} {value}")

    def _add(self, name: Name, value: str) -> None:
        self.values.setdefault(name, []).append(value.strip())

    @property
    def _rdf(self) -> list[Name]:
        """The open elements down to rdf:RDF, the root or the child of it."""
        found = Name(RDF, "RDF")
        return self._open[: self._open.index(found) + 1] if found in self._open[:2] else []

    def _below_rdf(self) -> list[Name]:
        """Return the open elements from rdf:Description down; empty outside of one."""
        rdf = len(self._rdf)
        below = self._open[rdf:]
        return below if rdf and below[:1] == [Name(RDF, "Description")] else []

    def _expanded(self, tag: str) -> Name:
        prefix, _, local = tag.rpartition(":")
        return Name(self._scopes[-1].get(prefix, prefix), local)
