"""Pages of print to train on beside photographs: `python -m benchmarks.pages OUT --fonts FONT...`.

Photographs hold little print and almost no paper that is exactly white. A page is text in several
fonts on white, sometimes white on black or on a tint, with flat fields between. The text is words
of random letters, so that a network learns the shapes of letters and not the words of a language.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

HEIGHT_PX, WIDTH_PX = 1024, 768
SIZES_PX = (14, 18, 22, 28, 36, 48, 64, 96)
"""Sizes of the fonts. At x4 the smallest is unreadable in LR, the largest is a heading."""
_LETTERS = "etaoinshrdlucmfwypvbgkjqxz"
_MARKS = ("", "", "", "", "", ",", ".", ";", ":", "!", "?", ")", '"')

Colour = tuple[int, int, int]


def page(rng: np.random.Generator, fonts: Sequence[str]) -> Image.Image:
    """Draw a page with the generator's next choices."""
    paper, ink = _colours(rng)
    image = Image.new("RGB", (WIDTH_PX, HEIGHT_PX), paper)
    draw = ImageDraw.Draw(image)
    margin, top = int(rng.integers(20, 80)), int(rng.integers(20, 80))
    while top < HEIGHT_PX - margin:
        size = int(rng.choice(SIZES_PX, p=_mostly_small()))
        font = ImageFont.truetype(str(rng.choice(fonts)), size)
        for _ in range(int(rng.integers(1, 9))):
            draw.text((margin, top), _line(rng, font, WIDTH_PX - 2 * margin), fill=ink, font=font)
            top += round(size * 1.3)
        top += int(rng.integers(0, 2 * size))
        if rng.random() < 0.2:
            top += _field(rng, draw, margin, top)
    return image


def _mostly_small() -> list[float]:
    weights = [1 / size for size in SIZES_PX]
    return [weight / sum(weights) for weight in weights]


def _colours(rng: np.random.Generator) -> tuple[Colour, Colour]:
    """Return paper and ink: mostly black on white."""
    white, black = (255, 255, 255), (0, 0, 0)
    kind = rng.random()
    if kind < 0.6:
        return white, black
    if kind < 0.7:
        return black, white
    dark, light = (
        tuple(int(value) for value in rng.integers(low, high, 3))
        for low, high in ((0, 110), (170, 256))
    )
    if kind < 0.8:
        return white, dark  # type: ignore[return-value]
    return (light, dark) if kind < 0.95 else (dark, light)  # type: ignore[return-value]


def _line(rng: np.random.Generator, font: ImageFont.FreeTypeFont, width_px: int) -> str:
    words: list[str] = []
    while font.getlength(" ".join(words)) < width_px:
        words.append(_word(rng))
    return " ".join(words[:-1])


def _word(rng: np.random.Generator) -> str:
    if rng.random() < 0.12:
        return str(rng.integers(0, 10 ** int(rng.integers(1, 6))))
    # Squared, so that common letters are common without any being rare.
    places = (rng.random(int(rng.integers(1, 11))) ** 2 * len(_LETTERS)).astype(int)
    word = "".join(_LETTERS[place] for place in places)
    kind = rng.random()
    word = word.upper() if kind < 0.06 else word.capitalize() if kind < 0.25 else word
    return word + str(rng.choice(_MARKS))


def _field(rng: np.random.Generator, draw: ImageDraw.ImageDraw, left: int, top: int) -> int:
    """Draw a flat rectangle, a frame or a rule; return its height."""
    height = int(rng.integers(2, 160))
    right = int(rng.integers(left + 40, WIDTH_PX - left))
    colour = tuple(int(value) for value in rng.integers(0, 256, 3))
    frame = rng.random() < 0.3
    draw.rectangle(
        (left, top, right, top + height),
        fill=None if frame else colour,
        outline=colour if frame else None,
        width=int(rng.integers(1, 6)),
    )
    return height + 20


def main() -> None:
    """Write the pages as PNG."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--fonts", nargs="+", required=True, help="files of TrueType or OpenType")
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for index in range(arguments.count):
        drawn = page(np.random.default_rng((arguments.seed, index)), arguments.fonts)
        with (arguments.out / f"page-{index:03}.png").open("xb") as file:
            drawn.save(file, "PNG")


if __name__ == "__main__":
    main()
