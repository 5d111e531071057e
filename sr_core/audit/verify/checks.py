"""The invariants of a run, checked from its storage alone.

A plan and its parts have the same image ids, each once per round; the rows keep the rules of
sr_core.audit.verify.rules; the output of every image exists and matches the size and SHA-256 of
its latest row; the images of the first plan make the manifest digest; the objects match the digests
of the closing records; the root holds nothing else. An output may exist although the latest row of
its image is failed: it was written before the image failed and never measured; a further round
adopts it. So may a damaged one that a later round replaced by another.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from sr_core.archive.ledger.history import Part, list_parts, list_rounds, read_part, read_plan
from sr_core.archive.ledger.layout import RUN_KEY, plan_name
from sr_core.archive.ledger.ledger import Ledger
from sr_core.archive.ledger.runs import RunRecord, identity
from sr_core.archive.schemas import PLAN_SCHEMA
from sr_core.archive.storage import Store
from sr_core.audit.verify.closing import Closed, check_round, read_closing_records
from sr_core.audit.verify.findings import Finding, Kind, Severity, broken, unfinished
from sr_core.audit.verify.names import Listing, check_shared_outputs, read_names
from sr_core.audit.verify.outputs import (
    Described,
    Progress,
    Sample,
    check_listed,
    check_outputs,
    check_sources,
    described_by,
)
from sr_core.audit.verify.parts import check_part, schema_problems
from sr_core.audit.verify.plans import READ_COLUMNS, check_plan
from sr_core.audit.verify.rules import Rule, rules_of
from sr_core.errors import ConfigurationError, DamagedError, StorageError

_STATE = ["status", "error_class"]


@dataclass(frozen=True, slots=True, eq=False)
class Verification:
    """The findings about a run, and how much of it was checked."""

    findings: tuple[Finding, ...]
    run: RunRecord | None = None
    """None if run.json cannot be read."""
    rounds: int = 0
    outputs: int = 0
    """Outputs of the latest rows, copies of sidecars included."""
    outputs_read: int = 0
    sources_read: int = 0
    last_round: int | None = None
    """Last closed round; None if none is closed."""
    root_hash: str | None = None
    """Root hash of that round, from its digests; None if it has none."""

    @property
    def is_damaged(self) -> bool:
        """True if a finding is an error."""
        return any(each.severity is Severity.ERROR for each in self.findings)

    @property
    def is_unfinished(self) -> bool:
        """True if a finding says that the run is not finished."""
        return any(each.severity is Severity.WARNING for each in self.findings)


def verify_run(store: Store) -> list[Finding]:
    """Check every invariant of the run in a root; reads all outputs.

    Returns:
        The problems found, without notes; none for a run that is complete and intact.

    Raises: StorageUnavailableError if the root cannot be read now.
    """
    found = verify(store).findings
    return [each for each in found if each.severity is not Severity.NOTE]


def verify(
    store: Store,
    *,
    sample: Sample | None = None,
    source: Store | None = None,
    progress: Progress = lambda *_: None,
) -> Verification:
    """Check the run in a root.

    Args:
        store: the root.
        sample: the outputs to read again; None for all. Existence and size of the others follow
            from a listing.
        source: store of the sources, to read those of the outputs again; None to leave them out.
        progress: receives the progress.

    Raises: StorageUnavailableError if a store cannot be read now.
    """
    try:
        run = Ledger(store).run()
    except ConfigurationError as error:
        return Verification((broken(Kind.RUN, RUN_KEY, str(error)),))
    if run is None:
        message = f"{store.uri} holds no run: run.json is missing"
        return Verification((broken(Kind.RUN, RUN_KEY, message),))
    return _Checks(store, run, progress).verify(sample, source)


@dataclass(frozen=True, slots=True, eq=False)
class _Round:
    """A planned round: its plan, None if it cannot be read, and its committed parts."""

    index: int
    plan: pa.Table | None
    parts: tuple[Part, ...]


class _Checks:
    """One pass over a run, which collects the findings."""

    def __init__(self, store: Store, run: RunRecord, progress: Progress) -> None:
        self._store, self._run, self._progress = store, run, progress
        self._found: list[Finding] = []
        self._outputs = 0

    def verify(self, sample: Sample | None, source: Store | None) -> Verification:
        run, store = self._run, self._store
        if identity(run) != run.run_id:
            message = "its contents do not match its run id: it was changed"
            self._found.append(broken(Kind.RUN, RUN_KEY, message))
        indices = list_rounds(store)
        if not indices:
            self._found.append(unfinished(plan_name(0), "the run has no plan yet"))
        closed = read_closing_records(store, indices)
        self._found += closed.findings
        parts = list_parts(store)
        rounds = [self._round(index, closed, parts) for index in indices]
        plans = [each.plan for each in rounds if each.plan is not None]
        listing = None
        if len(plans) == len(rounds) > 0:
            self._found += check_shared_outputs(plans)
            listing = read_names(store, plans, self._found)
        described = self._described(rounds, closed, None if sample is None else listing)
        chosen = described if sample is None else sample.of(described)
        outputs, sources = self._read_again(chosen, source)
        return Verification(
            tuple(self._found),
            run,
            len(rounds),
            self._outputs,
            outputs,
            sources,
            closed.last_round,
            closed.root_hash,
        )

    def _round(self, index: int, closed: Closed, parts: Sequence[Part]) -> _Round:
        """Read and check a plan."""
        name = plan_name(index)
        of_round = tuple(part for part in parts if part.round_index == index)
        try:
            plan = read_plan(self._store, index, READ_COLUMNS)
        except (StorageError, DamagedError) as error:
            self._found.append(broken(Kind.PLAN, name, str(error)))
            return _Round(index, None, of_round)
        wanted = pa.schema([PLAN_SCHEMA.field(each) for each in READ_COLUMNS])
        problems = [broken(Kind.PLAN, name, each) for each in schema_problems(plan, wanted)]
        self._found += problems
        if problems:
            return _Round(index, None, of_round)
        self._found += check_plan(self._run, index, plan, is_sealed=name in closed.digests)
        return _Round(index, plan, of_round)

    def _described(
        self, rounds: Sequence[_Round], closed: Closed, listing: Listing | None
    ) -> Iterator[Described]:
        """Check all parts, and yield the images whose outputs their rows describe.

        Args:
            rounds: the planned rounds.
            closed: the closing records.
            listing: compares the outputs with a listing; None to leave that out.
        """
        rules = self._rules()
        total = sum(len(each.plan) for each in rounds if each.plan is not None)
        done = 0
        for each in rounds:
            superseded = self._images_of(rounds[each.index + 1 :])
            states: list[pa.Table] | None = []
            for rows in self._rows(each, closed, rules):
                if rows is None:
                    states = None
                    continue
                if states is not None:
                    states.append(pa.table({name: rows.column(name) for name in _STATE}))
                done += len(rows)
                self._progress("rows", done, total)
                images = described_by(rows, superseded)
                self._outputs += len(images)
                if listing is not None:
                    wrong = list(check_listed(images, listing))
                    self._found += wrong
                    reported = {finding.subject for finding in wrong}
                    images = [image for image in images if image.output_key not in reported]
                yield from images
            self._check_closing(each, closed, states)

    def _rules(self) -> tuple[Rule, ...]:
        """Return the rules of the rows; none if run.json was changed to something without sense."""
        try:
            return rules_of(self._run)
        except (KeyError, TypeError, ValueError) as error:
            message = f"its configuration is not one of a run: {error!r}"
            self._found.append(broken(Kind.RUN, RUN_KEY, message))
            return ()

    def _rows(
        self, each: _Round, closed: Closed, rules: Sequence[Rule]
    ) -> Iterator[pa.Table | None]:
        """Check the parts of a round, and yield their rows; None for a part without."""
        if each.plan is None:
            return
        committed = {part.shard: part for part in each.parts}
        for shard, planned in _by_shard(each.plan):
            part = committed.pop(shard, None)
            if part is None:
                continue
            digest = closed.digests.get(part.key)
            checked = check_part(self._store, self._run, rules, part, planned, digest)
            self._found += checked.findings
            yield checked.rows
        for part in committed.values():
            message = f"{plan_name(each.index)} has no shard {part.shard}"
            self._found.append(broken(Kind.PART, part.key, message))

    def _check_closing(
        self, each: _Round, closed: Closed, states: Sequence[pa.Table] | None
    ) -> None:
        if each.plan is None:
            return
        planned = set(pc.unique(each.plan.column("shard")).to_pylist())
        committed = sorted(planned.intersection(part.shard for part in each.parts))
        rows = pa.concat_tables(states) if states else None
        left = len(planned) - len(committed)
        self._found += check_round(
            self._store, self._run, each.index, closed, committed, left, rows
        )

    def _images_of(self, rounds: Iterable[_Round]) -> pa.Array:
        """Return the ids of the images with a row in some rounds."""
        ids = [pa.array([], pa.string())]
        for part in (part for each in rounds for part in each.parts):
            try:
                column = read_part(self._store, part.key, ["image_id"]).column("image_id")
            except (StorageError, DamagedError):
                continue  # a finding when its own round is checked
            if column.type == pa.string():  # any other type is one, too
                ids += column.chunks
        return pa.concat_arrays(ids)

    def _read_again(self, images: Iterable[Described], source: Store | None) -> tuple[int, int]:
        """Read outputs, and their sources if there is a store for them; return both counts."""
        checked: list[Described] = []
        outputs = 0
        for finding, image in check_outputs(self._store, self._run.run_id, images):
            if finding is not None:
                self._found.append(finding)
            outputs += 1
            self._progress("outputs", outputs, self._outputs)
            if source is not None:
                checked.append(image)
        if source is None:
            return outputs, 0
        for done, finding in enumerate(check_sources(source, checked), 1):
            if finding is not None:
                self._found.append(finding)
            self._progress("sources", done, len(checked))
        return outputs, len(checked)


def _by_shard(plan: pa.Table) -> Iterator[tuple[int, pa.Table]]:
    """Yield the shards of a plan, in the order of their numbers."""
    if pc.any(pc.less(pc.pairwise_diff(plan.column("shard").combine_chunks()), 0)).as_py():
        plan = plan.sort_by("shard")
    start = 0
    counts = pc.value_counts(plan.column("shard")).to_pylist()  # in order of appearance
    for shard, size in ((each["values"], each["counts"]) for each in counts):
        yield shard, plan.slice(start, size)
        start += size
