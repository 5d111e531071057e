"""`python -m jobs` is `srfleet`."""

from jobs.cli.app import main

main()
