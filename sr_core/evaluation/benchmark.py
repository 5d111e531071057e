"""Benchmarks: folders of images, read as pairs of LR and HR."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sr_core.errors import ConfigurationError, ImageError
from sr_core.imaging.degradation import DEGRADATIONS, is_random, shrink
from sr_core.imaging.pixels import Pixels
from sr_core.imaging.resample import degrade
from sr_core.imaging.tensors import to_pixels, to_tensor

SMALLEST_SIDE_PX = 32
"""Shortest side of an HR image: LPIPS and SSIM need about that much."""
_HR_CUT_TO = 4
"""Multiple that the sides of HR images may have been cut to, in pixels."""
MADE_LR = "bicubic"
"""`lr_source` if there are no LR files."""


@dataclass(frozen=True, slots=True)
class Degradation:
    """The degradation of HR to LR: one of DEGRADATIONS, and the seed of a random one."""

    name: str = MADE_LR
    seed: int = 0

    def __post_init__(self) -> None:
        """Check the name.

        Raises: ConfigurationError.
        """
        if self.name not in DEGRADATIONS:
            known = ", ".join(DEGRADATIONS)
            raise ConfigurationError(f"--degradation must be one of {known}, not {self.name!r}")

    def __str__(self) -> str:
        return f"{self.name}, seed {self.seed}" if is_random(self.name) else self.name


@dataclass(frozen=True, slots=True)
class Pair:
    """One image: hr (H, W, C), with sides that are multiples of the scale, and its lr."""

    image: str
    lr: Pixels
    hr: Pixels


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A set of images. `lr_source` is the folder of the LR files, or how LR is made."""

    name: str
    scale: int
    lr_source: str
    files: tuple[tuple[Path, Path | None], ...]
    """HR and LR file of each image; without an LR file, LR is made from HR."""
    degradation: Degradation
    """How LR is made from HR if there are no LR files."""

    def pairs(self) -> Iterator[Pair]:
        """Yield the images in order of their names.

        Rows and columns of HR beyond a multiple of the scale are cut off at the bottom and right,
        and those of LR beyond HR, if HR may have been cut to a multiple of 4.

        Raises: ConfigurationError for an image that cannot be read, is too small, or whose LR has
            another size than it must have.
        """
        for hr_file, lr_file in self.files:
            yield self._pair(hr_file, lr_file)

    def _pair(self, hr_file: Path, lr_file: Path | None) -> Pair:
        whole = _read(hr_file)
        height, width = (side // self.scale for side in whole.shape[:2])
        hr = whole[: height * self.scale, : width * self.scale]
        if min(hr.shape[:2]) < SMALLEST_SIDE_PX:
            raise ConfigurationError(
                f"{hr_file} has {_size(whole)} px; the scores need {SMALLEST_SIDE_PX} a side"
            )
        if lr_file is None:
            name = _shown(hr_file)
            return Pair(name, make_lr(name, hr, self.scale, self.degradation), hr)
        whole_lr = _read(lr_file)
        lr = whole_lr[:height, :width]
        # The HR images of a set are cut for its largest scale, the LR images each for their own.
        beyond = max(have - need for have, need in zip(whole_lr.shape, lr.shape, strict=True))
        if lr.shape[:2] != (height, width) or beyond * self.scale >= _HR_CUT_TO:
            raise ConfigurationError(
                f"{lr_file} has {_size(whole_lr)} px, but {width}x{height} would be a "
                f"{self.scale}th of its HR image, which has {_size(whole)}"
            )
        return Pair(_shown(hr_file), lr, hr)


def make_lr(name: str, hr: Pixels, scale: int, degradation: Degradation) -> Pixels:
    """Make LR from HR, (H, W, C) with sides that are multiples of scale.

    The name and the seed determine a random degradation, so that an image is degraded alike
    whatever is degraded before it.
    """
    if not is_random(degradation.name):
        return to_pixels(degrade(to_tensor(hr), scale), hr.dtype)
    digest = hashlib.sha256(name.encode()).digest()
    rng = np.random.default_rng((degradation.seed, int.from_bytes(digest[:8], "big")))
    levels = hr if hr.dtype == np.uint8 else to_pixels(to_tensor(hr), np.dtype(np.uint8))
    colours = np.repeat(levels, 3, axis=2) if levels.shape[2] == 1 else levels[..., :3]
    return shrink(colours.astype(np.uint8, copy=False), scale, degradation.name, rng)


def open_benchmark(folder: Path, scale: int, degradation: Degradation | None = None) -> Benchmark:
    """List the images of a folder.

    Either it holds HR/, and LRx4/ with files of the same names if LR is given; or HR images.

    Args:
        folder: of the benchmark.
        scale: HR pixels per LR pixel.
        degradation: makes LR even if there are LR files; None uses these files, or bicubic if
            there are none.

    Raises: ConfigurationError if there is no such folder or no image in it, or if HR/ and LRx4/ do
        not hold the same names.
    """
    if not folder.is_dir():
        raise ConfigurationError(
            f"no benchmark folder {folder}: it must hold HR images, or HR/ and LRx{scale}/"
        )
    lr_folder = folder / f"LRx{scale}"
    has_parts, has_lr = (folder / "HR").is_dir(), lr_folder.is_dir()
    if has_lr and not has_parts:
        raise ConfigurationError(f"{folder} holds LRx{scale}/ but no HR/ to compare with")
    hr_files = _files(folder / "HR" if has_parts else folder)
    lr_files: list[Path] | list[None] = [None] * len(hr_files)
    if has_lr and degradation is None:
        lr_files = _files(lr_folder)
        _check_names(hr_files, lr_files)
    made = degradation or Degradation()
    return Benchmark(
        name=_name(folder),
        scale=scale,
        lr_source=lr_folder.name if has_lr and degradation is None else str(made),
        files=tuple(zip(hr_files, lr_files, strict=True)),
        degradation=made,
    )


def describe_lr(lr_source: str) -> str:
    """Return a phrase for `Benchmark.lr_source`."""
    if lr_source == MADE_LR:
        return "made from HR by antialiased bicubic"
    if lr_source.partition(",")[0] in DEGRADATIONS:
        return f"made from HR by the degradation {lr_source}"
    return f"files of {lr_source}"


def _files(folder: Path) -> list[Path]:
    """Return the files of a folder in order of name, except hidden ones such as .DS_Store."""
    files = [path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]
    if not files:
        raise ConfigurationError(f"{folder} holds no images")
    return sorted(files)


def _check_names(hr_files: list[Path], lr_files: list[Path]) -> None:
    hr_names, lr_names = ({path.name for path in files} for files in (hr_files, lr_files))
    for missing, folder, other in (
        (hr_names - lr_names, lr_files[0].parent, hr_files[0].parent),
        (lr_names - hr_names, hr_files[0].parent, lr_files[0].parent),
    ):
        if missing:
            more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
            raise ConfigurationError(
                f"{folder} lacks {min(missing)}{more}, which {other} holds; names must be the same"
            )


def _name(folder: Path) -> str:
    """Return a folder's name, with its parent's for a folder called HR."""
    folder = folder.resolve()
    return f"{folder.parent.name}-HR" if folder.name == "HR" else _shown(folder)


def _shown(path: Path) -> str:
    """Return a file name as valid Unicode, whatever bytes it has."""
    return path.name.encode("utf-8", "backslashreplace").decode()


def _read(path: Path) -> Pixels:
    from sr_core.imaging.codecs import Limits, decode  # noqa: PLC0415 - training may lack them

    limits = Limits(
        max_bytes=1 << 30, max_side_px=1 << 16, max_source_px=200_000_000, max_output_px=1 << 40
    )
    try:
        return decode(path.read_bytes(), limits).pages[0].pixels
    except ImageError as error:
        raise ConfigurationError(f"cannot evaluate on {path}: {error.message}") from error


def _size(pixels: Pixels) -> str:
    return f"{pixels.shape[1]}x{pixels.shape[0]}"
