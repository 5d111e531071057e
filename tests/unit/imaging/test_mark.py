"""The mark of an output in its XMP: what it states, and what of the source's XMP stays."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sr_core.imaging.codecs import EXTENSIONS, Page, Picture, decode, encode, losses, renamed
from sr_core.imaging.metadata import Losses, Mark, Metadata
from sr_core.imaging.metadata.mark import NAME_BYTES, source_field
from sr_core.imaging.metadata.xmp import Packets
from sr_core.imaging.metadata.xmp_mark import ROOM, marked
from sr_core.imaging.metadata.xmp_properties import outline
from sr_core.records import ENHANCED, GENERATED
from tests.support import metadata_files as made
from tests.support.image_files import LIMITS, scene

IPTC, MM = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/", "http://ns.adobe.com/xap/1.0/mm/"
OLD_TERM = "http://cv.iptc.org/newscodes/digitalsourcetype/digitalCapture"
MARK = Mark(
    GENERATED, "srfleet 9", "srgan x4", "ab" * 32, "cd" * 32, "harbour & pier.jpg", "0f" * 8
)
NAMESPACES = (
    f'xmlns:Iptc4xmpExt="{IPTC}" xmlns:xmpMM="{MM}" '
    'xmlns:stRef="http://ns.adobe.com/xap/1.0/sType/ResourceRef#" '
    'xmlns:stEvt="http://ns.adobe.com/xap/1.0/sType/ResourceEvent#"'
)
HISTORY = (
    '<xmpMM:History><rdf:Seq><rdf:li stEvt:action="saved" stEvt:softwareAgent="Editor 1"/>'
    "</rdf:Seq></xmpMM:History>"
)
CLAIMS = made.xmp(
    f'{NAMESPACES} Iptc4xmpExt:DigitalSourceType="{OLD_TERM}" '
    'xmpMM:DocumentID="xmp.did:old" xmpMM:InstanceID="xmp.iid:old"',
    '<xmpMM:DerivedFrom stRef:documentID="xmp.did:raw"/>' + HISTORY,
)
needs_exiftool = pytest.mark.skipif(
    shutil.which("exiftool") is None, reason="no exiftool is installed"
)


def picture(packet: bytes | None = None, pages: int = 1, **others: Any) -> Picture:
    about = Metadata(xmp=packet, later=(Metadata(xmp=packet),) * (pages - 1), **others)
    return Picture((Page(scene(20, 30)),) * pages, about)


def stated(packet: bytes | None, name: str, namespace: str = MM) -> str | None:
    assert packet is not None
    found = outline(packet)
    assert found is not None
    return found.text(namespace, name)


def in_xmp(packet: bytes) -> tuple[bytes, list[str]]:
    found = Losses()
    return marked(Packets(packet), MARK, 0, found).main, found.warnings()


@pytest.mark.parametrize("name", EXTENSIONS)
@pytest.mark.parametrize("packet", [None, made.xmp(), CLAIMS], ids=["none", "plain", "claims"])
def test_every_format_says_how_it_was_made(name: str, packet: bytes | None) -> None:
    source = picture(packet, pages=3 if name == "tiff" else 1)
    data = encode(source, name, 95, mark=MARK)
    assert bytes(data) == bytes(encode(source, name, 95, mark=MARK))
    found = decode(data, LIMITS).metadata
    pages = (found, *found.later)
    assert len(pages) == len(source.pages)
    for index, page in enumerate(pages):
        assert stated(page.xmp, "DigitalSourceType", IPTC) == GENERATED
        assert stated(page.xmp, "InstanceID") == MARK.id_of("iid", index)
        derived, history = (stated(page.xmp, each) or "" for each in ("DerivedFrom", "History"))
        assert MARK.source_sha256 in derived
        assert "harbour & pier.jpg" in derived
        for word in ("srfleet 9", "srgan x4", "ab" * 32, "cd" * 32, "0f" * 8):
            assert word in history
        if packet is not None:
            assert stated(page.xmp, "source", "http://purl.org/dc/elements/1.1/") == "album 7"
    assert len({stated(page.xmp, "InstanceID") for page in pages}) == len(pages)


@pytest.mark.parametrize("name", EXTENSIONS)
def test_without_a_mark_nothing_is_added(name: str) -> None:
    assert decode(encode(picture(), name, 95), LIMITS).metadata.xmp is None
    assert decode(encode(picture(CLAIMS), name, 95), LIMITS).metadata.xmp == CLAIMS


def test_what_the_source_says_of_itself_becomes_its_history() -> None:
    packet, warnings = in_xmp(CLAIMS)
    assert warnings == []
    assert stated(packet, "DigitalSourceType", IPTC) == GENERATED
    assert OLD_TERM in (stated(packet, "History") or "")
    assert "documentID xmp.did:raw" in (stated(packet, "History") or "")
    assert "softwareAgent Editor 1" in (stated(packet, "History") or "")
    assert packet.count(b"<xmpMM:History>") == 1
    assert stated(packet, "OriginalDocumentID") == "xmp.did:old"
    derived = stated(packet, "DerivedFrom") or ""
    assert "documentID xmp.did:old" in derived
    assert "instanceID xmp.iid:old" in derived
    assert "xmp.did:raw" not in derived


def test_an_id_that_is_stated_twice_is_one_id() -> None:
    twice = made.xmp(f'{NAMESPACES} xmpMM:DocumentID="a"', "<xmpMM:DocumentID>a</xmpMM:DocumentID>")
    packet, warnings = in_xmp(twice)
    assert warnings == []
    assert "documentID a sha256" in (stated(packet, "DerivedFrom") or "").replace(",", "")
    assert stated(packet, "OriginalDocumentID") == "a"


def test_the_first_original_stays_the_original() -> None:
    packet, _ = in_xmp(made.xmp(f'{NAMESPACES} xmpMM:OriginalDocumentID="first"'))
    assert stated(packet, "OriginalDocumentID") == "first"
    again = marked(Packets(packet), replace(MARK, source_sha256="ef" * 32), 0, Losses()).main
    assert stated(again, "OriginalDocumentID") == "first"
    assert (stated(again, "History") or "").count("enlarged with") == 2
    assert MARK.id_of("did", 0) in (stated(again, "DerivedFrom") or "")


@pytest.mark.parametrize(
    "claim",
    [
        f"<Iptc4xmpExt:DigitalSourceType>{OLD_TERM}</Iptc4xmpExt:DigitalSourceType>",
        f'<Iptc4xmpExt:DigitalSourceType rdf:resource="{OLD_TERM}"/>',
        f"<i:DigitalSourceType xmlns:i='{IPTC}'>{OLD_TERM}</i:DigitalSourceType>",
        f"<Iptc4xmpExt:DigitalSourcefileType>{OLD_TERM}</Iptc4xmpExt:DigitalSourcefileType>",
        "<Iptc4xmpExt:DigitalSourceType><rdf:Description><rdf:value>"
        f"{OLD_TERM}</rdf:value></rdf:Description></Iptc4xmpExt:DigitalSourceType>",
    ],
)
def test_a_term_of_the_source_is_found_in_every_form(claim: str) -> None:
    packet, warnings = in_xmp(made.xmp(NAMESPACES, claim))
    assert warnings == []
    assert stated(packet, "DigitalSourceType", IPTC) == GENERATED
    assert OLD_TERM in (stated(packet, "History") or "")
    assert packet.count(OLD_TERM.encode()) == 1


def test_all_else_stays_byte_for_byte() -> None:
    source = made.xmp(
        "", "<dc:subject> <rdf:Bag><rdf:li>\tGroßmutter</rdf:li></rdf:Bag></dc:subject>"
    )
    packet, _ = in_xmp(source)
    start = source.index(b"</rdf:RDF>")
    assert packet.startswith(source[:start])
    assert packet.endswith(source[start:])


def test_what_other_files_are_said_to_be_stays() -> None:
    pantry = (
        f'<xmpMM:Pantry><rdf:Bag><rdf:li rdf:parseType="Resource"><xmpMM:InstanceID>xmp.iid:part'
        f"</xmpMM:InstanceID><Iptc4xmpExt:DigitalSourceType>{OLD_TERM}"
        "</Iptc4xmpExt:DigitalSourceType></rdf:li></rdf:Bag></xmpMM:Pantry>"
    )
    packet, warnings = in_xmp(made.xmp(NAMESPACES, pantry))
    assert warnings == []
    assert pantry.encode() in packet
    assert stated(packet, "DigitalSourceType", IPTC) == GENERATED


@pytest.mark.parametrize(
    "packet",
    [
        made.xmp()[:-60],
        made.xmp().replace(b"</rdf:Description>", b""),
        b"no XML at all",
        b"",
        b"<!DOCTYPE x [<!ENTITY a 'aaaa'>]>" + made.xmp()[54:],
        made.xmp() + made.xmp(),
        made.xmp("", "<dc:x>" * 2_000 + "</dc:x>" * 2_000),
        made.xmp().decode().encode("utf-16"),
    ],
)
@pytest.mark.parametrize("name", EXTENSIONS)
def test_damaged_xmp_gives_way_to_the_mark_and_is_named(packet: bytes, name: str) -> None:
    source = picture(packet, comments=(b"harbour",))
    found = decode(encode(source, name, 95, mark=MARK), LIMITS).metadata
    assert stated(found.xmp, "DigitalSourceType", IPTC) == GENERATED
    expected = f"dropped: XMP data that is damaged, {len(packet)} bytes"
    assert expected in losses(source, name, marked=True)
    assert expected not in losses(source, name)


def test_a_history_that_is_none_is_named() -> None:
    packet, warnings = in_xmp(made.xmp(NAMESPACES, "<xmpMM:History>saved twice</xmpMM:History>"))
    assert warnings == ["dropped: xmpMM:History of unknown structure, 42 bytes"]
    assert "enlarged with" in (stated(packet, "History") or "")


@pytest.mark.parametrize("words", [100, 70_000])
def test_in_jpeg_the_mark_is_in_the_standard_packet(words: int) -> None:
    main, extended, _ = made.extended_xmp("w" * words)
    claim = extended.replace(
        b'rdf:about=""', f'rdf:about="" {NAMESPACES} Iptc4xmpExt:DigitalSourceType="x"'.encode()
    )
    source = picture(main, extended_xmp=claim)
    found = decode(encode(source, "jpeg", 95, mark=MARK), LIMITS)
    assert found.warnings == ()  # the digest of the extended packet is right
    assert stated(found.metadata.xmp, "DigitalSourceType", IPTC) == GENERATED
    assert MARK.source_sha256 in (stated(found.metadata.xmp, "DerivedFrom") or "")
    assert b"w" * words in (found.metadata.extended_xmp or b"")
    assert b"DigitalSourceType" not in (found.metadata.extended_xmp or b"")
    whole = decode(encode(source, "png", 95, mark=MARK), LIMITS).metadata.xmp
    assert stated(whole, "DigitalSourceType", IPTC) == GENERATED


@pytest.mark.parametrize("missing", [1, ROOM // 2, ROOM, ROOM + 3000])
def test_xmp_that_fills_a_segment_makes_room_for_the_mark(missing: int) -> None:
    text = "h" * (65_473 - len(made.xmp(f'{NAMESPACES} dc:title=""', HISTORY)) - missing)
    packet = made.xmp(f'{NAMESPACES} dc:title="{text}"', HISTORY)
    source = picture(packet)
    assert losses(source, "jpeg", marked=True) == ()
    found = decode(encode(source, "jpeg", 95, mark=MARK), LIMITS).metadata
    assert stated(found.xmp, "DigitalSourceType", IPTC) == GENERATED
    assert stated(found.xmp, "modelSHA256", "urn:uuid:3f1c1a7e-52f5-4c0e-9d5a-6b0a0c7d3e21#")
    whole = (found.xmp or b"") + (found.extended_xmp or b"")
    assert text.encode() in whole
    assert whole.count(b"enlarged with") == 1
    assert whole.count(b"Editor 1") == 1


def test_a_mark_never_needs_more_than_its_room() -> None:
    odd = "&" * 3_000
    about = f'xmpMM:DocumentID="{odd.replace("&", "&amp;")}"'
    source = made.xmp(
        f"{NAMESPACES} {about} {about.replace('Document', 'OriginalDocument')} "
        f"{about.replace('Document', 'Instance')} "
        f"{about.replace('xmpMM:DocumentID', 'Iptc4xmpExt:DigitalSourceType')}"
    )
    longest = replace(MARK, model=f"{'&' * 255} x4", source_name=odd)
    assert len(marked(Packets(source), longest, 0, Losses()).main) < len(made.xmp()) + ROOM


@pytest.mark.parametrize("name", EXTENSIONS)
@pytest.mark.parametrize("other", ["a.jpg", "ü" * 400, '\udcff\x01<&>".jpg'])
def test_the_output_of_a_copy_differs_only_in_the_name(name: str, other: str) -> None:
    source = picture(CLAIMS, pages=2 if name == "tiff" else 1)
    copy = replace(MARK, source_name=other)
    data = encode(source, name, 95, mark=MARK)
    wanted = encode(source, name, 95, mark=copy)
    assert bytes(renamed(data, name, MARK, copy)) == bytes(wanted) != bytes(data)


def test_a_name_takes_as_much_room_as_any_other() -> None:
    names = ("a", "ü" * NAME_BYTES, "&" * NAME_BYTES, "\0\udc00")
    lengths = {len(source_field(replace(MARK, source_name=name))) for name in names}
    assert len(lengths) == 1


@needs_exiftool
@pytest.mark.parametrize("name", EXTENSIONS)
def test_exiftool_reads_the_mark(name: str, tmp_path: Path) -> None:
    file = tmp_path / f"marked.{EXTENSIONS[name]}"
    source = picture(CLAIMS, pages=2 if name == "tiff" else 1)
    file.write_bytes(encode(source, name, 95, mark=replace(MARK, digital_source_type=ENHANCED)))
    command = ["exiftool", "-a", "-G1", "-j", "-n", "-struct", str(file)]
    (found,) = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert found["XMP-iptcExt:DigitalSourceType"] == ENHANCED
    derived = found["XMP-xmpMM:DerivedFrom"]
    assert derived["FilePath"] == "harbour & pier.jpg"
    assert derived["DocumentID"] == "xmp.did:old"
    assert [entry["Action"] for entry in found["XMP-xmpMM:History"]] == ["saved", "resized"]
    assert found["XMP-xmpMM:History"][1]["SoftwareAgent"] == "srfleet 9"
    assert "Warning" not in " ".join(found)
