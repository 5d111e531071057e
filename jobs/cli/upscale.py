"""srfleet upscale: upscale an archive."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from jobs.cli.audit import FailOn, FailOnOption, describe_verdicts, is_failed_by
from jobs.cli.exit_codes import ExitCode
from jobs.cli.options import (
    ActorsOption,
    AddressOption,
    BitonalOption,
    DeviceOption,
    EngineOption,
    ExcludeOption,
    FormatOption,
    IncludeOption,
    JobOption,
    JobOutputArgument,
    JobSourceArgument,
    JsonOption,
    ModelOption,
    NoMarkOption,
    PrecisionOption,
    QualityOption,
    SalvageOption,
    ScaleOption,
    SidecarsOption,
    SignOption,
    StripGpsOption,
    TargetOption,
    TimesOption,
    TrustOption,
    build_job,
    run_options,
)
from jobs.cli.terminal import answers, notices
from sr_core.config import JobConfig

if TYPE_CHECKING:
    from jobs.upscale.observer import RunObserver, RunOutcome

EXAMPLES = (
    "srfleet upscale ./photos ./photos-x4",
    "srfleet upscale s3://archive/photos s3://archive/uhd --target 3840x2160 --format jpeg",
)

RetryFailedOption = Annotated[
    bool, typer.Option("--retry-failed", help="Try the failed images again.")
]
ExtendOption = Annotated[
    bool, typer.Option("--extend", help="Add files that are new in SOURCE since the plan.")
]
LogOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Append events to FILE, one JSON object per line.", hidden=True
    ),
]


def upscale(
    source: JobSourceArgument = None,
    output: JobOutputArgument = None,
    job: JobOption = None,
    include: IncludeOption = None,
    exclude: ExcludeOption = None,
    model: ModelOption = None,
    scale: ScaleOption = None,
    target: TargetOption = None,
    format_: FormatOption = None,
    quality: QualityOption = None,
    precision: PrecisionOption = None,
    bitonal: BitonalOption = None,
    strip_gps: StripGpsOption = None,
    salvage: SalvageOption = None,
    sidecars: SidecarsOption = None,
    no_mark: NoMarkOption = False,
    trust: TrustOption = None,
    c2pa_sign: SignOption = None,
    actors: ActorsOption = None,
    device: DeviceOption = None,
    engine: EngineOption = None,
    address: AddressOption = None,
    times: TimesOption = None,
    retry_failed: RetryFailedOption = False,
    extend: ExtendOption = False,
    fail_on: FailOnOption = None,
    json: JsonOption = False,
    log_json: LogOption = None,
) -> None:
    """Upscale every image of SOURCE into OUT. The same command resumes a stopped run."""
    configuration = build_job(
        job,
        source,
        output,
        run_options(
            model=model,
            scale=scale,
            target=target,
            format_=format_,
            quality=quality,
            precision=precision,
            bitonal=bitonal,
            strip_gps=strip_gps,
            salvage=salvage,
            sidecars=sidecars,
            no_mark=no_mark,
            trust=trust,
        ),
        {
            "actors": actors,
            "device": device,
            "engine": engine,
            "address": address,
            "times": times,
            "c2pa_sign": c2pa_sign,
        },
        include=include,
        exclude=exclude,
    )
    raise typer.Exit(
        drive(
            configuration,
            retry_failed=retry_failed,
            extend=extend,
            fail_on=fail_on,
            json=json,
            log=log_json,
        )
    )


def drive(
    job: JobConfig,
    *,
    retry_failed: bool = False,
    extend: bool = False,
    repair: bool = False,
    fail_on: FailOn | None = None,
    json: bool = False,
    log: Path | None = None,
) -> ExitCode:
    """Drive a run to its end and print its outcome.

    Raises: as `jobs.upscale.run.upscale`, and ConfigurationError for a log that cannot be written.
    """
    from jobs.cli.display import Display, Observers
    from jobs.cli.event_log import EventLog
    from jobs.upscale.run import upscale as bring_to_its_end

    with ExitStack() as open_observers:
        observers: list[RunObserver] = [open_observers.enter_context(Display(notices()))]
        event_log = open_observers.enter_context(EventLog(log, job)) if log is not None else None
        if event_log is not None:
            observers.append(event_log)
        ended = bring_to_its_end(
            job, Observers(*observers), retry_failed=retry_failed, extend=extend, repair=repair
        )
        if event_log is not None:
            event_log.finish(ended)
    _answer(ended, json=json)
    if ended.images_failed:
        notices().say("the report names the failed images; --retry-failed tries them again")
    if is_failed_by(ended.verdicts, fail_on):
        notices().say(f"--fail-on {fail_on}: `srfleet audit {ended.root_uri}` lists the images")
        return ExitCode.GATE
    return ExitCode.FAILED_IMAGES if ended.images_failed else ExitCode.DONE


def _answer(ended: RunOutcome, *, json: bool) -> None:
    from jobs.cli.answers.upscale import UpscaleAnswer
    from jobs.cli.display import noun, outcome

    if json:
        answers().data(UpscaleAnswer.of(ended).json_text())
        return
    counted = outcome(ended.statuses, ended.error_classes, ended.salvaged)
    answers().say(f"{ended.images} {noun(ended.statuses)}: {counted}")
    if ended.sidecars:
        answers().say(f"sidecars: {ended.sidecars} copied")
    answers().say(f"verdicts: {describe_verdicts(ended.verdicts)}")
    if ended.report_uri is not None:
        answers().say(f"report: {ended.report_uri}")
    if ended.root_hash is not None:
        answers().say(f"root hash: {ended.root_hash}")
