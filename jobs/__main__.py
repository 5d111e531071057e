"""`python -m jobs` is `srfleet`."""

from jobs.cli import main

main()
