"""Decisions of a reviewer, and the certificate that follows from them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sr_core.audit.acceptance.bounds import upper_bound
from sr_core.audit.acceptance.sampling import Sample, Terms
from sr_core.config import describe
from sr_core.errors import ConfigurationError

SCHEMA = "srfleet.decisions/1"
Decision = Literal["good", "defect", "unsure"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Decided(_Frozen):
    """One decision: of an image at one place of the order."""

    place: int = Field(ge=0)
    """Index in `Sample.order`."""
    image_id: str
    decision: Decision
    note: str = ""


class Decisions(_Frozen):
    """The file that the review page saves."""

    format: Literal["srfleet.decisions/1"] = Field(alias="schema")
    run_id: str
    root_hash: str | None
    rules: str
    max_defects: float
    confidence: float
    seed: int
    reviewer: str
    decisions: tuple[Decided, ...]

    @property
    def terms(self) -> Terms:
        """The terms of the acceptance."""
        return Terms(self.max_defects, self.confidence, self.seed)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the reviewer decided about an image, with their notes on it."""

    key: str
    decision: Decision
    note: str


@dataclass(frozen=True, slots=True)
class Certificate:
    """The outcome of an acceptance."""

    run_id: str
    root_hash: str | None
    """Hash over the whole run that was looked at; None for a run that is not finished."""
    rules: str
    reviewer: str
    terms: Terms
    population: int
    images: int
    """Images looked at."""
    defects: int
    """Images with a defect; one that the reviewer is unsure about counts."""
    unsure: int
    defects_found: tuple[Outcome, ...]
    largest_share: float
    """Share of defects in the run that is not exceeded, at the confidence of the terms; the share
    itself if every image was looked at."""
    shown_twice: int
    agreeing: int
    """Images shown twice that were decided alike."""

    @property
    def accepted(self) -> bool:
        """True if the share of defects is not above that of the terms."""
        return self.largest_share <= self.terms.max_defects


def load_decisions(path: Path) -> Decisions:
    """Read the file that the review page saved.

    Raises: ConfigurationError naming the file, the key and the value.
    """
    try:
        return Decisions.model_validate(json.loads(path.read_bytes()))
    except OSError as error:
        raise ConfigurationError(f"cannot read the decisions {path}: {error.strerror}") from error
    except ValueError as error:
        problem = describe(error) if isinstance(error, ValidationError) else str(error)
        raise ConfigurationError(f"{path} is not a file of decisions: {problem}") from error


def certify(
    decisions: Decisions, sample: Sample, *, run_id: str, root_hash: str | None, rules: str
) -> Certificate:
    """Count the decisions on a sample and bound the share of defects in the run.

    Args:
        decisions: one for each place of the sample's order.
        sample: drawn anew, by the terms of the decisions.
        run_id: id of the run.
        root_hash: hash over the run as it is now.
        rules: title of the rules that the sample was drawn with.

    Raises: ConfigurationError if the decisions are of another run, or of the run in another state,
        or if one is missing.
    """
    for name, then, now in (
        ("run", decisions.run_id, run_id),
        ("root hash", decisions.root_hash, root_hash),
        ("rules", decisions.rules, rules),
    ):
        if then != now:
            raise ConfigurationError(
                f"the decisions were made on {name} {then}, but this is {now}; make the review "
                "page again"
            )
    by_image = _by_image(decisions, sample)
    keys = dict(
        zip(*(sample.rows.column(name).to_pylist() for name in ("image_id", "key")), strict=True)
    )
    found = [_outcome(keys[image_id], each) for image_id, each in by_image.items()]
    defects = [each for each in found if each.decision != "good"]
    twice = [each for each in by_image.values() if len(each) > 1]
    share = len(defects) / sample.images
    if sample.images < sample.population:
        share = upper_bound(len(defects), sample.images, sample.terms.confidence)
    return Certificate(
        run_id=run_id,
        root_hash=root_hash,
        rules=rules,
        reviewer=decisions.reviewer,
        terms=sample.terms,
        population=sample.population,
        images=sample.images,
        defects=len(defects),
        unsure=sum(each.decision == "unsure" for each in defects),
        defects_found=tuple(defects),
        largest_share=share,
        shown_twice=len(twice),
        agreeing=sum(len({each.decision for each in both}) == 1 for both in twice),
    )


def _by_image(decisions: Decisions, sample: Sample) -> dict[str, list[Decided]]:
    ids = sample.rows.column("image_id").to_pylist()
    expected = {place: ids[index] for place, index in enumerate(sample.order)}
    given = {each.place: each for each in decisions.decisions}
    if len(given) != len(decisions.decisions):
        raise ConfigurationError("the file of decisions names a place twice")
    missing = [place for place in expected if place not in given]
    if missing:
        raise ConfigurationError(
            f"{len(missing)} of {len(expected)} decisions are missing, the first is number "
            f"{missing[0] + 1}"
        )
    found: dict[str, list[Decided]] = defaultdict(list)
    for place, each in sorted(given.items()):
        if expected.get(place) != each.image_id:
            raise ConfigurationError(
                f"decision number {place + 1} is about another image than the sample of this run"
            )
        found[each.image_id].append(each)
    return found


def _outcome(key: str, decided: Sequence[Decided]) -> Outcome:
    """Return the worst of the decisions on an image, with all notes on it."""
    worst = max((each.decision for each in decided), key=("good", "unsure", "defect").index)
    return Outcome(key, worst, "; ".join(each.note for each in decided if each.note))
