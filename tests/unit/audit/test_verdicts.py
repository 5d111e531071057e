"""Verdicts: which rows the rules pass, flag or fail, and which rules are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from sr_core.archive.tables import metrics_table
from sr_core.audit.verdicts.audit import Standard, audit_rows, verdict_table
from sr_core.audit.verdicts.baselines import Baseline, baselines_of_run, load_baseline
from sr_core.audit.verdicts.judging import NOT_MEASURED, NOT_UPSCALED, Judgement, judge
from sr_core.audit.verdicts.rules import Rules, Verdict, load_rules, shipped_rules
from sr_core.errors import ConfigurationError, ErrorClass
from sr_core.records import MetricsRow, Status
from tests.support.small_run import CONFIG, record

CAST = """
name: test
version: 1
rules:
  - reason: cast
    meaning: the colours differ
    metric: colour_drift_delta_e
    review: {above: 2}
    fail: {above: 5}
"""
SHARP = """
name: test
version: 1
rules:
  - reason: sharpness
    meaning: unlike the model
    metric: sharpness_gain
    models: [srgan, srgan-photo]
    review: {above: q995, below: q005}
    fail: {below: q005, stretch: 2}
"""
SIZES = {"width_in_px": 10, "height_in_px": 10, "width_out_px": 40, "height_out_px": 40}


def rules(text: str, folder: Path) -> Rules:
    file = folder / "rules.yaml"
    file.write_text(text)
    return load_rules(file)


def rows(*columns: dict[str, Any]) -> pa.Table:
    return metrics_table(
        [
            MetricsRow(f"{i:016x}", f"{i}.png", 0, 0, "a", **({"status": Status.OK} | SIZES | each))
            for i, each in enumerate(columns)
        ]
    )


def baseline(
    model: str,
    low: float,
    median: float,
    high: float,
    scale: int = 4,
    metric: str = "sharpness_gain",
) -> Baseline:
    quantiles = {"q005": low, "median": median, "q995": high}
    return Baseline(model, scale, 100, None, {metric: quantiles})


PAIR = {
    "srgan": [baseline("srgan", 2, 3, 4)],
    "srgan-photo": [baseline("srgan-photo", 1, 2, 3)],
}


def verdicts(judgement: Judgement) -> list[str]:
    return ["none" if each < 0 else Verdict(each).label for each in judgement.verdicts]


def test_numbers_divide_pass_review_and_fail(tmp_path: Path) -> None:
    table = rows(*({"colour_drift_delta_e": each} for each in (1.0, 2.0, 2.1, 5.0, 5.1)))
    found = judge(table, rules(CAST, tmp_path), {})
    assert verdicts(found) == ["pass", "pass", "review", "review", "fail"]
    assert [(each.name, level) for each, level in found.reasons_of(4)] == [("cast", Verdict.FAIL)]
    assert found.reasons_of(0) == []


def test_what_has_no_output_fails_and_what_is_no_image_of_its_own_has_no_verdict(
    tmp_path: Path,
) -> None:
    failed = {"status": Status.FAILED, "error_class": ErrorClass.DECODE}
    twice = {"status": Status.DUPLICATE, "error_class": ErrorClass.DUPLICATE_KEY}
    found = judge(rows(failed, twice), rules(CAST, tmp_path), {})
    assert verdicts(found) == ["fail", "none"]
    assert [each.name for each, _ in found.reasons_of(0)] == [NOT_UPSCALED]


def test_an_image_without_any_measured_value_is_reviewed(tmp_path: Path) -> None:
    found = judge(rows({}, {"colour_drift_delta_e": 1.0}), rules(CAST, tmp_path), {})
    assert verdicts(found) == ["review", "pass"]
    assert [each.name for each, _ in found.reasons_of(0)] == [NOT_MEASURED]


def test_a_quantile_is_that_of_the_model_that_made_the_image(tmp_path: Path) -> None:
    values = [("srgan", 1.5), ("srgan-photo", 1.5), ("srgan", 3.5), ("srgan-photo", 3.5)]
    table = rows(*({"model": model, "sharpness_gain": value} for model, value in values))
    found = judge(table, rules(SHARP, tmp_path), PAIR)
    assert verdicts(found) == ["review", "pass", "pass", "review"]


def test_a_limit_is_stretched_from_the_median(tmp_path: Path) -> None:
    known = {"srgan": [baseline("srgan", 2, 3, 4, metric="lr_psnr_db")]}  # twice: below 1
    table = rows(*({"model": "srgan", "lr_psnr_db": each} for each in (0.9, 1.1)))
    by_psnr = rules(SHARP.replace("sharpness_gain", "lr_psnr_db"), tmp_path)
    assert verdicts(judge(table, by_psnr, known)) == ["fail", "review"]


def test_the_limit_of_a_ratio_is_stretched_as_a_ratio(tmp_path: Path) -> None:
    known = {"srgan": [baseline("srgan", 2, 4, 8)]}  # a half, twice: below 1
    table = rows(*({"model": "srgan", "sharpness_gain": each} for each in (0.9, 1.1)))
    assert verdicts(judge(table, rules(SHARP, tmp_path), known)) == ["fail", "review"]


def test_an_adopted_output_gets_the_mildest_limits_of_the_models(tmp_path: Path) -> None:
    table = rows(*({"sharpness_gain": each} for each in (0.5, 1.5, 3.5, 4.5)))
    found = judge(table, rules(SHARP, tmp_path), PAIR)
    assert verdicts(found) == ["review", "pass", "pass", "review"]


def test_a_rule_judges_only_its_models(tmp_path: Path) -> None:
    known = {"srresnet": [baseline("srresnet", 2, 3, 4)]}
    table = rows({"model": "srresnet", "sharpness_gain": 9.0})
    assert verdicts(judge(table, rules(SHARP, tmp_path), known)) == ["pass"]


def test_without_a_baseline_a_quantile_judges_nothing_and_that_is_counted(tmp_path: Path) -> None:
    table = rows({"model": "srgan", "sharpness_gain": 90.0})
    found = judge(table, rules(SHARP, tmp_path), {"srgan": []})
    assert verdicts(found) == ["pass"]
    assert found.without_baseline.tolist() == [True]


def test_the_baseline_of_the_nearest_scale_counts(tmp_path: Path) -> None:
    both = [baseline("srgan", 2, 3, 4, scale=4), baseline("srgan", 1, 1.5, 2, scale=2)]
    half = {"model": "srgan", "sharpness_gain": 1.5, "width_out_px": 21, "height_out_px": 21}
    whole = {"model": "srgan", "sharpness_gain": 1.5}
    found = judge(rows(half, whole), rules(SHARP, tmp_path), {"srgan": both})
    assert verdicts(found) == ["pass", "review"]


def test_a_baseline_of_a_far_scale_does_not_apply(tmp_path: Path) -> None:
    half = {"model": "srgan", "sharpness_gain": 9.0, "width_out_px": 20, "height_out_px": 20}
    found = judge(rows(half), rules(SHARP, tmp_path), {"srgan": [baseline("srgan", 2, 3, 4)]})
    assert verdicts(found) == ["pass"]
    assert found.without_baseline.tolist() == [True]


def test_the_low_limit_of_an_error_stays_above_zero(tmp_path: Path) -> None:
    text = SHARP.replace("sharpness_gain", "cast_levels")
    known = {"srgan": [baseline("srgan", 1, 2, 9, metric="cast_levels")]}  # fails below 0.5
    table = rows(*({"model": "srgan", "cast_levels": each} for each in (0.4, 0.6)))
    assert verdicts(judge(table, rules(text, tmp_path), known)) == ["fail", "review"]


def test_a_baseline_belongs_to_its_weights() -> None:
    run = record(config=CONFIG | {"model": "srgan"}, checkpoint_sha256="ab" * 32)
    ours = Baseline("srgan", 4, 1, "ab" * 32, {})
    retrained = Baseline("srgan", 4, 1, "cd" * 32, {})
    bicubic = Baseline("bicubic", 4, 1, None, {})
    assert baselines_of_run(run, [ours, retrained, bicubic]) == {"srgan": (ours,)}
    interpolated = record(config=CONFIG | {"model": "bicubic"}, checkpoint_sha256=None)
    assert baselines_of_run(interpolated, [ours, bicubic]) == {"bicubic": (bicubic,)}


def test_counts_are_by_reason_folder_and_model_the_worst_first(tmp_path: Path) -> None:
    table = rows(
        {"colour_drift_delta_e": 1.0, "model": "srgan"},
        {"colour_drift_delta_e": 9.0, "model": "srgan"},
        {"colour_drift_delta_e": 3.0, "model": "bicubic"},
    )
    keys = pa.array(["clean/1.png", "worse/2.png", "3.png"])
    table = table.set_column(table.schema.get_field_index("key"), "key", keys)
    found = audit_rows(record(), table, Standard(rules(CAST, tmp_path), ()))
    assert found.total.by_verdict == {"pass": 1, "review": 1, "fail": 1}
    assert [(each.name, each.fail, each.review) for _, each in found.by_reason()] == [
        ("cast", 1, 1)
    ]
    assert [each.name for each in found.by_folder()] == ["worse", "", "clean"]
    assert [each.name for each in found.by_model()] == ["srgan", "bicubic"]
    assert [each.key for each in found.flagged()] == ["worse/2.png", "3.png"]
    assert [each.key for each in found.flagged(1)] == ["worse/2.png"]
    assert verdict_table(found).select(["verdict", "reasons"]).to_pylist() == [
        {"verdict": "pass", "reasons": []},
        {"verdict": "fail", "reasons": ["cast"]},
        {"verdict": "review", "reasons": ["cast"]},
    ]


def test_the_shipped_rules_are_valid_and_know_their_digest() -> None:
    assert len(shipped_rules().sha256) == 64


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("colour_drift_delta_e", "colour", "rules.0: Value error, 'colour' is no metric"),
        ("above: 2", "over: 2", "rules.0.review.over"),
        ("{above: 2}", "{}", "give above, below or both"),
        ("above: 5", "above: q42", "rules.0.fail.above"),
        ("version: 1", "version: 0", "version"),
        ("reason: cast", "reason: Colour Cast", "rules.0.reason"),
        ("name: test", "name: [", "is not valid YAML"),
        ("name: test", "sha256: abc\nname: test", "sha256 is computed"),
    ],
)
def test_wrong_rules_are_refused_by_key_and_value(
    old: str, new: str, named: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match=r"rules\.yaml") as caught:
        rules(CAST.replace(old, new, 1), tmp_path)
    assert named in str(caught.value)


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"cannot read the rules .*gone\.yaml"):
        load_rules(tmp_path / "gone.yaml")
    with pytest.raises(ConfigurationError, match=r"cannot read the baseline .*gone\.json"):
        load_baseline(tmp_path / "gone.json")
    (tmp_path / "other.json").write_text('{"model": 1}')
    with pytest.raises(ConfigurationError, match=r"other\.json is not a baseline: model"):
        load_baseline(tmp_path / "other.json")
