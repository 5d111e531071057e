"""Speed and size of the codecs on one core: `python -m benchmarks.codecs [PHOTO...]`.

The photograph is enlarged, like the outputs of a run. Times are processor times, which a busy
machine affects little. Photographs given as arguments are measured at 12 megapixels each.
"""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.photographs import photographs
from benchmarks.section import Section, run_alone, say, spread, table
from sr_core.imaging.codecs import Limits, Page, Picture, decode, encode, probe, thumbnail

MEGAPIXELS = 6.0
OWN_MEGAPIXELS = 12.0
QUICK_MEGAPIXELS = 0.2
REPEATS = 3
FORMATS = ("jpeg", "png", "webp", "tiff", "jxl")
DEEP_FORMATS = ("png", "tiff", "jxl")
QUALITY = 95
_LIBRARY = "&nbsp; "
PILLOW_PNG = f"{_LIBRARY}Pillow PNG, level 1"
_LIMITS = Limits(1 << 32, 1 << 17, 1 << 30, 1 << 30)

Works = Mapping[str, Callable[[], object]]


def measure(quick: bool) -> Section:
    """Measure writing and reading of every format, next to the libraries' own codecs."""
    path = photographs()[4]
    return measure_photograph(
        path, QUICK_MEGAPIXELS if quick else MEGAPIXELS, 1 if quick else REPEATS
    )


def measure_photograph(path: Path, megapixels: float, repeats: int) -> Section:
    """Measure with one photograph, enlarged to `megapixels`."""
    pixels = enlarged(path, megapixels)
    height, width = pixels.shape[:2]
    writers = dict(writers_of(pixels))
    files = {name: encode(Picture((Page(pixels),)), name, QUALITY) for name in FORMATS}
    readers = dict(readers_of(files))
    written, sizes = time_in_turn(writers, height * width, repeats)
    read, _ = time_in_turn(readers, height * width, repeats)
    text = (
        f"A photograph of {width}x{height} px on one core; quality {QUALITY} where a format has "
        "one. Indented: libraries in our place.\n\n"
        + writers_table(written, sizes, height * width)
        + "\n"
        + table(["reading", "MP/s"], [[name, spread(rates, 1)] for name, rates in read.items()])
        + "\n"
        + headers_text(files)
    )
    samples = {f"codecs.write.{name}": rates for name, rates in written.items()}
    samples |= {f"codecs.read.{name}": rates for name, rates in read.items()}
    return Section("Codecs", text, samples)


def enlarged(path: Path, megapixels: float) -> NDArray[np.uint8]:
    """Decode and enlarge by bicubic interpolation; (H, W, 3) uint8."""
    pixels = decode(path.read_bytes(), _LIMITS).pages[0].pixels
    image = Image.fromarray(pixels).convert("RGB")
    factor = (megapixels * 1e6 / (image.width * image.height)) ** 0.5
    size = (round(image.width * factor), round(image.height * factor))
    return np.asarray(image.resize(size, Image.Resampling.BICUBIC))


def deepened(pixels: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """Return 16-bit pixels with camera-like noise in the lower bits."""
    noise = np.random.default_rng(0).integers(-48, 49, pixels.shape)
    return np.clip(pixels.astype(np.int32) * 257 + noise, 0, 65_535).astype(np.uint16)


def writers_of(pixels: NDArray[np.uint8]) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Return our own writers, and the libraries', by name."""
    shallow, deep = (Picture((Page(samples),)) for samples in (pixels, deepened(pixels)))
    for name in FORMATS:
        yield name, lambda name=name: encode(shallow, name, QUALITY)
    for name in DEEP_FORMATS:
        yield f"{name}, 16 bits", lambda name=name: encode(deep, name, QUALITY)
    image = Image.fromarray(pixels)
    yield f"{_LIBRARY}Pillow JPEG 4:4:4", lambda: saved(image, "JPEG", quality=95, subsampling=0)
    yield PILLOW_PNG, lambda: saved(image, "PNG", compress_level=1)
    yield f"{_LIBRARY}Pillow PNG, as it is", lambda: saved(image, "PNG")
    for name, strategy in (("default", 0), ("RLE", 3)):
        yield (
            f"{_LIBRARY}libpng level 1, up, {name}",
            lambda strategy=strategy: imagecodecs.png_encode(
                pixels, level=1, strategy=strategy, filter=32
            ),
        )
    yield f"{_LIBRARY}libspng level 1", lambda: imagecodecs.spng_encode(pixels, level=1)
    yield (
        f"{_LIBRARY}libpng level 1, up, RLE, 16 bits",
        lambda: imagecodecs.png_encode(deep.pages[0].pixels, level=1, strategy=3, filter=32),
    )


def readers_of(files: Mapping[str, bytes]) -> Iterator[tuple[str, Callable[[], object]]]:
    """Return our readers, Pillow's, and thumbnails, by name."""
    for name, data in files.items():
        yield name, lambda data=data: decode(data, _LIMITS)
    for name in ("jpeg", "png"):
        data = files[name]
        yield (
            f"{_LIBRARY}Pillow, {name}",
            lambda data=data: np.array(Image.open(io.BytesIO(data))),
        )
        yield f"thumbnail of {name}", lambda data=data: thumbnail(data, 320)


def time_in_turn(
    works: Works, area_px: int, repeats: int
) -> tuple[dict[str, list[float]], dict[str, int]]:
    """Return MP/s of each, one per repeat, and the size of each encoded output."""
    rates: dict[str, list[float]] = {name: [] for name in works}
    sizes: dict[str, int] = {}
    for repeat in range(repeats):
        say(f"{len(works)} codecs, repeat {repeat + 1} of {repeats}")
        for name, work in works.items():
            start = time.process_time()
            result = work()
            rates[name].append(area_px / 1e6 / (time.process_time() - start))
            if isinstance(result, bytes):
                sizes[name] = len(result)
    return rates, sizes


def writers_table(rates: Mapping[str, list[float]], sizes: Mapping[str, int], area_px: int) -> str:
    """Return one line per writer, with sizes of lossless ones relative to Pillow's PNG."""
    rows = []
    for name, values in rates.items():
        lossless = "16 bits" not in name and not any(
            word in name for word in ("jpeg", "JPEG", "webp")
        )
        share = f"{sizes[name] / sizes[PILLOW_PNG]:.2f}" if lossless else ""
        rows.append([name, spread(values, 1), f"{8 * sizes[name] / area_px:.2f}", share])
    return table(["writing", "MP/s", "bits/px", "of Pillow's PNG, level 1"], rows)


def headers_text(files: Mapping[str, bytes]) -> str:
    """Return a line on the time to read a header."""
    spent = {}
    for name, data in files.items():
        start = time.process_time()
        for _ in range(100):
            probe(data)
        spent[name] = (time.process_time() - start) / 100 * 1e6
    return "A header: " + ", ".join(f"{name} {us:.0f}" for name, us in spent.items()) + " µs.\n"


def saved(image: Image.Image, name: str, **options: int) -> bytes:
    """Write with Pillow."""
    file = io.BytesIO()
    image.save(file, name, **options)
    return file.getvalue()


if __name__ == "__main__":
    if sys.argv[1:] and not sys.argv[1].startswith("-"):
        for each in sys.argv[1:]:
            print(measure_photograph(Path(each), OWN_MEGAPIXELS, REPEATS).markdown())
    else:
        run_alone(measure)
