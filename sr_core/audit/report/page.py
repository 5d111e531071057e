"""One self-contained HTML page: templates, inlined style and script, content-security policy."""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup


def render(template: str, *, kinds: Sequence[str] = (), **values: Any) -> bytes:
    """Render a template as a UTF-8 page that loads nothing.

    Style and script are inlined and allowed by their hashes; every other script, style attribute,
    form and request is forbidden by the page's content-security policy.

    Args:
        template: its file name.
        kinds: of a closed list, the classes (`is-<kind>`) that filters can choose.
        values: what the template asks for.
    """
    style = _ENVIRONMENT.get_template("page.css").render(kinds=kinds)
    script = _ENVIRONMENT.get_template("page.js").render()
    policy = (
        f"default-src 'none'; img-src data:; style-src '{_digest(style)}'; "
        f"script-src '{_digest(script)}'; base-uri 'none'; form-action 'none'"
    )
    page = _ENVIRONMENT.get_template(template).render(
        style=Markup(style),  # noqa: S704 - files of this package
        script=Markup(script),  # noqa: S704
        policy=policy,
        **values,
    )
    return page.encode("utf-8", "backslashreplace")


def data_uri(image: bytes) -> str:
    """Put a PNG or JPEG file into an address, so that the page needs no second file."""
    kind = "png" if image.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(image).decode()}"


def number(value: float | None, digits: int = 0) -> str:
    """Write a number for a reader: 1,234.5, a dash where it is undefined, the sign of infinity."""
    if value is None or math.isnan(value):
        return "\N{EN DASH}"
    if math.isinf(value):
        return "\N{INFINITY}" if value > 0 else "\N{MINUS SIGN}\N{INFINITY}"
    return f"{value:,.{digits}f}".replace("-", "\N{MINUS SIGN}")


def megapixels(value: float) -> str:
    """Write megapixels with the prefix that suits them."""
    for limit, unit, digits in ((1e6, "TP", 1), (1e3, "GP", 1), (10, "MP", 0)):
        if value >= limit:
            return f"{number(value / (limit if limit > 10 else 1), digits)} {unit}"
    return f"{number(value, 1)} MP"


def duration(seconds: float) -> str:
    """Write a time in its two largest units."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{number(hours)} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def sortable(value: float | None) -> str:
    """Write a number for the script that sorts; nothing where it is undefined."""
    if value is None or math.isnan(value):
        return ""
    return str(value).replace("inf", "Infinity")


def sentence(text: str) -> str:
    """Begin a text with a capital letter."""
    return text[:1].upper() + text[1:]


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


_ENVIRONMENT = Environment(
    loader=PackageLoader("sr_core.audit.report", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_ENVIRONMENT.filters |= {
    "data_uri": data_uri,
    "number": number,
    "megapixels": megapixels,
    "duration": duration,
    "sortable": sortable,
    "sentence": sentence,
}
