"""srfleet repair: make missing and damaged outputs of a run again."""

from __future__ import annotations

from typing import Annotated

import typer

from jobs.cli.exit_codes import ExitCode
from jobs.cli.options import (
    ActorsOption,
    AddressOption,
    DeviceOption,
    EngineOption,
    JsonOption,
    RootArgument,
    SignOption,
)
from jobs.cli.terminal import answers, notices
from sr_core.errors import ConfigurationError, DamagedError

EXAMPLES = (
    "srfleet repair ./photos-x4",
    "srfleet repair s3://archive/photos-x4 --model my.safetensors",
)

CheckpointOption = Annotated[
    str | None,
    typer.Option("--model", metavar="FILE", help="Checkpoint of a run with your own weights."),
]


def repair(
    root: RootArgument,
    model: CheckpointOption = None,
    c2pa_sign: SignOption = None,
    actors: ActorsOption = None,
    device: DeviceOption = None,
    engine: EngineOption = None,
    address: AddressOption = None,
    json: JsonOption = False,
) -> None:
    """Make every missing or damaged output of the run in OUT again, in a round of its own.

    Reads all outputs. A damaged output is kept, and its image gets one with another name; the
    latest row counts. Sources must be those that were planned. The same command resumes.

    Exit codes: 0 done; 3 an image failed; 5 tables of the run are damaged; 75 not finished.
    """
    from jobs.cli.upscale import drive
    from jobs.upscale.repair import repair_job
    from sr_core.archive.ledger.ledger import Ledger
    from sr_core.archive.storage import open_store

    store = open_store(root)
    record = Ledger(store).run()
    if record is None:
        raise ConfigurationError(f"{store.uri} holds no run: it has no run.json")
    config = record.config | ({} if model is None else {"model": model})
    job = repair_job(root, config, record.source_uri)
    chosen: dict[str, object] = {
        "actors": actors,
        "device": device,
        "engine": engine,
        "address": address,
        "c2pa_sign": c2pa_sign,
    }
    named = {name: value for name, value in chosen.items() if value is not None}
    execution = type(job.execution).model_validate(named)
    try:
        code = drive(job.model_copy(update={"execution": execution}), repair=True, json=json)
    except DamagedError as error:
        notices().say(f"error: {error}", style="bold red")
        notices().say("repair makes outputs again, not tables: restore this object from a copy")
        raise typer.Exit(ExitCode.DAMAGE) from error
    if not json:
        answers().say(f"srfleet verify {root} checks the run again")
    raise typer.Exit(code)
