"""The base of all answers, and the fields that several of them share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Annotated, ClassVar

from jobs.cli.json_text import to_text
from sr_core.errors import ErrorClass
from sr_core.records import Status


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of a command with --json."""

    schema: ClassVar[str]

    def json_text(self) -> str:
        """Write the answer as one JSON object, with its schema first."""
        named = {each.name: getattr(self, each.name) for each in fields(self)}
        return to_text({"schema": self.schema} | named, indent=2)


@dataclass(frozen=True, slots=True)
class About:
    """The unit and meaning of a field; docs/json.md lists them."""

    unit: str
    meaning: str


RunId = Annotated[str, About("", "id of the run")]
Source = Annotated[str, About("", "URI of the source")]
Root = Annotated[str, About("", "URI of the output root")]
Model = Annotated[str, About("", "name of the model, or path of a checkpoint")]
Scale = Annotated[int, About("", "output pixels per input pixel along each side")]
Licence = Annotated[str | None, About("", "licence of the weights; null if not stated")]
RootHash = Annotated[
    str | None, About("", "hash over the whole run; null if version 0.1.0 closed it")
]
Images = Annotated[int, About("images", "images of the run")]
Statuses = Annotated[dict[str, int], About("images", "committed images by status")]
Salvaged = Annotated[int, About("images", "images with an output of which only a part was decoded")]
ErrorClasses = Annotated[dict[str, int], About("images", "failed images by error class")]
Skipped = Annotated[dict[str, int], About("files", "skipped files by class")]


def every_status(statuses: Mapping[Status, int]) -> dict[str, int]:
    """Return counts of all statuses, zeros included."""
    return {str(status): statuses.get(status, 0) for status in Status}


def by_name(classes: Mapping[ErrorClass, int]) -> dict[str, int]:
    """Return counts by the names of error classes."""
    return {str(name): count for name, count in classes.items()}
