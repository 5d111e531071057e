"""Twins: the networks for accuracy alone that GANs of the same pair are compared with."""

from __future__ import annotations

import threading
from collections.abc import Callable

from sr_core.inference.upscaled import Upscaler
from sr_core.models.catalogue import TWINS


class Twins:
    """Upscalers of twins, each opened when it is first needed. Safe to use from many threads."""

    def __init__(self, open_model: Callable[[str], Upscaler]) -> None:
        """Take the function that opens an upscaler by its model's name."""
        self._open, self._opened = open_model, dict[str, Upscaler]()
        self._lock = threading.Lock()

    def of(self, model: str) -> Upscaler | None:
        """Return the twin of a model; None if it has none."""
        name = TWINS.get(model)
        if name is None:
            return None
        with self._lock:
            if name not in self._opened:
                self._opened[name] = self._open(name)
            return self._opened[name]
