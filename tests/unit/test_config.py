"""Job files: allowed settings, and refusals of wrong ones."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from sr_core.config import ExecutionConfig, JobConfig, RunConfig, load_job
from sr_core.errors import ConfigurationError

MINIMAL = "source: photos\noutput: out\n"


def refusal(tmp_path: Path, text: str | bytes) -> str:
    """Return the message that refuses a job file."""
    path = tmp_path / "job.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigurationError) as caught:
        load_job(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert "\n" not in message
    return message


def test_source_and_output_are_enough(tmp_path: Path) -> None:
    path = tmp_path / "job.yaml"
    path.write_text(MINIMAL)
    assert load_job(path) == JobConfig(
        source="photos", output="out", run=RunConfig(), execution=ExecutionConfig()
    )


def test_values_are_read_from_their_sections(tmp_path: Path) -> None:
    path = tmp_path / "job.yaml"
    path.write_text(MINIMAL + "run: {scale: 2, target: [3840, 2160]}\nexecution: {actors: 3}\n")
    job = load_job(path)
    assert (job.run.scale, job.run.target, job.execution.actors) == (2, (3840, 2160), 3)


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("run: {scael: 4}", "run.scael", "4"),
        ("run: {scale: 3}", "run.scale", "3"),
        ("run: {quality: 0}", "run.quality", "0"),
        ("run: {quality: 101}", "run.quality", "101"),
        ("run: {format: gif}", "run.format", "'gif'"),
        ("run: {target: [3840, 0]}", "run", "target must be at least 1x1"),
        ("run: {target: [3840]}", "run.target.1", "required"),
        ("run: {max_output_megapixels: .inf}", "run.max_output_megapixels", "inf"),
        ("execution: {actors: 0}", "execution.actors", "0"),
        ("execution: {image_deadline_s: .nan}", "execution.image_deadline_s", "nan"),
        ("execution: {device: tpu}", "execution.device", "'tpu'"),
        ("sauce: photos", "sauce", "'photos'"),
    ],
)
def test_a_wrong_value_is_named_with_its_key(
    tmp_path: Path, text: str, key: str, value: str
) -> None:
    message = refusal(tmp_path, MINIMAL + text)
    assert f"{key}: " in message
    assert value in message


def test_a_missing_key_is_named_without_the_rest_of_the_file(tmp_path: Path) -> None:
    message = refusal(tmp_path, "source: photos\n")
    assert message.endswith("output: Field required")


def test_several_mistakes_are_told_at_once(tmp_path: Path) -> None:
    message = refusal(tmp_path, MINIMAL + "run: {scale: 3, quality: 0}")
    assert "run.scale" in message
    assert "run.quality" in message


@pytest.mark.parametrize("text", ["", "- photos\n", "photos"])
def test_a_file_without_keys_is_refused(tmp_path: Path, text: str) -> None:
    assert "the file: " in refusal(tmp_path, text)


@pytest.mark.parametrize("text", ["source: [", "a: b: c", b"source: \xff\xfe\n", b"\x00"])
def test_a_file_that_is_no_yaml_is_refused(tmp_path: Path, text: str | bytes) -> None:
    assert "is not valid YAML" in refusal(tmp_path, text)


def test_yaml_cannot_make_python_objects(tmp_path: Path) -> None:
    text = "source: !!python/object/apply:os.getcwd []\noutput: out\n"
    assert "is not valid YAML" in refusal(tmp_path, text)


@pytest.mark.parametrize("name", ["absent.yaml", "."])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(
        ConfigurationError, match=re.escape(f"cannot read the settings {tmp_path / name}:")
    ):
        load_job(tmp_path / name)


def test_a_configuration_cannot_change() -> None:
    run = RunConfig()
    with pytest.raises(ValidationError, match="frozen"):
        run.scale = 2  # type: ignore[misc]


@pytest.mark.parametrize(("section", "model"), [("run", RunConfig), ("execution", ExecutionConfig)])
def test_every_key_is_documented_once_with_its_default(
    section: str, model: type[BaseModel]
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "job-file.md").read_text(encoding="utf-8")
    table = page.partition(f"\n## {section}:\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \|", table, re.MULTILINE)
    defaults = {name: field.default for name, field in model.model_fields.items()}
    assert sorted(name for name, _ in rows) == sorted(defaults)
    for name, documented in rows:
        default = defaults[name]
        if type(default) in (int, float):
            assert float(documented) == default, name
        else:
            assert documented == {None: "none", True: "true", False: "false"}.get(default, default)
