"""A metric: how it is named, shown, judged and computed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Direction = Literal["higher", "lower", "none"]
Need = Literal["nothing", "a reference", "the upscaler", "the twin"]


@dataclass(frozen=True, slots=True)
class Metric:
    """A number per image: a column of the metrics table, or derived from several columns.

    Undefined values are null in tables and NaN in arrays; docs/metrics.md has formulas and sources.
    """

    name: str
    """Column of the metrics table; of a derived metric, the name of the derived number."""
    label: str
    unit: Literal["dB", "ΔE", "×", "px", "levels", "ms/MP", ""]
    digits: int
    """Decimal places in reports."""
    direction: Direction
    """Better values; "none" if neither direction is better, so that it never ranks an image."""
    grain: float
    """Least difference that matters, however uniform the rest of a run is."""
    needs: Need
    """Input beyond the source and the output."""
    description: str
    """One line for tables and reports, without a capital or a full stop."""
    protocol: str
    """Exact computation, in one sentence."""
    blind_spot: str = ""
    """Faults that it cannot show, in a few words; empty if docs/metrics.md alone has them."""
    has_spot: bool = False
    """True if column `spots` of the metrics table has the place where it is worst."""
    columns: tuple[str, ...] = ()
    """Columns of the metrics table that a derived metric is computed from."""
    derive: Callable[[Sequence[Values]], Values] | None = None
    """Computes a derived metric from the values of `columns`; None if it is measured."""

    @property
    def is_derived(self) -> bool:
        """True if the metric is computed from columns instead of being one."""
        return self.derive is not None

    @property
    def read_columns(self) -> tuple[str, ...]:
        """Columns of the metrics table that hold the values."""
        return self.columns if self.is_derived else (self.name,)

    def values(self, columns: Mapping[str, Values]) -> Values:
        """Return the values of all images; NaN if undefined.

        Args:
            columns: values by name, with at least `read_columns`.

        Raises: KeyError for a missing column.
        """
        read = [columns[name] for name in self.read_columns]
        return read[0] if self.derive is None else self.derive(read)

    def best(self, values: Iterable[float]) -> float:
        """Return the best of some values.

        Raises: ValueError for no values, or for a metric without a direction.
        """
        if self.direction == "none":
            raise ValueError(f"{self.name} has no direction")
        return max(values) if self.direction == "higher" else min(values)
