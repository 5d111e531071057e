"""Checks of outputs and sources against the rows that describe them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sr_core.archive.ledger.layout import part_name
from sr_core.archive.ledger.ledger import Ledger
from sr_core.archive.storage import open_store
from sr_core.archive.tables import to_parquet
from sr_core.audit.verify.checks import Verification, verify, verify_run
from sr_core.audit.verify.findings import Kind, broken
from sr_core.audit.verify.outputs import Sample
from tests.support.checked_run import (
    FIRST_KEY,
    FIRST_OUTPUT,
    IMAGES,
    RUN_ID,
    change_first,
    findings_of,
    the_only,
)
from tests.support.small_run import (
    plan_bytes,
    process_round,
    work,
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Create a finished, intact run of two shards."""
    folder = tmp_path / "run"
    work(open_store(str(folder)), IMAGES, "a")
    return folder


class TestOutput:
    def test_missing(self, root: Path) -> None:
        (root / FIRST_OUTPUT).unlink()
        finding = the_only(findings_of(root))
        assert finding == broken(
            Kind.MISSING_OUTPUT,
            FIRST_OUTPUT,
            f"the output of {FIRST_KEY} is missing",
            IMAGES[0].image.image_id,
        )

    def test_of_another_size(self, root: Path) -> None:
        with (root / FIRST_OUTPUT).open("ab") as file:
            file.write(b"!")
        assert "bytes, not" in the_only(findings_of(root)).message

    def test_with_one_bit_flipped(self, root: Path) -> None:
        data = bytearray((root / FIRST_OUTPUT).read_bytes())
        data[-1] ^= 1
        (root / FIRST_OUTPUT).write_bytes(data)
        assert the_only(findings_of(root)) == broken(
            Kind.DAMAGED_OUTPUT,
            FIRST_OUTPUT,
            "its bytes do not match their SHA-256",
            IMAGES[0].image.image_id,
        )

    def test_flipped_beyond_the_first_piece_that_is_read(
        self, root: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("sr_core.archive.storage.blobs._HASHED_BYTES", 4)
        assert findings_of(root) == []
        self.test_with_one_bit_flipped(root)

    def test_key_that_leaves_the_root(self, root: Path) -> None:
        change_first(root, output_key="images/../../escaped.jpg")
        findings = [each for each in findings_of(root) if each.subject.startswith("images/..")]
        assert "'..'" in the_only(findings).message

    def test_that_no_plan_names(self, root: Path) -> None:
        (root / "images" / "holiday.jpg").write_bytes(b"")
        assert the_only(findings_of(root)) == broken(
            Kind.FOREIGN, "images/holiday.jpg", "it is in no plan"
        )

    def test_of_an_image_that_failed_afterwards_is_no_finding(self, tmp_path: Path) -> None:
        store = open_store(str(tmp_path))
        work(store, IMAGES, "a", sick={FIRST_KEY})
        store.put_if_absent(FIRST_OUTPUT, b"written just before the worker died")
        assert verify_run(store) == []

    def test_of_a_later_round_replaces_the_damaged_one(self, tmp_path: Path) -> None:
        store = open_store(str(tmp_path))
        work(store, IMAGES, "a")
        (tmp_path / FIRST_OUTPUT).write_bytes(b"damaged")
        again = replace(IMAGES[0], output_key="images/album/0.00000000.jpg")
        ledger = Ledger(store)
        ledger.put_plan(1, plan_bytes(RUN_ID, [again], 1))
        process_round(ledger, 1, "b")
        ledger.close_rounds(ledger.snapshot())
        assert verify_run(store) == []
        ids = pq.read_table(tmp_path / part_name(1, 0))
        (tmp_path / part_name(1, 0)).write_bytes(
            to_parquet(ids.set_column(0, "image_id", pa.array([1] * len(ids))))
        )
        messages = [each.message for each in findings_of(tmp_path)]
        assert "its column image_id is int64, not string" in messages


class TestSample:
    def check(self, root: Path, images: int, seed: int = 0) -> Verification:
        return verify(open_store(str(root)), sample=Sample(images, seed))

    def test_reads_as_many_outputs(self, root: Path) -> None:
        assert self.check(root, 2).outputs_read == 2
        assert self.check(root, 9).outputs_read == 3
        assert self.check(root, 0).outputs_read == 0

    def test_is_the_same_for_the_same_seed(self, root: Path) -> None:
        (root / FIRST_OUTPUT).write_bytes(b"x" * (root / FIRST_OUTPUT).stat().st_size)
        caught = [self.check(root, 1, seed).is_damaged for seed in range(20)]
        assert caught == [self.check(root, 1, seed).is_damaged for seed in range(20)]
        assert 0 < sum(caught) < 20

    def test_misses_neither_missing_outputs_nor_sizes(self, root: Path) -> None:
        (root / FIRST_OUTPUT).unlink()
        with (root / "images/album/2.jpg").open("ab") as file:
            file.write(b"!")
        kinds = [each.kind for each in self.check(root, 0).findings]
        assert kinds == [Kind.MISSING_OUTPUT, Kind.DAMAGED_OUTPUT]


class TestSources:
    def check(self, tmp_path: Path, root: Path) -> Verification:
        return verify(open_store(str(root)), source=open_store(str(tmp_path / "source")))

    @pytest.fixture
    def source(self, tmp_path: Path) -> Path:
        """Create sources with the hashes that the rows state."""
        folder = tmp_path / "source"
        (folder / "album").mkdir(parents=True)
        for each in IMAGES:
            (folder / each.image.key).write_text(each.image.key)
        return folder

    def test_that_are_as_they_were(self, tmp_path: Path, source: Path, root: Path) -> None:
        found = self.check(tmp_path, root)
        assert (found.findings, found.sources_read) == ((), 3)

    def test_that_changed_or_are_gone(self, tmp_path: Path, source: Path, root: Path) -> None:
        (source / FIRST_KEY).write_text("another")
        (source / "album/2.jpg").unlink()
        findings = self.check(tmp_path, root).findings
        assert [each.kind for each in findings] == [Kind.SOURCE, Kind.SOURCE]
        assert findings[0].message == "the source is not the one that was upscaled"
