"""Signed outputs, read by the Reader of c2pa."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from PIL import Image

from jobs.cli.display import Observers
from jobs.upscale.run import upscale
from sr_core.archive.storage import open_store
from sr_core.audit.verify.checks import verify_run
from sr_core.config import ExecutionConfig, JobConfig, RunConfig
from sr_core.engine.signing import Signer
from sr_core.errors import ConfigurationError
from sr_core.imaging.codecs import Limits, Mark, Page, Picture, decode, encode
from sr_core.records import ENHANCED
from tests.support.certificates import write_chain
from tests.support.commands import srfleet_here
from tests.support.image_files import scene
from tests.support.photographs import write_photographs
from tests.support.whole_run import run_here

c2pa = pytest.importorskip("c2pa")

LIMITS = Limits(1 << 30, 1 << 16, 1 << 28, 1 << 28)
NO_NETWORK = c2pa.Context.from_dict({"verify": {"remote_manifest_fetch": False}})


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_chain(tmp_path_factory.mktemp("chain"))


def job(folder: Path, chain: tuple[Path, Path] | None, **run: Any) -> JobConfig:
    return JobConfig(
        source=str(folder / "photos"),
        output=str(folder / "out"),
        run=RunConfig(**{"model": "bicubic", "measure": False} | run),
        execution=ExecutionConfig(shard_megapixels=1, shard_images=4, c2pa_sign=chain),
    )


def rows(folder: Path) -> dict[str, dict[str, Any]]:
    assert verify_run(open_store(str(folder / "out"))) == []
    return {row["key"]: row for row in pq.read_table(folder / "out/metrics").to_pylist()}


def store_of(data: bytes, kind: str) -> dict[str, Any]:
    """Return the manifests of a file; they must be valid."""
    with c2pa.Reader(f"image/{kind}", io.BytesIO(data), context=NO_NETWORK) as reader:
        found: dict[str, Any] = json.loads(reader.json())
    assert found["validation_state"] in ("Valid", "Trusted")
    assert {each["code"] for each in found.get("validation_status", [])} <= {
        "signingCredential.untrusted"
    }
    return found


def active(store: dict[str, Any]) -> dict[str, Any]:
    manifest: dict[str, Any] = store["manifests"][store["active_manifest"]]
    return manifest


def signed(data: bytes, kind: str, chain: tuple[Path, Path]) -> bytes:
    signer = Signer(*chain)
    mark = Mark(ENHANCED, "camera 1", "none", None, "")
    return signer.sign(data, kind, mark, signer.ingredient(b"BM", "BMP"))


@pytest.mark.parametrize("wanted", ["jpeg", "png", "webp", "tiff", "jxl"])
def test_every_format_is_signed(wanted: str, chain: tuple[Path, Path], tmp_path: Path) -> None:
    (key,) = write_photographs(tmp_path / "photos", 1)
    source = (tmp_path / "photos" / key).read_bytes()
    run_here(job(tmp_path, chain, format=wanted))
    row = rows(tmp_path)[key]
    assert not row["warnings"]
    data = (tmp_path / "out" / row["output_key"]).read_bytes()
    manifest = active(store_of(data, wanted))
    actions = manifest["assertions"][0]["data"]["actions"]
    assert [each["action"] for each in actions] == ["c2pa.opened", "c2pa.resized"]
    assert actions[1]["digitalSourceType"] == ENHANCED
    assert hashlib.sha256(source).hexdigest() in actions[1]["description"]
    (parent,) = manifest["ingredients"]
    assert (parent["title"], parent["relationship"]) == (key, "parentOf")
    assert manifest["signature_info"]["issuer"] == "Archive of a test"
    decoded = decode(data, LIMITS)
    assert b"algorithmicallyEnhanced" in (decoded.metadata.xmp or b"")
    changed = data.replace(b"algorithmicallyEnhanced", b"algorithmicallyenhanced")
    with c2pa.Reader(f"image/{wanted}", io.BytesIO(changed), context=NO_NETWORK) as reader:
        assert json.loads(reader.json())["validation_state"] == "Invalid"


def test_the_manifest_of_the_source_is_kept(chain: tuple[Path, Path], tmp_path: Path) -> None:
    keys = write_photographs(tmp_path / "photos", 1)
    path = tmp_path / "photos" / keys[0]
    with Image.open(path) as image:
        name = str(image.format).lower()
    path.write_bytes(signed(path.read_bytes(), name, chain))
    run_here(job(tmp_path, chain))
    row = rows(tmp_path)[keys[0]]
    store = store_of((tmp_path / "out" / row["output_key"]).read_bytes(), row["format_out"])
    assert len(store["manifests"]) == 2
    before = store["manifests"][active(store)["ingredients"][0]["active_manifest"]]
    assert before["claim_generator_info"][0]["name"] == "camera"
    assert not any("C2PA" in each for each in row["warnings"])


def test_a_damaged_manifest_is_named(chain: tuple[Path, Path], tmp_path: Path) -> None:
    keys = write_photographs(tmp_path / "photos", 1)
    path = (tmp_path / "photos" / keys[0]).with_suffix(".jpg")
    data = bytes(encode(Picture((Page(scene(20, 30)),)), "jpeg", 90))
    data = signed(data, "jpeg", chain)
    (tmp_path / "photos" / keys[0]).unlink()
    start = data.index(b"jumb") + 40
    path.write_bytes(data[:start] + b"\0" * 60 + data[start + 60 :])
    run_here(job(tmp_path, chain))
    (row,) = rows(tmp_path).values()
    warnings = " | ".join(row["warnings"])
    assert "the C2PA manifest of the source cannot be read" in warnings
    assert "dropped: C2PA manifest" in warnings
    assert store_of((tmp_path / "out" / row["output_key"]).read_bytes(), "jpeg")


def test_a_killed_run_is_finished_with_the_outputs_that_it_wrote(
    chain: tuple[Path, Path], tmp_path: Path
) -> None:
    keys = write_photographs(tmp_path / "photos", 3)
    shutil.copy(tmp_path / "photos" / keys[0], tmp_path / "photos" / "copy.png")
    run_here(job(tmp_path, chain))
    before = {row["output_key"]: row["output_sha256"] for row in rows(tmp_path).values()}
    assert len(set(before.values())) == 4  # a copy has a manifest of its own
    shutil.rmtree(tmp_path / "out/metrics")
    (tmp_path / "out/_SUCCESS.json").unlink()
    gone = rows_key = next(iter(before))
    (tmp_path / "out" / rows_key).unlink()
    run_here(job(tmp_path, chain), "second attempt")
    after = rows(tmp_path).values()
    assert {row["output_key"]: row["adopted"] for row in after} == {
        key: key != gone for key in before
    }
    for row in after:
        if row["adopted"]:
            assert row["output_sha256"] == before[row["output_key"]]
        assert store_of((tmp_path / "out" / row["output_key"]).read_bytes(), row["format_out"])


def test_a_run_is_signed_as_a_whole_with_any_certificate(
    chain: tuple[Path, Path], tmp_path: Path
) -> None:
    write_photographs(tmp_path / "photos", 1)
    run_here(job(tmp_path, chain))
    assert json.loads((tmp_path / "out/run.json").read_bytes())["config"]["signed"] is True
    with pytest.raises(ConfigurationError, match="signed: true -> not set"):
        run_here(job(tmp_path, None))
    run_here(job(tmp_path, write_chain(tmp_path / "renewed")))


@pytest.mark.usefixtures("ray_session")
def test_a_signed_run_is_replayed_without_a_key_and_repaired_with_one(
    chain: tuple[Path, Path], tmp_path: Path
) -> None:
    (key,) = write_photographs(tmp_path / "photos", 1)
    run_here(job(tmp_path, chain))
    root = str(tmp_path / "out")
    done = srfleet_here("replay", root, key)
    assert done.exit_code == 0, done.output
    assert "bit-identical pixels" in done.stdout
    with pytest.raises(ConfigurationError, match="signed: true -> not set"):
        srfleet_here("repair", root)
    with_key = ("repair", root, "--c2pa-sign", *map(str, chain), "--actors", "1")
    (tmp_path / "out" / rows(tmp_path)[key]["output_key"]).unlink()
    done = srfleet_here(*with_key)
    assert done.exit_code == 0, done.output
    assert verify_run(open_store(root)) == []


def test_the_key_is_nowhere(chain: tuple[Path, Path], tmp_path: Path) -> None:
    write_photographs(tmp_path / "photos", 2)
    run_here(job(tmp_path, chain))
    lines = chain[1].read_bytes().splitlines()[1:-1]
    for path in (tmp_path / "out").rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert not any(line in data for line in (*lines, b"PRIVATE KEY", b"key.pem"))


def test_a_tiff_of_several_pages_is_left_unsigned_and_named(
    chain: tuple[Path, Path], tmp_path: Path
) -> None:
    (tmp_path / "photos").mkdir()
    pages = (Page(scene(12, 14)), Page(scene(12, 14)))
    (tmp_path / "photos/pages.tif").write_bytes(encode(Picture(pages), "tiff", 90))
    run_here(job(tmp_path, chain))
    (row,) = rows(tmp_path).values()
    assert "not signed" in row["warnings"][0]
    with Image.open(tmp_path / "out" / row["output_key"]) as image:
        assert image.n_frames == 2


def test_a_tiff_signed_by_others_has_no_further_page(chain: tuple[Path, Path]) -> None:
    pages = (Page(scene(12, 14)), Page(scene(12, 14)))
    data = signed(bytes(encode(Picture(pages), "tiff", 90)), "tiff", chain)
    found = decode(data, LIMITS)
    assert len(found.pages) == 2
    assert found.warnings[0].startswith("dropped: C2PA manifest, ")
    one = signed(bytes(encode(Picture(pages[:1]), "tiff", 90)), "tiff", chain)
    found = decode(one, LIMITS)
    assert found.warnings[0].startswith("dropped: C2PA manifest, ")
    assert decode(encode(found, "tiff", 90), LIMITS).warnings == ()


def test_what_cannot_sign_is_refused_before_the_run(
    chain: tuple[Path, Path], tmp_path: Path
) -> None:
    write_photographs(tmp_path / "photos", 1)
    certificate, key = chain
    other = write_chain(tmp_path / "other")
    (tmp_path / "text.pem").write_text("no key")
    cases = {
        "cannot be read": (certificate, tmp_path / "missing.pem"),
        "cannot sign": (certificate, other[1]),
        "no private key in PEM": (certificate, tmp_path / "text.pem"),
        "--c2pa-sign cannot": (key, key),
    }
    for message, pair in cases.items():
        with pytest.raises(ConfigurationError, match=message) as refused:
            upscale(job(tmp_path, pair), Observers())
        assert "PRIVATE" not in str(refused.value)
    assert not (tmp_path / "out/metrics").exists()
