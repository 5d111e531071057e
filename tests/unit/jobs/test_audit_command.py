"""srfleet audit and report: answers, gates and files of whole runs."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from jobs.cli.app import app
from sr_core.errors import ConfigurationError, ErrorClass
from sr_core.records import Status
from tests.support.html_page import assert_self_contained, parse
from tests.support.photo_run import PhotoRun
from tests.support.small_run import plan_retry


@pytest.fixture
def run(tmp_path: Path) -> PhotoRun:
    run = PhotoRun(tmp_path)
    run.add("good.png")
    run.add("bad/pink.png", colour_drift_delta_e=40.0)
    run.fail("bad/broken.jpg", ErrorClass.DECODE)
    run.write()
    return run


def invoke(*arguments: str | Path) -> tuple[int, str]:
    done = CliRunner().invoke(app, [str(each) for each in arguments], catch_exceptions=True)
    return done.exit_code, done.stdout


def test_an_audit_names_every_image_that_does_not_pass(run: PhotoRun, tmp_path: Path) -> None:
    code, said = invoke("audit", tmp_path / "run")
    assert code == 0
    assert "1 pass, 0 review, 2 fail; rules srfleet 1" in said
    assert "fail    bad/pink.png: colours" in said
    assert "fail    bad/broken.jpg: not_upscaled (decode)" in said
    assert "folder bad: 0 pass, 0 review, 2 fail" in said


def test_the_gate_ends_with_4_only_if_an_image_fails_it(run: PhotoRun, tmp_path: Path) -> None:
    assert invoke("audit", tmp_path / "run", "--fail-on", "fail")[0] == 4
    lenient = tmp_path / "rules.yaml"
    lenient.write_text(
        "{name: lenient, version: 1, rules: [{reason: a, meaning: b, metric: lr_psnr_db, "
        "review: {below: 50}}]}"
    )
    clean = PhotoRun(tmp_path / "clean")
    clean.add("a.png")
    clean.write()
    only = ("audit", tmp_path / "clean/run", "--rules", lenient)
    assert invoke(*only, "--fail-on", "fail")[0] == 0
    assert invoke(*only, "--fail-on", "review")[0] == 4


def test_a_limit_says_how_many_more_there_are(run: PhotoRun, tmp_path: Path) -> None:
    said = invoke("audit", tmp_path / "run", "--limit", "1")[1]
    assert "and 1 more" in said


def test_metrics_that_nothing_was_judged_by_are_named(run: PhotoRun, tmp_path: Path) -> None:
    said = invoke("audit", tmp_path / "run")[1]
    assert "not judged, since no image has a value: cast_levels" in said
    assert "lr_psnr_db" not in said.partition("not judged")[2].partition("\n")[0]


def test_the_json_lists_every_flagged_image_unless_a_limit_is_given(tmp_path: Path) -> None:
    many = PhotoRun(tmp_path)
    for number in range(60):
        many.fail(f"{number}.jpg", ErrorClass.DECODE)
    many.write()
    lists = [
        json.loads(invoke("audit", tmp_path / "run", "--json", *limit)[1])["runs"][0]["flagged"]
        for limit in ((), ("--limit", "7"))
    ]
    assert [len(each) for each in lists] == [60, 7]


def test_the_json_has_reasons_folders_and_flagged_images(run: PhotoRun, tmp_path: Path) -> None:
    found = json.loads(invoke("audit", tmp_path / "run", "--json")[1])["runs"][0]
    assert found["total"] == {"name": "", "passed": 1, "review": 0, "fail": 2}
    assert {each["key"] for each in found["flagged"]} == {"bad/pink.png", "bad/broken.jpg"}
    assert [each["name"] for each in found["folders"]] == ["bad", ""]


def test_the_table_has_every_image_and_replaces_nothing(run: PhotoRun, tmp_path: Path) -> None:
    table = tmp_path / "verdicts.parquet"
    assert invoke("audit", tmp_path / "run", "--table", table)[0] == 0
    rows = pq.read_table(table).to_pylist()
    assert sorted((each["key"], each["verdict"]) for each in rows) == [
        ("bad/broken.jpg", "fail"),
        ("bad/pink.png", "fail"),
        ("good.png", "pass"),
    ]
    before = table.read_bytes()
    assert invoke("audit", tmp_path / "run", "--table", table)[0] != 0
    assert table.read_bytes() == before


def test_a_report_is_made_again_also_when_the_source_is_gone(run: PhotoRun, tmp_path: Path) -> None:
    with_source, without = tmp_path / "with.html", tmp_path / "without.html"
    assert invoke("report", tmp_path / "run", "-o", with_source)[0] == 0
    shutil.rmtree(tmp_path / "source")
    assert invoke("report", tmp_path / "run", "-o", without)[0] == 0
    assert "<figcaption>source</figcaption>" in with_source.read_text()
    assert "<figcaption>source</figcaption>" not in without.read_text()
    assert invoke("report", tmp_path / "run")[0] == 0
    assert (tmp_path / "run/report.html").exists()


def test_an_acceptance_goes_from_the_page_to_the_certificate(run: PhotoRun, tmp_path: Path) -> None:
    page, file, certificate = (tmp_path / each for each in ("a.html", "d.json", "c.json"))
    terms = ("--accept", "--max-defects", "40%", "--seed", "5")
    code, said = invoke("audit", tmp_path / "run", *terms, "-o", page)
    assert code == 0
    assert "2 of 2 outputs, seed 5" in said
    shown = parse(page.read_bytes())
    assert_self_contained(page.read_bytes())
    settings = shown.all("main")[0].attributes
    decisions = {
        "schema": settings["data-schema"],
        "run_id": settings["data-run"],
        "root_hash": settings["data-hash"],
        "rules": settings["data-rules"],
        "max_defects": float(settings["data-share"]),
        "confidence": float(settings["data-confidence"]),
        "seed": int(settings["data-seed"]),
        "reviewer": "Ada",
        "decisions": [
            {"place": place, "image_id": item.attributes["data-id"], "decision": "good"}
            for place, item in enumerate(shown.all("li", class_="item"))
        ],
    }
    file.write_text(json.dumps(decisions))
    code, said = invoke("audit", tmp_path / "run", "--decisions", file, "-o", certificate)
    assert code == 0
    assert said.startswith("accepted: 0 of 2 images have defects")
    assert json.loads(certificate.read_text())["root_hash"] == settings["data-hash"]
    for each in decisions["decisions"]:
        each["decision"] = "defect"
    file.write_text(json.dumps(decisions))
    code, said = invoke("audit", tmp_path / "run", "--decisions", file)
    assert code == 4
    assert "defect  bad/pink.png" in said


def test_sql_sees_each_image_once_by_its_latest_round_and_no_infinity(tmp_path: Path) -> None:
    run = PhotoRun(tmp_path)
    run.add("same.png", lr_psnr_db=math.inf)
    run.add("other.png", lr_psnr_db=40.0)
    run.fail("torn.jpg", ErrorClass.NETWORK)
    run.write()
    plan_retry(run.ledger)
    run.ledger.commit(1, 0, [replace(run._rows[2], round=1, status=Status.OK, error_class=None)])
    query = "SELECT count(*) AS n, avg(lr_psnr_db) AS mean, max(round) AS last FROM images"
    code, said = invoke("sql", tmp_path / "run", query, "--json")
    assert (code, json.loads(said)) == (0, {"n": 3, "mean": 40.0, "last": 1})
    said = invoke("sql", tmp_path / "run", "SELECT count(*) AS n FROM rows", "--json")[1]
    assert json.loads(said) == {"n": 4}
    assert "4" in invoke("sql", tmp_path / "run", "SELECT count(*) FROM plan WHERE shard = 0")[1]


@pytest.mark.parametrize(
    ("query", "said"),
    [("SELECT nothing FROM images", "nothing"), ("SELEC 1", "syntax error"), ("", "no answer")],
)
def test_a_wrong_query_is_one_message(
    query: str, said: str, run: PhotoRun, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    done = CliRunner().invoke(app, ["sql", str(tmp_path / "run"), query])
    assert isinstance(done.exception, ConfigurationError)
    assert said in str(done.exception)
