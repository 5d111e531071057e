"""Properties of an XMP packet found and changed as text, by namespace and name.

All patterns need time linear in the packet's length, so that a hostile packet cannot make them
slow. A property may be an attribute, an empty element, or an element.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_MOST_PREFIXES = 8
_NUMBER = rb"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?"


def prefixes(packet: bytes, uri: bytes) -> list[bytes]:
    """Return the prefixes that a packet declares for a namespace."""
    found = re.findall(rb"xmlns:([\w.-]+)\s*=\s*[\"']" + re.escape(uri) + rb"[\"']", packet)
    return list(dict.fromkeys(found))[:_MOST_PREFIXES]


def remove(packet: bytes, uri: bytes, names: bytes) -> bytes:
    """Remove attributes and elements of plain text.

    Args:
        packet: the packet.
        uri: namespace of the properties.
        names: pattern of their names.
    """
    for prefix in map(re.escape, prefixes(packet, uri)):
        name = prefix + rb":" + names
        packet = re.sub(rb"\s" + name + rb"\s*=\s*(?:\"[^\"]*\"|'[^']*')", b"", packet)
        packet = re.sub(rb"<(" + name + rb")(?:\s[^<>]*)?(?:(?<=/)>|>[^<]*</\1\s*>)", b"", packet)
    return packet


def remove_elements(packet: bytes, uri: bytes, name: bytes) -> bytes:
    """Remove the elements of a name with everything in them."""
    return replace_elements(packet, uri, name, lambda _: b"")


def replace_elements(
    packet: bytes, uri: bytes, name: bytes, changed: Callable[[bytes], bytes]
) -> bytes:
    """Replace each element of a name.

    Args:
        packet: the packet.
        uri: namespace of the elements.
        name: their name.
        changed: returns the text of the new element.
    """
    parts, done = [], 0
    for start, end in element_places(packet, uri, name):
        if start >= done:
            parts += [packet[done:start], changed(packet[start:end])]
            done = end
    return b"".join([*parts, packet[done:]])


def element_places(packet: bytes, uri: bytes, name: bytes) -> list[tuple[int, int]]:
    """Return start and end of each element of a name, in order; damaged ones are left out."""
    found = []
    for prefix in prefixes(packet, uri):
        closing = b"</" + prefix + b":" + name + b">"
        end = 0
        for opening in re.finditer(rb"<" + re.escape(prefix + b":" + name) + rb"\b[^<>]*>", packet):
            if opening.start() < end:
                continue
            end = opening.end()
            if not opening[0].endswith(b"/>"):
                place = packet.find(closing, end)
                if place < 0:
                    break
                end = place + len(closing)
            found.append((opening.start(), end))
    return sorted(found)


def change_number(
    packet: bytes,
    uri: bytes,
    name: bytes,
    changed: Callable[[float], str],
    known: list[bytes] | None = None,
) -> bytes:
    """Replace the numbers of a property.

    Args:
        packet: the packet.
        uri: namespace of the property.
        name: name of the property.
        changed: returns the text of the new number.
        known: prefixes of the namespace; by default those that the packet declares.
    """
    for prefix in prefixes(packet, uri) if known is None else known:
        pattern = rb"(" + re.escape(prefix + b":" + name) + rb"(?:\s*=\s*[\"']|>)\s*)(" + _NUMBER
        packet = re.sub(
            pattern + rb")",
            lambda found: found[1] + changed(float(found[2])).encode(),
            packet,
        )
    return packet
