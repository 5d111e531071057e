"""The answers of srfleet models and srfleet export."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from jobs.cli.answers.answer import About, Answer, Licence, Model, Scale

if TYPE_CHECKING:
    from jobs.models.export import Exported
    from jobs.models.listing import ListedModel


@dataclass(frozen=True, slots=True)
class ListedAnswer:
    """One of the `models` of `srfleet models --json`."""

    model: Model
    scale: Scale
    licence: Licence
    generative: Annotated[bool | None, About("", "true if it invents detail; null for checkpoints")]
    description: Annotated[str, About("", "purpose, or layout of the checkpoint")]


@dataclass(frozen=True, slots=True)
class ModelsAnswer(Answer):
    """The answer of `srfleet models --json`."""

    schema: ClassVar[str] = "srfleet.models/1"
    models: Annotated[list[ListedAnswer], About("", "one object for each network, see below")]

    @classmethod
    def of(cls, found: list[ListedModel]) -> ModelsAnswer:
        """Make the answer from a list of models."""
        return cls(
            [
                ListedAnswer(each.name, each.scale, each.licence, each.generative, each.description)
                for each in found
            ]
        )


@dataclass(frozen=True, slots=True)
class ExportAnswer(Answer):
    """The answer of `srfleet export --json`."""

    schema: ClassVar[str] = "srfleet.export/1"
    file: Annotated[str, About("", "path of the ONNX file")]
    model: Annotated[str, About("", "name of the model")]
    scale: Scale
    licence: Licence
    checkpoint_sha256: Annotated[str, About("", "SHA-256 of the checkpoint's file")]
    size_bytes: Annotated[int, About("bytes", "size of the ONNX file")]
    largest_difference: Annotated[
        float | None,
        About("range of the image", "difference from torch; null without onnxruntime"),
    ]

    @classmethod
    def of(cls, found: Exported) -> ExportAnswer:
        """Make the answer from an export."""
        return cls(
            file=str(found.path),
            model=found.model,
            scale=found.scale,
            licence=found.licence,
            checkpoint_sha256=found.checkpoint_sha256,
            size_bytes=found.size_bytes,
            largest_difference=found.largest_difference,
        )
