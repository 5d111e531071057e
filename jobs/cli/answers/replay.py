"""The answer of srfleet replay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from jobs.cli.answers.answer import About, Answer

if TYPE_CHECKING:
    from sr_core.engine.replay import Replay
    from sr_core.records import MetricsRow


@dataclass(frozen=True, slots=True)
class ReplayAnswer(Answer):
    """The answer of `srfleet replay --json`."""

    schema: ClassVar[str] = "srfleet.replay/1"
    key: Annotated[str, About("", "key of the source")]
    output_key: Annotated[str | None, About("", "key of the output")]
    outcome: Annotated[
        str, About("", "bit-identical file, bit-identical pixels, within rounding, or different")
    ]
    largest_difference: Annotated[
        float | None, About("levels of 255", "largest difference; null if the sizes differ")
    ]
    tolerated_levels: Annotated[
        float,
        About("levels of 255", "explained by rounding, in all but 1 of 200 values"),
    ]
    model: Annotated[str, About("", "model that made the image again")]
    engine: Annotated[str | None, About("", "its engine; null for interpolation")]
    precision: Annotated[str | None, About("", "its precision; null for interpolation")]
    sha256: Annotated[str, About("", "SHA-256 of the file made again")]
    output_sha256: Annotated[str | None, About("", "SHA-256 of the output")]

    @classmethod
    def of(cls, made: Replay, row: MetricsRow) -> ReplayAnswer:
        """Make the answer from a replay and the row of its image."""
        return cls(
            key=row.key,
            output_key=row.output_key,
            outcome=str(made.outcome),
            largest_difference=made.largest_difference,
            tolerated_levels=made.tolerated_levels,
            model=made.model,
            engine=made.engine,
            precision=made.precision,
            sha256=made.sha256,
            output_sha256=row.output_sha256,
        )
