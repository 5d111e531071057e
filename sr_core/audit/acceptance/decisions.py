"""Decisions of a reviewer, and the certificate that follows from them."""

from __future__ import annotations

import json
from collections import defaultdict
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
    defect_keys: tuple[str, ...]
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
    counted = [_worst(each) for each in by_image.values()]
    defects = sum(each != "good" for each in counted)
    images, population = sample.images, sample.population
    confidence = sample.terms.confidence
    whole = images == population
    twice = [each for each in by_image.values() if len(each) > 1]
    keys = dict(zip(*(sample.rows.column(name).to_pylist() for name in _ID_AND_KEY), strict=True))
    bad = [image_id for image_id, found in by_image.items() if _worst(found) != "good"]
    return Certificate(
        run_id=run_id,
        root_hash=root_hash,
        rules=rules,
        reviewer=decisions.reviewer,
        terms=sample.terms,
        population=population,
        images=images,
        defects=defects,
        unsure=sum(each == "unsure" for each in counted),
        defect_keys=tuple(keys[each] for each in bad),
        largest_share=defects / images if whole else upper_bound(defects, images, confidence),
        shown_twice=len(twice),
        agreeing=sum(len(set(each)) == 1 for each in twice),
    )


_ID_AND_KEY = ("image_id", "key")


def _by_image(decisions: Decisions, sample: Sample) -> dict[str, list[Decision]]:
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
    found: dict[str, list[Decision]] = defaultdict(list)
    for place, each in sorted(given.items()):
        if expected.get(place) != each.image_id:
            raise ConfigurationError(
                f"decision number {place + 1} is about another image than the sample of this run"
            )
        found[each.image_id].append(each.decision)
    return found


def _worst(decisions: list[Decision]) -> Decision:
    return max(decisions, key=("good", "unsure", "defect").index)
