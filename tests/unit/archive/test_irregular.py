"""Links, unfinished writes and pipes in a folder are found, wherever they are."""

from __future__ import annotations

import os
from pathlib import Path

from sr_core.archive.storage import open_store
from sr_core.archive.storage.irregular import Irregularity, irregular_entries


def found(root: Path) -> dict[str, Irregularity]:
    return {each.key: each.what for each in irregular_entries(open_store(str(root)))}


def test_a_root_of_files_has_none(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.jpg").write_text("a")
    assert found(tmp_path) == {}
    assert found(tmp_path / "missing") == {}


def test_links_leftovers_and_pipes_are_found(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    (folder / "link.jpg").symlink_to("/etc/hostname")
    (tmp_path / "folder").symlink_to(folder)
    (folder / ".srfleet-tmp-1").write_text("half")
    os.mkfifo(folder / "pipe")
    assert found(tmp_path) == {
        "folder": Irregularity.LINK,
        "images/link.jpg": Irregularity.LINK,
        "images/.srfleet-tmp-1": Irregularity.LEFTOVER,
        "images/pipe": Irregularity.SPECIAL,
    }


def test_the_lock_of_a_file_system_without_links_is_no_leftover(tmp_path: Path) -> None:
    (tmp_path / ".srfleet-lock").touch()
    assert found(tmp_path) == {}
