"""Whole runs with small real pictures, written through the ledger: input of reports."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from sr_core.archive.ledger.ledger import Ledger
from sr_core.archive.storage import Store, open_store
from sr_core.errors import ErrorClass
from sr_core.records import ManifestRow, MetricsRow, PlannedImage, Status
from tests.support.small_run import CONFIG, plan_bytes, record

SCALE = 4
MEASURED: dict[str, Any] = {
    "self_psnr_y_db": 29.0,
    "self_ssim_y": 0.9,
    "self_psnr_y_bicubic_db": 28.0,
    "self_ssim_y_bicubic": 0.85,
    "lr_psnr_db": 46.0,
    "colour_drift_delta_e": 0.4,
    "sharpness_gain": 2.0,
    "upscale_ms": 10.0,
}


class PhotoRun:
    """A source and its run in a folder; add images, then write them in shards of three."""

    def __init__(self, folder: Path, **config: Any) -> None:
        self.source = open_store(str(_made(folder / "source")))
        self.store = open_store(str(_made(folder / "run")))
        self.ledger = Ledger(self.store)
        self.record = self.ledger.open_run(
            record(source_uri=self.source.uri, config=CONFIG | {"model": "srresnet"} | config)
        )
        self._images: list[PlannedImage] = []
        self._rows: list[MetricsRow] = []

    def add(
        self,
        key: str,
        *,
        reference_key: str | None = None,
        size: tuple[int, int] = (24, 16),
        **columns: Any,
    ) -> None:
        """Add a successful image with source and output; `columns` override measured values."""
        lr = scene(key, *size)
        source, output = png(lr), png(lr.resize((lr.width * SCALE, lr.height * SCALE)))
        if self.source.head(key) is None:
            self.source.put_if_absent(key, source)
        output_key = f"images/{key}"
        self.store.put_if_absent(output_key, output)
        described = {
            "source_sha256": hashlib.sha256(source).hexdigest(),
            "width_in_px": lr.width,
            "height_in_px": lr.height,
            "output_key": output_key,
            "width_out_px": lr.width * SCALE,
            "height_out_px": lr.height * SCALE,
            "output_size_bytes": len(output),
            "output_sha256": hashlib.sha256(output).hexdigest(),
        }
        image = ManifestRow(image_id(key), key, reference_key=reference_key)
        self._append(image, status=Status.OK, **(described | MEASURED | columns))

    def fail(self, key: str, error_class: ErrorClass, message: str = "it is broken") -> None:
        """Add a failed image."""
        image = ManifestRow(image_id(key), key)
        self._append(
            image,
            status=Status.FAILED,
            error_class=error_class,
            error_message=message,
        )

    def write(self, *, shards: int | None = None) -> Store:
        """Freeze the plan and commit the first `shards`, or all of them and the round if None."""
        self.ledger.put_plan(0, plan_bytes(self.record.run_id, self._images))
        for shard in sorted({row.shard for row in self._rows})[:shards]:
            self.ledger.commit(0, shard, [row for row in self._rows if row.shard == shard])
        if shards is None:
            self.ledger.close_rounds(self.ledger.snapshot())
        return self.store

    def _append(self, image: ManifestRow, **columns: Any) -> None:
        shard = len(self._rows) // 3
        output = (columns.get(name) for name in ("width_out_px", "height_out_px"))
        self._images.append(PlannedImage(image, shard, columns.get("output_key"), "png", *output))
        self._rows.append(MetricsRow(image.image_id, image.key, 0, shard, "a", **columns))


def image_id(key: str) -> str:
    """Return the image id, as in a manifest."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def scene(key: str, width: int = 24, height: int = 16) -> Image.Image:
    """Draw a smooth picture with fine detail in its lower right corner; each key has its own."""
    y, x = np.mgrid[0:height, 0:width] / 8
    phase = int(image_id(key)[:2], 16)
    pixels = np.stack([np.sin(x + phase) + np.cos(y * k) for k in (1, 2, 3)], -1) * 40 + 120
    corner = pixels[height // 2 :, width // 2 :]
    corner += 60 * (np.indices(corner.shape[:2]).sum(0) % 2)[..., None]
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def png(image: Image.Image) -> bytes:
    """Encode a picture as PNG."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
