"""One self-contained HTML page: templates, inlined style and script, content-security policy."""

from __future__ import annotations

import base64
import hashlib

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from sr_core.page.text import duration, megapixels, number, sentence, sortable

_BASE = "sr_core.page"
_FILTERS = {
    "number": number,
    "megapixels": megapixels,
    "duration": duration,
    "sortable": sortable,
    "sentence": sentence,
}


class Pages:
    """Renders the page templates of a package, which extend base.html.j2 and base.css."""

    def __init__(
        self, package: str, *, style: str, script: str | None = None, images: str = "data:"
    ) -> None:
        """Find the templates.

        Args:
            package: has a folder named templates.
            style: file name of the style sheet, a template that may include base.css.
            script: file name of the script; None for pages without one.
            images: sources of images in the content-security policy.
        """
        self._style, self._script, self._images = style, script, images
        self._environment = Environment(
            loader=ChoiceLoader([PackageLoader(package), PackageLoader(_BASE)]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters |= _FILTERS | {"data_uri": data_uri}

    def render(self, template: str, **values: object) -> bytes:
        """Render a template as a UTF-8 page.

        Style and script are inlined and allowed by their hashes; every other script, style
        attribute, form and request is forbidden by the page's content-security policy.

        Args:
            template: its file name.
            values: variables of the template and of the style sheet.
        """
        style = self._environment.get_template(self._style).render(**values)
        script = self._environment.get_template(self._script).render() if self._script else None
        page = self._environment.get_template(template).render(
            style=Markup(style),  # noqa: S704 - files of this project
            script=None if script is None else Markup(script),  # noqa: S704
            policy=_policy(style, script, self._images),
            **values,
        )
        return page.encode("utf-8", "backslashreplace")


def data_uri(image: bytes) -> str:
    """Embed a PNG or JPEG file in an address, so that the page needs no second file."""
    kind = "png" if image.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(image).decode()}"


def _policy(style: str, script: str | None, images: str) -> str:
    scripts = "" if script is None else f"script-src '{_digest(script)}'; "
    return (
        f"default-src 'none'; img-src {images}; style-src '{_digest(style)}'; {scripts}"
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
