"""All metrics of one image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sr_core.imaging.alpha import Alpha
from sr_core.imaging.pixels import Pixels
from sr_core.imaging.resample import resize_pixels
from sr_core.metrics.blind import colour_drift, lr_psnr, sharpness_gain
from sr_core.metrics.heap import keep_freed_memory
from sr_core.metrics.reference import compare_y
from sr_core.metrics.similarity import SSIM_WINDOW_PX
from sr_core.metrics.trust import Worst, measure_trust
from sr_core.metrics.trust.measures import LEAST_PX
from sr_core.metrics.trust.transparency import alpha_error
from sr_core.metrics.trust.twin import twin_error
from sr_core.records import Spots

_SELF_WINDOW_PX = 512
"""Longest side of the self-reference window; bounds the cost of upscaling a source twice."""
_TWIN_WINDOW_PX = 256
"""Longest side of the source window that the twin upscales."""
_SELF_LR_PX = 8
"""Shortest side of the shrunk window; below it, everything is border."""

_Pair = tuple[float | None, float | None]


@dataclass(frozen=True, slots=True)
class Measures:
    """The metric columns of a row; None if undefined. `METRICS` describes them."""

    psnr_y_db: float | None
    ssim_y: float | None
    self_psnr_y_db: float | None
    self_ssim_y: float | None
    self_psnr_y_bicubic_db: float | None
    self_ssim_y_bicubic: float | None
    lr_psnr_db: float | None
    colour_drift_delta_e: float | None
    sharpness_gain: float | None
    block_error: float | None = None
    outlier: float | None = None
    blank_share: float | None = None
    clipped_share: float | None = None
    shift_px: float | None = None
    cast_levels: float | None = None
    step_levels: float | None = None
    grid_levels: float | None = None
    blocking: float | None = None
    detail_gain: float | None = None
    texture_excess: float | None = None
    grey_colour_levels: float | None = None
    alpha_error_levels: float | None = None
    twin_error: float | None = None
    spots: Spots = field(default_factory=dict)
    """Worst spot of each measure of trust that is defined."""
    warnings: tuple[str, ...] = ()
    """Warnings for the user; appended to the row's warnings."""


def measure(
    source: Pixels,
    output: Pixels,
    *,
    upscale: Callable[[Pixels], Pixels] | None,
    scale: int,
    reference: Pixels | None,
    alpha: tuple[Alpha, Alpha] | None = None,
    twin: Callable[[Pixels, int], Pixels] | None = None,
) -> Measures:
    """Measure one upscaled image.

    Args:
        source: (H, W, C) uint8 or uint16.
        output: (H, W, C) of any height and width; channels of the source.
        upscale: the upscaler of the output, (h, w, C) -> (scale * h, scale * w, C). If None, the
            self_ metrics are None.
        scale: scale of `upscale`; also the border, in pixels, cropped in comparisons of Y.
        reference: the ideal output, if known. Its size, or its size rounded down to a multiple of
            scale, must be the output's; otherwise a warning replaces the comparison.
        twin: the twin of the output's upscaler, which gets pixels and the scale; None for no
            comparison with it.
        alpha: alpha of source and output, (H, W) each, of one dtype; None if either has none.

    Returns:
        All measures; None if undefined.
    """
    keep_freed_memory()
    psnr_y_db, ssim_y, warnings = _against_reference(output, reference, scale)
    own, bicubic = _against_self(source, upscale, scale)
    lr_psnr_db, drift, trust = _against_source(output, source)
    if alpha is not None and trust:
        trust["alpha_error_levels"] = _alpha_error(*alpha)
    departure = None if twin is None else _against_twin(source, output, twin)
    if departure is not None:
        trust["twin_error"] = departure
    return Measures(
        psnr_y_db=psnr_y_db,
        ssim_y=ssim_y,
        self_psnr_y_db=own[0],
        self_ssim_y=own[1],
        self_psnr_y_bicubic_db=bicubic[0],
        self_ssim_y_bicubic=bicubic[1],
        lr_psnr_db=lr_psnr_db,
        colour_drift_delta_e=drift,
        sharpness_gain=sharpness_gain(output, source),
        spots={name: {"x_px": worst.x_px, "y_px": worst.y_px} for name, worst in trust.items()},
        warnings=warnings,
        **{name: worst.value for name, worst in trust.items()},
    )


def _against_reference(
    output: Pixels, reference: Pixels | None, scale: int
) -> tuple[float | None, float | None, tuple[str, ...]]:
    """Return PSNR and SSIM of Y, and warnings."""
    if reference is None:
        return None, None, ()
    size, whole = output.shape[:2], reference.shape[:2]
    if size not in (whole, (whole[0] // scale * scale, whole[1] // scale * scale)):
        found, wanted = f"{whole[1]}x{whole[0]} px", f"{size[1]}x{size[0]} px"
        return None, None, (f"reference not compared: it has {found}, the output has {wanted}",)
    if min(size) < SSIM_WINDOW_PX + 2 * scale:
        return None, None, (f"reference not compared: {size[1]}x{size[0]} px is too small",)
    return *compare_y(output, reference[: size[0], : size[1]], scale), ()


def _against_self(
    source: Pixels, upscale: Callable[[Pixels], Pixels] | None, scale: int
) -> tuple[_Pair, _Pair]:
    """Shrink the centre of the source and upscale it with `upscale` and with bicubic.

    Returns:
        PSNR and SSIM of `upscale`, PSNR and SSIM of bicubic.
    """
    height, width = (min(side, _SELF_WINDOW_PX) // scale for side in source.shape[:2])
    if upscale is None or min(height, width) < _SELF_LR_PX:
        return (None, None), (None, None)
    rows, columns = height * scale, width * scale
    top, left = (source.shape[0] - rows) // 2, (source.shape[1] - columns) // 2
    hr = source[top : top + rows, left : left + columns]
    lr = resize_pixels(hr, height, width, "bicubic")
    bicubic = resize_pixels(lr, rows, columns, "bicubic")
    return compare_y(upscale(lr), hr, scale), compare_y(bicubic, hr, scale)


def _against_source(output: Pixels, source: Pixels) -> tuple[float | None, float, dict[str, Worst]]:
    """Return LR-PSNR, colour drift and the measures of trust, at the smaller of both sizes.

    An output smaller than its source cannot hold all its detail: only its colours are compared.
    """
    (height, width), (rows, columns) = output.shape[:2], source.shape[:2]
    if height < rows or width < columns:
        return None, colour_drift(output, resize_pixels(source, height, width, "bicubic")), {}
    shrunk = resize_pixels(output, rows, columns, "bicubic")
    trust = measure_trust(source, shrunk, output)
    return lr_psnr(shrunk, source), colour_drift(shrunk, source), trust


def _alpha_error(source: Alpha, output: Alpha) -> Worst:
    height, width = source.shape
    shrunk = resize_pixels(output[..., None], height, width, "bicubic")[..., 0]
    return alpha_error(source, shrunk, (output.shape[0], output.shape[1]))


def _against_twin(
    source: Pixels, output: Pixels, twin: Callable[[Pixels, int], Pixels]
) -> Worst | None:
    """Compare a window at the centre with the twin's; None if the scale is not a whole number."""
    height, width = source.shape[:2]
    scale = output.shape[0] // height
    if scale < 1 or (height * scale, width * scale) != output.shape[:2]:
        return None
    down, across = min(height, _TWIN_WINDOW_PX), min(width, _TWIN_WINDOW_PX)
    if min(down, across) < LEAST_PX:
        return None
    top, left = (height - down) // 2, (width - across) // 2
    made = twin(source[top : top + down, left : left + across].copy(), scale)
    rows, columns = (
        slice(start * scale, (start + length) * scale)
        for start, length in ((top, down), (left, across))
    )
    found = twin_error(output[rows, columns], made)
    return Worst(found.value, found.x_px + left * scale, found.y_px + top * scale)
