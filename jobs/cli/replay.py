"""srfleet replay: make the pixels of one image again, and compare them with its output."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from jobs.cli.exit_codes import ExitCode
from jobs.cli.explain import ImageArgument
from jobs.cli.options import EngineOption, JsonOption, RootArgument
from jobs.cli.repair import CheckpointOption
from jobs.cli.terminal import answers
from sr_core.errors import ConfigurationError

if TYPE_CHECKING:
    from sr_core.engine.replay import Replay

EXAMPLES = (
    "srfleet replay ./photos-x4 1998/summer/012.jpg",
    "srfleet replay s3://archive/photos-x4 images/1998/012.jpg --engine torch",
)

ReplayDeviceOption = Annotated[str, typer.Option("--device", help="cpu or cuda.")]


def replay(
    root: RootArgument,
    image: ImageArgument,
    model: CheckpointOption = None,
    device: ReplayDeviceOption = "cpu",
    engine: EngineOption = None,
    json: JsonOption = False,
) -> None:
    """Make one output of the run in OUT again from its source, and compare the pixels.

    Needs the source as it was, and the weights of the run. Nothing is written.

    Exit codes: 0 identical, or within the rounding of the engine; 5 different.
    """
    from jobs.cli.answers.replay import ReplayAnswer
    from jobs.upscale.replay import replay_image
    from sr_core.archive.storage import open_store
    from sr_core.audit.lineage import trace
    from sr_core.engine.replay import Outcome

    found = trace(open_store(root), image)
    steps = [step for step in found.steps if step.row is not None]
    if not steps or steps[-1].row is None:
        raise ConfigurationError(f"{found.key} has no row yet: the run is not finished")
    row = steps[-1].row
    made = replay_image(root, found.run, steps[-1].planned, row, model, device, engine)
    if json:
        answers().data(ReplayAnswer.of(made, row).json_text())
    else:
        answers().say(f"{row.output_key}: {_described(made)}")
    raise typer.Exit(ExitCode.DAMAGE if made.outcome is Outcome.DIFFERENT else ExitCode.DONE)


def _described(made: Replay) -> str:
    by = made.model if made.engine is None else f"{made.model}, {made.engine} in {made.precision}"
    if made.largest_difference is None:
        return f"{made.outcome}: another size than {by} makes"
    if not made.largest_difference:
        return f"{made.outcome}, made again by {by}"
    return (
        f"{made.outcome}: {by} differs by at most {made.largest_difference:.1f} of 255 levels; "
        f"rounding explains {made.tolerated_levels:g} in all but 1 of 200 values"
    )
