"""The record of a run: settings that decide its id, storage, and differences in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from sr_core.archive.ledger.runs import describe_difference, from_json, identity, to_json
from sr_core.config import RunConfig
from sr_core.errors import ConfigurationError
from tests.support.small_run import CONFIG, record


def test_a_record_survives_its_file() -> None:
    assert from_json(to_json(record()), "root") == record()


def test_a_run_id_stays_the_same_between_releases() -> None:
    assert record(manifest_digest="0d1e2f").run_id == "eda4a867ce9e3a67"


def test_a_configuration_keeps_its_run_id_through_json() -> None:
    config = RunConfig(target=(3840, 2160))
    mine = record(config=config.model_dump())
    assert identity(from_json(to_json(mine), "root")) == mine.run_id
    assert mine.run_id == record(config=config.model_dump(mode="json")).run_id


@pytest.mark.parametrize(
    "change",
    [
        {"source_uri": "s3://archive/other"},
        {"config": CONFIG | {"scale": 2}},
        {"manifest_digest": "f00"},
        {"checkpoint_sha256": "abc"},
        {"metric_protocol": "2"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_decides_the_outputs_decides_the_run_id(change: dict[str, object]) -> None:
    assert record(**change).run_id != record().run_id


def test_the_order_of_the_options_does_not_decide_the_run_id() -> None:
    assert record(config=dict(reversed(CONFIG.items()))).run_id == record().run_id


def test_versions_and_time_do_not_decide_the_run_id() -> None:
    later = replace(
        record(), versions={"srfleet": "9"}, created_at=datetime(2030, 1, 1, tzinfo=UTC)
    )
    assert identity(later) == record().run_id


def test_the_difference_names_each_option_with_both_values_and_a_remedy() -> None:
    yours = record(config={"model": "bicubic", "scale": 2, "quality": 90}, checkpoint_sha256="abc")
    assert describe_difference("s3://out/a", record(), yours).splitlines() == [
        "s3://out/a already holds another run, and a run cannot change:",
        "  scale: 4 -> 2",
        "  target: null -> not set",
        "  checkpoint sha256: none -> abc",
        "  quality: not set -> 90",
        "Give another output root, or the same options as that run.",
    ]


def test_weights_that_changed_since_are_named_with_the_version_that_had_them() -> None:
    theirs = replace(record(checkpoint_sha256="abc"), versions={"srfleet": "0.1.0"})
    said = describe_difference("out", theirs, record(checkpoint_sha256="def"))
    assert "  checkpoint sha256: abc -> def" in said
    assert f"The weights of {CONFIG['model']} are not those that it began with" in said
    assert "the version of srfleet that began it (0.1.0)" in said


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b"{}", b'{"format_version": "1"}', b"\xff\xfe", b'"run"'],
)
def test_a_damaged_record_is_refused_with_the_root_and_a_remedy(data: bytes) -> None:
    with pytest.raises(ConfigurationError, match=r"file:///out: its run\.json is not .*give"):
        from_json(data, "file:///out")


def test_a_record_of_another_format_version_is_refused_with_a_remedy() -> None:
    data = to_json(record()).replace(b'"format_version": "1"', b'"format_version": "7"')
    with pytest.raises(ConfigurationError, match=r"format version 7, this srfleet knows 1; use"):
        from_json(data, "file:///out")
