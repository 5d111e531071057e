"""A network as an upscaler: tile by tile, in two levels, within a memory budget."""

from __future__ import annotations

import torch
from torch import Tensor

from sr_core import scratch
from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.pixels import Pixels
from sr_core.imaging.resample import resize_pixels
from sr_core.imaging.tensors import to_pixels, to_tensor
from sr_core.inference.border import Surrounded, border_cells, mirror
from sr_core.inference.download import Download
from sr_core.inference.engine import Engine, UnfitError, make_engine
from sr_core.inference.engines import open_engine
from sr_core.inference.graphed import GraphedEngine
from sr_core.inference.memory import is_out_of_memory
from sr_core.inference.quantised import Ranges
from sr_core.inference.tiling import Span, Tile, plan_tail_tiles
from sr_core.inference.upscaled import MadeBy, Upscaled
from sr_core.models.network import Network
from sr_core.records import Precision

# Smaller tiles than this compute mostly context; an image that fails with them fails.
SMALLEST_TILE_PX = 64 * 64
# On a CPU the tail is fastest while its maps fit the last cache.
CPU_TAIL_TILE_PX = 96 * 96
# Deeper networks see hundreds of cells, but are hardly affected by any beyond this many: with it no
# output value of RealESRGAN_x4plus (347 cells) moves by half a level of 255 (docs/models.md).
LARGEST_CONTEXT = 64

_PRECISIONS: dict[torch.dtype, Precision] = {
    torch.float32: "float32",
    torch.float16: "half",
    torch.bfloat16: "half",
    torch.int8: "int8",
}


class GeneratorUpscaler:
    """Upscale with a network, tile by tile within a memory budget.

    Only tiles go to the device; the image is assembled in host memory. There are two levels. The
    trunk sees far (37 LR pixels in the paper's network) and runs on large tiles; the tail needs
    most of the memory but sees 3 LR pixels, and runs in small tiles on the trunk's features.

    Tiles are exact if the trunk sees no further than LARGEST_CONTEXT, as the paper's does: the
    result does not depend on their size beyond the rounding of floats. Tiles of deeper networks
    have that much context; an image whose trunk fits the budget is one tile and exact.
    """

    def __init__(
        self,
        generator: Network,
        name: str,
        *,
        device: torch.device | str = "cpu",
        engine: str = "torch",
        precision: Precision = "half",
        ranges: Ranges | None = None,
        memory_budget_bytes: int = 1 << 30,
    ) -> None:
        """Load a network onto its device.

        Args:
            generator: the network; evaluated, on the CPU.
            name: name in tables.
            device: cpu or cuda.
            engine: see `open_engine`.
            precision: see `open_engine`.
            ranges: see `open_engine`.
            memory_budget_bytes: bound on what tiles may use on the device.
        """
        self.name, self.engine = name, engine
        self.scale = generator.scale
        self._generator = generator.eval()
        device = torch.device(device)
        self._engine = open_engine(generator, engine, device, ranges, precision)
        # On a CPU the inputs and outputs of every engine are float32.
        itemsize = 4 if device.type == "cpu" else self.dtype.itemsize
        # The trunk's features stay in memory while the tail runs; three quarters leave them room.
        trunk_values = memory_budget_bytes // itemsize
        tail_values = trunk_values * 3 // 4
        # Both in cells, which are pixels for most networks.
        self.trunk_px = max(SMALLEST_TILE_PX, trunk_values // generator.trunk_width)
        self.tail_px = max(SMALLEST_TILE_PX // 4, tail_values // generator.tail_width)
        if device.type == "cpu":
            self.tail_px = min(self.tail_px, CPU_TAIL_TILE_PX)

    @property
    def device(self) -> torch.device:
        """Device that the engine computes on."""
        return self._engine.device

    @property
    def dtype(self) -> torch.dtype:
        """Type that the engine multiplies."""
        return self._engine.dtype

    def network_scale(self, enlargement: float) -> int:  # noqa: ARG002 - it has one network
        """Return the scale of the network."""
        return self.scale

    @property
    def _reach(self) -> int:
        """Cells of context of a tile: the tail needs features beyond it, which must be exact."""
        network = self._generator
        return min(network.trunk_reach, LARGEST_CONTEXT) + network.tail_reach

    @property
    def _border(self) -> int:
        """Cells of the mirrored border on each side."""
        return border_cells(self._reach, self._generator.cell_px)

    def reference(self, pixels: Pixels) -> Pixels:
        """Return what the plain network makes of an image in one piece, in float32 on the CPU."""
        cell_px, scale = self._generator.cell_px, self.scale
        border_px = self._border * cell_px
        lr = to_tensor(mirror(pixels, border_px, cell_px))
        with torch.inference_mode():
            sr = self._generator(lr.expand(-1, 3, -1, -1))
        top, (height, width) = border_px * scale, (side * scale for side in pixels.shape[:2])
        return to_pixels(sr[..., top : top + height, top : top + width], pixels.dtype)

    def upscale(self, pixels: Pixels, height: int, width: int) -> Upscaled:
        """Upscale by the network's scale; resize by antialiased bicubic if another size is wanted.

        Memory that runs out halves the tiles, for this image and all later ones. An image that the
        engine computes badly is computed by torch in float32.
        """
        while True:
            try:
                native = self._upscale_native(pixels)
                break
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                if self.trunk_px <= SMALLEST_TILE_PX:
                    raise ImageError(
                        ErrorClass.OUT_OF_MEMORY,
                        f"not enough memory for tiles of {self.trunk_px} px",
                    ) from error
                self._halve_tiles()
        if native.pixels.shape[:2] == (height, width):
            return native
        return Upscaled(resize_pixels(native.pixels, height, width, "bicubic"), native.made_by)

    def compute(self, pixels: Pixels, engine: Engine | None = None) -> Pixels:
        """Upscale by the network's scale with one engine, the upscaler's own if none is given.

        Raises: UnfitError for an image that the engine computes badly; any out-of-memory error.
        """
        height, width = pixels.shape[:2]
        sr = self._run(pixels, engine or self._engine)
        return scratch.owned(sr[: height * self.scale, : width * self.scale])

    def _halve_tiles(self) -> None:
        self.trunk_px = max(SMALLEST_TILE_PX, self.trunk_px // 2)
        self.tail_px = max(SMALLEST_TILE_PX // 4, self.tail_px // 2)
        if isinstance(self._engine, GraphedEngine):
            self._engine.forget()
        if self._engine.device.type == "cuda":
            torch.cuda.empty_cache()

    def _upscale_native(self, pixels: Pixels) -> Upscaled:
        try:
            try:
                made_by = MadeBy(self.engine, _PRECISIONS[self.dtype], self.name, self.scale)
                return Upscaled(self.compute(pixels), made_by)
            except UnfitError:
                if self.dtype == torch.float32:
                    raise
                exact = make_engine(self._generator, self._engine.device)
                made_by = MadeBy("torch", "float32", self.name, self.scale)
                return Upscaled(self.compute(pixels, exact), made_by)
        except UnfitError as error:
            raise ImageError(ErrorClass.INTERNAL, f"{self.name}: {error}") from error

    def _run(self, pixels: Pixels, engine: Engine) -> Pixels:
        """Return the result for whole cells, which may be larger than the image."""
        image = Surrounded(pixels, self._generator.cell_px, self._border)
        height, width = (cells * image.cell_px * self.scale for cells in image.cells)
        sr: Pixels = scratch.empty((height, width, pixels.shape[2]), pixels.dtype)
        download = Download(sr, engine.device)
        for tile in image.tiles(self._reach, self.trunk_px):
            lr = to_tensor(image.window(tile))
            features = engine.trunk(lr.expand(-1, 3, -1, -1))
            self._run_tail(tile, features, engine, download)
        if not download.finish():  # half precision overflows on rare images
            raise UnfitError("values that are not finite")
        return sr

    def _run_tail(
        self, trunk_tile: Tile, features: Tensor, engine: Engine, download: Download
    ) -> None:
        scale, reach = self.scale * self._generator.cell_px, self._generator.tail_reach
        top, left = trunk_tile.rows.window_start, trunk_tile.columns.window_start
        for tile in plan_tail_tiles(trunk_tile, reach, self.tail_px):
            rows, columns = tile.rows, tile.columns
            image = engine.tail(
                features[
                    ...,
                    rows.window_start - top : rows.window_stop - top,
                    columns.window_start - left : columns.window_stop - left,
                ]
            )
            own = image[..., _own(rows, scale), _own(columns, scale)]
            download.put(
                own,
                slice(rows.start * scale, rows.stop * scale),
                slice(columns.start * scale, columns.stop * scale),
            )


def _own(span: Span, scale: int) -> slice:
    """Return the position of a tile in the result of its window."""
    return slice((span.start - span.window_start) * scale, (span.stop - span.window_start) * scale)
