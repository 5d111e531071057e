"""Every actor has a GPU of its own: tested with GPUs that only Ray's configuration declares."""

import subprocess
import sys

SCRIPT = """
import os, ray
from jobs.cluster.connect import actor_options, choose_devices
from sr_core.config import ExecutionConfig

class Probe:
    def visible(self):
        return os.environ["CUDA_VISIBLE_DEVICES"]

ray.init(num_cpus=4, num_gpus=2, include_dashboard=False, log_to_driver=False,
         object_store_memory=80 << 20)
execution = ExecutionConfig()
devices = choose_devices(execution)
make = ray.remote(Probe).options(**actor_options(execution, devices.device)).remote
probes = [make() for _ in range(devices.actors)]
print(devices.device, sorted(ray.get([probe.visible.remote() for probe in probes])))
"""


def test_actors_see_one_gpu_each_and_not_the_same() -> None:
    run = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False
    )
    assert run.stdout.split("\n")[0] == "cuda ['0', '1']", run.stderr
