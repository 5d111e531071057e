"""A family archive as a NAS exports it: photographs among sidecars, litter and an earlier run."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from pydantic import ValidationError

from jobs.upscale.repair import damaged_images
from sr_core.archive.ledger.ledger import Ledger
from sr_core.archive.schemas import METRICS_SCHEMA
from sr_core.archive.storage import Store, open_store
from sr_core.archive.tables import metrics_rows
from sr_core.audit.verify.checks import verify_run
from sr_core.config import ExecutionConfig, JobConfig, RunConfig
from sr_core.engine.rounds import plan_round, planned_images, put_plan
from sr_core.errors import ErrorClass
from sr_core.records import MetricsRow, Status
from tests.integration.storage.conftest import set_environment
from tests.support.commands import srfleet_here
from tests.support.image_files import picture, saved
from tests.support.photographs import write_photographs
from tests.support.servers import S3Server
from tests.support.small_run import contents
from tests.support.whole_run import plan_here, plan_retry_here, run_here

PROJECT = Path(__file__).parents[3]
CAPABILITIES = ("bounding-set", "inh-caps")
JPEG, PNG = saved(picture(), "JPEG"), saved(picture("L"), "PNG")
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>'
PHOTOGRAPHS = {"2019/kitten.jpg": JPEG, "2019/scan.bmp": saved(picture(), "BMP"), "2019/notes": PNG}
SIDECARS = {
    "2019/kitten.xmp": b"kitten" + XMP,
    "2019/scan.bmp.xmp": b"scan" + XMP,
    "2019/kitten.jpg.supplemental-metadata.json": b'{"title": "kitten.jpg"}',
}
COPIES = {
    "images/2019/kitten.xmp": SIDECARS["2019/kitten.xmp"],
    "images/2019/scan.png.xmp": SIDECARS["2019/scan.bmp.xmp"],
    "images/2019/kitten.jpg.supplemental-metadata.json": SIDECARS[
        "2019/kitten.jpg.supplemental-metadata.json"
    ],
}
LITTER: dict[str, tuple[bytes, ErrorClass]] = {
    "2019/@eaDir/kitten.jpg/SYNOPHOTO_THUMB_XL.jpg": (JPEG, ErrorClass.THUMBNAILS),
    "2019/Thumbs.db": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", ErrorClass.SYSTEM_FILE),
    "2019/._kitten.jpg": (b"\0\x05\x16\x07", ErrorClass.SYSTEM_FILE),
    "2019/metadata.json": (b"{}", ErrorClass.SIDECAR),
    "#recycle/old.jpg": (JPEG, ErrorClass.TRASH),
    "clip.mov": (b"\0\0\0\x14ftypqt  \0\0\0\0", ErrorClass.VIDEO),
    "letter.pdf": (b"%PDF-1.7", ErrorClass.DOCUMENT),
    "readme.txt": (b"hello", ErrorClass.TEXT),
    "x4/images/kitten.jpg": (JPEG, ErrorClass.EARLIER_RUN),
    "x4/plan.parquet": (b"PAR1", ErrorClass.EARLIER_RUN),
    "x4/run.json": (b"{}", ErrorClass.EARLIER_RUN),
}


@pytest.fixture(params=["folder", "S3"])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return an address for the archive and its run: a folder, or a prefix in a bucket."""
    if request.param == "folder":
        return str(tmp_path)
    moto: S3Server = request.getfixturevalue("moto")
    set_environment(monkeypatch, moto.environment())
    return f"s3://{moto.bucket}/{uuid.uuid4().hex}"


def filled(place: str) -> Store:
    store = open_store(f"{place}/photos")
    litter = {key: data for key, (data, _) in LITTER.items()}
    for key, data in (PHOTOGRAPHS | SIDECARS | litter).items():
        assert store.put_if_absent(key, data)
    return store


def job(place: str, **run: object) -> JobConfig:
    return JobConfig(
        source=f"{place}/photos",
        output=f"{place}/out",
        run=RunConfig.model_validate({"model": "bicubic", "measure": False} | run),
        execution=ExecutionConfig(shard_megapixels=1, shard_images=4),
    )


def rows_of(root: Store) -> dict[str, MetricsRow]:
    assert verify_run(root) == []
    table = Ledger(root).latest_rows(METRICS_SCHEMA.names)
    return {row.key: row for row in metrics_rows(table)}


def row_key(key: str) -> str:
    """Return the key of the row of a file: that of the folder that is skipped whole, if any."""
    for folder in ("2019/@eaDir/", "#recycle/", "x4/images/"):
        if key.startswith(folder):
            return folder
    return key


def test_photographs_are_upscaled_sidecars_copied_and_the_rest_is_skipped(place: str) -> None:
    filled(place)
    run_here(job(place, sidecars=True))
    root = open_store(f"{place}/out")
    rows = rows_of(root)
    assert {key for key, row in rows.items() if row.status is Status.OK} == set(PHOTOGRAPHS)
    skipped = {key: row.error_class for key, row in rows.items() if row.status is Status.SKIPPED}
    assert skipped == dict.fromkeys(SIDECARS, ErrorClass.SIDECAR) | {
        row_key(key): kind for key, (_, kind) in LITTER.items()
    }
    found = contents(root)
    assert {key: found[key] for key in COPIES} == COPIES
    copied = [each for row in rows.values() for each in row.sidecars or ()]
    assert {each.key: found[each.output_key] for each in copied} == SIDECARS
    assert rows["2019/notes"].sidecars == ()
    run_here(job(place, sidecars=True), "again")
    assert contents(root) == found


@pytest.mark.usefixtures("ray_session")
def test_plan_and_upscale_print_the_number_of_copies(tmp_path: Path) -> None:
    filled(str(tmp_path))
    command = [str(tmp_path / "photos"), str(tmp_path / "out"), "--model", "bicubic"]
    planned = srfleet_here("plan", *command, "--sidecars").stdout
    assert f"sidecars to copy: {len(COPIES)}" in planned
    assert "sidecars to copy" not in srfleet_here("plan", *command).stdout
    ended = srfleet_here("upscale", *command, "--sidecars", "--actors", "1").stdout
    assert f"sidecars: {len(COPIES)} copied" in ended


def test_sidecars_are_copied_on_request_only(place: str) -> None:
    filled(place)
    run_here(job(place))
    rows = rows_of(open_store(f"{place}/out"))
    assert {row.sidecars for row in rows.values()} == {None}
    assert not COPIES.keys() & contents(open_store(f"{place}/out")).keys()


def test_a_copy_is_never_written_over_something_else(place: str) -> None:
    filled(place)
    the_job, root = job(place, sidecars=True), open_store(f"{place}/out")
    plan_here(the_job)
    root.put_if_absent("images/2019/kitten.xmp", b"of somebody else")
    run_here(the_job)
    rows = rows_of(root)
    kitten = rows["2019/kitten.jpg"]
    assert (kitten.status, kitten.error_class) == (Status.FAILED, ErrorClass.CONFLICT)
    assert "the sidecar 2019/kitten.xmp" in str(kitten.error_message)
    assert rows["2019/scan.bmp"].status is Status.OK
    assert root.read("images/2019/kitten.xmp") == b"of somebody else"


def test_a_further_round_copies_the_sidecars_of_its_images(tmp_path: Path) -> None:
    filled(str(tmp_path))
    the_job, root = job(str(tmp_path), sidecars=True), open_store(str(tmp_path / "out"))
    plan_here(the_job)
    root.put_if_absent("images/2019/kitten.xmp", b"of somebody else")
    run_here(the_job)
    (tmp_path / "out" / "images" / "2019" / "kitten.xmp").unlink()
    (tmp_path / "photos" / "2019" / "kitten.jpg.supplemental-metadata.json").unlink()
    plan_retry_here(the_job)
    run_here(the_job)
    kitten = rows_of(root)["2019/kitten.jpg"]
    assert (kitten.status, kitten.round) == (Status.OK, 1)
    assert [each.key for each in kitten.sidecars or ()] == ["2019/kitten.xmp"]
    assert any("supplemental-metadata.json is gone" in each for each in kitten.warnings)
    assert root.read("images/2019/kitten.xmp") == COPIES["images/2019/kitten.xmp"]


def test_missing_and_damaged_copies_are_repaired_beside_the_outputs(place: str) -> None:
    filled(place)
    the_job, root = job(place, sidecars=True), open_store(f"{place}/out")
    run_here(the_job)
    before = contents(root)
    for key in ("images/2019/kitten.xmp", "images/2019/scan.png.xmp"):
        root.replace(key, b"damaged")
    run = plan_here(the_job)
    chosen = damaged_images(run, run.ledger.snapshot())
    assert sorted(chosen.manifest["key"].to_pylist()) == ["2019/kitten.jpg", "2019/scan.bmp"]
    put_plan(run, plan_round(run, chosen.manifest, 1, 1, lambda: 1.0, chosen.taken_keys))
    run_here(the_job, "repair")
    rows = rows_of(root)
    for row in (rows["2019/kitten.jpg"], rows["2019/scan.bmp"]):
        assert (row.status, row.round, row.adopted) == (Status.OK, 1, True)
        for each in row.sidecars or ():
            assert root.read(each.output_key) == SIDECARS[each.key]
    after = contents(root)
    assert after["images/2019/kitten.xmp"] == b"damaged", "a damaged copy is evidence"
    assert before.keys() < after.keys()
    (copy,) = (each for each in rows["2019/scan.bmp"].sidecars or ())
    chosen = damaged_images(run, run.ledger.snapshot())
    assert not len(chosen.manifest)
    again = plan_round(run, planned_images(run, run.ledger.snapshot(), {row.image_id}), 2, 1, float)
    planned = [each["output_key"] for each in again.table["sidecars"].to_pylist()[0]]
    assert planned == [copy.output_key], "a later round keeps away from the damaged copy"


def test_positions_are_not_copied_with_sidecars_when_they_are_to_be_removed() -> None:
    with pytest.raises(ValidationError, match="exclude each other"):
        RunConfig(strip_gps=True, sidecars=True)


def without_override() -> list[str]:
    """Return the start of a command that permissions hold back, even if root gives it."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("root can enter every folder, and there is no setpriv")
    return ["setpriv", *(f"--{caps}=-dac_override,-dac_read_search" for caps in CAPABILITIES)]


def test_a_folder_without_permission_is_a_row_and_exit_code_3(tmp_path: Path) -> None:
    write_photographs(tmp_path / "photos", 1)
    locked = tmp_path / "photos" / "locked"
    locked.mkdir(mode=0o000)
    command = [sys.executable, "-m", "jobs", "upscale", "photos", "out", "--model", "bicubic"]
    try:
        done = subprocess.run(
            [*without_override(), *command, "--actors", "1"],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(PROJECT)},
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
    finally:
        locked.chmod(0o700)
    assert done.returncode == 3, done.stdout + done.stderr
    rows = rows_of(open_store(str(tmp_path / "out")))
    assert {key: row.status for key, row in rows.items()} == {
        "000.png": Status.OK,
        "locked": Status.FAILED,
    }


@pytest.mark.skipif(os.name != "posix", reason="sockets and pipes")
def test_what_is_no_file_is_skipped_and_never_opened(tmp_path: Path) -> None:
    filled(str(tmp_path))
    os.mkfifo(tmp_path / "photos" / "pipe.jpg")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "photos" / "socket"))
        run_here(job(str(tmp_path)))
    rows = rows_of(open_store(str(tmp_path / "out")))
    for key in ("pipe.jpg", "socket"):
        assert (rows[key].status, rows[key].error_class) == ("skipped", "special_file")
