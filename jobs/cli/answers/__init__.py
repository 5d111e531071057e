"""Answers in JSON: one dataclass per command with --json, documented in docs/json.md."""
