"""The report of a run: its content, that it loads nothing, and that no run is too bad for it."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from sr_core.archive.storage import open_store
from sr_core.audit.report.report import LINES_PER_CLASS, render_report, write_report
from sr_core.errors import ConfigurationError, ErrorClass
from sr_core.records import MetricsRow, Status
from tests.support.html_page import Element, assert_self_contained, parse
from tests.support.photo_run import PhotoRun, image_id
from tests.support.small_run import plan_retry
from tests.support.watched_store import WatchedStore

HOSTILE = [
    "<script>alert(1)</script>.png",
    '"><img src=x onerror=alert(2)>.png',
    "{{ 7 * 7 }}{% raw %}.png",
    "invoice\u202egnp.exe",
    "' onmouseover='alert(3)",
    "javascript:alert(4)",
    "x" * 180 + ".png",
]


@pytest.fixture
def run(tmp_path: Path) -> PhotoRun:
    return PhotoRun(tmp_path)


def page_of(run: PhotoRun, **options: Any) -> Element:
    return parse(render_report(run.store, **({"source": run.source} | options)))


def cards_of(page: Element) -> list[Element]:
    return page.all("li", class_="photo")


def names_of(elements: list[Element]) -> list[str]:
    return [element.all("bdi")[0].text for element in elements]


def rows_of(page: Element) -> list[Element]:
    return page.all("section", id="list")[0].all("tbody")[0].all("tr")


def test_the_head_counts_what_the_ledger_counts(run: PhotoRun) -> None:
    for number in range(4):
        run.add(f"{number}.png")
    run.fail("a.jpg", ErrorClass.DECODE)
    run.fail("b.jpg", ErrorClass.DECODE)
    run.fail("c.jpg", ErrorClass.NOT_FOUND)
    run.write()
    page = page_of(run)
    assert page.all("h1")[0].text == "4 of 7 images upscaled"
    assert page.all("ul", class_="legend")[0].text == "4 ok 3 failed"
    assert page.all("dl", class_="bars")[0].text == "decode 2 not_found 1"
    assert "SRResNet ×4" in page.all("p", class_="lead")[0].text
    assert run.record.run_id in page.all("header")[0].text


def test_the_page_leads_with_the_verdicts_and_their_reasons(run: PhotoRun) -> None:
    run.add("dull.png", colour_drift_delta_e=0.9)
    run.add("pink.png", colour_drift_delta_e=40.0)
    run.add("good.png")
    run.fail("broken.jpg", ErrorClass.DECODE)
    run.write()
    page = page_of(run)
    said = page.all("p", class_="verdicts")[0].text
    assert said.startswith("2 pass 0 review 2 fail by the rules srfleet 1")
    assert names_of(cards_of(page))[0] == "pink.png"
    assert "colours differ" in cards_of(page)[0].all("p", class_="verdict")[0].text
    assert not cards_of(page)[1].all("p", class_="verdict")
    reasons = page.all("section")[0].all("tbody")[0].all("tr")
    assert [row.all("code")[0].text for row in reasons] == ["not_upscaled", "colours"]


def test_the_page_is_self_contained(run: PhotoRun) -> None:
    run.add("a.png")
    run.fail("b.png", ErrorClass.DECODE)
    assert_self_contained(render_report(run.write(), source=run.source))


def test_names_and_messages_never_become_markup(run: PhotoRun) -> None:
    for name in HOSTILE[:2]:
        run.add(name, warnings=(f"warned of {name}",))
    for name in HOSTILE:
        run.fail(f"bad/{name}", ErrorClass.DECODE, f"message of {name}")
    data = render_report(run.write(), source=run.source)
    assert_self_contained(data)
    page = parse(data)
    shown = {element.text for element in page.all("bdi")}
    assert {f"bad/{name}" for name in HOSTILE} <= shown
    assert set(HOSTILE[:2]) <= shown
    messages = {element.text for element in page.all("span", class_="message")}
    assert messages == {f"message of {name}" for name in HOSTILE}
    tags = Counter(element.tag for element in page.all())
    assert (tags["script"], tags["style"]) == (1, 1)
    assert tags["img"] == 3 * 2


def test_a_run_without_rows_is_shown(run: PhotoRun) -> None:
    run.add("a.png")
    run.add("b.png")
    page = page_of_store(run, shards=0)
    assert page.all("h1")[0].text == "No result yet for 2 images"
    assert page.all("ul", class_="legend")[0].text == "2 left"
    assert "0 of 1 shards" in page.all("span", class_="badge")[0].text
    assert cards_of(page) == []


def test_a_run_without_a_plan_is_shown(run: PhotoRun) -> None:
    assert page_of(run).all("h1")[0].text == "No result yet for 0 images"


def test_an_unfinished_run_says_how_far_it_is(run: PhotoRun) -> None:
    for number in range(7):
        run.add(f"{number}.png")
    page = page_of_store(run, shards=2)
    assert page.all("h1")[0].text == "6 of 7 images upscaled"
    assert page.all("span", class_="badge")[0].text == "not complete: 2 of 3 shards committed"
    assert len(cards_of(page)) == 6


def page_of_store(run: PhotoRun, *, shards: int) -> Element:
    run.write(shards=shards)
    return page_of(run)


def test_a_run_in_which_everything_failed_is_shown(run: PhotoRun) -> None:
    for number in range(4):
        run.fail(f"{number}.jpg", ErrorClass.FORBIDDEN, "access denied")
    run.write()
    page = page_of(run)
    assert page.all("h1")[0].text == "None of 4 images upscaled"
    assert [row.all("td")[0].text for row in rows_of(page)] == ["forbidden"] * 4
    assert page.all("figure", class_="chart") == []


def test_undefined_and_infinite_measures_are_shown_as_such(run: PhotoRun) -> None:
    run.add("a.png", psnr_y_db=math.inf, lr_psnr_db=None, upscale_ms=None, sharpness_gain=None)
    run.add("b.png", psnr_y_db=None, lr_psnr_db=None, upscale_ms=None, sharpness_gain=None)
    run.write()
    (same, unknown) = sorted(rows_of(page_of(run)), key=lambda row: row.all("bdi")[0].text)
    psnr = [row.all("td", **{"data-label": "PSNR-Y"})[0] for row in (same, unknown)]
    assert [cell.text for cell in psnr] == ["∞", "–"]
    assert [cell.attributes["data-value"] for cell in psnr] == ["Infinity", ""]
    headings = {cell.attributes["data-label"] for cell in same.all("td")}
    assert "LR-PSNR" not in headings
    assert "Time" not in headings


def test_a_run_without_any_measure_keeps_the_order_of_the_table(run: PhotoRun) -> None:
    nothing = dict.fromkeys(
        ("self_psnr_y_db", "lr_psnr_db", "colour_drift_delta_e", "sharpness_gain", "upscale_ms")
    )
    for name in ("c.png", "a.png", "b.png"):
        run.add(name, **nothing)
    run.write()
    page = page_of(run)
    assert names_of(cards_of(page)) == ["c.png", "a.png", "b.png"]
    assert page.all("figure", class_="chart") == []


def test_the_worst_image_comes_first_and_says_why(run: PhotoRun) -> None:
    for number in range(8):
        run.add(f"{number}.png", lr_psnr_db=46 + number / 10, colour_drift_delta_e=0.4)
    run.add("green.png", lr_psnr_db=46.3, colour_drift_delta_e=9.0)
    run.write()
    first = cards_of(page_of(run))[0]
    assert names_of([first]) == ["green.png"]
    assert "Colour drift" in first.all("p", class_="why")[0].text
    assert "above the median" in first.all("p", class_="why")[0].text
    assert "is-colour_drift_delta_e" in first.attributes["class"]


def test_the_latest_round_speaks_for_an_image(run: PhotoRun) -> None:
    run.add("a.png")
    run.fail("b.png", ErrorClass.NETWORK)
    run.write()
    number = plan_retry(run.ledger)
    again = MetricsRow(image_id("b.png"), "b.png", number, 0, "b", Status.OK, output_key="x")
    run.ledger.commit(number, 0, [again])
    run.ledger.close_rounds(run.ledger.snapshot())
    page = page_of(run)
    assert page.all("h1")[0].text == "2 images upscaled, none failed"
    assert sorted(names_of(rows_of(page))) == ["a.png", "b.png"]


def test_no_class_of_failures_crowds_out_another(run: PhotoRun) -> None:
    for number in range(LINES_PER_CLASS + 7):
        run.fail(f"{number}.jpg", ErrorClass.DECODE)
    run.fail("gone.jpg", ErrorClass.NOT_FOUND)
    run.write()
    page = page_of(run)
    classes = Counter(row.all("td")[0].text for row in rows_of(page))
    assert classes == {"decode": LINES_PER_CLASS, "not_found": 1}
    assert page.all("dl", class_="bars")[0].text == f"decode {LINES_PER_CLASS + 7} not_found 1"


def test_every_filter_chooses_as_many_items_as_it_says(run: PhotoRun) -> None:
    for number in range(5):
        run.add(f"{number}.png", lr_psnr_db=46.0 - number, warnings=("odd",) * (number % 2))
    run.fail("a.jpg", ErrorClass.DECODE)
    run.fail("b.jpg", ErrorClass.KEY_REJECTED)
    run.write()
    page = page_of(run)
    style = page.all("style")[0].text
    for section in page.all("section"):
        for radio in section.all("fieldset")[0].all("label")[1:] if section.all("fieldset") else []:
            kind = radio.all("input")[0].attributes["value"]
            (items,) = section.all(class_="items")
            assert radio.text.endswith(f" {len(items.all(class_=f'is-{kind}'))}")
            assert f'[value="{kind}"]:checked' in style


def read_whole(store: WatchedStore) -> list[str]:
    return [key for method, key in store.keys.elements() if method == "read_object"]


def test_pictures_are_read_only_of_the_images_that_are_shown(run: PhotoRun) -> None:
    for number in range(9):
        run.add(f"{number}.png", lr_psnr_db=50.0 - number)
    run.write()
    outputs, sources = WatchedStore(run.store), WatchedStore(run.source)
    page = parse(render_report(outputs, source=sources, limit_images=2))
    assert names_of(cards_of(page)) == ["8.png", "7.png"]
    assert read_whole(outputs) == ["images/8.png", "images/7.png"]
    assert read_whole(sources) == ["8.png", "7.png"]
    assert "2 of 9 images" in page.all("section", id="sheet")[0].text


def test_without_the_source_the_outputs_are_shown_alone(run: PhotoRun) -> None:
    run.add("a.png")
    run.write()
    (card,) = cards_of(page_of(run, source=None))
    assert [each.text for each in card.all("figcaption")] == ["output"]


@pytest.mark.parametrize(
    ("file", "content", "note"),
    [
        ("run/images/a.png", None, "the output cannot be shown"),
        ("run/images/a.png", b"GIF89a", "the output cannot be shown: it has changed since"),
        ("source/a.png", None, "the source cannot be shown"),
        ("source/a.png", b"GIF89a", "the source cannot be shown: it has changed since"),
    ],
)
def test_a_picture_that_cannot_be_shown_is_a_note(
    run: PhotoRun, tmp_path: Path, file: str, content: bytes | None, note: str
) -> None:
    run.add("a.png")
    run.add("b.png")
    run.write()
    (tmp_path / file).unlink()
    if content is not None:
        (tmp_path / file).write_bytes(content)
    first, second = sorted(cards_of(page_of(run)), key=lambda card: card.all("bdi")[0].text)
    assert note in first.text
    assert len(second.all("figure")) == 2


def test_an_output_that_is_no_picture_is_a_note(run: PhotoRun) -> None:
    run.add("a.png", output_key="images/torn.png", output_sha256=None)
    run.store.put_if_absent("images/torn.png", b"\x89PNG\r\n\x1a\n and no more")
    run.write()
    (card,) = cards_of(page_of(run))
    assert "the output cannot be shown" in card.text
    assert card.all("figure") == []


def test_write_report_replaces_an_earlier_one(run: PhotoRun) -> None:
    run.add("a.png")
    run.write()
    write_report(run.store, source=run.source)
    write_report(run.store, source=None)
    page = parse(run.store.read("report.html"))
    assert len(page.all("figcaption")) - len(page.all("figure", class_="chart")) == 1


def test_a_root_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="holds no run"):
        render_report(open_store(str(tmp_path)), source=None)


def test_what_ran_is_listed_completely(run: PhotoRun) -> None:
    run.add("a.png")
    run.write()
    record = page_of(run).all("dl", class_="record")[0].text
    for value in (run.record.manifest_digest, run.source.uri, json.dumps(None), "0.1.0"):
        assert value in record
