"""The rules that say which files are no photographs.

`python -m sr_core.archive.source.rules` prints the table of docs/manifest.md.

Names of system files and folders decide by themselves. Otherwise the content decides: an image is a
photograph whatever its name, and anything else is skipped unless its name is that of an image.
"""

from __future__ import annotations

import re
import sys
from fnmatch import translate
from functools import lru_cache

from sr_core.errors import ErrorClass, ImageError, NotAnImageError

FOLDERS: dict[ErrorClass, tuple[str, ...]] = {
    ErrorClass.THUMBNAILS: (
        "@eaDir",
        ".@__thumb",
        ".thumbnails",
        ".thumbs",
        "*.lrdata",
    ),
    ErrorClass.TRASH: (
        ".Trash*",
        "#recycle",
        "@Recycle",
        "$RECYCLE.BIN",
        "RECYCLER",
        "RECYCLED",
        "Network Trash Folder",
        ".dtrash",
    ),
    ErrorClass.SYSTEM_FILE: (
        ".git",
        ".hg",
        ".svn",
        "lost+found",
        "System Volume Information",
        "@Recently-Snapshot",
        "#snapshot",
        ".snapshot",
        ".Spotlight-V100",
        ".fseventsd",
        ".DocumentRevisions-V100",
        ".TemporaryItems",
        "Temporary Items",
        ".AppleDouble",
        ".AppleDB",
        ".AppleDesktop",
        "__MACOSX",
        ".stfolder",
        ".stversions",
    ),
}
"""Names of folders in which nothing is a photograph of the archive."""
FILES: dict[ErrorClass, tuple[str, ...]] = {
    ErrorClass.SYSTEM_FILE: (
        "Thumbs.db",
        "ehthumbs*.db",
        "desktop.ini",
        ".DS_Store",
        "._*",
        ".picasa.ini",
        "Picasa.ini",
        ".nomedia",
        ".localized",
        ".directory",
        "Icon\r",
        "*.lnk",
        "*.url",
        "*.webloc",
        "~$*",
    ),
    ErrorClass.TRASH: (".trashed-*",),
    ErrorClass.SIDECAR: ("*.thm",),
}
"""Names of files that are no photographs, whatever their content."""
EXTENSIONS: dict[ErrorClass, str] = {
    ErrorClass.SIDECAR: "xmp json aae pp3 dop thm on1 nks nksc cos comask rrdata vrd arp",
    ErrorClass.TEXT: "txt md rst log csv tsv ini cfg conf yaml yml html htm xhtml mht css js srt "
    "vtt",
    ErrorClass.DOCUMENT: "pdf ps doc docx odt rtf xls xlsx ods ppt pptx odp pages numbers key epub "
    "svg svgz ai cdr wmf emf djvu djv ico cur icns indd",
    ErrorClass.AUDIO: "mp3 m4a aac wav flac ogg oga opus wma aif aiff amr mid midi",
    ErrorClass.VIDEO: "mp4 m4v mov qt avi mkv webm mpg mpeg mpe m2v vob mts m2ts ts 3gp 3g2 wmv "
    "asf flv f4v ogv mod tod dv lrv insv",
    ErrorClass.ARCHIVE: "zip rar 7z tar gz tgz bz2 xz zst iso dmg cab",
    ErrorClass.SYSTEM_FILE: "db exe dll bat cmd sh lock",
    ErrorClass.OTHER: "lrcat sqlite sqlite3 parquet plist bak tmp dat bin",
}
"""Extensions of files whose content is looked at, by class if it is no image."""
_READ = (
    "jpg jpeg jpe jfif png apng webp tif tiff jxl jp2 j2k jpx jpf j2c jpc avif avifs heic heif hif "
    "bmp dib gif"
)
_NOT_READ = "psd psb eps epsf tga pcx ppm pgm pbm pnm exr hdr xcf dds jxr wdp qoi fits dcm pct pict"
_RAW = (
    "3fr ari arw bay cap cr2 cr3 crw dcr dcs dng erf fff gpr iiq k25 kdc mdc mef mos mrw nef nrw "
    "orf pef ptx r3d raf raw rw2 rwl rwz sr2 srf srw x3f"
)
IMAGE_EXTENSIONS = frozenset(f"{_READ} {_NOT_READ} {_RAW}".split())
"""Extensions of images: a file named so is expected to be one, so that another content fails."""

_CLASS_OF_EXTENSION = {
    extension: kind for kind, extensions in EXTENSIONS.items() for extension in extensions.split()
}


def _compiled(names: dict[ErrorClass, tuple[str, ...]]) -> list[tuple[ErrorClass, re.Pattern[str]]]:
    return [
        (kind, re.compile("|".join(map(translate, patterns)), re.IGNORECASE))
        for kind, patterns in names.items()
    ]


_FOLDER_PATTERNS, _FILE_PATTERNS = _compiled(FOLDERS), _compiled(FILES)


@lru_cache(maxsize=1 << 12)
def class_of_folder(name: str) -> ErrorClass | None:
    """Return the class of a folder in which nothing is a photograph; None for other folders."""
    return next((kind for kind, names in _FOLDER_PATTERNS if names.match(name)), None)


def class_of_file(name: str) -> ErrorClass | None:
    """Return the class of a file whose name alone says that it is no photograph, else None."""
    return next((kind for kind, names in _FILE_PATTERNS if names.match(name)), None)


def skipped_folder(key: str) -> tuple[str, ErrorClass] | None:
    """Find the outermost folder of a key in which nothing is a photograph.

    The last part of the key counts as well: a folder that cannot be entered is listed by its name.

    Returns:
        The key of the folder, without a slash at its end, and its class.
    """
    parts = key.split("/")
    for depth, name in enumerate(parts, 1):
        if (kind := class_of_folder(name)) is not None:
            return "/".join(parts[:depth]), kind
    return None


def final_error(key: str, error: ImageError) -> ImageError:
    """Decide by the name of a file without an image if it is skipped or failed.

    Args:
        key: its key.
        error: the error of its reader.

    Returns:
        The error with the class of the row: one of NOT_PHOTOGRAPHS if the file is skipped.
    """
    if not isinstance(error, NotAnImageError):
        return error
    extension = extension_of(key)
    if extension in IMAGE_EXTENSIONS:
        if error.content is None:
            return ImageError(ErrorClass.DECODE, error.message)
        return ImageError(error.error_class, f"named .{extension}, but {error.message}")
    by_name = _CLASS_OF_EXTENSION.get(extension)
    kind = by_name or error.content or ErrorClass.OTHER
    return ImageError(kind, error.message)


def extension_of(key: str) -> str:
    """Return the extension of a key in small letters, without the dot; "" if it has none."""
    name = key.rpartition("/")[2]
    stem, dot, extension = name.rpartition(".")
    return extension.lower() if dot and stem else ""


def describe_rules() -> str:
    """Describe the lists as a Markdown table."""
    lines = ["| class | folders, whole | files, by name | other files, by extension |"]
    lines.append("| --- | --- | --- | --- |")
    for kind in sorted({*FOLDERS, *FILES, *EXTENSIONS}):
        names = (_quoted(FOLDERS.get(kind, ())), _quoted(FILES.get(kind, ())))
        lines.append(f"| `{kind}` | {names[0]} | {names[1]} | {EXTENSIONS.get(kind, '')} |")
    return "\n".join(lines) + "\n"


def _quoted(names: tuple[str, ...]) -> str:
    return " ".join(f"`{name.replace(chr(13), '<CR>')}`" for name in names)


if __name__ == "__main__":
    sys.stdout.write(describe_rules())
