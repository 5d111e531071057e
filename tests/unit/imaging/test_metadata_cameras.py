"""Kinds of metadata that files of cameras and their programs hold, and few test files do."""

from __future__ import annotations

import struct
from dataclasses import replace

import numpy as np
import pytest

from sr_core.imaging.codecs import Metadata, Page, Picture, decode, encode, losses
from sr_core.imaging.codecs.source import Source
from sr_core.imaging.codecs.tags import exif, exif_block, exif_pixels
from sr_core.imaging.codecs.tags.directory import TagFile
from sr_core.imaging.codecs.tags.tree import EXIF_DIRECTORY, INTEROPERABILITY, Field, Tree
from sr_core.imaging.metadata import Losses, xmp_exif
from sr_core.imaging.metadata.maker_notes import is_self_contained
from tests.support import metadata_files as made
from tests.support.image_files import LIMITS, scene, tiff

WIDE, HIGH, RELATED, IPTC, KODAK, NOTE = 0xA002, 0xA003, 0x1001, 0x83BB, 0x8290, 0x927C
MAKE = Field(0x10F, 2, 6, b"Kodak\0")


def block_of(
    *fields: Field, inner: tuple[Field, ...] = (), interop: tuple[Field, ...] = ()
) -> bytes:
    """Return an EXIF block with tags of the first, the EXIF and the interoperability directory."""
    linked = ((INTEROPERABILITY, Tree("<", interop)),) if interop else ()
    below = ((EXIF_DIRECTORY, Tree("<", inner, linked)),) if inner else ()
    return exif_block.block_of(Tree("<", fields, below), Losses()) or b""


def jpeg(block: bytes) -> bytes:
    return made.jpeg((made.APP1, b"Exif\0\0" + block))


def doubled(picture: Picture) -> Picture:
    pages = tuple(Page(page.pixels.repeat(2, 0).repeat(2, 1)) for page in picture.pages)
    return replace(picture, pages=pages)


def number(block: bytes, *path: int) -> tuple[int, int, int]:
    """Return type, count and first number of a tag."""
    field = exif_block.tree_of(block).tag(*path)
    assert field is not None
    letter = {3: "H", 4: "I", 9: "i"}[field.kind]
    return field.kind, field.number, struct.unpack_from("<" + letter, field.value)[0]


@pytest.mark.parametrize(
    "field",
    [
        Field(WIDE, 9, 1, struct.pack("<i", 56)),
        Field(WIDE, 3, 2, struct.pack("<HH", 56, 0)),
        Field(WIDE, 3, 1, struct.pack("<H", 56)),
        Field(WIDE, 5, 1, struct.pack("<II", 56, 1)),
    ],
    ids=["SLONG", "two SHORT", "SHORT", "RATIONAL"],
)
def test_a_width_of_any_type_is_made_true(field: Field) -> None:
    block = exif.with_size(block_of(MAKE, inner=(field,)), 112, 80)
    assert number(block, EXIF_DIRECTORY, WIDE)[1:] == (1, 112)


def test_the_size_of_the_related_image_is_made_true() -> None:
    size = Field(WIDE, 4, 1, struct.pack("<I", 56))
    related = Field(RELATED, 3, 1, struct.pack("<H", 56))
    block = exif.with_size(block_of(MAKE, inner=(size,), interop=(related,)), 112, 80)
    assert number(block, EXIF_DIRECTORY, INTEROPERABILITY, RELATED) == (3, 1, 112)


def test_sizes_are_made_true_beside_a_link_that_leads_nowhere() -> None:
    size = Field(WIDE, 4, 1, struct.pack("<I", 56))
    lost = Field(INTEROPERABILITY, 4, 1, struct.pack("<I", 60_000))
    block = exif.with_size(block_of(MAKE, inner=(size, lost)), 112, 80)
    assert number(block, EXIF_DIRECTORY, WIDE) == (4, 1, 112)


XMP = (
    b'<rdf:Description xmlns:exif="http://ns.adobe.com/exif/1.0/"'
    b' xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"'
    b' exif:FocalPlaneXResolution="3072000/227" exif:FocalPlaneYResolution="12.5"'
    b' exif:ColorSpace="65535" photoshop:ICCProfile="Adobe RGB (1998)">'
    b"<exif:SubjectArea><rdf:Seq><rdf:li>10</rdf:li> <rdf:li>30</rdf:li></rdf:Seq>"
    b"</exif:SubjectArea></rdf:Description>"
)


def test_the_subject_and_the_focal_plane_of_xmp_are_scaled() -> None:
    changed = xmp_exif.scaled(XMP, 2, 4)
    assert b'FocalPlaneXResolution="6144000/227"' in changed
    assert b'FocalPlaneYResolution="50"' in changed
    assert b"<rdf:li>20</rdf:li> <rdf:li>120</rdf:li>" in changed
    assert xmp_exif.scaled(XMP, 1, 1) == XMP


def test_the_subject_of_xmp_is_turned() -> None:
    assert b"<rdf:li>10</rdf:li> <rdf:li>10</rdf:li>" in xmp_exif.turned(XMP, 6, 56, 40)


@pytest.mark.parametrize(
    "text", [XMP, XMP.replace(b'photoshop:ICCProfile="Adobe RGB (1998)"', b"")]
)
def test_xmp_names_the_colours_of_a_converted_picture(text: bytes) -> None:
    element = b"<photoshop:ICCProfile>Adobe RGB (1998)</photoshop:ICCProfile></rdf:Description>"
    if b"ICCProfile" not in text:
        text = text.replace(b"</rdf:Description>", element)
    changed = xmp_exif.as_srgb(text)
    assert b'exif:ColorSpace="1"' in changed
    assert b"Adobe RGB" not in changed
    assert b"sRGB IEC61966-2.1" in changed


def with_filler(size_bytes: int) -> bytes:
    """Return an EXIF block of about a size, with a thumbnail."""
    filler = Field(0xFDE8, 7, size_bytes, bytes(size_bytes))
    return made.with_thumbnail(block_of(MAKE, filler), b"\xff\xd8old thumbnail\xff\xd9")


@pytest.mark.parametrize(("filler", "kept"), [(200, True), (60_000, True), (62_000, False)])
def test_a_thumbnail_that_does_not_fit_beside_the_exif_data_is_named(
    filler: int, *, kept: bool
) -> None:
    decoded = decode(jpeg(with_filler(filler)), LIMITS)
    noise = np.random.default_rng(0).integers(0, 255, (320, 320, 3), np.uint8)
    noisy = replace(decoded, pages=(Page(noise),))
    named = "dropped: EXIF thumbnail, which does not fit beside the EXIF data, 17 bytes"
    assert (named in losses(decoded, "jpeg")) is not kept
    output = bytes(encode(noisy, "jpeg", 95))
    assert (decode(output, LIMITS).metadata.thumbnail_bytes > 0) is kept
    assert not any("EXIF data of" in loss for loss in losses(decoded, "jpeg"))
    assert decode(encode(noisy, "png", 95), LIMITS).metadata.thumbnail_bytes > 0
    assert losses(decoded, "png") == ()


def test_a_missing_thumbnail_is_named() -> None:
    whole = made.with_thumbnail(block_of(MAKE), b"\xff\xd8old thumbnail\xff\xd9")
    assert decode(jpeg(whole[:-17]), LIMITS).warnings == (
        "dropped: tags of an EXIF thumbnail that is missing or damaged",
    )


def test_data_after_the_thumbnail_stays() -> None:
    whole = made.with_thumbnail(block_of(MAKE), b"\xff\xd8old thumbnail\xff\xd9")
    cut, size = exif_pixels.without_thumbnail(whole + b"preview of a maker")
    assert (size, cut.endswith(b"preview of a maker")) == (17, True)
    assert b"old thumbnail" not in cut
    assert exif_pixels.without_thumbnail(whole + bytes(9))[0] == block_of(MAKE)


def tags_below(data: bytes) -> dict[int, bytes]:
    """Return the tags of the EXIF directory of a TIFF."""
    tags = TagFile(Source(data))
    inner = tags.directory(tags.number(next(iter(tags.chain())), EXIF_DIRECTORY))
    return {tag: tags.value(entry) for tag, entry in inner.entries.items()}


@pytest.mark.parametrize("target", [60_000, 8], ids=["outside the block", "to the first directory"])
def test_a_tiff_has_no_link_that_would_lead_into_its_picture(target: int) -> None:
    block = block_of(MAKE, inner=(Field(0x9000, 7, 4, b"0231"), Field(WIDE, 4, 1, bytes(4))))
    at = block.index(struct.pack("<HHI", WIDE, 4, 1))
    damaged = block[:at] + struct.pack("<HHII", INTEROPERABILITY, 4, 1, target) + block[at + 12 :]
    decoded = decode(jpeg(damaged), LIMITS)
    assert losses(decoded, "tiff") == ("dropped: tag 40965, which is damaged or too long, 4 bytes",)
    assert tags_below(bytes(encode(doubled(decoded), "tiff", 95))) == {0x9000: b"0231"}


def test_a_tiff_has_no_value_from_outside_the_exif_block() -> None:
    block = block_of(MAKE, inner=(Field(0x9000, 7, 4, b"0231"), Field(0x920A, 5, 1, bytes(8))))
    at = block.index(struct.pack("<HHI", 0x920A, 5, 1))
    damaged = block[: at + 8] + struct.pack("<I", 900) + block[at + 12 :]
    decoded = decode(jpeg(damaged), LIMITS)
    assert losses(decoded, "tiff") == ("dropped: tag 37386, which is damaged or too long, 8 bytes",)
    assert tags_below(bytes(encode(doubled(decoded), "tiff", 95))) == {0x9000: b"0231"}


def test_iptc_in_the_exif_data_comes_into_a_tiff() -> None:
    inside = Field(IPTC, 7, len(made.IPTC), made.IPTC)
    decoded = decode(jpeg(block_of(MAKE, inside)), LIMITS)
    assert losses(decoded, "tiff") == ()
    assert decode(encode(decoded, "tiff", 95), LIMITS).metadata.iptc == made.IPTC
    other = b"\x1c\x02\x19\0\4boat"
    both = made.jpeg(
        (made.APP1, b"Exif\0\0" + block_of(MAKE, inside)),
        (made.APP13, b"Photoshop 3.0\0" + made.resource(0x0404, other)),
    )
    decoded = decode(both, LIMITS)
    named = f"dropped: second IPTC block in the EXIF data, {len(made.IPTC)} bytes"
    assert losses(decoded, "tiff") == (named,)
    assert losses(decoded, "png") == ()
    assert decode(encode(decoded, "tiff", 95), LIMITS).metadata.iptc == other


def test_a_private_directory_is_linked_in_a_tiff() -> None:
    private = struct.pack("<HHHII", 1, 0, 1, 4, 0x01020304) + bytes(4)
    plain = block_of(MAKE, Field(KODAK, 4, 1, bytes(4)))
    place = len(plain) + len(plain) % 2
    at = plain.index(struct.pack("<HHI", KODAK, 4, 1)) + 8
    block = plain[:at] + struct.pack("<I", place) + plain[at + 4 :].ljust(place - at - 4, b"\0")
    decoded = decode(jpeg(block + private), LIMITS)
    assert losses(decoded, "tiff") == ()
    tags = TagFile(Source(bytes(encode(decoded, "tiff", 95))))
    linked = tags.directory(tags.number(next(iter(tags.chain())), KODAK))
    assert tags.value(linked.entries[0]) == struct.pack("<I", 0x01020304)


def test_a_private_directory_of_a_tiff_is_named() -> None:
    data = tiff(scene(30, 44), extratags=[(KODAK, 4, 1, (8,), True)])
    assert decode(data, LIMITS).warnings == (
        "dropped: tag 33424, which refers to other places of the file, 4 bytes",
    )


@pytest.mark.parametrize(
    ("note", "movable"),
    [
        (b"Nikon\0\2\x10\0\0II", True),
        (b"Nikon\0\1\0", False),
        (b"FUJIFILM\x0c\0\0\0", True),
        (b"OLYMPUS\0II\3\0", True),
        (b"OLYMP\0\1\0", False),
        (b"Apple iOS\0\0\1MM", True),
        (b"PENTAX \0MM", True),
        (b"AOC\0MM", False),
        (b"Panasonic\0\0\0", False),
        (b"SONY DSC \0\0\0", False),
        (b"QVC\0\0\0", False),
        (b"SANYO\0\1\0", False),
        (b"SIGMA\0\0\0\1\0", False),
        (b"RICOH\0II", True),
        (b"Ricoh\0\0\0", False),
        (b"LEICA\0\5\0", True),
        (b"LEICA\0\3\0", False),
        (b"MOT\0\0\0\0\0", True),
        (b"KDK0100\0", True),
        (b"\x2a\0\1\0\3\0", False),  # Canon, which begins with its directory
    ],
)
def test_a_maker_note_moves_only_if_its_offsets_allow_it(note: bytes, *, movable: bool) -> None:
    assert is_self_contained(note) is movable
    tree = Tree("<", (MAKE,), ((EXIF_DIRECTORY, Tree("<", (Field(NOTE, 7, len(note), note),))),))
    found = Losses()
    moved = exif_block.movable(tree, found)
    assert (moved.tag(EXIF_DIRECTORY, NOTE) is not None) is movable
    assert bool(found.warnings()) is not movable


def test_an_exif_block_is_kept_byte_for_byte_if_nothing_in_it_describes_pixels() -> None:
    block = block_of(MAKE, inner=(Field(0x9003, 2, 20, b"2019:05:04 03:02:01\0"),))
    picture = Picture((Page(scene(30, 44)),), Metadata(exif=block))
    for name in ("jpeg", "png", "webp", "jxl"):
        assert made.exif_in(bytes(encode(picture, name, 95)), name).startswith(block)
    assert bytes(encode(picture, "tiff", 95)).startswith(block[:4])
