"""A run with a foreign checkpoint: its name and hash decide the run id, its network the SR."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image

from sr_core.archive.storage import open_store
from sr_core.audit.verify.checks import verify_run
from sr_core.config import ExecutionConfig, JobConfig, RunConfig
from sr_core.errors import ConfigurationError
from sr_core.imaging.tensors import to_pixels, to_tensor
from sr_core.models.catalogue import checkpoint_sha256
from tests.support.foreign_sr import RRDBNet
from tests.support.photographs import write_photographs
from tests.support.whole_run import run_here


def job(folder: Path, weights: Path) -> JobConfig:
    return JobConfig(
        source=str(folder / "photos"),
        output=str(folder / "out"),
        run=RunConfig(model=str(weights), format="png"),
        execution=ExecutionConfig(shard_megapixels=1),
    )


def test_a_run_with_a_checkpoint_from_elsewhere(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = RRDBNet(4).eval()
    torch.nn.init.constant_(network.conv_last.bias, 0.5)
    weights = tmp_path / "RealESRGAN_tiny.pth"
    torch.save({"params_ema": network.state_dict()}, weights)
    keys = write_photographs(tmp_path / "photos", 2, side=48)

    run_here(job(tmp_path, weights))

    assert verify_run(open_store(str(tmp_path / "out"))) == []
    rows = {row["key"]: row for row in pq.read_table(tmp_path / "out/metrics").to_pylist()}
    assert {row["status"] for row in rows.values()} == {"ok"}
    with (
        Image.open(tmp_path / "photos" / keys[0]) as source,
        Image.open(tmp_path / "out" / rows[keys[0]]["output_key"]) as output,
    ):
        lr, sr = np.asarray(source.convert("RGB")), np.asarray(output)
    around = np.pad(lr, [(8, 8), (8, 8), (0, 0)], mode="symmetric")
    with torch.inference_mode():
        whole = to_pixels(network.upscale(to_tensor(around)), lr.dtype)
    expected = whole[32:-32, 32:-32]
    assert np.abs(sr.astype(int) - expected.astype(int)).max() <= 1

    record = json.loads((tmp_path / "out/run.json").read_bytes())
    assert record["config"]["model"] == "RealESRGAN_tiny.pth"
    assert record["checkpoint_sha256"] == checkpoint_sha256(str(weights))

    moved = tmp_path / "elsewhere" / weights.name
    moved.parent.mkdir()
    shutil.move(weights, moved)
    run_here(job(tmp_path, moved))  # the location of the file does not matter
    torch.save({"params_ema": RRDBNet(4).state_dict()}, moved)
    with pytest.raises(ConfigurationError, match="checkpoint sha256"):
        run_here(job(tmp_path, moved))
