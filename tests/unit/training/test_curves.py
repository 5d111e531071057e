"""What a training shows: the page, the picture of its curves, TensorBoard's event files."""

from __future__ import annotations

import base64
import hashlib
import io
import math
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from sr_core.training.charts import FRAME, Axis, chart
from sr_core.training.curves import EventWriter, write_page
from sr_core.training.journal import Record, StepRecord, ValidationRecord
from sr_core.training.panels import brief, view_stages
from tests.html_page import Element, parse

GAN = ("vgg54", "adversarial", "discriminator", "d_hr", "d_sr")
HOSTILE = "<script>alert('$x_{')</script>"


def l1(step: int, value: float, stage: str = "srresnet") -> StepRecord:
    return StepRecord(stage, step, 0.5, 6e-4, {"l1": value})


def validated(step: int, psnr: float, lpips: float | None, stage: str = "srgan") -> Record:
    return ValidationRecord(stage, step, psnr, 0.8, lpips)


@pytest.fixture(scope="module")
def records() -> list[Record]:
    """Two stages as a real training records them."""
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
    """An installation without the extra `train`."""
    for name in ("matplotlib", "tensorboard"):
        monkeypatch.setitem(sys.modules, name, None)


def test_each_stage_has_a_curve_for_everything_it_records(
    records: list[Record], tmp_path: Path
) -> None:
    page = write(tmp_path, records)
    assert list(sections(page)) == ["srgan", "srresnet"]
    measures = ["Validation PSNR-Y", "Validation SSIM-Y"]
    assert titles(sections(page)["srresnet"]) == [*measures, "L1 loss", "Learning rate", "Speed"]
    assert titles(sections(page)["srgan"]) == [
        *measures,
        "Validation LPIPS (alex)",
        "VGG5,4 loss",
        "Adversarial loss",
        "Discriminator loss",
        "Discriminator's approval",
        "Learning rate",
        "Speed",
    ]
    # One line each, and two in the panel of the discriminator's approval.
    assert len(page.all("polyline")) == 5 + 9 + 1
    assert "0.5000 steps/s" not in page.text
    assert "0.5 steps/s" in page.text


def test_curves_stay_in_their_frame(records: list[Record], tmp_path: Path) -> None:
    page = write(tmp_path, records)
    shapes = [*page.all("polyline"), *page.all("polygon")]
    points = [
        tuple(map(float, point.split(",")))
        for shape in shapes
        for point in shape.attributes["points"].split()
    ]
    assert len(points) > 1000
    assert all(FRAME.left <= x <= FRAME.right for x, _ in points)
    assert all(FRAME.top <= y <= FRAME.bottom for _, y in points)


def test_a_curve_falls_where_its_values_fall() -> None:
    (stage,) = view_stages([l1(step, 1 / step) for step in range(1, 1001)])
    drawn = chart(stage.panels[0], stage.step)
    ys = [float(point.split(",")[1]) for point in drawn.curves[0].line.split()]
    assert ys == sorted(ys)  # downwards, for an SVG
    assert ys[-1] - ys[0] > 100
    assert len(ys) == 100  # of a thousand records
    assert drawn.curves[0].dots[-1][2] == "step 1,000: 0.001005"


def test_only_losses_that_spread_widely_get_a_logarithmic_axis() -> None:
    wide, narrow, negative = (
        [l1(step, value) for step, value in enumerate(values, start=1)]
        for values in ((1.0, 0.1, 0.01), (0.3, 0.2, 0.1), (1.0, 0.1, -0.01))
    )
    panels = [view_stages(records)[0].panels[0] for records in (wide, narrow, negative)]
    assert [panel.is_log for panel in panels] == [True, False, False]
    assert [y for y, _ in chart(panels[0], 3).y_ticks] == sorted(
        (y for y, _ in chart(panels[0], 3).y_ticks), reverse=True
    )


def test_the_best_validation_of_a_stage_is_marked(records: list[Record], tmp_path: Path) -> None:
    section = sections(write(tmp_path, records))["srgan"]
    rows = [row for row in section.all("tr") if row.all("td")]
    assert [row.all("th")[0].text for row in rows] == ["2,000", "1,500", "1,000"]
    best = [[cell.text for cell in row.all("td", class_="best")] for row in rows]
    # SSIM is the same each time.
    assert best == [["0.8000"], ["0.8000", "0.1630"], ["28.52", "0.8000"]]
    assert "Best LPIPS (alex) 0.1630 at 1,500" in section.text


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


def test_samples_are_addressed_from_the_page(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    odd = "1 <b>&é'\"?#%.png"
    samples = [folder / "samples" / "srgan-2.png", folder / "samples" / odd, tmp_path / "b.png"]
    for path in samples:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    images = write(folder, [l1(1, 0.1)], samples).all("img")
    addresses = [image.attributes["src"] for image in images]
    assert [address.partition(":")[1] for address in addresses] == ["", "", ""]
    resolved = [os.path.normpath(folder / unquote(address)) for address in addresses]
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


def test_the_page_loads_its_samples_and_nothing_else(records: list[Record], tmp_path: Path) -> None:
    page = write(tmp_path, records, [tmp_path / "a.png"])
    (policy,) = page.all("meta", **{"http-equiv": "Content-Security-Policy"})
    (style,) = page.all("style")
    (text,) = style.children
    assert isinstance(text, str)
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    assert policy.attributes["content"] == (
        f"default-src 'none'; img-src 'self' file:; style-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'"
    )
    assert "url(" not in text
    for element in page.all():
        assert element.tag not in ("script", "link", "iframe", "object")
        assert not {"style", "onload", "onerror"} & element.attributes.keys()
        for name in ("src", "href"):
            address = element.attributes.get(name, "a.png")
            assert address in ("a.png", "curves.png") or address.startswith("#")


def test_the_picture_holds_all_curves(records: list[Record], tmp_path: Path) -> None:
    write(tmp_path, records)
    both = picture(tmp_path)
    write(tmp_path, [record for record in records if record.stage == "srresnet"])
    one = picture(tmp_path)
    assert both.width == one.width >= 1000
    assert both.height / one.height == pytest.approx(5 / 2, rel=0.01)  # rows of three panels
    pixels = np.asarray(one).astype(int)
    assert (abs(pixels - [0x0B, 0x6B, 0x73]).sum(axis=2) < 30).sum() > 1000


def test_a_page_of_many_records_stays_small(tmp_path: Path) -> None:
    write(tmp_path, [l1(step, 0.1 + step % 7) for step in range(1, 20_001)])
    assert (tmp_path / "index.html").stat().st_size < 100_000


def test_a_page_replaces_the_one_before(records: list[Record], tmp_path: Path) -> None:
    write(tmp_path, records[:3])
    page = write(tmp_path, records)
    assert "srgan" in sections(page)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["curves.png", "index.html"]


@pytest.mark.usefixtures("bare")
def test_without_the_extra_the_page_has_its_curves_and_says_what_is_missing(
    records: list[Record], tmp_path: Path
) -> None:
    page = write(tmp_path, records)
    assert len(page.all("polyline")) == 15
    assert page.text.count("pip install 'srfleet[train]'") == 1
    assert "matplotlib and tensorboard are not installed" in page.text
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]


def test_with_the_extra_nothing_is_missing(records: list[Record], tmp_path: Path) -> None:
    assert "pip install" not in write(tmp_path, records[:3]).text


@pytest.mark.usefixtures("bare")
def test_without_tensorboard_events_are_left_out(tmp_path: Path) -> None:
    events = EventWriter(tmp_path)
    events.append(l1(1, 0.1))
    events.sample("srresnet", 1, np.zeros((4, 4, 3), np.uint8))
    events.close()
    assert list(tmp_path.iterdir()) == []


def scalars(folder: Path, stage: str) -> dict[str, list[tuple[int, float]]]:
    """Read a stage's events as TensorBoard does."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder / "tensorboard" / stage), {"scalars": 0, "images": 0})
    events.Reload()
    return {
        tag: [(event.step, event.value) for event in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
    }


def test_tensorboard_reads_every_value(tmp_path: Path) -> None:
    events = EventWriter(tmp_path)
    events.append(l1(10, 0.25))
    events.append(l1(20, math.nan))
    events.append(validated(20, 28.5, 0.125, "srresnet"))
    events.append(validated(10, 27.5, None, "srgan"))
    # Read while the training goes on: nothing waits in a buffer.
    assert scalars(tmp_path, "srresnet") == {
        "loss/l1": [(10, 0.25), (20, pytest.approx(math.nan, nan_ok=True))],
        "learning_rate": [(10, pytest.approx(6e-4)), (20, pytest.approx(6e-4))],
        "steps_per_second": [(10, 2.0), (20, 2.0)],
        "validation/psnr_y_db": [(20, 28.5)],
        "validation/ssim_y": [(20, pytest.approx(0.8))],
        "validation/lpips_alex": [(20, 0.125)],
    }
    assert scalars(tmp_path, "srgan").keys() == {"validation/psnr_y_db", "validation/ssim_y"}
    events.close()


def test_tensorboard_shows_a_repeated_step_once(tmp_path: Path) -> None:
    killed = EventWriter(tmp_path)
    for step in (10, 20, 30, 40):
        killed.append(l1(step, 1.0))
    killed.append(l1(10, 1.0, "srgan"))
    killed.close()
    resumed = EventWriter(tmp_path)
    for step in (30, 40, 50):
        resumed.append(l1(step, 0.5))
    resumed.close()
    shown = scalars(tmp_path, "srresnet")["loss/l1"]
    assert shown == [(10, 1.0), (20, 1.0), (30, 0.5), (40, 0.5), (50, 0.5)]
    assert scalars(tmp_path, "srgan")["loss/l1"] == [(10, 1.0)]


def test_tensorboard_shows_samples(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    pixels = np.random.default_rng(0).integers(0, 256, (24, 32, 3), np.uint8)
    writer = EventWriter(tmp_path)
    writer.sample("srgan", 70, pixels)
    writer.close()
    events = EventAccumulator(str(tmp_path / "tensorboard" / "srgan"))
    events.Reload()
    (image,) = events.Images("sample")
    assert image.step == 70
    with Image.open(io.BytesIO(image.encoded_image_string)) as decoded:
        np.testing.assert_array_equal(np.asarray(decoded), pixels)


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9))
def test_ticks_are_round_and_few(low: float, span: float) -> None:
    axis = Axis(low, low + max(span, 1e-9 * abs(low)))
    ticks = axis.ticks()
    assert 2 <= len(ticks) <= 6
    assert all(-1e-6 <= axis.at(tick) <= 1 + 1e-6 for tick in ticks)
    steps = np.diff(ticks)
    np.testing.assert_allclose(steps, steps[0], rtol=1e-3)


@given(st.floats(1e-12, 1e6), st.floats(10, 1e12))
def test_logarithmic_ticks_are_round_and_few(low: float, ratio: float) -> None:
    axis = Axis(low, low * ratio, is_log=True)
    ticks = axis.ticks()
    assert 2 <= len(ticks) <= 7
    assert all(0 <= axis.at(tick) <= 1 for tick in ticks)
    assert {f"{tick:.6e}"[0] for tick in ticks} <= {"1", "2", "5"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0213149, "0.02131"),
        (6e-4, "6e-4"),
        (0.0, "0"),
        (12_345.6, "12,346"),
        (1e12, "1e+12"),
        (math.nan, "nan"),
        (-math.inf, "-inf"),
    ],
)
def test_numbers_are_brief(value: float, text: str) -> None:
    assert brief(value) == text
