"""The mark of an output, written into its XMP packet; all else stays byte for byte.

Source: XMP specification part 1, 8.6 (Media Management); IPTC Photo Metadata Standard,
DigitalSourceType.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from xml.sax.saxutils import quoteattr

from sr_core.imaging.metadata.losses import Losses
from sr_core.imaging.metadata.mark import Mark, shortened, source_field, xml_text
from sr_core.imaging.metadata.xmp import Packets
from sr_core.imaging.metadata.xmp_properties import Outline, outline
from sr_core.imaging.metadata.xmp_text import element_places, remove, remove_elements

ROOM = 12 << 10
"""Bytes that a mark needs at most."""
_OWN = "urn:uuid:3f1c1a7e-52f5-4c0e-9d5a-6b0a0c7d3e21#"
_OWN_NAMES = ("software", "model", "modelSHA256", "run")
_IPTC, _MM = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/", "http://ns.adobe.com/xap/1.0/mm/"
_TYPES = ("DigitalSourceType", "DigitalSourcefileType")  # the second of version 1.0
_IDS = ("DocumentID", "InstanceID", "OriginalDocumentID")
_NAMESPACES = (
    ("rdf", "http://www.w3.org/1999/02/22-rdf-syntax-ns#"),
    ("Iptc4xmpExt", _IPTC),
    ("xmpMM", _MM),
    ("stRef", "http://ns.adobe.com/xap/1.0/sType/ResourceRef#"),
    ("stEvt", "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#"),
    ("srfleet", _OWN),
)
_DECLARED = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in _NAMESPACES)
_DECLARED_FOR_ENTRY = " ".join(
    f'xmlns:{prefix}="{uri}"' for prefix, uri in _NAMESPACES if prefix in ("rdf", "stEvt")
)
_EMPTY = (
    b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
    b'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"></rdf:RDF></x:xmpmeta>\n'
    b'<?xpacket end="w"?>'
)
_SEQUENCE_END = re.compile(rb"</[\w.-]+:Seq\s*>\s*</[\w.-]+:History\s*>$")


def marked(packets: Packets | None, mark: Mark, page: int, losses: Losses) -> Packets:
    """Write a mark into the main packet; its entry of a history follows the history of the source.

    A packet that is damaged or contradicts itself is replaced by one with the mark alone.

    Args:
        packets: the packets of a page; None if it has none.
        mark: the mark.
        page: index of the page.
        losses: receives what is dropped.
    """
    if packets is not None:
        found = _added_to(packets, mark, page, losses)
        if found is not None:
            return found
        losses.add("XMP data that is damaged", sum(len(each) for each in packets if each))
    found = _added_to(Packets(_EMPTY), mark, page, losses)
    if found is None:
        raise ValueError("the mark makes no valid XMP packet")
    return found


def _added_to(packets: Packets, mark: Mark, page: int, losses: Losses) -> Packets | None:
    """Return marked packets; None if the main packet cannot hold the mark."""
    before = [found for found in map(_outline, packets) if found is not None]
    if _outline(packets.main) is None:
        return None
    main = _without_claims(packets.main)
    extended = None if packets.extended is None else _without_claims(packets.extended)
    entry = _entry(mark, page, before)
    (main, extended), history = _with_history(Packets(main, extended), entry, losses)
    place = outline(main)
    if place is None:
        return None
    body = _description(mark, page, before, place.about, history)
    main = main[: place.end] + body + main[place.end :]
    after = outline(main)
    if after is None or not _states_only(after, mark, page):
        return None
    return Packets(main, extended)


def _outline(packet: bytes | None) -> Outline | None:
    return None if packet is None else outline(packet)


def _states_only(found: Outline, mark: Mark, page: int) -> bool:
    """Return True if a packet makes the claims of a mark, and no other about the same."""
    return (
        found.text(_IPTC, _TYPES[0]) == mark.digital_source_type
        and found.text(_IPTC, _TYPES[1]) is None
        and found.text(_MM, "DocumentID") == mark.id_of("did", page)
        and found.text(_MM, "InstanceID") == mark.id_of("iid", page)
    )


def _without_claims(packet: bytes) -> bytes:
    """Remove what the source says about itself, and its output must not repeat."""
    return _outside_pantry(packet, _without_own_claims)


def _without_own_claims(packet: bytes) -> bytes:
    for uri, names in ((_IPTC, _TYPES), (_MM, (*_IDS, "DerivedFrom")), (_OWN, _OWN_NAMES)):
        for name in names:
            packet = remove(packet, uri.encode(), name.encode())
            packet = remove_elements(packet, uri.encode(), name.encode())
    return packet


def _outside_pantry(packet: bytes, changed: Callable[[bytes], bytes]) -> bytes:
    """Change a packet, except for xmpMM:Pantry, which holds the metadata of other files."""
    places = element_places(packet, _MM.encode(), b"Pantry")
    if not places:
        return changed(packet)
    (start, end), *_ = places
    placeholder = b"<?srfleet-pantry?>"
    before = changed(packet[:start] + placeholder + packet[end:])
    return before.replace(placeholder, packet[start:end], 1)


def _with_history(packets: Packets, entry: bytes, losses: Losses) -> tuple[Packets, bytes | None]:
    """Append an entry to the history of the source.

    Returns:
        The packets, and a history of this entry alone if the source has none.
    """
    places = element_places(packets.main, _MM.encode(), b"History")
    main = packets.main
    for start, end in places:
        joined = _appended(main, start, end, entry)
        if joined is not None and len(places) == 1:
            return Packets(joined, packets.extended), None
    for start, end in reversed(places):
        losses.add("xmpMM:History of unknown structure", end - start)
        main = main[:start] + main[end:]
    extended = packets.extended
    if extended is not None and not places:
        for start, end in element_places(extended, _MM.encode(), b"History"):
            joined = _appended(extended, start, end, entry)
            if joined is not None:
                return Packets(main, joined), None
    history = b"<xmpMM:History><rdf:Seq>" + entry + b"</rdf:Seq></xmpMM:History>"
    return Packets(main, extended), history


def _appended(packet: bytes, start: int, end: int, entry: bytes) -> bytes | None:
    """Append an entry to a history; None if it is no sequence."""
    place = _SEQUENCE_END.search(packet, start, end)
    return None if place is None else packet[: place.start()] + entry + packet[place.start() :]


def _entry(mark: Mark, page: int, before: Sequence[Outline]) -> bytes:
    """Return the entry of the history that says what was done."""
    model = mark.model + (f" (sha256 {mark.model_sha256})" if mark.model_sha256 else "")
    said = [f"enlarged with {model}", f"source sha256 {mark.source_sha256}"]
    said += [] if mark.run_id is None else [f"run {mark.run_id}"]
    for namespace, names in ((_IPTC, _TYPES), (_MM, ("DerivedFrom",))):
        for name in names:
            stated = _stated(before, namespace, name)
            said += [] if stated is None else [f"{name} of the source: {stated}"]
    return (
        f'<rdf:li {_DECLARED_FOR_ENTRY} rdf:parseType="Resource">'
        "<stEvt:action>resized</stEvt:action>"
        f"<stEvt:instanceID>{mark.id_of('iid', page)}</stEvt:instanceID>"
        f"<stEvt:softwareAgent>{xml_text(mark.software)}</stEvt:softwareAgent>"
        "<stEvt:changed>/</stEvt:changed>"
        f"<stEvt:parameters>{xml_text('; '.join(said))}</stEvt:parameters></rdf:li>"
    ).encode()


def _description(
    mark: Mark, page: int, before: Sequence[Outline], about: str, history: bytes | None
) -> bytes:
    """Return the description with the mark's properties.

    The output is another document than its source, with the same original.
    """
    ids = {name: _stated(before, _MM, name) for name in _IDS}
    reference = "".join(
        f"<stRef:{name[0].lower()}{name[1:]}>{xml_text(value)}</stRef:{name[0].lower()}{name[1:]}>"
        for name, value in ids.items()
        if value is not None
    )
    original = ids["OriginalDocumentID"] or ids["DocumentID"]
    own = dict(
        zip(_OWN_NAMES, (mark.software, mark.model, mark.model_sha256, mark.run_id), strict=True)
    )
    properties = {
        "Iptc4xmpExt:DigitalSourceType": mark.digital_source_type,
        "xmpMM:DocumentID": mark.id_of("did", page),
        "xmpMM:InstanceID": mark.id_of("iid", page),
        "xmpMM:OriginalDocumentID": original,
    } | {f"srfleet:{name}": value for name, value in own.items()}
    simple = "".join(
        f"<{name}>{xml_text(value)}</{name}>" for name, value in properties.items() if value
    )
    head = f"<rdf:Description rdf:about={quoteattr(about)} {_DECLARED}>{simple}"
    derived = f'<xmpMM:DerivedFrom rdf:parseType="Resource">{reference}'.encode()
    derived += source_field(mark) + b"</xmpMM:DerivedFrom>"
    return head.encode() + derived + (history or b"") + b"</rdf:Description>"


def _stated(before: Sequence[Outline], namespace: str, name: str) -> str | None:
    """Return what the source's packets say, the main one first."""
    found = (each.text(namespace, name) for each in before)
    value = next((text for text in found if text is not None), None)
    return None if value is None else shortened(value)
