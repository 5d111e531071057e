"""The images of a repair: those whose output is missing or damaged."""

from __future__ import annotations

import pyarrow as pa
from pydantic import ValidationError

from sr_core.archive.ledger.layout import RUN_KEY
from sr_core.archive.ledger.snapshot import Snapshot
from sr_core.audit.verify.checks import verify
from sr_core.audit.verify.findings import Kind
from sr_core.config import JobConfig, RunConfig, describe
from sr_core.engine.prepare import OpenRun
from sr_core.engine.rounds import FurtherImages, planned_images
from sr_core.errors import ConfigurationError


def repair_job(root: str, record_config: dict[str, object], source_uri: str) -> JobConfig:
    """Return the job of a run as its record has it, without a certificate to sign with.

    Raises: ConfigurationError if the record was changed to what is no configuration.
    """
    settings = {name: value for name, value in record_config.items() if name != "signed"}
    try:
        run = RunConfig.model_validate(settings)
    except ValidationError as error:
        message = f"{RUN_KEY} of {root} has no configuration of this version: {describe(error)}"
        raise ConfigurationError(message) from error
    return JobConfig(source=source_uri, output=root, run=run)


def damaged_images(run: OpenRun, state: Snapshot) -> FurtherImages:
    """Verify a run, and return the images whose outputs must be made again.

    A damaged output stays where it is: its image gets an output with another name.
    """
    found = verify(run.ledger.store).findings
    kinds = (Kind.MISSING_OUTPUT, Kind.DAMAGED_OUTPUT)
    wrong = [each for each in found if each.kind in kinds and each.image_id is not None]
    taken = frozenset(each.subject for each in wrong if each.kind is Kind.DAMAGED_OUTPUT)
    ids = {each.image_id for each in wrong if each.image_id is not None}
    manifest: pa.Table = planned_images(run, state, ids)
    return FurtherImages(manifest, taken)
