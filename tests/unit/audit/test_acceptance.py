"""Acceptance: sample sizes, exact bounds, the draw, and what the decisions prove."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sr_core.audit.acceptance.bounds import sample_size, upper_bound
from sr_core.audit.acceptance.decisions import Certificate, Outcome, certify, load_decisions
from sr_core.audit.acceptance.sampling import Sample, Terms, draw
from sr_core.audit.verdicts.audit import audit_run, shipped_standard
from sr_core.errors import ConfigurationError, ErrorClass
from tests.support.photo_run import PhotoRun

TERMS = Terms(max_defects=0.2, confidence=0.9, seed=7)  # 11 images


@pytest.mark.parametrize(
    ("share", "confidence", "images"),
    [(0.01, 0.95, 299), (0.003, 0.95, 998), (0.05, 0.95, 59), (0.01, 0.99, 459)],
)
def test_the_sample_sizes_are_those_of_the_tables(
    share: float, confidence: float, images: int
) -> None:
    assert sample_size(share, confidence) == images
    assert upper_bound(0, images, confidence) <= share < upper_bound(0, images - 1, confidence)


@pytest.mark.parametrize(
    ("defects", "images", "confidence", "bound"),
    # of published tables of one-sided Clopper-Pearson limits
    [(0, 10, 0.95, 0.2589), (1, 10, 0.95, 0.3942), (2, 50, 0.95, 0.1206), (5, 100, 0.95, 0.1023)],
)
def test_the_bounds_are_those_of_the_tables(
    defects: int, images: int, confidence: float, bound: float
) -> None:
    assert upper_bound(defects, images, confidence) == pytest.approx(bound, abs=1e-4)


def test_a_sample_of_nothing_but_defects_excludes_no_share() -> None:
    assert upper_bound(3, 3, 0.95) == 1.0


@pytest.mark.parametrize("terms", [(0.0, 0.9), (1.0, 0.9), (0.1, 0.0), (0.1, 1.0)])
def test_terms_outside_of_0_and_1_are_refused(terms: tuple[float, float]) -> None:
    with pytest.raises(ConfigurationError, match="must be more than 0 % and less than 100 %"):
        Terms(*terms, seed=0)


@pytest.mark.parametrize("seed", [-1, 1 << 53])
def test_a_seed_that_the_page_cannot_hold_is_refused(seed: int) -> None:
    with pytest.raises(ConfigurationError, match=f"not {seed}"):
        Terms(0.1, 0.9, seed)


def drawn(run: PhotoRun, terms: Terms = TERMS) -> Sample:
    return draw(audit_run(run.store, shipped_standard()), terms)


@pytest.fixture
def run(tmp_path: Path) -> PhotoRun:
    run = PhotoRun(tmp_path)
    for number in range(30):
        folder = "many" if number < 20 else "few"
        run.add(f"{folder}/{number:02}.png", format_out="png", size=(8, 8))
    run.fail("many/broken.jpg", ErrorClass.DECODE)
    run.write()
    return run


def test_a_seed_decides_the_sample_and_its_order(run: PhotoRun) -> None:
    first, again = drawn(run), drawn(run)
    assert first.rows.equals(again.rows)
    assert first.order == again.order
    other = drawn(run, Terms(0.2, 0.9, seed=8))
    assert set(first.rows.column("key").to_pylist()) != set(other.rows.column("key").to_pylist())


def test_a_sample_has_outputs_only_each_once_and_each_folder_by_its_share(run: PhotoRun) -> None:
    sample = drawn(run)
    keys = sample.rows.column("key").to_pylist()
    assert (sample.images, sample.population) == (11, 30)
    assert len(set(keys)) == 11
    folders = Counter(key.partition("/")[0] for key in keys)
    assert folders["many"] in (7, 8)  # two thirds of 11


def test_some_images_are_shown_again_in_the_second_half(run: PhotoRun) -> None:
    order = drawn(run).order
    twice = [index for index, count in Counter(order).items() if count == 2]
    assert len(twice) == 1
    assert set(order) == set(range(11))
    assert len(order) - 1 - order[::-1].index(twice[0]) >= 5


def test_a_run_without_outputs_cannot_be_accepted(tmp_path: Path) -> None:
    run = PhotoRun(tmp_path)
    run.fail("a.jpg", ErrorClass.DECODE)
    run.write()
    with pytest.raises(ConfigurationError, match="no outputs to accept"):
        drawn(run)


def decide(sample: Sample, answers: dict[int, str], **changes: Any) -> dict[str, Any]:
    """Decide about each place: good, unless `answers` has it."""
    ids = sample.rows.column("image_id").to_pylist()
    decisions = [
        {"place": place, "image_id": ids[index], "decision": answers.get(place, "good")}
        for place, index in enumerate(sample.order)
    ]
    terms = sample.terms
    return {
        "schema": "srfleet.decisions/1",
        "run_id": "r",
        "root_hash": "h",
        "rules": "x",
        "max_defects": terms.max_defects,
        "confidence": terms.confidence,
        "seed": terms.seed,
        "reviewer": "Ada",
        "decisions": decisions,
    } | changes


def certified(sample: Sample, content: dict[str, Any], folder: Path) -> Certificate:
    file = folder / "decisions.json"
    file.write_text(json.dumps(content))
    return certify(load_decisions(file), sample, run_id="r", root_hash="h", rules="x")


def test_no_defect_in_the_sample_accepts_the_run(run: PhotoRun, tmp_path: Path) -> None:
    found = certified(drawn(run), decide(drawn(run), {}), tmp_path)
    assert found.accepted
    assert (found.defects, found.images, found.population) == (0, 11, 30)
    assert found.largest_share == pytest.approx(upper_bound(0, 11, 0.9))
    assert (found.shown_twice, found.agreeing) == (1, 1)


@pytest.mark.parametrize("answer", ["defect", "unsure"])
def test_one_defect_or_doubt_does_not(answer: str, run: PhotoRun, tmp_path: Path) -> None:
    sample = drawn(run)
    once = next(p for p, index in enumerate(sample.order) if sample.order.count(index) == 1)
    content = decide(sample, {once: answer})
    content["decisions"][once]["note"] = "a seam"
    found = certified(sample, content, tmp_path)
    assert not found.accepted
    assert found.defects == 1
    key = sample.rows.column("key").to_pylist()[sample.order[once]]
    assert found.defects_found == (Outcome(key, answer, "a seam"),)


def test_the_worse_of_two_decisions_counts_and_the_reviewer_is_measured(
    run: PhotoRun, tmp_path: Path
) -> None:
    sample = drawn(run)
    twice = next(index for index in sample.order if sample.order.count(index) == 2)
    found = certified(sample, decide(sample, {sample.order.index(twice): "defect"}), tmp_path)
    assert (found.defects, found.agreeing) == (1, 0)


def test_a_run_that_was_looked_at_whole_has_its_share_of_defects(
    run: PhotoRun, tmp_path: Path
) -> None:
    sample = drawn(run, Terms(0.05, 0.99, seed=1))
    assert sample.images == sample.population == 30
    once = next(p for p, index in enumerate(sample.order) if sample.order.count(index) == 1)
    found = certified(sample, decide(sample, {once: "defect"}), tmp_path)
    assert found.largest_share == pytest.approx(1 / 30)
    assert found.accepted


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"run_id": "other"}, "made on run other"),
        ({"root_hash": "other"}, "made on root hash other"),
        ({"rules": "other"}, "made on rules other"),
        ({"decisions": []}, "12 of 12 decisions are missing, the first is number 1"),
        ({"reviewer": 3}, "reviewer"),
        ({"schema": "else"}, "schema"),
        ({"seed": 8}, "about another image than the sample"),
    ],
)
def test_decisions_on_something_else_are_refused(
    change: dict[str, Any], said: str, run: PhotoRun, tmp_path: Path
) -> None:
    sample = drawn(run, Terms(0.2, 0.9, change.get("seed", 7)))
    content = decide(drawn(run), {}, **change)
    with pytest.raises(ConfigurationError, match=said):
        certified(sample, content, tmp_path)
