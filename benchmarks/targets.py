"""Performance targets, compared with the measurements."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.section import spread, table

Samples = Mapping[str, Sequence[float]]


@dataclass(frozen=True, slots=True)
class Target:
    """A bound on the median of some samples."""

    what: str
    sample: str
    least: float | None = None
    most: float | None = None
    percent: bool = False

    def is_met(self, value: float) -> bool:
        """Return True if the unrounded median meets the bound."""
        return (self.least is None or value >= self.least) and (
            self.most is None or value <= self.most
        )

    def row(self, samples: Samples) -> list[str]:
        """Return the target and the result; a target that was not measured is not met."""
        factor, unit, digits = (100, " %", 1) if self.percent else (1, "", 2)
        bounds = ((self.least, "at least"), (self.most, "at most"))
        wanted = ", ".join(
            f"{relation} {bound * factor:g}{unit}"
            for bound, relation in bounds
            if bound is not None
        )
        values = samples.get(self.sample)
        if not values:
            return [self.what, wanted, "not measured", "no"]
        found = spread([value * factor for value in values], digits) + unit
        return [self.what, wanted, found, "yes" if self.is_met(median(values)) else "no"]


def _of_engine(name: str, of_peak: float, of_eager: float) -> Iterator[Target]:
    tile = f"engines.{name}.256"
    yield Target(f"{name}, 256 px tiles, of the peak", f"{tile}.of_peak", of_peak, percent=True)
    yield Target(f"{name}, 256 px tiles, times eager", f"{tile}.of_eager", of_eager)


TARGETS = (
    *_of_engine("openvino", 0.85, 2.4),
    *_of_engine("torch", 0.62, 1.8),
    Target("whole job with PNG, of the bare engine", "job.png.of_bare", 0.93, percent=True),
    Target("whole job with PNG, times the plain script", "job.png.of_plain_script", 3.0),
    Target("whole job with PNG, times Ray Data", "job.png.of_ray_data", 2.0),
    Target("lossless encoding (PNG), MP/s of a core", "codecs.write.png", 50.0),
    Target(
        "PSNR and SSIM, of the generator's time", "metrics.of_generator", most=0.03, percent=True
    ),
)


def targets_table(samples: Samples) -> str:
    """Return one line per target."""
    rows = [target.row(samples) for target in TARGETS]
    return table(["", "target", "measured: median (least to most)", "met"], rows)
