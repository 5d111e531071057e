"""Metadata of every kind in every format, compared with what ExifTool reads in the output.

A difference must be intended, or named in the warnings of the image.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support import colour_table
from tests.support.metadata_comparison import differences
from tests.support.metadata_corpus import CORPUS
from tests.support.metadata_expected import Enlargement
from tests.support.metadata_table import outcomes
from tests.support.metadata_trial import Result, compare
from tests.support.outcome_table import LOST, table

needs_exiftool = pytest.mark.skipif(
    shutil.which("exiftool") is None, reason="no exiftool is installed"
)

REPOSITORY = Path(__file__).resolve().parents[2]
TWICE = Enlargement(112, 80, 2, 2)


@needs_exiftool
@pytest.mark.parametrize("mark", [True, False], ids=["marked", "plain"])
@pytest.mark.parametrize("source", CORPUS)
def test_no_difference_is_unnamed(source: str, mark: bool, tmp_path: Path) -> None:
    original = tmp_path / f"source.{source}"
    original.write_bytes(CORPUS[source]())
    result = Result()
    compare([original], result, mark=mark)
    assert (result.files, result.found) == (1, [])


def test_the_comparison_sees_a_loss() -> None:
    before = {"IFD0:Make": "Canon", "IPTC:Keywords": "harbour"}
    assert differences(before, {}, "", TWICE) == [
        "IFD0:Make: 'Canon' became None, expected 'Canon'",
        "IPTC:Keywords: 'harbour' became None, expected 'harbour'",
    ]
    after = {"IFD0:Make": "Canon"}
    assert differences(before, after, "dropped: IPTC data, 9 bytes", TWICE) == []


def test_the_comparison_sees_what_is_new() -> None:
    after = {"IFD0:Artist": "Jane", "ExifTool:Warning": "Bad IFD0 directory"}
    assert differences({}, after, "", TWICE) == [
        "IFD0:Artist: 'Jane' is new",
        "ExifTool:Warning: 'Bad IFD0 directory' is new",
    ]


def test_the_comparison_sees_a_false_size() -> None:
    tags = {"ExifIFD:ExifImageWidth": 56, "ExifIFD:SubjectArea": "10 20"}
    right = {"ExifIFD:ExifImageWidth": 112, "ExifIFD:SubjectArea": "20 40"}
    assert len(differences(tags, tags, "", TWICE)) == 2
    assert differences(tags, right, "", TWICE) == []


def test_the_tables_of_the_documentation_are_true() -> None:
    page = (REPOSITORY / "docs" / "formats.md").read_text()
    for text in (table(outcomes()), colour_table.table()):
        assert LOST not in text
        assert text in page
