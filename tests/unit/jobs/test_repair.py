"""The job of a repair, from the record of its run."""

from __future__ import annotations

import pytest

from jobs.upscale.repair import repair_job
from sr_core.errors import ConfigurationError
from tests.support.small_run import CONFIG


def test_a_repair_has_the_configuration_of_its_run() -> None:
    job = repair_job("out", CONFIG, "photos")
    assert (job.source, job.output, job.run.scale) == ("photos", "out", CONFIG["scale"])


def test_a_record_that_was_changed_is_refused_in_a_line() -> None:
    with pytest.raises(ConfigurationError, match=r"run\.json of out .* scale.*2 or 4") as raised:
        repair_job("out", CONFIG | {"scale": "x"}, "photos")
    assert "\n" not in str(raised.value)
