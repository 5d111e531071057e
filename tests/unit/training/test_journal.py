"""The journal: appended records are read back, and a resumed training records no step twice."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sr_core.errors import DamagedError
from sr_core.training.journal import Journal, StepRecord, ValidationRecord, replace_file

ROOT = Path(__file__).resolve().parents[3]

floats = st.floats() | st.sampled_from([math.nan, math.inf, -math.inf])
names = st.text(max_size=8)
step_records = st.builds(
    StepRecord,
    names,
    st.integers(0, 10**9),
    floats,
    floats,
    st.dictionaries(names, floats, max_size=3),
)
validations = st.builds(
    ValidationRecord, names, st.integers(0, 10**9), floats, floats, st.none() | floats
)


def steps(stage: str, *numbers: int) -> list[StepRecord]:
    return [StepRecord(stage, number, 0.5, 1e-4, {"l1": 1 / number}) for number in numbers]


def validated(stage: str, step: int) -> ValidationRecord:
    return ValidationRecord(stage, step, 30.0, 0.85, None)


def journal_of(folder: Path, *records: StepRecord | ValidationRecord) -> Journal:
    journal = Journal(folder)
    for record in records:
        journal.append(record)
    return journal


def refuse(constant: str) -> None:
    raise AssertionError(f"{constant} is no JSON")


@given(st.lists(step_records | validations, max_size=5))
def test_records_come_back_whatever_their_numbers(
    records: list[StepRecord | ValidationRecord],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        journal = journal_of(Path(folder), *records)
        assert repr(journal.records()) == repr(records)  # NaN != NaN, but their repr is equal


def test_a_diverged_step_is_strict_json(tmp_path: Path) -> None:
    losses = {"l1": math.nan, "adversarial": -math.inf}
    journal_of(tmp_path, StepRecord("srgan", 7, 0.5, 1e-4, losses))
    (line,) = (tmp_path / "journal.jsonl").read_text().splitlines()
    assert json.loads(line, parse_constant=refuse)["losses"] == {
        "l1": "nan",
        "adversarial": "-inf",
    }


def test_a_training_that_has_not_begun_has_no_records(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.rewind("srresnet", 0)
    assert journal.records() == []


def test_rewinding_cuts_what_will_be_written_again(tmp_path: Path) -> None:
    kept = [*steps("srresnet", 10, 20), validated("srresnet", 20)]
    journal = journal_of(
        tmp_path, *kept, *steps("srresnet", 30), validated("srresnet", 30), *steps("srgan", 10)
    )
    journal.rewind("srresnet", 20)
    assert journal.records() == kept


def test_rewinding_a_stage_leaves_the_stages_before_it(tmp_path: Path) -> None:
    before = steps("srresnet", 10, 20, 30)
    journal = journal_of(tmp_path, *before, *steps("srgan", 10, 20))
    journal.rewind("srgan", 10)
    assert journal.records() == [*before, *steps("srgan", 10)]


def test_a_stage_that_begins_cuts_nothing(tmp_path: Path) -> None:
    before = steps("srresnet", 10, 20, 30)
    journal = journal_of(tmp_path, *before)
    journal.rewind("srgan", 0)
    assert journal.records() == before


@pytest.mark.parametrize("torn", [b'{"kind": "steps", "sta', b"\0\0\0\0"])
def test_a_torn_last_line_is_no_record_and_goes_when_the_training_goes_on(
    tmp_path: Path, torn: bytes
) -> None:
    journal = journal_of(tmp_path, *steps("srresnet", 10))
    with (tmp_path / "journal.jsonl").open("ab") as file:
        file.write(torn)
    assert journal.records() == steps("srresnet", 10)
    journal.rewind("srresnet", 10)
    journal.append(steps("srresnet", 20)[0])
    assert journal.records() == steps("srresnet", 10, 20)


@pytest.mark.parametrize(
    "line", ["[]", "{}", "\0\0", '{"kind": "guess", "stage": "a", "step": 1}', '{"kind": "steps"}']
)
def test_a_whole_line_that_is_no_record_is_named(tmp_path: Path, line: str) -> None:
    journal = journal_of(tmp_path, *steps("srresnet", 10))
    with (tmp_path / "journal.jsonl").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(DamagedError, match=r"line 2 of .*journal\.jsonl"):
        journal.records()


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    page = tmp_path / "page"
    replace_file(page, b"old")
    replace_file(page, b"new")
    assert page.read_bytes() == b"new"
    (tmp_path / "in the way").mkdir()
    with pytest.raises(OSError, match="in the way"):
        replace_file(tmp_path / "in the way", b"data")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in the way", "page"]


def test_it_loads_with_the_standard_library_alone() -> None:
    code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); import sr_core.training.journal"
    command = [sys.executable, "-I", "-S", "-W", "error", "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert result.returncode == 0, result.stderr
