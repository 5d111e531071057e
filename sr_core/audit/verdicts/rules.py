"""Rules of an audit, read from YAML: which values of which metric need a look, or fail."""

from __future__ import annotations

import hashlib
from enum import IntEnum
from importlib import resources
from pathlib import Path
from typing import Literal, Self, get_args

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from sr_core.config import describe
from sr_core.errors import ConfigurationError
from sr_core.metrics.metric import Metric
from sr_core.metrics.registry import METRICS, REPORTED

Quantile = Literal["q001", "q005", "q01", "q05", "median", "q95", "q99", "q995", "q999"]
"""A share of the known-good images of a baseline: q001 is 0.1 %, q995 is 99.5 %."""
QUANTILES: tuple[Quantile, ...] = get_args(Quantile)

_JUDGED = {metric.name: metric for metric in (*METRICS, *REPORTED)}


class Verdict(IntEnum):
    """Verdict on an image; the worst of its reasons."""

    PASS = 0
    REVIEW = 1
    FAIL = 2

    @property
    def label(self) -> str:
        """Name in texts, tables and JSON."""
        return self.name.lower()


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Limits(_Frozen):
    """Values beyond which a rule applies: numbers, or quantiles of the model's baseline."""

    above: float | Quantile | None = None
    below: float | Quantile | None = None
    stretch: float = Field(default=1.0, gt=0)
    """Factor on the distance of a quantile from the median of the baseline."""

    @model_validator(mode="after")
    def _has_a_limit(self) -> Self:
        if self.above is None and self.below is None:
            raise ValueError("give above, below or both")
        return self

    @property
    def needs_baseline(self) -> bool:
        """True if a limit is a quantile."""
        return isinstance(self.above, str) or isinstance(self.below, str)


class Rule(_Frozen):
    """A reason for a verdict: the metric, and the values that need a look or fail."""

    reason: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    """Name in tables and counts; several rules may share one."""
    meaning: str
    """The reason in words, for people."""
    metric: str
    """Name of a metric of sr_core.metrics.registry."""
    models: tuple[str, ...] | None = None
    """Models whose images the rule judges; None for all."""
    review: Limits | None = None
    fail: Limits | None = None

    @model_validator(mode="after")
    def _can_judge(self) -> Self:
        if self.metric not in _JUDGED:
            raise ValueError(f"{self.metric!r} is no metric; there are: {', '.join(_JUDGED)}")
        if self.review is None and self.fail is None:
            raise ValueError("give limits for review, fail or both")
        return self

    @property
    def judged(self) -> Metric:
        """The metric that the rule judges."""
        return _JUDGED[self.metric]

    @property
    def limits(self) -> dict[Verdict, Limits]:
        """The limits of each verdict that the rule can give, the mildest first."""
        given = {Verdict.REVIEW: self.review, Verdict.FAIL: self.fail}
        return {verdict: limits for verdict, limits in given.items() if limits is not None}


class Rules(_Frozen):
    """A versioned file of rules."""

    name: str
    version: int = Field(ge=1)
    rules: tuple[Rule, ...] = Field(min_length=1)
    sha256: str = ""
    """SHA-256 of the file, hexadecimal."""

    @property
    def title(self) -> str:
        """Name, version and the beginning of the digest, which identify the rules."""
        return f"{self.name} {self.version} ({self.sha256[:12]})"


def shipped_rules() -> Rules:
    """Return the rules that are used unless others are given."""
    file = resources.files("sr_core.audit.verdicts") / "rules.yaml"
    return _parse(file.read_bytes(), "the shipped rules")


def load_rules(path: Path) -> Rules:
    """Read rules from a YAML file.

    Raises: ConfigurationError naming the file, the key and the value.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"cannot read the rules {path}: {error.strerror}") from error
    return _parse(data, str(path))


def _parse(data: bytes, name: str) -> Rules:
    try:
        content = yaml.safe_load(data)
        if isinstance(content, dict) and "sha256" in content:
            raise ConfigurationError(f"{name}: sha256 is computed, not given")
        rules = Rules.model_validate(content)
    except yaml.YAMLError as error:
        problem = " ".join(str(error).split())
        raise ConfigurationError(f"{name} is not valid YAML: {problem}") from error
    except ValidationError as error:
        raise ConfigurationError(f"{name}: {describe(error)}") from error
    return rules.model_copy(update={"sha256": hashlib.sha256(data).hexdigest()})
