"""The mark of an output: how it was made, from what, and by which model."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from xml.sax.saxutils import escape

NAME_BYTES = 640
"""Room for the source's name, so that its length does not change the length of the mark."""
_LONGEST = 250
"""Characters of any other text of a source."""
_IDS = uuid.UUID("3f1c1a7e-52f5-4c0e-9d5a-6b0a0c7d3e21")


@dataclass(frozen=True, slots=True)
class Mark:
    """How an output was made. Nothing here depends on the time or the attempt."""

    digital_source_type: str
    """URI of an IPTC term, such as GENERATED or ENHANCED of `sr_core.records`."""
    software: str
    """Name and version."""
    model: str
    """Name of the model or of the interpolation, with the scale of its network, if any."""
    model_sha256: str | None
    """Hash of the model's weights; None for interpolation."""
    source_sha256: str
    source_name: str | None = None
    """File name of the source, without its folder; None if it is not known."""
    run_id: str | None = None
    """None outside of a run."""

    def id_of(self, kind: str, page: int) -> str:
        """Return an id of XMP Media Management for a page, equal in every attempt.

        Args:
            kind: iid for an instance, did for a document.
            page: index of the page.
        """
        deciding = (self.run_id, self.software, self.model_sha256, self.model, self.source_sha256)
        text = "\n".join(str(each) for each in (kind, page, *deciding))
        return f"xmp.{kind}:{uuid.uuid5(_IDS, text)}"


def source_field(mark: Mark) -> bytes:
    """Return the fields of xmpMM:DerivedFrom that identify the source.

    Their length depends on no name: spaces follow a short one, a long one is cut. So the copies of
    a file share an output in which only this changes.
    """
    sha256 = f"<srfleet:sha256>{mark.source_sha256}</srfleet:sha256>".encode()
    if mark.source_name is None:
        return sha256
    name, cut = mark.source_name, ""
    while len(written := xml_text(name + cut).encode()) > NAME_BYTES:
        name, cut = name[:-1], "\N{HORIZONTAL ELLIPSIS}"
    padding = b" " * (NAME_BYTES - len(written))
    return sha256 + b"<stRef:filePath>" + written + b"</stRef:filePath>" + padding


def shortened(text: str) -> str:
    """Return a text of a source, cut to a length that a mark has room for."""
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "\N{HORIZONTAL ELLIPSIS}"


def xml_text(text: str) -> str:
    """Escape a text for XML, without the characters that XML cannot hold."""
    clean = "".join(
        letter if _is_allowed(letter) else "\N{REPLACEMENT CHARACTER}" for letter in text
    )
    return escape(clean)


def _is_allowed(letter: str) -> bool:
    return letter >= " " and not "\ud800" <= letter <= "\udfff" and letter not in "\ufffe\uffff\x7f"
