"""The page and the picture of a training's curves."""

from __future__ import annotations

import base64
import hashlib
import math
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest
from PIL import Image

from sr_core.training.charts import FRAME
from sr_core.training.curves import write_page
from sr_core.training.journal import Record, StepRecord, ValidationRecord
from tests.support.html_page import Element, parse

GAN = ("vgg54", "adversarial", "discriminator", "d_hr", "d_sr")
HOSTILE = "<script>alert('$x_{$')</script>"


def l1(step: int, value: float, stage: str = "srresnet") -> StepRecord:
    return StepRecord(stage, step, 0.5, 6e-4, {"l1": value})


def validated(step: int, psnr: float, lpips: float | None, stage: str = "srgan") -> Record:
    return ValidationRecord(stage, step, psnr, 0.8, lpips)


@pytest.fixture(scope="module")
def records() -> list[Record]:
    """Return records of two stages, as a real training writes them."""
    rng = np.random.default_rng(0)
    pixel: list[Record] = [
        l1(step, 0.02 + 0.2 * math.exp(-step / 300) + rng.normal(0, 1e-4))
        for step in range(50, 10_001, 50)
    ]
    pixel += [validated(step, 25 + step / 2000, None, "srresnet") for step in (5000, 10_000)]
    adversarial: list[Record] = [
        StepRecord("srgan", step, 2.0, 1e-4, dict(zip(GAN, rng.uniform(0.1, 1, 5), strict=True)))
        for step in range(10, 2001, 10)
    ]
    adversarial += [validated(1000, 28.52, 0.171), validated(1500, 28.31, 0.163)]
    return [*pixel, *adversarial, validated(2000, 28.44, 0.169)]


def write(
    folder: Path, records: Sequence[Record], samples: Sequence[Path] = (), **settings: object
) -> Element:
    write_page(folder, records, samples, "SRGAN x4", settings)
    return parse((folder / "index.html").read_bytes())


@pytest.fixture(scope="module")
def shown(records: list[Record], tmp_path_factory: pytest.TempPathFactory) -> Element:
    """Return the page of the two stages, with a sample."""
    folder = tmp_path_factory.mktemp("training")
    return write(folder, records, [folder / "a.png"])


def sections(page: Element) -> dict[str, Element]:
    return {section.all("h2")[0].text: section for section in page.all("section")}


def titles(section: Element) -> list[str]:
    return [heading.text for heading in section.all("h3")]


def picture(folder: Path) -> Image.Image:
    with Image.open(folder / "curves.png") as image:
        assert image.format == "PNG"
        return image.convert("RGB")


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """Simulate an installation without the extra `train`."""
    for name in ("matplotlib", "tensorboard"):
        monkeypatch.setitem(sys.modules, name, None)


def test_each_stage_has_a_curve_for_everything_it_records(shown: Element) -> None:
    assert list(sections(shown)) == ["srgan", "srresnet", "Latest samples"]
    measures = ["Validation PSNR-Y", "Validation SSIM-Y"]
    assert titles(sections(shown)["srresnet"]) == [*measures, "L1 loss", "Learning rate", "Speed"]
    assert titles(sections(shown)["srgan"]) == [
        *measures,
        "Validation LPIPS (alex)",
        "VGG5,4 loss",
        "Adversarial loss",
        "Discriminator loss",
        "Discriminator's approval",
        "Learning rate",
        "Speed",
    ]
    # One line per panel, but two in the panel of the discriminator's approval.
    assert len(shown.all("polyline")) == 5 + 9 + 1
    assert "0.5 steps/s" in shown.text


def test_curves_stay_in_their_frame(shown: Element) -> None:
    shapes = [*shown.all("polyline"), *shown.all("polygon")]
    points = [
        tuple(map(float, point.split(",")))
        for shape in shapes
        for point in shape.attributes["points"].split()
    ]
    assert len(points) > 1000
    assert all(FRAME.left <= x <= FRAME.right for x, _ in points)
    assert all(FRAME.top <= y <= FRAME.bottom for _, y in points)


def test_the_best_validation_of_a_stage_is_marked(shown: Element) -> None:
    section = sections(shown)["srgan"]
    rows = [row for row in section.all("tr") if row.all("td")]
    assert [row.all("th")[0].text for row in rows] == ["2,000", "1,500", "1,000"]
    best = [[cell.text for cell in row.all("td", class_="best")] for row in rows]
    # SSIM is constant.
    assert best == [["0.8000"], ["0.8000", "0.1630"], ["28.52", "0.8000"]]
    assert "Best LPIPS (alex) 0.1630 at 1,500" in section.text


@pytest.mark.usefixtures("bare")
def test_time_counts_the_steps_that_stand(tmp_path: Path) -> None:
    page = write(tmp_path, [l1(100, 0.1), l1(7300, 0.1)])
    assert "1:00:50" in page.text


def test_numbers_that_are_not_finite_are_an_alarm(tmp_path: Path) -> None:
    diverged = [l1(10, 0.1), l1(20, math.nan), l1(30, math.inf), validated(30, math.nan, None)]
    page = write(tmp_path, diverged)
    (alarm,) = page.all("div", class_="alarm")
    assert [item.text for item in alarm.all("li")] == [
        "srgan: PSNR-Y is nan at step 30",
        "srresnet: l1 is nan at step 20 and 1 more times",
    ]
    marks = sections(page)["srresnet"].all("g", class_="mark")
    assert [mark.text for mark in marks] == ["step 20: nan", "step 30: inf"]
    assert "nan" in [cell.text for cell in page.all("td")]
    pixels = np.asarray(picture(tmp_path)).astype(int)
    assert (abs(pixels - [0xB2, 0x3C, 0x17]).sum(axis=2) < 30).sum() > 20  # the crosses


def test_a_training_that_recorded_only_nan_still_has_a_page(tmp_path: Path) -> None:
    page = write(tmp_path, [l1(1, math.nan)])
    assert "l1 is nan at step 1" in page.text


def test_a_training_that_has_not_begun_has_a_page(tmp_path: Path) -> None:
    page = write(tmp_path, [], steps=10)
    assert "No step is recorded yet" in page.text
    assert "curves.png" not in page.text
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]


@pytest.mark.usefixtures("bare")
def test_samples_are_addressed_from_the_page(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    odd = "1 <b>&é'\"?#%41.png"
    samples = [folder / "samples" / "srgan-2.png", folder / "samples" / odd, tmp_path / "b.png"]
    for path in samples:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    images = write(folder, [l1(1, 0.1)], samples).all("img")
    addresses = [urlsplit(image.attributes["src"]) for image in images]
    assert all(address.geturl() == address.path for address in addresses)  # no scheme, no query
    resolved = [os.path.normpath(folder / unquote(address.path)) for address in addresses]
    assert resolved == [str(path) for path in samples]
    assert images[1].attributes["alt"] == odd.removesuffix(".png")


def test_settings_are_shown_with_the_names_of_the_stages(tmp_path: Path) -> None:
    stages = ({"name": "srresnet", "steps": 10}, {"name": "srgan", "content": {"vgg54": 1.0}})
    page = write(tmp_path, [], scale=4, stages=stages, start=None, held_out=[])
    (record,) = page.all("dl", class_="record")
    names, values = record.all("dt"), record.all("dd")
    assert [(name.text, value.text) for name, value in zip(names, values, strict=True)] == [
        ("scale", "4"),
        ("stages.srresnet.name", "srresnet"),
        ("stages.srresnet.steps", "10"),
        ("stages.srgan.name", "srgan"),
        ("stages.srgan.content.vgg54", "1.0"),
        ("start", "None"),
        ("held_out", "[]"),
    ]


def test_nothing_that_people_name_becomes_markup_or_a_formula(tmp_path: Path) -> None:
    write_page(
        tmp_path,
        [StepRecord(HOSTILE, 1, 0.5, 1e-4, {HOSTILE: 0.1})],
        [tmp_path / f"{HOSTILE}.png"],
        HOSTILE,
        {HOSTILE: HOSTILE},
    )
    page = parse((tmp_path / "index.html").read_bytes())
    assert page.all("script") == []
    assert page.all("h1")[0].text == HOSTILE
    assert HOSTILE in titles(page)


def test_the_page_loads_its_samples_and_nothing_else(shown: Element) -> None:
    (policy,) = shown.all("meta", **{"http-equiv": "Content-Security-Policy"})
    (style,) = shown.all("style")
    (text,) = style.children
    assert isinstance(text, str)
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    assert policy.attributes["content"] == (
        f"default-src 'none'; img-src 'self' file:; style-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'"
    )
    assert "url(" not in text
    for element in shown.all():
        assert element.tag not in ("script", "link", "iframe", "object")
        assert not {"style", "onload", "onerror"} & element.attributes.keys()
        for name in ("src", "href"):
            address = element.attributes.get(name, "a.png")
            assert address in ("a.png", "curves.png") or address.startswith("#")


def test_the_picture_holds_all_curves(records: list[Record], tmp_path: Path) -> None:
    write(tmp_path, [record for record in records if record.stage == "srresnet"])
    one = picture(tmp_path)
    page = write(tmp_path, records)
    both = picture(tmp_path)
    assert both.width == one.width >= 1000
    assert both.height / one.height == pytest.approx(5 / 2, rel=0.01)  # rows of three panels
    assert page.all("a", href="curves.png")
    pixels = np.asarray(one).astype(int)
    assert (abs(pixels - [0x0B, 0x6B, 0x73]).sum(axis=2) < 30).sum() > 1000


@pytest.mark.usefixtures("bare")
def test_a_page_of_many_records_stays_small(tmp_path: Path) -> None:
    write(tmp_path, [l1(step, 0.1 + step % 7) for step in range(1, 20_001)])
    assert (tmp_path / "index.html").stat().st_size < 100_000


def test_a_page_replaces_the_one_before(tmp_path: Path) -> None:
    write(tmp_path, [l1(1, 0.1)])
    page = write(tmp_path, [l1(1, 0.1), l1(2, 0.2)])
    assert "Step 2" in page.text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["curves.png", "index.html"]


@pytest.mark.usefixtures("bare")
def test_without_the_extra_the_page_has_its_curves_and_says_what_is_missing(
    records: list[Record], tmp_path: Path
) -> None:
    page = write(tmp_path, records)
    assert len(page.all("polyline")) == 15
    assert page.text.count("pip install matplotlib tensorboard") == 1
    assert "matplotlib and tensorboard are not installed" in page.text
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]


def test_with_the_extra_nothing_is_missing(shown: Element) -> None:
    assert "pip install" not in shown.text
