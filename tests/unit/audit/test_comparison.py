"""Comparison of runs: means over common images, the best marked, and no run too bad for it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from sr_core.archive.storage import Store, open_store
from sr_core.audit.report.comparison import render_comparison, write_comparison
from sr_core.errors import ConfigurationError, ErrorClass
from tests.support.html_page import Element, assert_self_contained, parse
from tests.support.photo_run import PhotoRun, png, scene

Variants = list[tuple[str, Store]]


class Bench:
    """Two or more runs of one source."""

    def __init__(self, folder: Path, *labels: str) -> None:
        self.runs = {label: PhotoRun(folder / label, model=label) for label in labels}
        self.source = open_store(str(folder / labels[0] / "source"))

    def add(self, key: str, *psnr_y_db: float | None, **columns: Any) -> None:
        """Add an image with one PSNR per run."""
        for run, value in zip(self.runs.values(), psnr_y_db, strict=True):
            run.add(key, psnr_y_db=value, **columns)

    def variants(self) -> Variants:
        return [(label, run.write()) for label, run in self.runs.items()]

    def page(self, **options: Any) -> Element:
        data = render_comparison(self.variants(), source=self.source, **options)
        assert_self_contained(data)
        return parse(data)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, "nearest", "bicubic", "SRResNet")


def means_of(page: Element, measure: str) -> list[Element]:
    table = page.all("div", class_="means")[0]
    at = [cell.text.split(" dB")[0] for cell in table.all("thead")[0].all("th")].index(measure)
    return [row.all("td")[at - 1] for row in table.all("tbody")[0].all("tr")]


def samples_of(page: Element) -> list[Element]:
    return page.all("section", class_="sample")


def test_means_are_over_the_images_that_all_runs_have(bench: Bench) -> None:
    bench.add("a.png", 20, 24, 28)
    bench.add("b.png", 22, 26, 30)
    bench.add("c.png", 90, None, 90)
    bench.runs["nearest"].fail("d.png", ErrorClass.DECODE)
    bench.runs["bicubic"].add("d.png", psnr_y_db=99)
    bench.runs["SRResNet"].add("d.png", psnr_y_db=99)
    page = bench.page()
    cells = means_of(page, "PSNR-Y")
    assert [cell.text for cell in cells] == ["21.00", "25.00", "29.00 (best)"]
    assert page.all("h1")[0].text == "Nearest, bicubic and SRResNet on the same 4 images"


def test_the_verdict_names_the_closest_and_the_next(bench: Bench) -> None:
    bench.add("a.png", 20, 26, 28.25)
    assert bench.page().all("p", class_="lead")[0].text == (
        "SRResNet is closest to the references: 28.25 dB PSNR-Y on average, 2.25 dB above bicubic."
    )


def test_without_references_there_is_no_verdict(bench: Bench) -> None:
    bench.add("a.png", None, None, None)
    page = bench.page()
    assert page.all("p", class_="lead") == []
    assert "PSNR-Y" not in [cell.text for cell in page.all("th")]


def test_equal_values_have_no_best(bench: Bench) -> None:
    bench.add("a.png", 25, 25, 25)
    assert bench.page().all("span", class_="best") == []


def test_infinite_means_are_shown(bench: Bench) -> None:
    bench.add("a.png", 25, 26, math.inf)
    assert means_of(bench.page(), "PSNR-Y")[2].text == "∞ (best)"


def test_lower_is_better_for_colour_drift(bench: Bench) -> None:
    for drift, run in zip((3.0, 1.0, 2.0), bench.runs.values(), strict=True):
        run.add("a.png", colour_drift_delta_e=drift)
    cells = [cell.text for cell in means_of(bench.page(), "Colour drift ΔE")]
    assert cells == ["3.00", "1.00 (best)", "2.00"]


def test_each_image_shows_every_run_and_the_reference(bench: Bench) -> None:
    bench.source.put_if_absent("hr/a.png", png(scene("truth", 96, 64)))
    bench.add("lr/a.png", 20, 24, 28, reference_key="hr/a.png")
    (sample,) = samples_of(bench.page())
    crops = [crop.text for crop in sample.all("figcaption")]
    assert crops == [
        "nearest 20.00 dB",
        "bicubic 24.00 dB",
        "SRResNet 28.00 (best) dB",
        "reference",
    ]
    choices = sample.all("input", type="radio")
    chosen = [choice.attributes["value"] for choice in choices if "checked" in choice.attributes]
    assert (len(choices), chosen) == (3, ["1"])
    assert [tag.text for tag in sample.all("span", class_="right")] == ["SRResNet"]
    assert len(sample.all("div", class_="over")[0].all("img")) == 3


def test_images_are_shown_in_key_order_up_to_the_limit(bench: Bench) -> None:
    for key in ("c.png", "a.png", "b.png"):
        bench.add(key, 20, 24, 28)
    page = bench.page(limit_images=2)
    assert [sample.all("h2")[0].text for sample in samples_of(page)] == ["a.png", "b.png"]
    assert "3 images" in page.all("h1")[0].text


def test_a_failed_image_and_a_lost_reference_are_notes(bench: Bench) -> None:
    bench.runs["nearest"].add("a.png", reference_key="hr/gone.png")
    bench.runs["bicubic"].add("a.png")
    bench.runs["SRResNet"].fail("a.png", ErrorClass.OUT_OF_MEMORY, "the smallest tile is too large")
    (sample,) = samples_of(bench.page())
    notes = [note.text for note in sample.all("span", class_="message")]
    assert notes[0] == "out_of_memory: the smallest tile is too large"
    assert notes[1].startswith("cannot be shown: ")
    assert sample.all("div", class_="wipe") == []
    assert [crop.text.split()[0] for crop in sample.all("figcaption")] == ["nearest", "bicubic"]


def test_runs_without_rows_are_shown(bench: Bench) -> None:
    bench.add("a.png", 20, 24, 28)
    variants = [(label, run.write(shards=0)) for label, run in bench.runs.items()]
    (sample,) = samples_of(parse(render_comparison(variants, source=bench.source)))
    assert [note.text for note in sample.all("span", class_="message")] == ["not done yet"] * 3


def test_one_run_alone_is_shown(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "bicubic")
    bench.add("a.png", 24)
    page = bench.page()
    assert page.all("h1")[0].text == "Bicubic on the same image"
    assert len(samples_of(page)[0].all("figcaption")) == 1


def test_labels_and_keys_never_become_markup(tmp_path: Path) -> None:
    bench = Bench(tmp_path, "<script>alert(1)<b>", "bicubic")
    bench.add("<img src=x onerror=alert(2)>.png", 20, 24)
    page = bench.page()
    assert len(page.all("script")) == 1
    assert samples_of(page)[0].all("bdi")[0].text == "<img src=x onerror=alert(2)>.png"


def test_write_comparison_writes_the_page(bench: Bench, tmp_path: Path) -> None:
    bench.add("a.png", 20, 24, 28)
    write_comparison(bench.variants(), source=bench.source, path=tmp_path / "demo.html")
    assert parse((tmp_path / "demo.html").read_bytes()).all("h1")


def test_a_root_without_a_run_is_refused(bench: Bench, tmp_path: Path) -> None:
    bench.add("a.png", 20, 24, 28)
    variants = [*bench.variants(), ("empty", open_store(str(tmp_path / "empty")))]
    with pytest.raises(ConfigurationError, match="holds no run"):
        render_comparison(variants, source=bench.source)
