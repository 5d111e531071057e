"""Plant faults into known-good outputs and count those found: `python -m benchmarks.faults FOLDER`.

FOLDER keeps the upscaled windows and all values, so that the command resumes; the slow part is
`python -m benchmarks.faults.outputs FOLDER`, which comes first. Prints Markdown.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.faults.outputs import PRECISION
from benchmarks.faults.tables import report
from benchmarks.faults.values import WRONG, measure_windows, read_values


def main() -> None:
    """Measure what is missing, and print the table of each model."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--models", nargs="+", default=list(WRONG), choices=list(WRONG))
    parser.add_argument("--only-print", action="store_true", help="measure nothing new")
    arguments = parser.parse_args()
    for model in arguments.models:
        path = arguments.folder / f"values-{model}-{PRECISION}.jsonl"
        if not arguments.only_print:
            measure_windows(arguments.folder, model, path)
        print(report(model, read_values(path)))


if __name__ == "__main__":
    main()
