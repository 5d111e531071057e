"""Opening of stores by addresses and environment variables."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from sr_core.archive.storage import open_store
from sr_core.errors import ConfigurationError


def test_an_address_survives_the_way_through_a_store(tmp_path: Path) -> None:
    folder = tmp_path / "caf\u00e9 #1 100%?"
    uri = open_store(str(folder)).uri
    assert uri == folder.as_uri()
    assert open_store(uri).uri == uri
    open_store(uri).put_if_absent("a.jpg", b"x")
    assert (folder / "a.jpg").read_bytes() == b"x"
    assert open_store("s3://bucket/a b/c%20d/").uri == "s3://bucket/a b/c%20d"
    assert open_store("s3://bucket").uri == open_store("s3://bucket/").uri == "s3://bucket"


def test_a_plain_path_may_be_relative_or_start_at_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert open_store("out").uri == (tmp_path / "out").as_uri()
    assert open_store("./a/../out/").uri == (tmp_path / "out").as_uri()
    assert open_store("~/photos").uri == (tmp_path / "home/photos").as_uri()


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("", "not a folder"),
        ("a\0b", "not a folder"),
        ("gs://bucket/a", "gs:// is not supported: use s3:// or a folder"),
        ("https://example.com/a.jpg", "https:// is not supported"),
        ("s3://", "not a bucket name"),
        ("s3:/bucket/a", "not a bucket name"),
        ("s3://user:secret@bucket/a", "not a bucket name"),
        ("s3://bucket//a", "empty part"),
        ("s3://bucket/a/../b", "'..'"),
        ("file://server/share", "file:///folder"),
        ("file:///a?b", "file:///folder"),
    ],
)
def test_an_address_that_names_no_store_is_refused_with_a_remedy(
    address: str, expected: str
) -> None:
    with pytest.raises(ConfigurationError, match=expected.replace("(", r"\(")):
        open_store(address)


def test_a_file_is_no_store(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"x")
    with pytest.raises(ConfigurationError, match="is a file: give the folder"):
        open_store(str(tmp_path / "a.jpg"))


@pytest.mark.parametrize(
    ("variable", "value", "expected"),
    [
        ("SRFLEET_S3_TIMEOUT_S", "soon", "'soon' is not a number"),
        ("SRFLEET_S3_CONNECTIONS", "1.5", "'1.5' is not a whole number"),
        ("SRFLEET_S3_CONNECTIONS", "0", "too small"),
        ("SRFLEET_S3_DEADLINE_S", "-1", "too small"),
        ("SRFLEET_S3_PART_BYTES", "1000", "too small"),
    ],
)
def test_a_wrong_setting_is_named_with_its_value(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, expected: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError, match=f"{variable}: .*{expected}"):
        open_store("s3://bucket")


def test_a_local_folder_needs_no_aws_library() -> None:
    code = "import sys; from sr_core.archive.storage import open_store; open_store('/tmp');"
    code += "sys.exit('boto3' in sys.modules or 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
