"""The real pipeline may die before or after any storage call; the next start finishes the run."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from sr_core.archive.storage import Store, open_store
from sr_core.audit.verify.checks import verify_run
from sr_core.config import ExecutionConfig, JobConfig, RunConfig
from tests.support.photographs import write_photographs
from tests.support.small_run import contents
from tests.support.watched_store import Crash, Crasher
from tests.support.whole_run import run_here


def job(photographs: Path, output: Path) -> JobConfig:
    return JobConfig(
        source=str(photographs),
        output=str(output),
        run=RunConfig(model="nearest"),
        execution=ExecutionConfig(shard_megapixels=1, shard_images=2),
    )


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_crash_at_any_storage_call_loses_and_repeats_nothing(tmp_path: Path, moment: str) -> None:
    photographs = tmp_path / "photos"
    write_photographs(photographs, 3)
    (photographs / "Thumbs.db").write_bytes(b"\xd0\xcf\x11\xe0 no image")
    counted: list[Crasher] = []

    def count(store: Store) -> Store:
        counted.append(Crasher())
        return counted[-1].watch(store)

    run_here(job(photographs, tmp_path / "clean"), watch=count)
    assert verify_run(open_store(str(tmp_path / "clean"))) == []
    calls = counted[-1].calls
    assert calls > 15
    for call in range(1, calls + 1):
        output = tmp_path / f"crash-{call}"
        doomed = job(photographs, output)
        crasher = Crasher(**{moment: call})
        with pytest.raises(Crash):
            run_here(doomed, "doomed", watch=crasher.watch)
        store = open_store(str(output))
        left_behind = contents(store)
        run_here(doomed, "rescuer")
        assert verify_run(store) == [], f"crash {moment} call {call}"
        finished = contents(store)
        assert left_behind.items() <= finished.items(), f"crash {moment} call {call}"
        run_here(doomed, "idler")
        assert contents(store) == finished, f"crash {moment} call {call}"
        assert pq.read_table(output / "metrics").num_rows == 4
