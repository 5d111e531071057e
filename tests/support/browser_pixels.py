"""Pixels that Chromium shows of image files."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tests.support.browser import browser


class Shown(NamedTuple):
    """Pixels that a browser shows of files, by name; None if it could not open one."""

    pixels: Mapping[str, NDArray[np.uint8] | None]
    unknown: frozenset[str]
    """Files of formats that the browser does not claim to support."""
    complaints: list[str]


# A canvas always premultiplies its colours, whichever option is set; see seen_error.
PIXELS_OF = """(image => {
    if (!image.naturalWidth) return null;
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
    const context = canvas.getContext('2d', {colorSpace: 'srgb'});
    context.drawImage(image, 0, 0);
    const {data} = context.getImageData(0, 0, canvas.width, canvas.height);
    return [canvas.height, btoa(Array.from(data, byte => String.fromCharCode(byte)).join(''))];
})"""


async def show(files: Mapping[str, tuple[str, bytes]], folder: Path) -> Shown:
    """Show files, each a format and bytes, in one page of a browser.

    They are embedded in the page: a canvas does not reveal the pixels of other files.
    """
    parts = ["<!doctype html><meta charset=utf-8><title>Outputs</title>"]
    for name, (format, data) in files.items():  # noqa: A001
        address = f"data:image/{format};base64,{base64.b64encode(data).decode()}"
        source = f'<source type="image/{format}" srcset="{address}">'
        parts.append(f'<picture>{source}<img id="{name}" alt=""></picture>')
    path = folder / "outputs.html"
    path.write_text("\n".join(parts))
    pixels: dict[str, NDArray[np.uint8] | None] = {}
    unknown = set()
    async with browser(folder / "profile") as tab:
        await tab.open(path, 800, 600)
        for name in files:
            image = f"document.getElementById('{name}')"
            if not await tab.ask(f"{image}.currentSrc"):
                unknown.add(name)
            found = await tab.ask(f"{PIXELS_OF}({image})")
            pixels[name] = None
            if found is not None:
                values = np.frombuffer(base64.b64decode(found[1]), np.uint8)
                pixels[name] = values.reshape(found[0], -1, 4)
        return Shown(pixels, frozenset(unknown), tab.complaints)
