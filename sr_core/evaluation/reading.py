"""Reading of pages by tesseract, a program that srfleet does not bring."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from typing import Self

import numpy as np

from sr_core.errors import ConfigurationError
from sr_core.imaging.pixels import Page, Pixels

_PROGRAM = "tesseract"
_TIMEOUT_S = 120.0
_BLOCK_OF_TEXT = "6"
"""Page segmentation mode: one block, so that a bad page is not taken for a picture."""
_DPI = "300"
"""Stated, because tesseract guesses another for every size of image."""


@dataclass(frozen=True, slots=True)
class Reader:
    """The installed tesseract, for English."""

    program: str
    version: str

    @classmethod
    def find(cls) -> Self:
        """Find the program.

        Raises: ConfigurationError if it is missing, fails or lacks English.
        """
        program = shutil.which(_PROGRAM)
        if program is None:
            raise ConfigurationError(
                "no tesseract, which reads the pages of --text; install it, on Debian and Ubuntu "
                "by: apt-get install tesseract-ocr"
            )
        version = _run([program, "--version"], b"").splitlines()[0]
        if "eng" not in _run([program, "--list-langs"], b"").split():
            raise ConfigurationError(
                f"{program} does not know English; install tesseract-ocr-eng, or let "
                "TESSDATA_PREFIX name the folder of eng.traineddata"
            )
        return cls(program, version)

    def read(self, pixels: Pixels) -> str:
        """Read a page, (H, W, C) uint8; return its text, empty if nothing is legible.

        Raises: ConfigurationError if the program fails or takes longer than two minutes.
        """
        command = [self.program, "stdin", "stdout", "-l", "eng", "--dpi", _DPI]
        return _run([*command, "--psm", _BLOCK_OF_TEXT], _png(pixels))


def _run(command: list[str], data: bytes) -> str:
    # One thread: more only wait for each other on pages as small as these.
    environment = os.environ | {"OMP_THREAD_LIMIT": "1"}
    try:
        done = subprocess.run(  # noqa: S603 - a program found on PATH, no shell
            command,
            input=data,
            capture_output=True,
            check=True,
            timeout=_TIMEOUT_S,
            env=environment,
        )
    except subprocess.TimeoutExpired as error:
        raise ConfigurationError(
            f"{command[0]} did not answer within {_TIMEOUT_S:.0f} s; try it on a small image"
        ) from error
    except (OSError, subprocess.CalledProcessError) as error:
        said = (getattr(error, "stderr", None) or b"").decode(errors="replace").split("\n")[0]
        raise ConfigurationError(f"{command[0]} failed: {said or error}") from error
    return done.stdout.decode(errors="replace")


def _png(pixels: Pixels) -> bytes:
    from sr_core.imaging.codecs import Picture, encode  # noqa: PLC0415 - training may lack them

    levels = pixels.astype(np.uint8, copy=False)
    return bytes(encode(Picture((Page(levels),)), "png", 100))
