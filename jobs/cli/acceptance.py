"""Acceptance of a run in two steps: a review page is drawn, and its decisions are certified."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.cli.exit_codes import ExitCode
from jobs.cli.json_text import to_text
from jobs.cli.new_files import refuse_existing
from jobs.cli.sources import open_sources
from jobs.cli.terminal import answers
from sr_core.errors import ConfigurationError

if TYPE_CHECKING:
    from sr_core.archive.storage import Store
    from sr_core.audit.acceptance.decisions import Certificate
    from sr_core.audit.verdicts.audit import Standard

_SEEDS = 1 << 32


def parse_share(text: str, option: str) -> float:
    """Read a share such as 1%, 0.3 % or 0.01.

    Raises: ConfigurationError naming the option and the value.
    """
    number = text.strip()
    try:
        return float(number.removesuffix("%")) / (100 if number.endswith("%") else 1)
    except ValueError:
        raise ConfigurationError(f"{option} {text!r} is not a share; write 1% or 0.01") from None


def draw_review(
    store: Store,
    standard: Standard,
    *,
    max_defects: str,
    confidence: str,
    seed: int | None,
    source: str | None,
    page: Path | None,
) -> ExitCode:
    """Draw a sample of a run and write the page on which a person decides about it."""
    from sr_core.archive.ledger.ledger import Ledger
    from sr_core.audit.acceptance.review import review_page
    from sr_core.audit.acceptance.sampling import Terms, draw
    from sr_core.audit.verdicts.audit import audit_run

    terms = Terms(
        parse_share(max_defects, "--max-defects"),
        parse_share(confidence, "--confidence"),
        secrets.randbelow(_SEEDS) if seed is None else seed,
    )
    ledger = Ledger(store)
    state = ledger.snapshot()
    path = page or Path(f"review-{state.record.run_id}.html")
    refuse_existing(path, "--output")
    sample = draw(audit_run(store, standard, state), terms)
    path.write_bytes(
        review_page(
            sample,
            store,
            open_sources(source or state.record.source_uri),
            run_id=state.record.run_id,
            root_hash=ledger.root_hash(state),
            rules=standard.rules.title,
        )
    )
    answers().say(
        f"{path}: {sample.images} of {sample.population} outputs, seed {terms.seed}; decide about "
        f"each, save, then: srfleet audit {store.uri} --decisions FILE"
    )
    return ExitCode.DONE


def certify_decisions(
    store: Store, standard: Standard, file: Path, *, certificate: Path | None
) -> ExitCode:
    """Print the certificate that follows from the decisions of a reviewer, and write it."""
    from sr_core.archive.ledger.ledger import Ledger
    from sr_core.audit.acceptance.decisions import certify, load_decisions
    from sr_core.audit.acceptance.sampling import draw
    from sr_core.audit.verdicts.audit import audit_run

    refuse_existing(certificate, "--output")
    decisions = load_decisions(file)
    ledger = Ledger(store)
    state = ledger.snapshot()
    found = certify(
        decisions,
        draw(audit_run(store, standard, state), decisions.terms),
        run_id=state.record.run_id,
        root_hash=ledger.root_hash(state),
        rules=standard.rules.title,
    )
    for line in _lines(found):
        answers().say(line)
    if certificate is not None:
        content = {"schema": "srfleet.certificate/1", "accepted": found.accepted} | asdict(found)
        certificate.write_text(to_text(content, indent=2) + "\n")
    return ExitCode.DONE if found.accepted else ExitCode.GATE


def _lines(found: Certificate) -> Iterator[str]:
    terms = found.terms
    yield (
        f"{'accepted' if found.accepted else 'NOT accepted'}: {found.defects} of {found.images} "
        f"images have defects ({found.unsure} unsure)"
    )
    if found.images == found.population:
        yield f"every output was looked at: {found.largest_share:.3%} have defects"
    else:
        yield (
            f"at most {found.largest_share:.3%} of all {found.population} outputs have defects, at "
            f"{terms.confidence:.6%} confidence (allowed: {terms.max_defects:.3%})"
        )
    yield (
        f"reviewer {found.reviewer}: {found.agreeing} of {found.shown_twice} images shown twice "
        "were decided alike"
    )
    yield f"run {found.run_id}, root hash {found.root_hash or 'none: the run is not finished'}"
    yield f"rules {found.rules}, seed {terms.seed}"
    for each in found.defects_found:
        yield f"{each.decision:6}  {each.key}" + (f": {each.note}" if each.note else "")
