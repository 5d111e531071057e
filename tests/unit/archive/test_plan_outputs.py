"""Planned outputs: their sizes and formats, and images beyond a limit."""

from __future__ import annotations

import pytest

from sr_core.archive.planning.outputs import output_size
from sr_core.archive.source.manifest import image_id
from sr_core.config import RunConfig
from sr_core.errors import ErrorClass
from sr_core.records import ManifestRow, Status
from tests.support.manifest_rows import image_row, plan_of, planned


@pytest.mark.parametrize(
    ("source", "scale", "target", "output"),
    [
        ((100, 50), 4, None, (400, 200)),
        ((100, 50), 2, None, (200, 100)),
        ((1920, 1080), 4, (3840, 2160), (3840, 2160)),
        ((1000, 2000), 4, (3840, 2160), (1080, 2160)),
        ((10_000, 5_000), 4, (3840, 2160), (3840, 1920)),
        ((3, 1000), 4, (100, 100), (1, 100)),
        ((1, 100_000), 4, (10, 10), (1, 10)),
    ],
)
def test_output_sizes(
    source: tuple[int, int], scale: int, target: tuple[int, int] | None, output: tuple[int, int]
) -> None:
    assert output_size(*source, scale, target) == output
    run = RunConfig(scale=scale, target=target, max_side_px=200_000)  # type: ignore[arg-type]
    (image,) = planned(plan_of([image_row("a", *source)], run)).values()
    assert (image.output_width_px, image.output_height_px) == output


@pytest.mark.parametrize(
    ("kind", "pages", "wanted", "name", "output"),
    [
        ("JPEG", 1, "source", "a/b.JPG", ("images/a/b.jpg", "jpeg")),
        ("PNG", 1, "source", "b.jpeg", ("images/b.png", "png")),
        ("BMP", 1, "source", "b.bmp", ("images/b.png", "png")),
        ("AVIF", 1, "webp", "b.avif", ("images/b.webp", "webp")),
        ("TIFF", 3, "jpeg", "b.tif", ("images/b.tif", "tiff")),
        ("WEBP", 1, "jxl", "b", ("images/b.jxl", "jxl")),
    ],
)
def test_output_formats_and_extensions(
    kind: str, pages: int, wanted: str, name: str, output: tuple[str, str]
) -> None:
    run = RunConfig(format=wanted)  # type: ignore[arg-type]
    (image,) = planned(plan_of([image_row(name, kind=kind, pages=pages)], run)).values()
    assert (image.output_key, image.output_format) == output


def test_an_image_that_was_not_probed_is_named_by_its_extension_and_has_no_size() -> None:
    rows = [
        ManifestRow(image_id(key), key, size_bytes=10)
        for key in ("a.JPG", "b.tiff", "c.webp", "d.xyz", "e")
    ]
    images = planned(plan_of(rows))
    assert [image.output_format for image in images.values()] == [
        "jpeg",
        "tiff",
        "webp",
        "png",
        "png",
    ]
    assert {(image.output_width_px, image.output_height_px) for image in images.values()} == {
        (None, None)
    }


@pytest.mark.parametrize(
    ("row", "run", "words"),
    [
        (image_row("a", 20_000, 10, "WEBP"), RunConfig(), "80000 px, the limit is 16383"),
        (image_row("a", 20_000, 10), RunConfig(), "80000 px, the limit is 65500"),
        (image_row("a"), RunConfig(max_source_bytes=999), "1000 bytes, the limit is 999"),
        (image_row("a"), RunConfig(max_side_px=99), "side of 100 px, the limit is 99"),
        (image_row("a"), RunConfig(max_source_megapixels=0.004), "5000 pixels, the limit is 4000"),
        (
            image_row("a", kind="TIFF", pages=3),
            RunConfig(max_source_megapixels=0.014),
            "15000 pixels, the limit is 14000",
        ),
        (image_row("a"), RunConfig(max_output_megapixels=0.07), "80000 pixels, the limit is 70000"),
    ],
)
def test_images_over_a_limit_are_refused_at_plan_time(
    row: ManifestRow, run: RunConfig, words: str
) -> None:
    plan = plan_of([row, image_row("b", 2, 2, size_bytes=10)], run)
    refused, other = planned(plan)["a"], planned(plan)["b"]
    assert (refused.image.status, refused.image.error_class) == (
        Status.FAILED,
        ErrorClass.TOO_LARGE,
    )
    assert words in str(refused.image.error_message)
    assert (refused.output_key, refused.output_format, refused.output_width_px) == (None,) * 3
    assert other.image.status is Status.OK
    assert (plan.summary.over_limit, plan.summary.first_over_limit) == (1, ("a",))


def test_exactly_at_the_limit_is_allowed() -> None:
    run = RunConfig(
        max_source_bytes=1000,
        max_side_px=100,
        max_source_megapixels=0.005,
        max_output_megapixels=0.08,
    )
    assert plan_of([image_row("a")], run).summary.images == 1


def test_hints_of_an_unprobed_image_refuse_nothing() -> None:
    hinted = ManifestRow(image_id("a.jpg"), "a.jpg", width_px=1_000_000, height_px=1_000_000)
    assert plan_of([hinted]).summary.images == 1
