"""The marks of outputs, by what made them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath

from sr_core.archive.ledger.versions import computing_versions
from sr_core.imaging.codecs import Mark
from sr_core.inference.upscaled import MadeBy
from sr_core.models.catalogue import Checkpoint, model_name
from sr_core.models.source_type import digital_source_type


class Marks:
    """Makes the mark of each output of a run, or of a program without a run."""

    def __init__(self, checkpoints: Iterable[Checkpoint], run_id: str | None = None) -> None:
        """Prepare the marks.

        Args:
            checkpoints: all that may be used; none for interpolation.
            run_id: id of the run.
        """
        self._run_id = run_id
        self._software = f"srfleet {computing_versions().get('srfleet', 'of unknown version')}"
        self._networks: dict[tuple[str, int | None], tuple[Checkpoint, str]] = {}
        for each in checkpoints:
            known = each, digital_source_type(each.model, each.scale)
            name = model_name(each.model)
            self._networks[name, each.scale] = known
            self._networks.setdefault((name, None), known)  # a file whose scale was assumed

    def of(self, made_by: MadeBy, source_sha256: str, key: str | None = None) -> Mark:
        """Return the mark of an output.

        Args:
            made_by: the maker of its first page.
            source_sha256: hash of its source.
            key: key of its source, of which the file name is written.
        """
        name, scale = made_by.model, made_by.scale
        network = self._networks.get((name, scale)) or self._networks.get((name, None))
        return Mark(
            digital_source_type=digital_source_type(name) if network is None else network[1],
            software=self._software,
            model=name if scale is None else f"{name} x{scale}",
            model_sha256=None if network is None else network[0].sha256,
            source_sha256=source_sha256,
            source_name=None if key is None else PurePosixPath(key).name,
            run_id=self._run_id,
        )
