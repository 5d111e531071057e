"""Storage, manifest, plan, ledger and tables of a run."""
