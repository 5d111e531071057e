"""What verify says to each way of altering a finished run, and the table of it in docs/audit.md."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.tampering_table import NOTHING, markdown, outcomes

PAGE = Path(__file__).parents[2] / "docs" / "audit.md"
RESTORED = {"the root hash in `_SUCCESS.json`"}
"""Changes that sealing undoes."""
NOT_WITHOUT_SIGNATURE = {
    "an output and its row replaced together",
    "a metric improved",
    "the engine of a row",
    "the device of a row",
    "the source hash of a row",
    "the warnings of a row",
    "the weights in `run.json`, with a new run id everywhere",
    "the versions in `run.json`",
}
"""Changes that leave no trace once the closing record agrees with them."""
NEVER_WITHOUT_SIGNATURE = {"the time in `_SUCCESS.json`"}


@pytest.fixture(scope="module")
def said() -> dict[str, tuple[str, str, str]]:
    return outcomes()


def test_every_change_is_found_at_once(said: dict[str, tuple[str, str, str]]) -> None:
    assert len(said) >= 40
    missed = {name for name, (plain, _, _) in said.items() if plain == NOTHING}
    assert missed == NEVER_WITHOUT_SIGNATURE


def test_only_a_signature_finds_what_was_sealed_again(
    said: dict[str, tuple[str, str, str]],
) -> None:
    missed = {name for name, (_, sealed, _) in said.items() if sealed == NOTHING}
    assert missed == NOT_WITHOUT_SIGNATURE | NEVER_WITHOUT_SIGNATURE | RESTORED
    missed = {name for name, (_, _, signed) in said.items() if signed == NOTHING}
    assert missed == RESTORED


def test_the_page_has_the_table(said: dict[str, tuple[str, str, str]]) -> None:
    assert markdown(said) in PAGE.read_text()
