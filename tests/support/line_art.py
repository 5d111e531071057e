"""Line art of 1 bit per pixel, as a fax or a scan has it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw


def line_art(height: int = 90, width: int = 131) -> Image.Image:
    image = Image.new("1", (width, height), 1)
    draw = ImageDraw.Draw(image)
    draw.ellipse((10, 8, width - 20, height - 9), outline=0, width=3)
    draw.line((0, 0, width, height), fill=0, width=2)
    draw.text((20, 30), "Fax 1931", fill=0)
    return image


def samples(image: Image.Image) -> NDArray[Any]:
    return np.asarray(image.convert("L"))[:, :, None]
