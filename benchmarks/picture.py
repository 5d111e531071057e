"""The picture of the README, bicubic above SRGAN on the sample photographs: `make picture`."""

from __future__ import annotations

from pathlib import Path

from sr_core.imaging.codecs import Limits, Page, Picture, decode, encode
from sr_core.imaging.contact_sheet import Pane, contact_sheet
from sr_core.imaging.pixels import Pixels
from sr_core.inference.upscaler import open_upscaler

ROOT = Path(__file__).resolve().parents[1]
SAMPLES = ROOT / "jobs/samples/lr"
TARGET = ROOT / "docs/images/before-after.jpg"
SCALE = 4
SIDE_PX = 232
QUALITY = 90

# Left and top of each crop, in output pixels.
CROPS = {"kitten": (96, 160), "osprey": (170, 40), "lake": (230, 90), "circuits": (40, 190)}
UPSCALERS = {"bicubic": "bicubic", "srgan": "SRGAN"}

_LIMITS = Limits(1 << 24, 1 << 12, 1 << 24, 1 << 24)


def draw() -> bytes:
    """Upscale the samples and draw the crops, as a JPEG."""
    rows = [_row(model, label) for model, label in UPSCALERS.items()]
    sheet = contact_sheet(
        "Four photographs, four times as large",
        f"Crops of {SIDE_PX}x{SIDE_PX} px; the sources have 160x106 px. Made by make picture.",
        rows,
    )
    return bytes(encode(Picture((Page(_pixels(sheet)),)), "jpeg", QUALITY))


def _row(model: str, label: str) -> list[Pane]:
    upscaler = open_upscaler(model, precision="float32")  # the same picture on every machine
    panes = []
    for name, (left, top) in CROPS.items():
        lr = _pixels((SAMPLES / f"{name}.png").read_bytes())
        height, width = lr.shape[:2]
        sr = upscaler.upscale(lr, height * SCALE, width * SCALE).pixels
        crop = sr[top : top + SIDE_PX, left : left + SIDE_PX]
        panes.append(Pane(crop, (f"{name}, {label}",)))
    return panes


def _pixels(data: bytes) -> Pixels:
    return decode(data, _LIMITS).pages[0].pixels


if __name__ == "__main__":
    TARGET.write_bytes(draw())
    print(f"wrote {TARGET}, {TARGET.stat().st_size // 1000} kB")
