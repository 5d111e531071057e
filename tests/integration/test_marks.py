"""Outputs of a run say how they were made, each about its own source."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from sr_core.archive.ledger import runs
from sr_core.archive.storage import open_store
from sr_core.audit.verify.checks import verify_run
from sr_core.config import ExecutionConfig, JobConfig, RunConfig
from sr_core.engine.files import FileUpscaler
from sr_core.errors import ConfigurationError
from sr_core.imaging.codecs import Limits, decode
from sr_core.imaging.metadata.xmp_properties import outline
from sr_core.models.catalogue import checkpoint_sha256
from sr_core.records import ENHANCED, GENERATED
from tests.support.photographs import write_photographs
from tests.support.whole_run import plan_here, run_here

LIMITS = Limits(1 << 30, 1 << 16, 1 << 28, 1 << 28)
OWN = "urn:uuid:3f1c1a7e-52f5-4c0e-9d5a-6b0a0c7d3e21#"
NAMESPACES = {
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "xmpMM": "http://ns.adobe.com/xap/1.0/mm/",
    "srfleet": OWN,
}


def job(folder: Path, out: str = "out", **run: Any) -> JobConfig:
    return JobConfig(
        source=str(folder / "photos"),
        output=str(folder / out),
        run=RunConfig(**{"model": "bicubic", "measure": False} | run),
        execution=ExecutionConfig(shard_megapixels=1, shard_images=8),
    )


def stated(data: bytes, name: str) -> str | None:
    packet = decode(data, LIMITS).metadata.xmp
    found = None if packet is None else outline(packet)
    prefix, _, local = name.partition(":")
    return None if found is None else found.text(NAMESPACES[prefix], local)


def outputs(folder: Path, out: str = "out") -> dict[str, bytes]:
    """Return the outputs by the key of their source; every row must be ok."""
    assert verify_run(open_store(str(folder / out))) == []
    rows = pq.read_table(folder / out / "metrics").to_pylist()
    assert {row["status"] for row in rows} == {"ok"}
    return {row["key"]: (folder / out / row["output_key"]).read_bytes() for row in rows}


@pytest.mark.parametrize("wanted", ["source", "png", "tiff"])
def test_each_output_names_its_own_source(wanted: str, tmp_path: Path) -> None:
    keys = write_photographs(tmp_path / "photos", 4)
    (tmp_path / "photos" / "album").mkdir()
    for key in keys:  # the copies are upscaled once, and named apart
        shutil.copy(tmp_path / "photos" / key, tmp_path / "photos" / "album" / f"copy of {key}")
    run_here(job(tmp_path, format=wanted))
    found = outputs(tmp_path)
    rows = pq.read_table(tmp_path / "out/metrics").to_pylist()
    assert any(row["same_pixels_as"] for row in rows)
    run_id = json.loads((tmp_path / "out/run.json").read_bytes())["run_id"]
    assert len(found) == 8
    for key, data in found.items():
        source = (tmp_path / "photos" / key).read_bytes()
        derived = stated(data, "xmpMM:DerivedFrom") or ""
        assert f"filePath {Path(key).name}" in derived
        assert hashlib.sha256(source).hexdigest() in derived
        assert stated(data, "Iptc4xmpExt:DigitalSourceType") == ENHANCED
        assert stated(data, "srfleet:model") == "bicubic"
        assert stated(data, "srfleet:run") == run_id
    run_here(job(tmp_path, "again", format=wanted))
    assert outputs(tmp_path, "again") == found


def test_the_mark_names_the_model_that_auto_chose(tmp_path: Path) -> None:
    write_photographs(tmp_path / "photos", 3)
    run_here(job(tmp_path, model="auto", precision="float32"))
    made = {row["key"]: row["model"] for row in pq.read_table(tmp_path / "out/metrics").to_pylist()}
    for key, data in outputs(tmp_path).items():
        assert stated(data, "srfleet:model") == f"{made[key]} x4"
        assert stated(data, "srfleet:modelSHA256") == checkpoint_sha256(made[key], 4)
        assert stated(data, "Iptc4xmpExt:DigitalSourceType") == GENERATED


def test_without_a_mark_outputs_have_no_xmp_of_their_own(tmp_path: Path) -> None:
    write_photographs(tmp_path / "photos", 2)
    run_here(job(tmp_path, mark=False))
    assert all(decode(data, LIMITS).metadata.xmp is None for data in outputs(tmp_path).values())
    with pytest.raises(ConfigurationError, match="mark: false -> true"):
        run_here(job(tmp_path))


def test_a_run_from_before_the_mark_is_finished_without_it(tmp_path: Path) -> None:
    write_photographs(tmp_path / "photos", 2)
    record = plan_here(job(tmp_path, "other", mark=False)).record
    settings = {name: value for name, value in record.config.items() if name != "mark"}
    before = replace(record, config=settings)
    before = replace(before, run_id=runs.identity(before))
    (tmp_path / "out").mkdir()
    (tmp_path / "out/run.json").write_bytes(runs.to_json(before))
    with pytest.raises(ConfigurationError, match="mark: not set -> true"):
        run_here(job(tmp_path, mark=True))
    run_here(job(tmp_path))
    assert all(decode(data, LIMITS).metadata.xmp is None for data in outputs(tmp_path).values())
    assert (tmp_path / "out/run.json").read_bytes() == runs.to_json(before)


def test_an_upscaled_file_is_marked_without_a_run(tmp_path: Path) -> None:
    (key,) = write_photographs(tmp_path / "photos", 1)
    source = (tmp_path / "photos" / key).read_bytes()
    data = bytes(FileUpscaler(RunConfig(model="bicubic")).upscale(source).data)
    assert stated(data, "Iptc4xmpExt:DigitalSourceType") == ENHANCED
    assert hashlib.sha256(source).hexdigest() in (stated(data, "xmpMM:DerivedFrom") or "")
    assert stated(data, "srfleet:run") is None
    plain = bytes(FileUpscaler(RunConfig(model="bicubic", mark=False)).upscale(source).data)
    assert decode(plain, LIMITS).metadata.xmp is None
