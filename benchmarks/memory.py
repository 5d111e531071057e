"""What an actor's memory comes to on large outputs: `python -m benchmarks.memory`.

Each output in a process of its own, through the real pipeline with the default budget. Prints
Markdown; the source is one of the samples, enlarged. A 50 MP output takes minutes on a CPU.
"""

from __future__ import annotations

import argparse
import math
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

from jobs.actors import IMAGE_BYTES_PER_PX
from jobs.demo import SAMPLES
from jobs.prepare import open_run, plan_round, put_plan
from sr_core.config import ExecutionConfig, JobConfig, RunConfig

OUTPUT_MEGAPIXELS = (1.0, 12.0, 50.0)


def main() -> None:
    """Measure each size in a process of its own, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output-megapixels", type=float, help="measure one size, in MiB")
    parser.add_argument("--model", default="srresnet")
    arguments = parser.parse_args()
    if arguments.output_megapixels is not None:
        print(measure(arguments.output_megapixels, arguments.model))
        return
    print(f"budget {ExecutionConfig().memory_budget_mb} MiB, {arguments.model}\n")
    print("| output, MP | peak, MiB | above an idle actor |\n| --- | --- | --- |")
    idle = None
    for megapixels in (0.0, *OUTPUT_MEGAPIXELS):
        command = [sys.executable, "-m", "benchmarks.memory", "--model", arguments.model]
        command += ["--output-megapixels", str(megapixels)]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        peak = float(said.split()[-1])
        idle = peak if idle is None else idle
        print(f"| {megapixels:g} | {peak:.0f} | {peak - idle:.0f} |")


def measure(output_megapixels: float, model: str) -> float:
    """Upscale one photograph, or none for 0; returns the process's peak memory in MiB."""
    # Here: the process that prints the table needs no torch.
    from sr_core.inference.upscaler import open_upscaler  # noqa: PLC0415
    from sr_core.pipeline import ShardWorker  # noqa: PLC0415
    from sr_core.stages import Stages  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source"
        source.mkdir()
        height = round(math.sqrt(max(output_megapixels, 0.01) * 1e6 * 3 / 4) / 4)
        with Image.open(SAMPLES / "hr" / "osprey.jpg") as image:
            image.resize((height * 4 // 3, height)).save(source / "photograph.png")
        job = JobConfig(source=str(source), output=f"{folder}/out", run=RunConfig(model=model))
        run, manifest = open_run(job)
        put_plan(run, plan_round(run, manifest, 0, 1, lambda: 1.0))
        budget = job.execution.memory_budget_mb << 20
        upscaler = open_upscaler(model, memory_budget_bytes=budget // 2)
        stages = Stages(
            run.source.store, run.ledger.store, run.record.run_id, job.run, upscaler, deadline_s=60
        )
        worker = ShardWorker(
            run.ledger.store,
            stages,
            io_threads=job.execution.io_threads,
            budget_megapixels=budget / 2 / IMAGE_BYTES_PER_PX / 1e6,
            worker="bench",
        )
        if output_megapixels:
            statuses = worker.process(0, 0, "bench").statuses
            if set(statuses) != {"ok"}:
                raise RuntimeError(f"the photograph ended as {statuses}")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
