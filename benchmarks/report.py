"""The generated part of docs/benchmarks.md, between two markers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from benchmarks.section import Section
from benchmarks.targets import targets_table

BEGIN = "<!-- begin: written by `make bench` -->"
END = "<!-- end: written by `make bench` -->"
TITLE = "# Benchmarks\n"


def generated(
    sections: Sequence[Section], failures: Mapping[str, str], day: date, *, picture: str | None
) -> str:
    """Return the text for all results of one run of the benchmark.

    Args:
        sections: in their order.
        failures: the sections that ended in an error, and how.
        day: of the run.
        picture: path of the plot, from the document.
    """
    samples = all_samples(sections)
    parts = [
        f"Measured on {day.isoformat()} by one run of `make bench`: the sides of each table in "
        "turn, over and over; medians, with the least and the most in brackets. Ratios are those "
        "of one repeat, then the median of these.\n",
        "## Targets\n\n" + targets_table(samples),
    ]
    if failures:
        parts.append(
            "\n".join(f"**Not measured, {name}:** {why}\n" for name, why in failures.items())
        )
    if picture is not None:
        parts.append(f"![Output megapixels per second by side and by engine]({picture})\n")
    parts += [section.markdown() for section in sections]
    return "\n".join(parts)


def all_samples(sections: Sequence[Section]) -> dict[str, Sequence[float]]:
    """Return the numbers of all sections."""
    return {name: values for section in sections for name, values in section.samples.items()}


def write(path: Path, text: str) -> None:
    """Replace the text between the markers of a document."""
    before, after = f"{TITLE}\n", ""
    if path.exists():
        standing = path.read_text(encoding="utf-8")
        before, _, rest = standing.partition(BEGIN)
        after = rest.partition(END)[2]
        if standing.count(BEGIN) != 1 or standing.count(END) != 1 or END in before:
            raise ValueError(f"{path} must hold {BEGIN} once, and after it {END} once")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        f"{before}{BEGIN}\n\n{text.strip()}\n\n{END}{after or chr(10)}", encoding="utf-8"
    )
