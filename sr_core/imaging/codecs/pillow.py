"""Formats read by Pillow: AVIF (imagecodecs reads its samples above 8 bits) and GIF."""

from __future__ import annotations

import io
from contextlib import suppress
from dataclasses import replace

import imagecodecs
from PIL import AvifImagePlugin, GifImagePlugin, Image, ImageFile

from sr_core.errors import ErrorClass, ImageError
from sr_core.imaging.codecs.avif import colour as avif_colour
from sr_core.imaging.codecs.formats import Header
from sr_core.imaging.codecs.gif import colour as gif_colour
from sr_core.imaging.codecs.gif import metadata as gif_metadata
from sr_core.imaging.codecs.gif.damage import readable_part
from sr_core.imaging.codecs.raster import Damage, Raster, from_pillow, model_of, widened
from sr_core.imaging.codecs.source import NeedMoreBytes, Source, boxes
from sr_core.imaging.codecs.tags import exif
from sr_core.imaging.colour import ColourFacts
from sr_core.imaging.metadata import Losses, Metadata
from sr_core.imaging.metadata.losses import printable
from sr_core.scratch import Blob

# The plugins are called directly: Image.open would apply a size limit that is global to the
# process, and the limits of this project are checked already.
_PLUGINS: dict[str, type[ImageFile.ImageFile]] = {
    "AVIF": AvifImagePlugin.AvifImageFile,
    "GIF": GifImagePlugin.GifImageFile,
}


_AVIF_STRUCTURE = frozenset({b"ftyp", b"meta", b"mdat", b"moov", b"free", b"skip", b"idat"})
_AVIF_NAMES = {
    b"uuid": "C2PA manifest or data of a maker (uuid)",
    b"mpvd": "video of a motion photo",
}


def header_of_gif(source: Source) -> Header:
    """Read size, mode and animation. Needs the whole file, to find out if there is a second frame.

    Raises: ImageError, NeedMoreBytes.
    """
    source.whole()
    with suppress(NeedMoreBytes):
        gif_metadata.check_picture(source)
    image = _opened("GIF", source.data)
    mode = "PA" if "transparency" in image.info else image.mode
    animated = bool(getattr(image, "is_animated", False))
    return Header("GIF", mode, image.width, image.height, animated=animated)


def header_of_avif(source: Source) -> Header:
    """Read size, depth, animation, and the rotation, which AVIF stores in boxes of its own.

    Raises: ImageError, NeedMoreBytes.
    """
    image = _opened("AVIF", source.whole())
    turn = exif.orientation(_exif(image))
    width, height = image.size
    shown = avif_colour.crop(source, width, height)
    if shown is not None:
        width, height = shown[3] - shown[2], shown[1] - shown[0]
    if turn >= 5:
        width, height = height, width
    depth = _avif_depth(source.data)
    return Header(
        "AVIF",
        image.mode + ";16" if depth > 8 else image.mode,
        width,
        height,
        bit_depth=depth,
        animated=bool(getattr(image, "is_animated", False)),
        orientation=turn,
    )


def metadata_of_avif(source: Source, notes: list[str]) -> Metadata:
    """Collect EXIF and XMP; name what is dropped."""
    image = _opened("AVIF", source.whole())
    losses = Losses()
    with suppress(ImageError):  # damage after the picture does not matter to it
        for kind, _, length in boxes(source):
            if kind not in _AVIF_STRUCTURE:
                losses.add(_AVIF_NAMES.get(kind, f"box {printable(kind)} of AVIF"), length)
    notes += losses.warnings()
    return Metadata(_exif(image), image.info.get("xmp"))


def colours_of_avif(source: Source, notes: list[str]) -> list[ColourFacts]:
    """Find the ICC profile and the code points."""
    if avif_colour.has_gain_map(source):
        notes.append("dropped: gain map for high dynamic range")
    icc = _opened("AVIF", source.whole()).info.get("icc_profile")
    return [ColourFacts(icc=icc, code_points=avif_colour.code_points(source))]


def colours_of_gif(source: Source, notes: list[str]) -> list[ColourFacts]:  # noqa: ARG001
    """Find the ICC profile of the application extension."""
    return [ColourFacts(icc=gif_colour.profile(source))]


def rasters(data: Blob, header: Header) -> list[Raster]:
    """Decode the pixels.

    Raises: ImageError, and any exception of Pillow and imagecodecs.
    """
    if header.bit_depth > 8:
        samples = widened(imagecodecs.avif_decode(data, numthreads=1), header.bit_depth)
        return [_cropped(Raster(samples, model_of(samples), header.orientation), data)]
    image = _opened(header.format, data)
    damage: Damage | None = None
    try:
        image.load()
    except OSError as error:
        if header.format != "GIF":
            raise
        image, damage = readable_part(data, str(error))
    raster = replace(from_pillow(image), orientation=header.orientation, damage=damage)
    return [raster if header.format == "GIF" else _cropped(raster, data)]


def _cropped(raster: Raster, data: Blob) -> Raster:
    """Leave out what the clean aperture of an AVIF hides; its decoders do not."""
    height, width = raster.samples.shape[:2]
    shown = avif_colour.crop(Source(data), width, height)
    if shown is None:
        return raster
    top, bottom, left, right = shown
    return replace(raster, samples=raster.samples[top:bottom, left:right])


def _opened(name: str, data: Blob) -> Image.Image:
    """Open a file with a plugin, which reads its header.

    Raises: ImageError for any exception of Pillow.
    """
    try:
        return _PLUGINS[name](io.BytesIO(data))
    except Image.DecompressionBombError as error:
        raise ImageError(ErrorClass.TOO_LARGE, f"a frame of the {name}: {error}") from error
    except Exception as error:
        raise ImageError(ErrorClass.DECODE, f"the {name} cannot be read: {error}") from error


def _exif(image: Image.Image) -> bytes | None:
    block = image.info.get("exif")
    return None if block is None else block.removeprefix(b"Exif\0\0")


def _avif_depth(data: Blob) -> int:
    """Read the bit depth from the AV1 configuration box; 8 if it is missing.

    Source: AV1-ISOBMFF, section 2.3.3 (high_bitdepth and twelve_bit of its third byte).
    """
    at = data.find(b"av1C")
    flags = data[at + 6] if 0 <= at < len(data) - 6 else 0
    return 8 if not flags & 0x40 else 12 if flags & 0x20 else 10
