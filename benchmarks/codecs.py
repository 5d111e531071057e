"""Time what the codecs do with photographs: megapixels a second of one core, and sizes.

Run as `python -m benchmarks.codecs PHOTO...`. Photographs are enlarged to about 12 megapixels, as
the outputs of a run are. Times are processor times of the process, so a busy machine disturbs
them little; the best of three counts.
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from sr_core.imaging.codecs import Limits, Page, Picture, decode, encode, probe, thumbnail

_MEGAPIXELS = 12.0
_REPEATS = 3
_LIMITS = Limits(1 << 32, 1 << 17, 1 << 30, 1 << 30)
_ROW = "{:<34} {:>9} {:>8} {:>9}"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print one table per photograph."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("photo", type=Path, nargs="+")
    for path in parser.parse_args(arguments).photo:
        pixels = enlarged(path)
        height, width = pixels.shape[:2]
        print(f"\n{path.name}, {width}x{height} px, {height * width / 1e6:.1f} MP")
        print(_ROW.format("", "MP/s", "MB", "bits/px"))
        measure_writers(pixels)
        measure_readers(pixels)


def enlarged(path: Path) -> NDArray[np.uint8]:
    """Decode and enlarge by bicubic interpolation to about 12 megapixels; (H, W, 3) uint8."""
    pixels = decode(path.read_bytes(), _LIMITS).pages[0].pixels
    image = Image.fromarray(pixels).convert("RGB")
    factor = max(1.0, (_MEGAPIXELS * 1e6 / (image.width * image.height)) ** 0.5)
    size = (round(image.width * factor), round(image.height * factor))
    return np.asarray(image.resize(size, Image.Resampling.BICUBIC))


def deepened(pixels: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """Make 16 bits with noise of a camera's size in the lower ones."""
    noise = np.random.default_rng(0).integers(-48, 49, pixels.shape)
    return np.clip(pixels.astype(np.int32) * 257 + noise, 0, 65_535).astype(np.uint16)


def measure_writers(pixels: NDArray[np.uint8]) -> None:
    """Time our own writers beside what the libraries offer for PNG."""
    area = pixels.shape[0] * pixels.shape[1]
    shallow, deep = (Picture((Page(samples),)) for samples in (pixels, deepened(pixels)))
    for name in ("jpeg", "png", "webp", "tiff", "jxl"):
        show(f"write {name}", area, lambda name=name: encode(shallow, name, 95))
    for name in ("png", "tiff", "jxl"):
        show(f"write {name}, 16 bits", area, lambda name=name: encode(deep, name, 95))
    image = Image.fromarray(pixels)
    show("  Pillow JPEG 95 4:4:4", area, lambda: saved(image, "JPEG", quality=95, subsampling=0))
    show("  Pillow PNG level 1", area, lambda: saved(image, "PNG", compress_level=1))
    for name, strategy in (("default", 0), ("Huffman", 2), ("RLE", 3)):
        show(
            f"  libpng level 1, up, {name}",
            area,
            lambda strategy=strategy: imagecodecs.png_encode(
                pixels, level=1, strategy=strategy, filter=32
            ),
        )
    show("  libspng level 1", area, lambda: imagecodecs.spng_encode(pixels, level=1))
    show(
        "  libpng level 1, up, RLE, 16 bits",
        area,
        lambda: imagecodecs.png_encode(deep.pages[0].pixels, level=1, strategy=3, filter=32),
    )


def measure_readers(pixels: NDArray[np.uint8]) -> None:
    """Time decoding, header probes and thumbnails."""
    area = pixels.shape[0] * pixels.shape[1]
    picture = Picture((Page(pixels),))
    files = {name: encode(picture, name, 95) for name in ("jpeg", "png", "webp", "tiff", "jxl")}
    for name, data in files.items():
        show(f"read {name}", area, lambda data=data: decode(data, _LIMITS))
    for name in ("jpeg", "png"):
        data = files[name]
        show(f"  Pillow, {name}", area, lambda data=data: np.array(Image.open(io.BytesIO(data))))
        show(f"thumbnail of {name}", area, lambda data=data: thumbnail(data, 320))
    for name, data in files.items():
        spent = processor_time(lambda data=data: [probe(data) for _ in range(100)])[0] / 100
        print(f"header of {name}: {spent * 1e6:.0f} us")


def show(label: str, area_px: int, work: Callable[[], object]) -> None:
    """Print one line of the table."""
    spent, result = processor_time(work)
    size = len(result) if isinstance(result, bytes) else None
    print(
        _ROW.format(
            label,
            f"{area_px / 1e6 / spent:.1f}",
            "" if size is None else f"{size / 1e6:.2f}",
            "" if size is None else f"{8 * size / area_px:.2f}",
        )
    )


def processor_time(work: Callable[[], object]) -> tuple[float, object]:
    """Return the least processor time of three calls in seconds, and the last result."""
    best = float("inf")
    result: object = None
    for _ in range(_REPEATS):
        start = time.process_time()
        result = work()
        best = min(best, time.process_time() - start)
    return best, result


def saved(image: Image.Image, name: str, **options: int) -> bytes:
    """Write with Pillow."""
    file = io.BytesIO()
    image.save(file, name, **options)
    return file.getvalue()


if __name__ == "__main__":
    main()
