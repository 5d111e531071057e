"""The rules that say which files are no photographs."""

from __future__ import annotations

from pathlib import Path

import pytest

from sr_core.archive.source.rules import (
    EXTENSIONS,
    FILES,
    FOLDERS,
    IMAGE_EXTENSIONS,
    class_of_file,
    describe_rules,
    final_error,
    skipped_folder,
)
from sr_core.archive.source.skipped import failed_only, listed, skipped_only
from sr_core.errors import NOT_PHOTOGRAPHS, ErrorClass, ImageError
from sr_core.imaging.codecs import probe
from sr_core.records import Status, status_of


def error_of(key: str, data: bytes) -> ImageError:
    """Return the error that a file ends with."""
    with pytest.raises(ImageError) as caught:
        probe(data)
    return final_error(key, caught.value)


@pytest.mark.parametrize(
    ("key", "folder", "kind"),
    [
        ("2019/@eaDir/a.jpg/SYNOPHOTO_THUMB_XL.jpg", "2019/@eaDir", ErrorClass.THUMBNAILS),
        ("Main Previews.lrdata/0/a.lrprev", "Main Previews.lrdata", ErrorClass.THUMBNAILS),
        (".Trash-1000/files/a.jpg", ".Trash-1000", ErrorClass.TRASH),
        ("#recycle/@eaDir/a.jpg", "#recycle", ErrorClass.TRASH),
        ("$Recycle.bin/S-1-5/a.jpg", "$Recycle.bin", ErrorClass.TRASH),
        ("a/.git/objects/00/11", "a/.git", ErrorClass.SYSTEM_FILE),
        ("lost+found", "lost+found", ErrorClass.SYSTEM_FILE),
    ],
)
def test_folders_are_skipped_whole_by_their_names(key: str, folder: str, kind: ErrorClass) -> None:
    assert skipped_folder(key) == (folder, kind)


@pytest.mark.parametrize("key", ["a.jpg", "Trash can/a.jpg", "recycled toys/a.jpg", "my.git/a"])
def test_other_folders_are_not(key: str) -> None:
    assert skipped_folder(key) is None


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("THUMBS.DB", ErrorClass.SYSTEM_FILE),
        ("._IMG_1.jpg", ErrorClass.SYSTEM_FILE),
        ("Icon\r", ErrorClass.SYSTEM_FILE),
        (".trashed-1700000000-IMG_1.jpg", ErrorClass.TRASH),
        ("MVI_1.THM", ErrorClass.SIDECAR),
        ("a.jpg", None),
        ("a.xmp", None),  # the content decides
        ("my thumbs.db.jpg", None),
    ],
)
def test_some_files_are_known_by_name_alone(name: str, kind: ErrorClass | None) -> None:
    assert class_of_file(name) is kind


@pytest.mark.parametrize(
    ("key", "data", "kind"),
    [
        ("a.xmp", b"<x:xmpmeta/>", ErrorClass.SIDECAR),
        ("a.jpg.json", b'{"title": "a"}', ErrorClass.SIDECAR),
        ("a.txt", b"hello", ErrorClass.TEXT),
        ("notes", "gr\u00fc\u00df dich".encode(), ErrorClass.TEXT),
        ("notes", "hello".encode("utf-16"), ErrorClass.TEXT),
        ("letter.docx", b"PK\x03\x04" + bytes(30), ErrorClass.DOCUMENT),
        ("a", b"PK\x03\x04" + bytes(30), ErrorClass.ARCHIVE),
        ("a", b"%PDF-1.7", ErrorClass.DOCUMENT),
        ("a.mov", bytes(64), ErrorClass.VIDEO),
        ("a", b"\0\0\0\x14ftypqt  \0\0\0\0qt  ", ErrorClass.VIDEO),
        ("a", b"\0\0\0\x14ftypM4A \0\0\0\0M4A ", ErrorClass.AUDIO),
        ("a", b"RIFF\0\0\0\0AVI LIST", ErrorClass.VIDEO),
        ("a", b"\0\x05\x16\x07" + bytes(60), ErrorClass.SYSTEM_FILE),
        ("a", bytes(64), ErrorClass.OTHER),
        ("a.txt", b"", ErrorClass.TEXT),
        ("a", b"", ErrorClass.OTHER),
    ],
)
def test_a_content_that_is_no_image_is_skipped(key: str, data: bytes, kind: ErrorClass) -> None:
    error = error_of(key, data)
    assert (error.error_class, status_of(error.error_class)) == (kind, Status.SKIPPED)


@pytest.mark.parametrize(
    ("key", "data", "kind", "words"),
    [
        ("a.jpg", b"hello", ErrorClass.UNSUPPORTED_FORMAT, r"named \.jpg, but .*: text"),
        ("a.JPG", b"\0\0\0\x14ftypisom", ErrorClass.UNSUPPORTED_FORMAT, r"named \.jpg.*isom"),
        ("a.jpg", b"", ErrorClass.DECODE, "empty"),
        ("a.NEF", bytes(64), ErrorClass.UNSUPPORTED_FORMAT, r"named \.nef"),
        ("a", b"8BPS\0\1", ErrorClass.UNSUPPORTED_FORMAT, "Photoshop"),
        ("a.txt", b"%!PS-Adobe-3.0 EPSF-3.0", ErrorClass.UNSUPPORTED_FORMAT, "EPS"),
        ("a", b"\0\0\0\x18ftypcrx \0\0\0\1", ErrorClass.UNSUPPORTED_FORMAT, "CR3"),
        ("a.raf", b"FUJIFILMCCD-RAW 0201", ErrorClass.UNSUPPORTED_FORMAT, "RAF"),
        ("a", b"P6\n# made\n3 3 255\n", ErrorClass.UNSUPPORTED_FORMAT, "PNM"),
    ],
)
def test_what_should_be_a_photograph_fails(
    key: str, data: bytes, kind: ErrorClass, words: str
) -> None:
    error = error_of(key, data)
    assert (error.error_class, status_of(error.error_class)) == (kind, Status.FAILED)
    with pytest.raises(ImageError, match=words):
        raise error


def test_every_class_of_the_lists_is_one_of_skipped_files_and_has_a_name() -> None:
    assert {*FOLDERS, *FILES, *EXTENSIONS} <= NOT_PHOTOGRAPHS
    for kind in NOT_PHOTOGRAPHS:
        assert listed({kind: 2}).startswith("2 ")


def test_no_extension_is_in_two_lists() -> None:
    extensions = " ".join(EXTENSIONS.values()).split()
    assert len(set(extensions)) == len(extensions)
    assert not IMAGE_EXTENSIONS.intersection(extensions)


def test_the_page_lists_the_rules() -> None:
    page = (Path(__file__).parents[3] / "docs" / "manifest.md").read_text(encoding="utf-8")
    assert describe_rules() in page


def test_counts_are_listed_by_kind() -> None:
    counts = {ErrorClass.DECODE: 9, ErrorClass.VIDEO: 1, ErrorClass.SIDECAR: 12}
    assert listed(counts) == "12 sidecars, 1 video"
    assert failed_only(counts | {ErrorClass.DUPLICATE_KEY: 3}) == {ErrorClass.DECODE: 9}
    assert skipped_only(counts) == {ErrorClass.VIDEO: 1, ErrorClass.SIDECAR: 12}
