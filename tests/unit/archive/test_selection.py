"""The files of a source that a run takes."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from sr_core.archive.source.opening import Source, open_source
from sr_core.archive.source.probing import probe_rows
from sr_core.archive.source.selection import Choice, Tally
from sr_core.archive.storage import open_store
from sr_core.errors import ConfigurationError, ErrorClass
from sr_core.records import LeftOut, ManifestRow, Status
from tests.support.image_files import picture, saved

PHOTOGRAPH = saved(picture("RGB", 15, 40), "PNG")


def write(folder: Path, *keys: str, data: bytes = PHOTOGRAPH) -> None:
    for key in keys:
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def opened(folder: Path, include: tuple[str, ...] = (), exclude: tuple[str, ...] = ()) -> Source:
    return open_source(str(folder), choice=Choice.of(include, exclude))


def classes(rows: Iterator[ManifestRow]) -> dict[str, str | None]:
    return {row.key: row.error_class for row in rows}


def test_a_folder_without_photographs_is_one_row_that_counts_its_files(tmp_path: Path) -> None:
    write(tmp_path, "@eaDir/a.png/S.png", "@eaDir/b.png/S.png", "a.png", "x/.Trash-1/b.png")
    rows = {row.key: row for row in opened(tmp_path).listed()}
    assert list(rows) == ["@eaDir/", "a.png", "x/.Trash-1/"]
    assert (rows["@eaDir/"].status, rows["@eaDir/"].error_class) == ("skipped", "thumbnails")
    assert "its 2 files" in str(rows["@eaDir/"].error_message)
    assert list(probe_rows(open_store(str(tmp_path)), iter([rows["@eaDir/"]]))) == [rows["@eaDir/"]]


def test_the_outputs_of_an_earlier_run_are_not_photographs_of_the_archive(tmp_path: Path) -> None:
    own = ("_SUCCESS.json", "metrics/shard-00000.parquet", "plan.parquet", "report.html")
    write(tmp_path, *(f"x4/{key}" for key in (*own, "run.json", "images/a.png", "images/x/b.png")))
    write(tmp_path, "a.png", "x4/added.png", "no-run/images/a.png", "no-run/report.html")
    found = classes(opened(tmp_path).listed())
    assert [key for key, kind in found.items() if kind is None] == [
        "a.png",
        "no-run/images/a.png",
        "no-run/report.html",
        "x4/added.png",
    ]
    skipped = ["_SUCCESS.json", "images/", "metrics/", "plan.parquet", "report.html", "run.json"]
    runs = [key for key, kind in found.items() if kind is ErrorClass.EARLIER_RUN]
    assert runs == [f"x4/{key}" for key in skipped]
    assert list(found) == sorted(found)


def test_the_root_of_a_run_is_refused_as_a_source(tmp_path: Path) -> None:
    write(tmp_path, "run.json", "plan.parquet", "images/a.png")
    with pytest.raises(ConfigurationError, match=r"is the root of a run; .*/images$"):
        list(opened(tmp_path).listed())
    assert classes(opened(tmp_path / "images").listed()) == {"a.png": None}


def test_excluded_files_are_left_out_and_counted(tmp_path: Path) -> None:
    write(tmp_path, "a.png", "b.gif", "private/c.png", "@eaDir/a.png")
    source, tally = opened(tmp_path, exclude=("Private", "*.gif", "*.bmp")), Tally()
    assert list(classes(source.listed(tally))) == ["@eaDir/", "a.png"]
    assert source.choice.left_out(tally) == LeftOut(2, 0, ("--exclude '*.bmp'",))


def test_only_included_files_are_taken_and_exclusion_wins(tmp_path: Path) -> None:
    write(tmp_path, "a.png", "b.gif", "2019/c.png", "2019/d.png", "@eaDir/e.png")
    source, tally = opened(tmp_path, include=("*.png",), exclude=("2019/d*",)), Tally()
    assert classes(source.listed(tally)) == {
        "2019/c.png": None,
        "@eaDir/": ErrorClass.THUMBNAILS,
        "a.png": None,
    }
    assert source.choice.left_out(tally) == LeftOut(1, 1, ())


def test_a_pattern_that_names_what_is_skipped_takes_it(tmp_path: Path) -> None:
    write(tmp_path, "a.png", "@eaDir/a.png", "@eaDir/b.gif", "x/@eaDir/a.png", "b.thm")
    assert classes(opened(tmp_path, include=("@eaDir/*.png", "*.thm")).listed()) == {
        "@eaDir/a.png": None,
        "b.thm": None,
    }
    whole = classes(opened(tmp_path, include=("**", "/@eaDir/*.png")).listed())
    assert whole == {
        "@eaDir/a.png": None,
        "@eaDir/b.gif": ErrorClass.THUMBNAILS,
        "a.png": None,
        "b.thm": ErrorClass.SIDECAR,
        "x/@eaDir/a.png": ErrorClass.THUMBNAILS,
    }


def test_the_outputs_of_a_run_are_taken_if_a_pattern_begins_with_its_folder(
    tmp_path: Path,
) -> None:
    write(tmp_path, "x4/run.json", "x4/plan.parquet", "x4/images/a.png", "b.png")
    assert classes(opened(tmp_path, include=("x4/images/**",)).listed()) == {
        "x4/images/a.png": None
    }


def test_a_row_of_a_users_table_stays_one_row(tmp_path: Path) -> None:
    write(tmp_path, "a.png", "@eaDir/b.png", "@eaDir/c.png", "Thumbs.db", "notes.txt", data=b"x")
    write(tmp_path, "a.png")
    table = tmp_path / "list.csv"
    table.write_text("path\na.png\n@eaDir/b.png\n@eaDir/c.png\nThumbs.db\nnotes.txt\na.png\n")
    source = open_source(str(table))
    rows = list(probe_rows(source.store, source.listed()))
    assert [(row.key, row.status, row.error_class) for row in rows] == [
        ("@eaDir/b.png", Status.SKIPPED, ErrorClass.THUMBNAILS),
        ("@eaDir/c.png", Status.SKIPPED, ErrorClass.THUMBNAILS),
        ("Thumbs.db", Status.SKIPPED, ErrorClass.SYSTEM_FILE),
        ("a.png", Status.OK, None),
        ("a.png", Status.DUPLICATE, ErrorClass.DUPLICATE_KEY),
        ("notes.txt", Status.SKIPPED, ErrorClass.TEXT),
    ]


@pytest.mark.skipif(os.name != "posix", reason="sockets, pipes and links")
def test_what_cannot_be_read_as_a_file_is_a_row_and_stops_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    write(folder, "a.png", "album/b.png")
    os.mkfifo(folder / "pipe.jpg")
    (folder / "loop.jpg").symlink_to("loop.jpg")
    (folder / "nothing.jpg").symlink_to("gone.jpg")
    (folder / "best").symlink_to("album")
    (folder / "album" / "up").symlink_to("..")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / "socket"))
        source = opened(folder)
        found = classes(probe_rows(source.store, source.listed()))
    assert found == {
        "a.png": None,
        "album/b.png": None,
        "album/up": ErrorClass.LINKED_FOLDER,
        "best": ErrorClass.LINKED_FOLDER,
        "loop.jpg": ErrorClass.KEY_REJECTED,
        "nothing.jpg": ErrorClass.NOT_FOUND,
        "pipe.jpg": ErrorClass.SPECIAL_FILE,
        "socket": ErrorClass.SPECIAL_FILE,
    }


def test_an_output_inside_the_source_is_left_out_through_a_link_too(tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    write(folder, "a.png", "out/images/a.png")
    (tmp_path / "link").symlink_to(folder / "out")
    (tmp_path / "alias").symlink_to(folder)
    for output in ("photos/out", "link", "alias/out", "photos/../alias/out"):
        uri = open_store(str(tmp_path / output)).uri
        source = open_source(str(folder), leave_out=[uri])
        assert list(classes(source.listed())) == ["a.png"], output
    for output in ("photos", "alias", "photos/out/.."):
        uri = open_store(str(tmp_path / output)).uri
        with pytest.raises(ConfigurationError, match="both source and output"):
            list(open_source(str(folder), leave_out=[uri]).listed())
