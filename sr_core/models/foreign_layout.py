"""Layouts of other people's weights, and the renaming of their tensors to ours."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from sr_core.models.network import Network

Tensors = dict[str, Tensor]
Rules = Sequence[tuple[str, str]]
"""Pairs of a module's original name, as a regular expression, and its name here, which is empty for
modules that have weights but are not used."""

SCALES = (1, 2, 4)
"""Scales of the networks that can be run."""


@dataclass(frozen=True, slots=True)
class Layout:
    """A layout in which networks are saved."""

    name: str
    marks: tuple[str, ...]
    """Regular expressions; a file has this layout if each of them matches a whole name in it."""
    build: Callable[[Tensors], Network]
    """Build the network from a file's tensors. Raises ValueError if they do not fit."""

    def matches(self, names: Sequence[str]) -> bool:
        """Return True if a file with these names has this layout."""
        return all(any(re.fullmatch(mark, name) for name in names) for mark in self.marks)


def rename(tensors: Tensors, rules: Rules) -> Tensors:
    """Return tensors under our names, in float32.

    Raises: ValueError naming the tensors that no rule knows.
    """
    renamed, unknown = {}, []
    for name, tensor in tensors.items():
        module, _, kind = name.rpartition(".")
        if kind == "num_batches_tracked":
            continue
        ours = _by_rules(module, rules)
        if ours is None:
            unknown.append(name)
        elif ours:
            renamed[f"{ours}.{kind}"] = tensor.float()
    if unknown:
        raise ValueError(f"{len(unknown)} of its tensors have no place in it: {some(unknown)}")
    return renamed


def _by_rules(module: str, rules: Rules) -> str | None:
    for pattern, template in rules:
        match = re.fullmatch(pattern, module)
        if match:
            return match.expand(template)
    return None


def some(names: Sequence[str]) -> str:
    """Return the first few names for a message."""
    return ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")


def count(tensors: Tensors, pattern: str) -> int:
    """Count the names that a regular expression matches as a whole."""
    return sum(re.fullmatch(pattern, name) is not None for name in tensors)


def shape(tensors: Tensors, name: str) -> Sequence[int]:
    """Return the shape of a convolution's weights, (out, in, rows, columns).

    Raises: ValueError if it is missing or has other dimensions.
    """
    tensor = tensors.get(name)
    if tensor is None:
        raise ValueError(f"it lacks what is {name} here")
    if tensor.dim() != 4:
        raise ValueError(f"what is {name} here has {tensor.dim()} dimensions, not 4")
    return tuple(tensor.shape)


def check_scale(scale: float) -> int:
    """Return a scale that can be run.

    Raises: ValueError.
    """
    if scale not in SCALES:
        raise ValueError(f"it upscales by {scale:g}; only 1, 2 and 4 can be run")
    return int(scale)


def load(network: Network, tensors: Mapping[str, Tensor]) -> Network:
    """Return the network with these weights.

    Raises: ValueError if one is missing, too many, or of another shape.
    """
    try:
        network.load_state_dict(tensors)
    except RuntimeError as error:
        problems = " ".join(str(error).split()).partition(": ")[2]
        raise ValueError(f"its weights do not fit, by our names: {problems[:300]}") from error
    return network
