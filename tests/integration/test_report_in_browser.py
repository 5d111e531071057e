"""The pages in a real browser: they load nothing, fit a phone, filter, sort and compare."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sr_core.audit.acceptance.decisions import Decisions
from sr_core.audit.acceptance.review import review_page
from sr_core.audit.acceptance.sampling import Terms, draw
from sr_core.audit.report.comparison import write_comparison
from sr_core.audit.report.report import render_report
from sr_core.audit.verdicts.audit import audit_run, shipped_standard
from sr_core.errors import ErrorClass
from tests.support.browser import Tab, browser, find_chromium
from tests.support.photo_run import PhotoRun, png, scene

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_chromium() is None, reason="no chromium is installed"),
]

DESKTOP, PHONE = (1280, 900), (390, 844)
SHOWN_ROWS = (
    "[...document.querySelectorAll('#list tbody tr')].filter(row => row.offsetHeight > 0)"
    ".map(row => row.querySelector('bdi').textContent)"
)

Steps = Callable[[Tab], Awaitable[None]]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the report of a run with good, bad and hostile images."""
    folder = tmp_path_factory.mktemp("report")
    run = PhotoRun(folder)
    for number in range(7):
        run.add(f"album/{number}.png", lr_psnr_db=46.0 - number, sharpness_gain=1.0 + number)
    run.add("<script>document.title='stolen'</script>.png", warnings=("<b>odd</b>",))
    run.fail("torn.jpg", ErrorClass.DECODE, "<img src=x onerror=\"document.title='stolen'\">")
    run.fail("gone" * 60 + ".jpg", ErrorClass.NOT_FOUND, "no object of this name")
    page = folder / "report.html"
    page.write_bytes(render_report(run.write(), source=run.source))
    return page


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a comparison of three upscalers on two images, one of them with a reference."""
    folder = tmp_path_factory.mktemp("comparison")
    runs = {label: PhotoRun(folder / label) for label in ("nearest", "bicubic", "SRResNet")}
    source = runs["nearest"].source
    source.put_if_absent("hr/a.png", png(scene("truth", 640, 424)))
    for step, run in enumerate(runs.values()):
        run.add("a.png", psnr_y_db=24.0 + step, reference_key="hr/a.png", size=(160, 106))
        run.add("b.png")
    page = folder / "demo.html"
    variants = [(label, run.write()) for label, run in runs.items()]
    write_comparison(variants, source=source, path=page)
    return page


@pytest.fixture(scope="module")
def review(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the review page of all three outputs of a run."""
    folder = tmp_path_factory.mktemp("review")
    run = PhotoRun(folder)
    for number in range(3):
        run.add(f"{number}.png", size=(160, 106), format_out="png")
    run.write()
    standard = shipped_standard()
    sample = draw(audit_run(run.store, standard), Terms(0.01, 0.95, seed=3))
    page = folder / "review.html"
    settings = {"run_id": run.record.run_id, "root_hash": "abc", "rules": standard.rules.title}
    page.write_bytes(review_page(sample, run.store, run.source, **settings))
    return page


def in_browser(tmp_path: Path, steps: Steps) -> None:
    async def run() -> None:
        async with browser(tmp_path / "profile") as tab:
            await steps(tab)

    asyncio.run(run())


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("name", ["report", "comparison", "review"])
def test_a_page_loads_nothing_and_fits(
    name: str, size: tuple[int, int], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    page: Path = request.getfixturevalue(name)

    async def steps(tab: Tab) -> None:
        await tab.open(page, *size)
        title = await tab.ask("document.title")
        assert "stolen" not in title
        assert [url for url in tab.requests if not url.startswith("data:")] == [page.as_uri()]
        assert tab.complaints == []
        assert await tab.ask("document.documentElement.scrollWidth") == size[0]
        broken = "[...document.images].filter(i => i.loading !== 'lazy' && !i.naturalWidth).length"
        assert await tab.ask(broken) == 0
        assert _distinct_colours(await tab.screenshot()) > 20

    in_browser(tmp_path, steps)


def test_dark_mode_is_dark(report: Path, tmp_path: Path) -> None:
    async def steps(tab: Tab) -> None:
        brightness = {}
        for dark in (False, True):
            await tab.open(report, *DESKTOP, dark=dark)
            brightness[dark] = _pixels(await tab.screenshot()).mean()
        assert brightness[True] < 80 < 170 < brightness[False]

    in_browser(tmp_path, steps)


def test_filters_choose_rows_and_cards(report: Path, tmp_path: Path) -> None:
    async def steps(tab: Tab) -> None:
        await tab.open(report, *DESKTOP)
        assert len(await tab.ask(SHOWN_ROWS)) == 10
        await tab.click("#list-kinds [value=decode]")
        assert await tab.ask(SHOWN_ROWS) == ["torn.jpg"]
        await tab.click("#list-kinds [value=ok]")
        assert len(await tab.ask(SHOWN_ROWS)) == 8
        await tab.click("#sheet-kinds [value=warned]")
        cards = "[...document.querySelectorAll('.photo')].filter(c => c.offsetHeight > 0).length"
        assert await tab.ask(cards) == 1
        await tab.click("#list-kinds [value=all]")
        assert len(await tab.ask(SHOWN_ROWS)) == 10

    in_browser(tmp_path, steps)


def test_a_review_is_decided_by_keys_survives_a_reload_and_is_saved(
    review: Path, tmp_path: Path
) -> None:
    key = "document.dispatchEvent(new KeyboardEvent('keydown', {{key: '{}'}}))"
    shown = "[...document.querySelectorAll('.item')].findIndex(each => each.offsetHeight > 0)"

    async def steps(tab: Tab) -> None:
        await tab.open(review, *DESKTOP)
        for pressed, place in (("g", 1), ("d", 2), ("ArrowLeft", 1), ("u", 2)):
            await tab.ask(key.format(pressed))
            assert await tab.ask(shown) == place
        await tab.open(review, *DESKTOP)
        assert await tab.ask(shown) == 2  # the first that is left to decide
        for _ in range(2):
            await tab.ask(key.format("g"))
        assert await tab.ask("document.getElementById('save').disabled")  # nobody signed
        await tab.ask(
            "reviewer.value = 'Ada'; reviewer.dispatchEvent(new Event('input', {bubbles: true}));"
            "window.Blob = class { constructor(parts) { window.saved = parts[0]; } };"
            "URL.createObjectURL = () => '#';"
        )
        await tab.click("#save")
        found = Decisions.model_validate(json.loads(await tab.ask("window.saved")))
        assert [each.decision for each in found.decisions] == ["good", "unsure", "good", "good"]
        assert (found.reviewer, found.root_hash, found.seed) == ("Ada", "abc", 3)

    in_browser(tmp_path, steps)


def test_columns_sort_both_ways_with_unknown_values_last(report: Path, tmp_path: Path) -> None:
    async def steps(tab: Tab) -> None:
        await tab.open(report, *DESKTOP)
        await tab.click("#list th[title*=Laplacian] button")
        rising = await tab.ask(SHOWN_ROWS)
        assert rising[0] == "album/0.png"
        await tab.click("#list th[title*=Laplacian] button")
        falling = await tab.ask(SHOWN_ROWS)
        assert falling[0] == "album/6.png"
        assert {name[:4] for name in rising[-2:]} == {name[:4] for name in falling[-2:]}
        assert {name[:4] for name in falling[-2:]} == {"torn", "gone"}

    in_browser(tmp_path, steps)


def test_the_border_moves_and_its_left_side_can_be_chosen(comparison: Path, tmp_path: Path) -> None:
    async def steps(tab: Tab) -> None:
        await tab.open(comparison, *DESKTOP)
        left = (
            "[...document.querySelectorAll('.sample:first-of-type .over img, .over img')]"
            ".filter(i => i.offsetHeight > 0).map(i => i.alt.split(': ')[1])"
        )
        assert await tab.ask(left) == ["bicubic", "bicubic"]
        await tab.click("[name=left-1][value='2']")
        assert await tab.ask(left) == ["reference", "bicubic"]
        x, y, width, height = await tab.ask(
            "(() => { const r = document.querySelector('.wipe').getBoundingClientRect();"
            "return [r.x, r.y, r.width, r.height]; })()"
        )
        edge = "document.querySelector('.wipe .edge').getBoundingClientRect().x"
        for share in (0.8, 0.3):
            async with tab.dragging(x + width / 2, y + height / 2, x + width * share, y + 40):
                assert abs(await tab.ask(edge) - (x + width * share)) < width * 0.03

    in_browser(tmp_path, steps)


def _pixels(screenshot: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(screenshot)).convert("RGB"))


def _distinct_colours(screenshot: bytes) -> int:
    return len(np.unique(_pixels(screenshot).reshape(-1, 3), axis=0))
