"""The benchmark's document: what is written, and what is left unchanged."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from subprocess import CalledProcessError, CompletedProcess

import pytest

from benchmarks.__main__ import main, run
from benchmarks.plot import draw
from benchmarks.report import BEGIN, END, all_samples, generated, write
from benchmarks.section import Section, load_section, ratios, spread, table
from benchmarks.targets import TARGETS, Target, targets_table

SECTION = Section("Engines", "| a |\n| --- |\n", {"engines.torch.256.of_peak": [0.6, 0.7, 0.65]})


def test_a_new_document_holds_the_text_between_the_markers(tmp_path: Path) -> None:
    document = tmp_path / "docs" / "benchmarks.md"
    write(document, "found\n")
    assert document.read_text() == f"# Benchmarks\n\n{BEGIN}\n\nfound\n\n{END}\n"


def test_what_people_wrote_around_the_markers_stays(tmp_path: Path) -> None:
    document = tmp_path / "benchmarks.md"
    document.write_text(f"# Title\n\nabove\n{BEGIN}\nold\n{END}\n\n## By hand\n")
    write(document, "first")
    write(document, "second")
    assert document.read_text() == f"# Title\n\nabove\n{BEGIN}\n\nsecond\n\n{END}\n\n## By hand\n"


@pytest.mark.parametrize(
    "text", ["# Title\n", f"{BEGIN}\n", f"{END}\n{BEGIN}\n", f"{BEGIN}{END}{END}"]
)
def test_a_document_without_a_place_for_it_is_refused_and_kept(tmp_path: Path, text: str) -> None:
    document = tmp_path / "benchmarks.md"
    document.write_text(text)
    with pytest.raises(ValueError, match="must hold"):
        write(document, "found")
    assert document.read_text() == text


def test_the_report_has_date_targets_picture_and_sections_in_their_order() -> None:
    text = generated([SECTION, Section("Codecs", "x")], {}, date(2026, 3, 1), picture="a.png")
    places = [text.index(each) for each in ("2026-03-01", "Targets", "a.png", "Engines", "Codecs")]
    assert places == sorted(places)
    assert "65.0 (60.0 to 70.0) %" in text


def test_a_section_that_failed_is_named() -> None:
    text = generated([SECTION], {"job": "exit status 1"}, date(2026, 3, 1), picture=None)
    assert "**Not measured, job:** exit status 1" in text


def test_an_older_picture_does_not_go_with_new_numbers(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def run(name: str, *, quick: bool) -> Section:
        if name in {"engines", "job"}:
            raise CalledProcessError(1, [name])
        return Section(name, "found")

    monkeypatch.setattr("benchmarks.__main__.run", run)
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "benchmarks.png").write_bytes(b"older")
    document = tmp_path / "benchmarks.md"
    assert main(["--output", str(document)]) == 1
    assert "**Not measured, job:** exit status 1" in document.read_text()
    assert "benchmarks.png" not in document.read_text()


def test_a_trial_is_small_in_every_section(monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []

    def answer(command: list[str], **_: object) -> CompletedProcess[bytes]:
        commands.append(command)
        return CompletedProcess(command, 0, b"| 1 | 2 |")

    monkeypatch.setattr("benchmarks.__main__.subprocess.run", answer)
    assert run("memory", quick=True).text == "| 1 | 2 |"
    run("memory", quick=False)
    assert [command[3:] for command in commands] == [["--megapixels", "0.1"], []]


def test_a_target_is_held_against_the_median_without_rounding() -> None:
    target = Target("speed", "s", least=0.93, percent=True)
    below = {"s": [0.9299, 0.1, 0.99]}
    assert target.row(below) == ["speed", "at least 93 %", "93.0 (10.0 to 99.0) %", "no"]
    assert target.row({"s": [0.93]}) == ["speed", "at least 93 %", "93.0 %", "yes"]
    cost = Target("cost", "c", most=0.03, percent=True)
    assert [cost.row({"c": [share]})[-1] for share in (0.03, 0.0301)] == ["yes", "no"]


def test_what_was_not_measured_is_not_met() -> None:
    lines = targets_table({}).splitlines()[2:]
    assert len(lines) == len(TARGETS)
    assert all(line.endswith("| not measured | no |") for line in lines)


def test_a_section_comes_back_from_its_file(tmp_path: Path) -> None:
    SECTION.save(tmp_path / "section.json")
    assert load_section(tmp_path / "section.json") == SECTION


def test_numbers_are_written_as_median_least_and_most() -> None:
    assert spread([3.0, 1.0, 2.0], 1) == "2.0 (1.0 to 3.0)"
    assert spread([1234.56]) == "1,234.56"
    assert table(["a", "b"], [["1", "2"]]) == "| a | b |\n| --- | --- |\n| 1 | 2 |\n"


def test_ratios_are_those_of_one_repeat() -> None:
    assert ratios([2.0, 9.0], [1.0, 3.0]) == [2.0, 3.0]
    with pytest.raises(ValueError, match="shorter"):
        ratios([1.0, 2.0], [1.0])


def test_the_samples_of_all_sections_are_joined() -> None:
    assert all_samples([SECTION, Section("b", "", {"b": [1.0]})]).keys() == {
        "engines.torch.256.of_peak",
        "b",
    }


def test_the_plot_shows_what_was_measured(tmp_path: Path) -> None:
    rates = {f"engines.{name}.256.rate": [1.0, 1.1] for name in ("eager", "torch")}
    assert draw(rates, tmp_path / "engines.png")
    draw(rates | {"job.png": [1.0, 2.0], "job.plain_script": [0.3]}, tmp_path / "both.png")
    assert (tmp_path / "both.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "engines.png").stat().st_size < (tmp_path / "both.png").stat().st_size


def test_nothing_is_drawn_of_nothing(tmp_path: Path) -> None:
    assert not draw({"codecs.write.png": [1.0]}, tmp_path / "plot.png")
    assert not (tmp_path / "plot.png").exists()
