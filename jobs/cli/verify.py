"""srfleet verify: check a run again, from its storage alone."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jobs.cli.exit_codes import ExitCode
from jobs.cli.options import JsonOption, RootArgument
from jobs.cli.terminal import answers, notices
from sr_core.errors import ConfigurationError

if TYPE_CHECKING:
    from sr_core.audit.verify.checks import Verification
    from sr_core.audit.verify.findings import Finding

EXAMPLES = (
    "srfleet verify ./photos-x4",
    "srfleet verify s3://archive/photos-x4 --sample 2000 --json > findings.json",
)
LINES_PER_KIND = 50
"""Findings of one kind that are printed; --json has them all."""

SampleOption = Annotated[
    int | None,
    typer.Option(min=0, metavar="N", help="Read only N random outputs again.", show_default="all"),
]
SeedOption = Annotated[
    int | None, typer.Option(help="Seed of the sample, to repeat one.", show_default="random")
]
SourceOption = Annotated[
    bool, typer.Option("--source", help="Read the sources of the outputs again, too.")
]


KeyOption = Annotated[
    Path | None,
    typer.Option("--key", metavar="FILE", help="Require a signature by this public key."),
]
RootHashOption = Annotated[
    str | None,
    typer.Option("--root-hash", metavar="HEX", help="Require this root hash, kept elsewhere."),
]


def verify(
    root: RootArgument,
    sample: SampleOption = None,
    seed: SeedOption = None,
    source: SourceOption = False,
    key: KeyOption = None,
    root_hash: RootHashOption = None,
    json: JsonOption = False,
) -> None:
    """Check every count, rule and checksum of the run in OUT again.

    Exit codes: 0 everything is right; 5 something is damaged; 75 nothing is damaged, but the run is
    not finished.
    """
    from jobs.cli.answers.verify import VerifyAnswer
    from jobs.cli.progress import CountProgress
    from sr_core.archive.ledger.ledger import Ledger
    from sr_core.archive.storage import open_store
    from sr_core.audit.verify.checks import verify as check
    from sr_core.audit.verify.outputs import Sample
    from sr_core.audit.verify.signing import (
        check_root_hash,
        check_signature,
        fingerprint,
        load_public_key,
    )

    store = open_store(root)
    run = Ledger(store).run()
    if run is None:
        raise ConfigurationError(f"{store.uri} holds no run: it has no run.json")
    public_key = None if key is None else load_public_key(key)
    if seed is None:
        seed = secrets.randbits(32)
    with CountProgress(notices()) as progress:
        found = check(
            store,
            sample=None if sample is None else Sample(sample, seed),
            source=open_store(run.source_uri) if source else None,
            progress=progress,
        )
    sampled = seed if sample is not None else None
    unlike = () if root_hash is None else check_root_hash(found, root_hash)
    unsigned = () if public_key is None else check_signature(store, found, public_key)
    found = replace(found, findings=(*found.findings, *unlike, *unsigned))
    signed_by = None if public_key is None or unsigned else fingerprint(public_key)
    if json:
        answers().data(VerifyAnswer.of(found, store.uri, sampled, signed_by).json_text())
    else:
        for line in (*_summary(found, sampled, signed_by), *_listed(found)):
            answers().say(line)
    raise typer.Exit(_exit_code(found))


def _summary(found: Verification, seed: int | None, signed_by: str | None) -> Iterator[str]:
    if found.run is not None:
        rounds = f"{found.rounds} round" + ("s" if found.rounds != 1 else "")
        yield f"run {found.run.run_id}: {rounds}, {found.outputs} outputs"
        yield f"root hash: {found.root_hash or 'none'}"
        read = f"{found.outputs_read} of {found.outputs} outputs read again"
        yield read + ("" if seed is None else f", a sample with seed {seed}")
        if signed_by is not None:
            yield f"signed by key {signed_by}"
        if found.sources_read:
            yield f"{found.sources_read} sources read again"
    counts: dict[str, int] = defaultdict(int)
    for each in found.findings:
        counts[each.severity] += 1
    named = ", ".join(f"{count} {name}{'s' if count > 1 else ''}" for name, count in counts.items())
    total = len(found.findings)
    plural = "s" if total > 1 else ""
    yield f"{total} finding{plural}: {named}" if counts else "everything is as it should be"


def _listed(found: Verification) -> Iterator[str]:
    """Yield the findings by kind, the first of each, and how many are left out."""
    kinds: dict[str, list[Finding]] = defaultdict(list)
    for each in found.findings:
        kinds[each.kind].append(each)
    for kind, findings in kinds.items():
        for each in findings[:LINES_PER_KIND]:
            yield f"{each.severity}: {each.subject}: {each.message}"
        left = len(findings) - LINES_PER_KIND
        if left > 0:
            yield f"{left} more of {kind}; --json lists them"


def _exit_code(found: Verification) -> ExitCode:
    if found.is_damaged:
        return ExitCode.DAMAGE
    return ExitCode.TRY_AGAIN if found.is_unfinished else ExitCode.DONE
