"""Image files upscaled in memory, without a run: for programs that bring their own loop."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

import pyarrow as pa

from sr_core.config import RunConfig
from sr_core.engine.bitonal import as_bitonal_as, with_policy
from sr_core.engine.choosing import choose_upscaler
from sr_core.engine.defaults import with_own_scale
from sr_core.engine.geometry import Geometry
from sr_core.engine.marks import Marks
from sr_core.errors import ImageError
from sr_core.imaging.codecs import decode, encode, losses, output_format
from sr_core.imaging.pixels import Page
from sr_core.inference.pages import UpscaledPage, upscale_page
from sr_core.inference.upscaled import Upscaler
from sr_core.inference.upscaler import open_upscaler
from sr_core.models.catalogue import scales_by_model, used_checkpoints
from sr_core.scratch import Blob

_COLUMNS = {
    "bytes": pa.large_binary(),  # a batch of outputs may exceed the 2 GiB of `binary`
    "format": pa.string(),
    "error_class": pa.string(),
    "error_message": pa.string(),
}


@dataclass(frozen=True, slots=True, eq=False)
class UpscaledFile:
    """An encoded output, its format (jpeg, png, webp, tiff, jxl or ptif), and what was given up."""

    data: Blob
    format: str
    warnings: tuple[str, ...]


class FileUpscaler:
    """Upscale the bytes of image files as a run with the same configuration would.

    Orientation is applied; EXIF, XMP, colour profile, transparency and bit depth are kept as in a
    run, and so is the mark, without a run id and a name. Nothing is measured or stored.

    An instance is a callable for Ray Data's `map_batches`: each actor constructs it once and then
    calls it with batches.

    Args:
        run: model, scale or target, format, quality, precision and limits.
        device: "cpu" or "cuda".
    """

    def __init__(self, run: RunConfig | None = None, *, device: str = "cpu") -> None:
        self._run = with_own_scale(run or RunConfig())
        model, scale, target = self._run.model, self._run.scale, self._run.target
        checkpoints = used_checkpoints(model, scale, target)
        self._upscaler = open_upscaler(
            model,
            device=device,
            precision=self._run.precision,
            scales=scales_by_model(checkpoints),
        )
        self._geometry = Geometry(self._run)
        self._marks = Marks(checkpoints) if self._run.mark else None

    def upscale(self, data: Blob) -> UpscaledFile:
        """Decode a file, upscale all its pages, and encode the result.

        Raises: ImageError; its `error_class` is what a run's row would hold.
        """
        picture = decode(data, self._geometry.limits, salvage=self._run.salvage)
        wanted = output_format(
            picture.format,
            self._run.format,
            len(picture.pages),
            bitonal=self._run.bitonal == "keep" and picture.pages[0].bitonal,
        )
        picture, _ = with_policy(picture, self._run.bitonal, wanted)
        self._geometry.check_output(picture, wanted)
        given_up = losses(picture, wanted, strip_gps=self._run.strip_gps, marked=self._run.mark)
        upscaler = choose_upscaler(self._upscaler, data, picture).upscaler
        made = [self._upscale_page(page, upscaler) for page in picture.pages]
        mark = None
        if self._marks is not None:
            mark = self._marks.of(made[0].made_by, hashlib.sha256(data).hexdigest())
        output = encode(
            replace(picture, pages=tuple(each.page for each in made)),
            wanted,
            self._run.quality,
            strip_gps=self._run.strip_gps,
            mark=mark,
        )
        return UpscaledFile(output, wanted, (*picture.warnings, *given_up))

    def __call__(self, batch: pa.Table) -> pa.Table:
        """Upscale the column `bytes` of a batch; other columns are returned unchanged.

        Adds `format`, `error_class` and `error_message`. A file that cannot be upscaled does not
        end the batch: its `bytes` and `format` are null, and the error columns say why.
        """
        rows = [self._row(data.as_py()) for data in batch.column("bytes")]
        for name, kind in _COLUMNS.items():
            values = pa.array([row.get(name) for row in rows], kind)
            position = batch.schema.get_field_index(name)
            if position < 0:
                batch = batch.append_column(name, values)
            else:
                batch = batch.set_column(position, name, values)
        return batch

    def _row(self, data: bytes) -> dict[str, object]:
        try:
            made = self.upscale(data)
        except ImageError as error:
            return {"error_class": str(error.error_class), "error_message": error.message}
        return {"bytes": bytes(made.data), "format": made.format}

    def _upscale_page(self, page: Page, upscaler: Upscaler) -> UpscaledPage:
        shape = self._geometry.output_shape(page.pixels)
        return as_bitonal_as(page, upscale_page(page, upscaler, *shape))
