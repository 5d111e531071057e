"""Other people's checkpoints: find the weights in a file, recognise their layout, load them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from sr_core.errors import ConfigurationError
from sr_core.models.foreign_layout import Layout, Tensors
from sr_core.models.foreign_ports import PORT_LAYOUTS
from sr_core.models.foreign_sr import SR_LAYOUTS
from sr_core.models.network import Network

LAYOUTS: tuple[Layout, ...] = (*SR_LAYOUTS, *PORT_LAYOUTS)

_WRAPPERS = (
    *("params_ema", "params", "state_dict", "model_state_dict", "generator_state_dict"),
    *("generator", "netG", "net_g", "model", "net"),
)
"""Names under which training programs store a generator's weights, averaged ones first."""
_PREFIXES = ("module.", "_orig_mod.", "generator.", "netG.", "net_g.", "net.")
"""Prefixes that wrappers (parallel, compiled, a pair of networks) put before a network's names."""


def find_weights(content: Mapping[str, Any], path: Path) -> Tensors:
    """Return a generator's tensors from the nested content of a training program's file.

    Args:
        content: content of the file.
        path: path of the file, for messages.

    Raises: ConfigurationError if there are none.
    """
    inside = content
    while True:
        inner = {name: value for name, value in inside.items() if isinstance(value, Mapping)}
        known = [name for name in _WRAPPERS if name in inner]
        if not known and any(isinstance(value, Tensor) for value in inside.values()):
            break
        if not known and len(inner) != 1:
            found = ", ".join(list(map(str, content))[:6]) or "nothing"
            raise ConfigurationError(f"{path} holds no network's weights; it has {found}")
        inside = inner[known[0] if known else next(iter(inner))]
    tensors = {str(name): value for name, value in inside.items() if isinstance(value, Tensor)}
    while True:
        prefixes = [p for p in _PREFIXES if any(name.startswith(p) for name in tensors)]
        if not prefixes:
            return tensors
        tensors = {
            name.removeprefix(prefixes[0]): tensor
            for name, tensor in tensors.items()
            if name.startswith(prefixes[0])
        }


def load_foreign(tensors: Tensors, path: Path) -> tuple[Network, str]:
    """Build a network from somebody else's weights.

    Args:
        tensors: the weights, under their original names.
        path: path of the file, for messages.

    Returns:
        The network, float32, on the CPU, in evaluation mode; and the name of its layout.

    Raises: ConfigurationError for an unknown layout, or weights that do not fit the known one.
    """
    names = list(tensors)
    for layout in LAYOUTS:
        if layout.matches(names):
            try:
                return layout.build(tensors).eval(), layout.name
            except ValueError as error:
                raise ConfigurationError(f"{path} looks like {layout.name}, but {error}") from error
    raise ConfigurationError(f"{path} {_what_it_is(tensors)}")


def _what_it_is(tensors: Tensors) -> str:
    first = ", ".join(
        f"{name} ({'x'.join(map(str, tensor.shape))})" for name, tensor in list(tensors.items())[:4]
    )
    if any(tensor.dim() > 1 and tensor.shape[0] == 1 for tensor in tensors.values()):
        return (
            "holds a discriminator, which cannot upscale; take the generator of the "
            f"same training (it has {len(tensors)} tensors, first {first})"
        )
    known = "; ".join(layout.name for layout in LAYOUTS)
    return (
        f"has an unknown layout: {len(tensors)} tensors, first {first}. Known are "
        f"srfleet's own; {known}. docs/models.md says how each is recognised"
    )
