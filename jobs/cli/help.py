"""Help in two lengths: --help shows the common options of a command, --help-all every one.

An option declared with `hidden=True` is left out of --help, so that it fits one screen.
"""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand, TyperOption

HELP_ALL = "--help-all"


class Command(TyperCommand):
    """A command with --help-all, if it has options that --help leaves out."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Take the arguments of a TyperCommand."""
        super().__init__(*args, **kwargs)
        self._rare = [each for each in self.params if isinstance(each, TyperOption) and each.hidden]
        self._examples = self.epilog
        if self._rare:
            hint = f"{HELP_ALL} shows {len(self._rare)} more options."
            self.epilog = "\n\n".join(filter(None, (hint, self.epilog)))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: D102
        options = args[: args.index("--")] if "--" in args else args
        if self._rare and HELP_ALL in options:
            for each in self._rare:
                each.hidden = False
            self.epilog = self._examples
            args = ["--help"]
        return super().parse_args(ctx, args)
