"""The record of a run (run.json), and the differences between two."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from sr_core.errors import ConfigurationError

FORMAT_VERSION = "1"


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One frozen configuration on one manifest. The run id is a hash of all that affects outputs.

    `versions` and `created_at` are of the first start. Later starts may have other versions: each
    part of the metrics table names those that computed it.
    """

    run_id: str
    source_uri: str
    config: dict[str, Any]
    manifest_digest: str
    checkpoint_sha256: str | None
    metric_protocol: str
    versions: dict[str, str]
    created_at: datetime
    checkpoints: dict[str, str] = field(default_factory=dict)
    """Hashes by model and scale, such as "srgan x4", of a run that may use several; then
    `checkpoint_sha256` is None. Empty for a run that has one checkpoint or none."""
    model_rule: str | None = None
    """Version of the rule by which "auto" chooses; None for other models."""

    @property
    def checkpoint_hashes(self) -> frozenset[str]:
        """Hashes of all checkpoints that the run may use."""
        single = () if self.checkpoint_sha256 is None else (self.checkpoint_sha256,)
        return frozenset((*single, *self.checkpoints.values()))


def run_id_of(
    source_uri: str,
    config: Mapping[str, Any],
    manifest_digest: str,
    checkpoint_sha256: str | None,
    metric_protocol: str,
    checkpoints: Mapping[str, str] | None = None,
    model_rule: str | None = None,
) -> str:
    """Hash everything that affects the outputs of a run.

    The last two are left out if they are empty, so that a run of one checkpoint has the id that
    version 0.1.0 gave it.

    Args:
        source_uri: root of the source.
        config: the configuration, as JSON values.
        manifest_digest: digest of the manifest.
        checkpoint_sha256: hash of the checkpoint; None for a baseline.
        metric_protocol: version of the metrics' definitions.
        checkpoints: hashes of several checkpoints, by model and scale.
        model_rule: version of the rule by which "auto" chooses.

    Returns:
        16 hexadecimal digits.
    """
    deciding = [source_uri, config, manifest_digest, checkpoint_sha256, metric_protocol]
    if checkpoints or model_rule:
        deciding += [checkpoints, model_rule]
    text = json.dumps(deciding, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def identity(record: RunRecord) -> str:
    """Return the run id that follows from a record's contents."""
    return run_id_of(
        record.source_uri,
        record.config,
        record.manifest_digest,
        record.checkpoint_sha256,
        record.metric_protocol,
        record.checkpoints,
        record.model_rule,
    )


def to_json(record: RunRecord) -> bytes:
    """Write the contents of run.json."""
    content = {"format_version": FORMAT_VERSION} | asdict(record)
    content["created_at"] = record.created_at.isoformat()
    for name in ("checkpoints", "model_rule"):  # unknown to version 0.1.0, which reads the others
        if not content[name]:
            del content[name]
    return (json.dumps(content, indent=2) + "\n").encode()


def from_json(data: bytes, where: str) -> RunRecord:
    """Read run.json.

    Args:
        data: contents of the file.
        where: the root, for messages.

    Raises: ConfigurationError if the file is damaged or has another format version.
    """
    try:
        content = json.loads(data)
        version = content.pop("format_version")
        if version == FORMAT_VERSION:
            content["created_at"] = datetime.fromisoformat(content["created_at"])
            return RunRecord(**content)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ConfigurationError(
            f"{where}: its run.json is not the record of a run ({error}); give another output root"
        ) from error
    raise ConfigurationError(
        f"{where}: its run.json has format version {version}, this srfleet knows "
        f"{FORMAT_VERSION}; use the srfleet that began the run, or another output root"
    )


def describe_difference(where: str, theirs: RunRecord, yours: RunRecord) -> str:
    """List the options that differ from those of the run in a root, and say what to do."""
    lines = [f"{where} already holds another run, and a run cannot change:"]
    lines += [f"  {name}: {old} -> {new}" for name, old, new in _differences(theirs, yours)]
    lines.append(_remedy(theirs, yours))
    return "\n".join(lines)


def _remedy(theirs: RunRecord, yours: RunRecord) -> str:
    if theirs.config == yours.config and theirs.checkpoint_hashes != yours.checkpoint_hashes:
        began = theirs.versions.get("srfleet", "unknown")
        return (
            f"The weights of {theirs.config.get('model')} are not those that it began with: finish "
            f"it with the version of srfleet that began it ({began}), or give another output root."
        )
    return "Give another output root, or the same options as that run."


def _differences(theirs: RunRecord, yours: RunRecord) -> Iterator[tuple[str, str, str]]:
    old, new = _deciding(theirs), _deciding(yours)
    for name in old | new:
        if old.get(name) != new.get(name):
            yield name, old.get(name, "not set"), new.get(name, "not set")


def _deciding(record: RunRecord) -> dict[str, str]:
    named = {"source": record.source_uri}
    named |= {name: json.dumps(value) for name, value in sorted(record.config.items())}
    named["checkpoint sha256"] = record.checkpoint_sha256 or "none"
    named |= {f"{name} sha256": sha256 for name, sha256 in record.checkpoints.items()}
    if record.model_rule is not None:
        named["model rule"] = record.model_rule
    named["manifest digest"] = record.manifest_digest
    named["metric protocol"] = record.metric_protocol
    return named
