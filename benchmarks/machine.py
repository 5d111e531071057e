"""The machine and the matrix speed of one of its cores: `python -m benchmarks.machine`.

No single library is fastest on every processor, so the peak is the fastest of several.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from statistics import median

import numpy as np
import torch
import torch.nn.functional as F

from benchmarks.section import Section, run_alone, say, spread, table

REPEATS = 5
SIDES = (512, 1024)
_BURST_S = 0.15
# Instruction sets that fast convolution and matrix kernels use.
_FLAGS = {
    "AVX2": "avx2",
    "AVX-512": "avx512f",
    "AVX-512 VNNI": "avx512_vnni",
    "AVX-512 bf16": "avx512_bf16",
    "AMX": "amx_tile",
}
_PACKAGES = ("openvino", "numpy", "ray", "pillow", "imagecodecs", "simplejpeg")
_CONVOLUTION = "torch, a 3x3 convolution"

Products = dict[str, Callable[[], object]]


def measure(quick: bool) -> Section:
    """Describe the machine, and measure its peaks in float32, bfloat16 and int8."""
    known = list(description())
    pin()
    rows: dict[str, dict[str, list[float]]] = {}
    with torch.inference_mode():
        kinds = {
            "float32": [single_precision(side) for side in SIDES],
            "bfloat16": [half_precision(side) for side in SIDES],
            "int8": [integers(side) for side in SIDES],
        }
        for repeat in range(1 if quick else REPEATS):
            say(f"matrix products, repeat {repeat + 1}")
            for kind, sizes in kinds.items():
                for name, rate in rates(sizes).items():
                    rows.setdefault(kind, {}).setdefault(name, []).append(rate)
    found = [
        [kind, name, spread(values, 0)] for kind, by in rows.items() for name, values in by.items()
    ]
    peaks = {
        f"peak.{kind}": [max(each) for each in zip(*by.values(), strict=True)]
        for kind, by in rows.items()
    }
    text = (
        table(["", ""], known)
        + "\nMatrix products on one core, the best of sides "
        + " and ".join(map(str, SIDES))
        + "; the largest number of a kind is its peak.\n\n"
        + table(["", "by", "G operations/s"], found)
    )
    return Section("Machine", text, peaks)


def pin() -> None:
    """Pin this process, and torch in it, to the last core that it may use."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    torch.set_num_threads(1)


def peak(sizes: list[Products]) -> float:
    """Return the operations per second of the fastest implementation."""
    return max(rates(sizes).values()) * 1e9


def rates(sizes: list[Products]) -> dict[str, float]:
    """Return G operations per second of every implementation, each at its best size."""
    best: dict[str, float] = {}
    for side, products in zip(SIDES, sizes, strict=True):
        for name, product in products.items():
            best[name] = max(best.get(name, 0.0), _rate(product, 2 * side**3))
    return best


def _rate(product: Callable[[], object], operations: int) -> float:
    """Return G operations per second of the median call in a short burst."""
    product()
    taken: list[float] = []
    end = time.perf_counter() + _BURST_S
    while (start := time.perf_counter()) < end:
        product()
        taken.append(time.perf_counter() - start)
    return operations / median(taken) / 1e9


def single_precision(side: int) -> Products:
    """Return products of two matrices of this side in float32."""
    a, b = torch.rand(side, side), torch.rand(side, side)
    left, right = a.numpy(), b.numpy()
    # The same number of multiplications, in the shape of a generator's layers.
    x, kernel = _convolution(side)
    products: Products = {
        "torch.mm": lambda: a @ b,
        "numpy": lambda: left @ right,
        _CONVOLUTION: lambda: F.conv2d(x, kernel, padding=1),
    }
    if find_spec("openvino") is not None:
        products["OpenVINO MatMul"] = _openvino_product(left, right)
    return products


def half_precision(side: int) -> Products:
    """Return products of two matrices of this side in bfloat16."""
    a, b = (torch.rand(side, side).bfloat16() for _ in range(2))
    return {"torch.mm": lambda: a @ b}


def integers(side: int) -> Products:
    """Return products of two matrices of this side in int8, if this torch has them."""
    a, b = (torch.randint(-100, 100, (side, side), dtype=torch.int8) for _ in range(2))
    multiply = getattr(torch, "_int_mm", None)
    return {} if multiply is None else {"torch._int_mm": lambda: multiply(a, b)}


def _convolution(side: int) -> tuple[torch.Tensor, torch.Tensor]:
    pixels = side**3 // (64 * 64 * 9)
    x = torch.rand(1, 64, pixels // 64, 64)
    kernel = torch.rand(64, 64, 3, 3)
    last = torch.channels_last
    return x.contiguous(memory_format=last), kernel.contiguous(memory_format=last)


def _openvino_product(left: np.ndarray, right: np.ndarray) -> Callable[[], object]:
    import openvino  # noqa: PLC0415 - of the extra `cpu`
    from openvino import opset13  # noqa: PLC0415

    argument = opset13.parameter(left.shape, np.float32)
    product = opset13.matmul(argument, opset13.constant(right), False, False)
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1}
    model = openvino.Model([product], [argument], "product")
    compiled = openvino.Core().compile_model(model, "CPU", settings)
    return lambda: compiled(left, share_inputs=True, share_outputs=True)


def description() -> Iterator[tuple[str, str]]:
    """Describe the machine, without anything that identifies it."""
    information = _cpu_information()
    flags = information.get("flags", "").split()
    has = [name for name, flag in _FLAGS.items() if flag in flags]
    yield "processor", information.get("model name") or platform.machine()
    yield "cores", f"{cores()}{', virtual' if 'hypervisor' in flags else ''}"
    yield "instructions", ", ".join(has) or "unknown"
    yield "without", ", ".join(name for name in _FLAGS if name not in has) or "none of these"
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    yield "memory", f"{pages / 2**30:.0f} GiB"
    yield "system", f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    yield "packages", ", ".join(_versions())


def cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _versions() -> Iterator[str]:
    yield f"torch {torch.__version__}"  # with what it was built for
    for package in _PACKAGES:
        try:
            yield f"{package} {version(package)}"
        except PackageNotFoundError:
            yield f"no {package}"


def _cpu_information() -> dict[str, str]:
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return {}
    first = path.read_text(encoding="utf-8").partition("\n\n")[0]
    pairs = (line.partition(":") for line in first.splitlines())
    return {key.strip(): value.strip() for key, _, value in pairs}


if __name__ == "__main__":
    run_alone(measure)
