"""The configuration of a job, read from YAML: frozen, with unknown keys rejected."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self, TypeVar

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails

from sr_core.errors import ConfigurationError
from sr_core.records import Precision

T = TypeVar("T")

OutputFormat = Literal["source", "jpeg", "png", "webp", "tiff", "jxl", "ptif"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class RunConfig(_Frozen):
    """Settings that decide the outputs of a run; stored in run.json and fixed for a root."""

    model: str = "auto"
    """auto, a shipped model, bicubic, bilinear, nearest, or the path of a checkpoint."""
    scale: Literal[2, 4] = 4
    target: tuple[int, int] | None = None
    """Width and height in pixels of a box that every output fits in; overrides scale."""
    format: OutputFormat = "source"
    quality: int = Field(default=95, ge=1, le=100)
    """Quality of JPEG, WebP and the JPEG tiles of ptif."""
    precision: Precision | Literal["auto"] = "auto"
    """Coarsest precision that may compute the network. auto is decided at the first start, by the
    available devices; run.json holds the decision."""
    bitonal: Literal["grey", "keep"] = "grey"
    """Output of pages of 1 bit per pixel: grey, or 1 bit again, as fax of group 4 in TIFF."""
    strip_gps: bool = False
    salvage: bool = False
    """Upscale the decodable part of damaged files, with the rest marked by grey."""
    sidecars: bool = False
    """Copy sidecars, such as .xmp files, beside the outputs of their images."""
    mark: bool = True
    """Write into the outputs' XMP that and how they were made."""
    trust: Literal["basic", "full"] = "basic"
    """full also compares outputs of GANs with those of their twins."""
    measure: bool = True
    """Measure quality; checksums, sizes and times are always recorded."""
    max_source_bytes: int = Field(default=1 << 30, gt=0)
    max_side_px: int = Field(default=65_500, gt=0)
    max_source_megapixels: float = Field(default=250.0, gt=0)
    max_output_megapixels: float = Field(default=4_000.0, gt=0)

    @model_validator(mode="after")
    def _target_is_positive(self) -> Self:
        if self.target is not None and min(self.target) < 1:
            raise ValueError(f"target must be at least 1x1 pixels, not {self.target}")
        return self

    @model_validator(mode="after")
    def _copies_keep_no_positions(self) -> Self:
        if self.strip_gps and self.sidecars:
            raise ValueError(
                "strip_gps (--strip-gps) and sidecars (--sidecars) exclude each other: sidecars "
                "are copied byte for byte, with the positions in them"
            )
        return self

    @field_validator("bitonal")
    @classmethod
    def _bitonal_needs_tiff(cls, value: str, info: ValidationInfo) -> str:
        written = info.data.get("format", "source")  # absent if it is wrong itself
        if value == "keep" and written not in ("source", "tiff"):
            raise ValueError(f"fax of group 4 needs format source or tiff, not {written}")
        return value


class ExecutionConfig(_Frozen):
    """Settings of the execution, free to change between the starts of a run."""

    address: str | None = None
    """Ray address; None starts a local Ray."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    engine: Literal["auto", "torch", "openvino"] = "auto"
    """Library that computes the network; auto is the fastest that is installed."""
    actors: int | None = Field(default=None, ge=1)
    """None: one per GPU, or one per CPU core."""
    cpus_per_actor: float = Field(default=1, gt=0)
    accelerator_type: str | None = None
    memory_budget_mb: int = Field(default=2048, ge=768)
    """Memory budget of one actor, in MiB; larger images go through files in TMPDIR."""
    shard_megapixels: float | None = Field(default=None, gt=0)
    """Output megapixels of one shard; None: about 45 s of a device as measured at the start."""
    shard_images: int = Field(default=256, ge=1)
    io_threads: int = Field(default=4, ge=1)
    image_deadline_s: float = Field(default=120.0, gt=0)
    """Time limit for reading one image, retries included."""
    times: Literal["source", "now"] = "source"
    """Time and permissions of output files: those of their sources, or of new files."""
    c2pa_sign: tuple[Path, Path] | None = None
    """PEM files of a certificate chain and its private key, to sign outputs with C2PA manifests."""
    node_wait_s: float = Field(default=600.0, ge=0)
    """Time to wait for lost machines before the run stops."""

    @field_validator("c2pa_sign")
    @classmethod
    def _paths_are_absolute(cls, value: tuple[Path, Path] | None) -> tuple[Path, Path] | None:
        return None if value is None else (value[0].absolute(), value[1].absolute())

    @field_validator("engine", mode="before")
    @classmethod
    def _precision_is_of_the_run(cls, value: object) -> object:
        names = {"openvino-bf16": "half", "openvino-int8": "int8"}  # of version 0.1.0
        if isinstance(value, str) and value in names:
            raise ValueError(
                f"the precision belongs to the run now: give precision {names[value]} instead"
            )
        return value


class JobConfig(_Frozen):
    """A job: source, output, run and execution."""

    source: str
    output: str
    include: tuple[str, ...] = ()
    """Glob patterns of files to take; without any, all are taken."""
    exclude: tuple[str, ...] = ()
    """Glob patterns of files to leave out."""
    run: RunConfig = RunConfig()
    execution: ExecutionConfig = ExecutionConfig()


def load_job(path: Path) -> JobConfig:
    """Read a job from YAML.

    Raises: ConfigurationError naming the file, the key and the value.
    """
    return load_settings(path, JobConfig)


def load_settings(path: Path, kind: type[T]) -> T:
    """Read settings of a dataclass or pydantic model from YAML.

    Raises: ConfigurationError naming the file, the key and the value.
    """
    try:
        return TypeAdapter(kind).validate_python(yaml.safe_load(path.read_bytes()))
    except OSError as error:
        raise ConfigurationError(f"cannot read the settings {path}: {error.strerror}") from error
    except yaml.YAMLError as error:
        problem = " ".join(str(error).split())
        raise ConfigurationError(f"{path} is not valid YAML: {problem}") from error
    except ValidationError as error:
        raise ConfigurationError(f"{path}: {describe(error)}") from error


def describe(error: ValidationError) -> str:
    """Return one line that names the wrong keys and their values."""
    return "; ".join(_describe_one(problem) for problem in error.errors())


def _describe_one(problem: ErrorDetails) -> str:
    key = ".".join(map(str, problem["loc"])) or "the file"
    # If a key is missing, the input is the whole section.
    got = "" if problem["type"] == "missing" else f", got {problem['input']!r}"
    return f"{key}: {problem['msg']}{got}"
