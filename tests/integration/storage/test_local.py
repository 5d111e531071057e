"""Peculiarities of folders: links, permissions, full disks, broken names, dying writers."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sr_core.archive.ledger.layout import OWN_NAMES
from sr_core.archive.storage import Store, open_store
from sr_core.errors import ErrorClass, ImageError, StorageError, StorageUnavailableError
from tests.integration.storage import writers

REPOSITORY = Path(__file__).resolve().parents[3]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    return tmp_path / "root"


@pytest.fixture
def as_nobody() -> Iterator[Path]:
    """Create a folder, and drop all rights but its owner's, even for root."""
    folder = Path(tempfile.mkdtemp())
    is_root = os.geteuid() == 0
    if is_root:
        os.chown(folder, 65534, 65534)
        os.seteuid(65534)
    try:
        yield folder
    finally:
        if is_root:
            os.seteuid(0)
        for inside in folder.iterdir():
            inside.chmod(0o700)
        shutil.rmtree(folder)


def files(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir())


def refused(store: Store, key: str) -> ImageError:
    with pytest.raises(ImageError) as caught:
        store.read(key)
    return caught.value


@pytest.mark.parametrize("hard_links", [True, False], ids=["links", "lock"])
def test_of_two_racing_processes_one_wins_each_key(root: Path, hard_links: bool) -> None:
    spawn = multiprocessing.get_context("spawn")
    start, names = spawn.Barrier(2), ("a", "b")
    answers = [root.parent / f"answers-{name}" for name in names]
    processes = [
        spawn.Process(target=writers.race, args=(str(root), name, hard_links, start, str(answer)))
        for name, answer in zip(names, answers, strict=True)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(120)
        assert process.exitcode == 0
    won = [answer.read_text() for answer in answers]
    store = open_store(str(root))
    for number in range(40):
        each = [answer[number] for answer in won]
        assert sorted(each) == ["0", "1"]
        winner = names[each.index("1")].encode()
        assert store.read(f"metrics/{number:02}") == winner * 1000
    assert len(list(store.list())) == 40
    assert len(files(root)) == (40 if hard_links else 41)


@pytest.mark.parametrize(("where", "stands"), [("fsync", False), ("unlink", True)])
def test_a_writer_killed_in_the_middle_leaves_all_of_an_object_or_none(
    root: Path, where: str, stands: bool
) -> None:
    (root / "images").mkdir()
    process = multiprocessing.get_context("spawn").Process(
        target=writers.put_and_die, args=(str(root), where)
    )
    process.start()
    process.join(120)
    assert process.exitcode == -9
    store = open_store(str(root))
    assert [name for name in files(root) if ".srfleet-tmp-" in name]
    assert [info.key for info in store.list()] == (["images/a.png"] if stands else [])
    assert store.put_if_absent("images/a.png", b"body" * 1000) is not stands
    assert store.read("images/a.png") == b"body" * 1000
    assert store.remove_leftovers(OWN_NAMES) == 0
    assert store.remove_leftovers(OWN_NAMES, older_than_s=0) == 1
    assert files(root) == ["images/a.png"]


def test_a_full_disk_stops_the_store_and_leaves_no_temporary(tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    mount = f"mount -t tmpfs -o size=256k tmpfs {folder} && exec"
    command = f"{mount} {sys.executable} -m tests.integration.storage.writers {folder}"
    unshare = ["unshare", "--map-root-user", "--mount", "sh", "-c"]
    probe = [*unshare, f"{mount} true"]
    if not shutil.which("unshare") or subprocess.run(probe, check=False).returncode:
        pytest.skip("a small file system cannot be mounted here")
    run = subprocess.run(
        [*unshare, command], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    full = "No space left on device: make room, then run the same command again"
    assert run.stdout.splitlines() == [
        f"StorageUnavailableError cannot write {folder.as_uri()}/images/big.png: {full}",
        f"StorageUnavailableError cannot write {folder.as_uri()}/report.html: {full}",
        "[]",
        "True",
    ]


def test_links_that_leave_the_root_are_listed_but_never_followed(root: Path) -> None:
    (root / "out.jpg").symlink_to(root.parent / "secret.jpg")
    (root / "out").symlink_to(root.parent)
    (root / "relative.jpg").symlink_to("../secret.jpg")
    store = open_store(str(root))
    listed = {info.key: info.size_bytes for info in store.list()}
    assert listed == {"out": 0, "out.jpg": 0, "relative.jpg": 0}
    assert list(store.list("out/")) == []
    for key in ("out.jpg", "out/secret.jpg", "relative.jpg"):
        error = refused(store, key)
        assert error.error_class is ErrorClass.KEY_REJECTED
        assert "link out of the folder" in error.message
        for call in (store.head, store.arrow_file, store.metadata):
            with pytest.raises(ImageError, match="link out"):
                call(key)
    with pytest.raises(ImageError, match="link out"):
        store.put_if_absent("out/new.jpg", b"x")
    with pytest.raises(ImageError, match="link out"):
        store.replace("out/secret.jpg", b"x")
    assert files(root.parent) == ["root/out.jpg", "root/relative.jpg", "secret.jpg"]
    assert (root.parent / "secret.jpg").read_bytes() == b"secret"


def test_a_write_never_goes_through_a_link(root: Path) -> None:
    (root / "a.jpg").symlink_to(root.parent / "secret.jpg")
    (root / "dangling.jpg").symlink_to(root.parent / "new.jpg")
    store = open_store(str(root))
    assert store.put_if_absent("a.jpg", b"x") is False
    assert store.put_if_absent("dangling.jpg", b"x") is False
    store.replace("a.jpg", b"x")
    assert store.read("a.jpg") == b"x"
    assert (root.parent / "secret.jpg").read_bytes() == b"secret"
    assert not (root.parent / "new.jpg").exists()


def test_links_inside_the_root_are_read_but_folders_only_once(root: Path) -> None:
    (root / "album").mkdir()
    (root / "album" / "a.jpg").write_bytes(b"body")
    (root / "best.jpg").symlink_to("album/a.jpg")
    (root / "again").symlink_to("album")
    (root / "album" / "loop").symlink_to(root)
    store = open_store(str(root))
    listed = {info.key: info.size_bytes for info in store.list()}
    assert listed == {"again": 0, "album/a.jpg": 4, "album/loop": 0, "best.jpg": 4}
    assert store.read("best.jpg") == b"body"
    assert list(store.list("again/")) == []


def test_a_root_may_itself_be_a_link(root: Path) -> None:
    (root.parent / "alias").symlink_to(root)
    store = open_store(str(root.parent / "alias"))
    store.put_if_absent("images/a.png", b"body")
    assert store.read("images/a.png") == b"body"
    assert store.uri.endswith("/alias")


def test_links_to_nothing_and_to_themselves_end_in_an_error(root: Path) -> None:
    (root / "dangling.jpg").symlink_to("nothing.jpg")
    (root / "loop.jpg").symlink_to("loop.jpg")
    store = open_store(str(root))
    assert [info.key for info in store.list()] == ["dangling.jpg", "loop.jpg"]
    assert refused(store, "dangling.jpg").error_class is ErrorClass.NOT_FOUND
    assert refused(store, "loop.jpg").error_class is ErrorClass.KEY_REJECTED


def test_a_pipe_is_refused_without_waiting_for_its_writer(root: Path) -> None:
    os.mkfifo(root / "pipe.jpg")
    store = open_store(str(root))
    assert [(info.key, info.size_bytes) for info in store.list()] == [("pipe.jpg", 0)]
    assert refused(store, "pipe.jpg").error_class is ErrorClass.SPECIAL_FILE


def test_a_name_that_is_not_utf8_becomes_a_key_that_is_refused(root: Path) -> None:
    (root / os.fsdecode(b"d\xe9j\xe0")).mkdir()
    (root / os.fsdecode(b"d\xe9j\xe0") / "a.jpg").write_bytes(b"x")
    (root / os.fsdecode(b"caf\xe9.jpg")).write_bytes(b"x")
    store = open_store(str(root))
    keys = [info.key for info in store.list()]
    assert keys == ["caf\ufffd<E9>.jpg", "d\ufffd<E9>j\ufffd<E0>/a.jpg"]
    for key in keys:
        assert refused(store, key).error_class is ErrorClass.KEY_REJECTED


def test_what_may_not_be_read_is_listed_and_says_so(as_nobody: Path) -> None:
    (as_nobody / "locked").mkdir()
    (as_nobody / "locked" / "a.jpg").write_bytes(b"x")
    (as_nobody / "b.jpg").write_bytes(b"x")
    (as_nobody / "c.jpg").write_bytes(b"x")
    (as_nobody / "b.jpg").chmod(0)
    (as_nobody / "locked").chmod(0)
    store = open_store(str(as_nobody))
    assert [info.key for info in store.list()] == ["b.jpg", "c.jpg", "locked"]
    for key in ("b.jpg", "locked", "locked/a.jpg"):
        assert refused(store, key).error_class is ErrorClass.FORBIDDEN
    with pytest.raises(StorageError) as caught:
        store.put_if_absent("locked/b.jpg", b"x")
    assert caught.value.error_class is ErrorClass.FORBIDDEN
    assert store.read("c.jpg") == b"x"


def test_a_name_too_long_for_the_disk_is_a_rejected_key(root: Path) -> None:
    store = open_store(str(root))
    assert refused(store, "x" * 300).error_class is ErrorClass.KEY_REJECTED
    with pytest.raises(StorageError) as caught:
        store.put_if_absent("x" * 300, b"x")
    assert caught.value.error_class is ErrorClass.KEY_REJECTED
    assert files(root) == []


def test_a_file_where_a_folder_is_needed_fails_that_write_alone(root: Path) -> None:
    store = open_store(str(root))
    store.put_if_absent("images/a.png", b"x")
    with pytest.raises(StorageError, match="a part of its path is not a folder") as caught:
        store.put_if_absent("images/a.png/b.png", b"x")
    assert caught.value.error_class is ErrorClass.WRITE
    assert files(root) == ["images/a.png"]


def test_a_file_that_grows_while_it_is_read_is_not_taken_for_whole(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = root / "a.jpg"
    path.write_bytes(b"half")
    read = os.pread

    def grow_meanwhile(descriptor: int, length: int, start: int) -> bytes:
        body = read(descriptor, length, start)
        path.write_bytes(b"half and half")
        return body

    monkeypatch.setattr(os, "pread", grow_meanwhile)
    with pytest.raises(StorageError, match="changed while") as caught:
        open_store(str(root)).read_object("a.jpg")
    assert caught.value.error_class is ErrorClass.SOURCE_CHANGED


def test_a_root_that_vanishes_is_not_taken_for_missing_files(root: Path) -> None:
    (root / "a.jpg").write_bytes(b"x")
    store = open_store(str(root))
    assert refused(store, "b.jpg").error_class is ErrorClass.NOT_FOUND
    shutil.rmtree(root)
    with pytest.raises(StorageUnavailableError, match="mount it again"):
        list(store.list())
    for call in (store.read, store.read_object, lambda key: store.put_if_absent(key, b"x")):
        with pytest.raises(StorageUnavailableError, match="mount it again"):
            call("a.jpg")
    assert not root.exists()


def test_written_files_have_the_rights_that_the_umask_leaves(root: Path) -> None:
    before = os.umask(0o027)
    try:
        open_store(str(root)).put_if_absent("images/a.png", b"x")
    finally:
        os.umask(before)
    assert (root / "images/a.png").stat().st_mode & 0o777 == 0o640


def test_a_listing_is_in_the_order_of_keys_not_of_folders(root: Path) -> None:
    names = ["a.jpg", "a/z.jpg", "a-b/c.jpg", "a0.jpg", "B/c.jpg", "a/b/c.jpg", "a/b.jpg"]
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    store = open_store(str(root))
    assert [info.key for info in store.list()] == sorted(names)
    for prefix in ("a", "a/", "a/b", "a/b/", "a-", "B/c.jpg", "B/c.jpg/", "x"):
        expected = sorted(name for name in names if name.startswith(prefix))
        assert [info.key for info in store.list(prefix)] == expected
