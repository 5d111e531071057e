"""Outputs in other people's programs: Pillow, libvips and Chromium show the pixels we wrote."""

from __future__ import annotations

import asyncio
import base64
import io
import itertools
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import pyvips
from numpy.typing import NDArray
from PIL import Image

from sr_core import scratch
from sr_core.imaging.codecs import LOSSY, Metadata, Page, Picture, decode, encode, jpeg_strips
from tests.browser import Tab, browser, find_chromium
from tests.image_files import LIMITS, exif_block, srgb_profile
from tests.photograph import photograph

HEIGHT, WIDTH = 50, 37
DEEP = ("png", "tiff", "jxl")
"""Formats that keep 16 bits."""
IN_STRIPS = ("png", "tiff", "jpeg")
"""Formats whose large pictures are written in another way."""
LEVELS = {False: 0, True: 8}
"""By which readers may differ: of lossy formats some, as inverse transforms round differently."""


class Case(NamedTuple):
    """One kind of output."""

    name: str
    channels: int
    bits: int
    alpha: bool
    large: bool

    def __str__(self) -> str:
        """Name the test."""
        kind = {1: "grey", 3: "rgb"}[self.channels]
        return f"{self.name} {kind}{self.bits}" + " alpha" * self.alpha + " large" * self.large


CASES = [
    case
    for case in itertools.starmap(
        Case,
        itertools.product(
            ("jpeg", "png", "webp", "tiff", "jxl"), (1, 3), (8, 16), (False, True), (False, True)
        ),
    )
    if (case.bits == 8 or case.name in DEEP)
    and (not case.alpha or case.name != "jpeg")
    and (not case.large or case.name in IN_STRIPS)
]
every_case = pytest.mark.parametrize("case", CASES, ids=str)


def written(case: Case) -> tuple[bytes, NDArray[Any]]:
    """Encode a photograph with all the metadata that an output carries.

    Returns:
        The file, and what is in it, (H, W, channels and alpha): as we read it where it is lossy.
    """
    dtype = np.uint8 if case.bits == 8 else np.uint16
    alpha = photograph(HEIGHT, WIDTH, 1, dtype, seed=5)[..., 0] if case.alpha else None
    page = Page(photograph(HEIGHT, WIDTH, case.channels, dtype), alpha)
    profile = srgb_profile() if case.channels == 3 else None
    metadata = Metadata(exif_block(), icc=profile, dpi=(300.0, 300.0))
    with pytest.MonkeyPatch.context() as patch:
        if case.large:
            patch.setattr(scratch, "limit_bytes", 0)
            patch.setattr(jpeg_strips, "_STRIP_PX", 0)
            for module in ("png_write", "tiff_write"):
                patch.setattr(f"sr_core.imaging.codecs.{module}._STRIP_BYTES", 1000)
        data = encode(Picture((page,), metadata), case.name, 95)[:]
    if case.name in LOSSY:
        page = decode(data, LIMITS).pages[0]
    return data, page.pixels if page.alpha is None else np.dstack([page.pixels, page.alpha])


def assert_shows(found: NDArray[Any], wanted: NDArray[Any], case: Case) -> None:
    assert found.dtype == wanted.dtype
    difference = np.abs(found.astype(np.int64) - wanted.astype(np.int64)).max()
    assert difference <= LEVELS[case.name in LOSSY]


@every_case
def test_pillow_opens_it(case: Case) -> None:
    data, wanted = written(case)
    if case.name == "jxl":
        pytest.skip("Pillow has no reader of JPEG XL")
    if case.name == "tiff" and (case.channels, case.bits, case.alpha) == (1, 16, True):
        pytest.skip("Pillow has no mode of 16-bit grey with alpha in TIFF")
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        assert image.size == (WIDTH, HEIGHT)
        found = np.array(image)
    if case.bits == 16 and not (case.channels == 1 and not case.alpha):
        # Pillow has no such modes: it cuts to 8 bits, or in grey with alpha to RGBA of 8.
        wanted = (wanted >> 8).astype(np.uint8)
        found = found[..., [0, -1]] if found.ndim == 3 and wanted.shape[2] == 2 else found
    elif found.ndim == 3 and wanted.shape[2] == 2 and found.shape[2] == 4:
        found = found[..., [0, 3]]  # WebP has no grey
    elif found.ndim == 3 and wanted.shape[2] == 1:
        found = found[..., :1]
    found = found.reshape(HEIGHT, WIDTH, -1)
    assert_shows(found, wanted.astype(found.dtype), case)


@every_case
def test_libvips_opens_it(case: Case) -> None:
    if not pyvips.type_find("VipsForeign", f"{case.name}load_buffer"):
        pytest.skip(f"this libvips has no loader of {case.name}")
    data, wanted = written(case)
    found = pyvips.Image.new_from_buffer(data, "").numpy().reshape(HEIGHT, WIDTH, -1)
    if found.shape[2] > wanted.shape[2]:  # WebP has no grey
        found = found[..., [0, 3]] if case.alpha else found[..., :1]
    assert_shows(found, wanted, case)


SHOWN = [case for case in CASES if case.name in ("jpeg", "png", "webp")]
DRAW = """
new Promise(resolve => {
  const image = new Image();
  image.onerror = () => resolve(null);
  image.onload = () => {
    const canvas = document.createElement('canvas');
    canvas.width = image.naturalWidth;
    canvas.height = image.naturalHeight;
    const context = canvas.getContext('2d');
    context.drawImage(image, 0, 0);
    const {data} = context.getImageData(0, 0, canvas.width, canvas.height);
    resolve([canvas.width, canvas.height, [...data]]);
  };
  image.src = SOURCE;
})
"""


async def shown(files: dict[Case, bytes], folder: Path) -> dict[Case, Any]:
    """Let a browser draw each file; returns [width, height, RGBA], or None where it is broken."""
    (folder / "page.html").write_text("<!doctype html><title>outputs</title>")
    async with browser(folder / "profile") as tab:
        await tab.open(folder / "page.html", 200, 200)
        return {case: await drawn(tab, case, data) for case, data in files.items()}


async def drawn(tab: Tab, case: Case, data: bytes) -> Any:
    source = f"data:image/{case.name};base64,{base64.b64encode(data).decode()}"
    expression = DRAW.replace("SOURCE", json.dumps(source))
    said = await tab.call(
        "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
    )
    return said["result"].get("value")


@pytest.mark.skipif(find_chromium() is None, reason="no chromium is installed")
def test_chromium_shows_it(tmp_path: Path) -> None:
    files = {case: written(case) for case in SHOWN}
    answers = asyncio.run(shown({case: data for case, (data, _) in files.items()}, tmp_path))
    for case, (_, wanted) in files.items():
        assert answers[case] is not None, f"{case} is broken"
        width, height, values = answers[case]
        assert (width, height) == (WIDTH, HEIGHT), case
        found = np.array(values, np.uint8).reshape(HEIGHT, WIDTH, 4)
        levels = np.rint(wanted * (255.0 / np.iinfo(wanted.dtype).max)).astype(np.int64)
        # A canvas premultiplies, which costs colours all the more levels the less of them is seen.
        opaque = found[..., 3:].astype(np.int64) / 255
        colours = np.abs(found[..., :3] - levels[..., : case.channels]) * opaque
        assert colours.max() <= 2 + LEVELS[case.name in LOSSY], case
        alpha = levels[..., -1] if case.alpha else 255
        assert np.abs(found[..., 3] - alpha).max() <= 1, case
