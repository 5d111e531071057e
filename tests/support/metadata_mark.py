"""The mark of an output among the tags that ExifTool reads: checked, and taken out again."""

from __future__ import annotations

import re
from typing import Any

from sr_core.imaging.codecs import Mark
from sr_core.records import GENERATED

Tags = dict[str, Any]
MARK = Mark(GENERATED, "srfleet 9", "srgan x4", "ab" * 32, "cd" * 32, "harbour.jpg", "0f" * 8)
_MM = "XMP-xmpMM:"
_STATED = {
    "XMP-iptcExt:DigitalSourceType": GENERATED,
    f"{_MM}DerivedFromFilePath": MARK.source_name,
    f"{_MM}DerivedFromSha256": MARK.source_sha256,
    "XMP-srfleet:Software": MARK.software,
    "XMP-srfleet:Model": MARK.model,
    "XMP-srfleet:ModelSHA256": MARK.model_sha256,
    "XMP-srfleet:Run": MARK.run_id,
}
_IDS = ("DocumentID", "InstanceID", "OriginalDocumentID")
_HISTORY = ("Action", "InstanceID", "SoftwareAgent", "Changed", "Parameters")
_REPLACED = re.compile(rf"XMP-iptcExt:DigitalSource\w*Type|{_MM}({'|'.join(_IDS)}|DerivedFrom.*)")


def without_mark(before: Tags, after: Tags) -> tuple[Tags, list[str]]:
    """Return the tags of an output as they would be without its mark, and what the mark lacks."""
    left, wrong = dict(after), []
    for key, value in _STATED.items():
        if left.pop(key, None) != value:
            wrong.append(f"{key}: {after.get(key)!r}, expected {value!r}")
    wrong += _wrong_ids(before, after)
    said = ""
    for name in _HISTORY:
        key = f"{_MM}History{name}"
        values = left.pop(key, None)
        *earlier, last = values if isinstance(values, list) else [values]
        said += f"{last}; "
        if earlier:
            left[key] = earlier if len(earlier) > 1 else earlier[0]
    replaced = {key: value for key, value in before.items() if _REPLACED.fullmatch(key)}
    left = {key: value for key, value in left.items() if not _REPLACED.fullmatch(key)} | replaced
    words = ["resized", MARK.software, MARK.model, str(MARK.model_sha256), str(MARK.run_id)]
    words += [str(value) for key, value in replaced.items() if "DigitalSource" in key]
    wrong += [f"{_MM}History does not say {word!r}" for word in words if word not in said]
    return left, wrong


def _wrong_ids(before: Tags, after: Tags) -> list[str]:
    expected = {
        f"{_MM}DocumentID": MARK.id_of("did", 0),
        f"{_MM}InstanceID": MARK.id_of("iid", 0),
    }
    for name in _IDS:
        if f"{_MM}{name}" in before:
            expected[f"{_MM}DerivedFrom{name}"] = before[f"{_MM}{name}"]
    original = before.get(f"{_MM}OriginalDocumentID", before.get(f"{_MM}DocumentID"))
    expected |= {} if original is None else {f"{_MM}OriginalDocumentID": original}
    return [
        f"{key}: {after.get(key)!r}, expected {value!r}"
        for key, value in expected.items()
        if after.get(key) != value
    ]
