"""One section of the benchmark: its text, and the samples that other sections use."""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, its Markdown, and numbers by name, one per repeat."""

    heading: str
    text: str
    samples: Mapping[str, Sequence[float]] = field(default_factory=dict)

    def markdown(self, level: int = 2) -> str:
        """Return heading and text."""
        return f"{'#' * level} {self.heading}\n\n{self.text.strip()}\n"

    def save(self, path: Path) -> None:
        """Write the section as JSON."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")


def load_section(path: Path) -> Section:
    """Read a section written by `save`."""
    return Section(**json.loads(path.read_text(encoding="utf-8")))


def run_alone(measure: Callable[[bool], Section]) -> None:
    """Run one section as a command: print its Markdown, or save it for the whole report."""
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__)
    parser.add_argument("--quick", action="store_true", help="tiny inputs, one repeat")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write JSON and print nothing")
    arguments = parser.parse_args()
    section = measure(arguments.quick)
    if arguments.save is None:
        print(section.markdown())
    else:
        section.save(arguments.save)


def say(text: str) -> None:
    """Print progress to standard error."""
    print(f"  {text}", file=sys.stderr, flush=True)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Format the median, with minimum and maximum if they differ."""
    middle, least, most = (
        f"{value:,.{digits}f}" for value in (statistics.median(values), min(values), max(values))
    )
    return middle if least == most else f"{middle} ({least} to {most})"


def ratios(values: Sequence[float], bases: Sequence[float]) -> list[float]:
    """Return the ratios of values from the same repeat."""
    return [value / base for value, base in zip(values, bases, strict=True)]
