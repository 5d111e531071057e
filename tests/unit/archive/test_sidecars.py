"""The images that sidecars belong to, and the names of their copies."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sr_core.archive.ledger.layout import plan_name
from sr_core.archive.planning.plan import make_plan
from sr_core.archive.planning.plan_file import read_shard
from sr_core.archive.planning.sidecars import plan_sidecars
from sr_core.archive.source.manifest import image_id
from sr_core.archive.storage import open_store
from sr_core.archive.tables import manifest_table, plan_rows, to_parquet
from sr_core.config import RunConfig
from sr_core.errors import ErrorClass
from sr_core.records import ManifestRow, PlannedSidecar, Status

PNG = {"b/photo.jpg": "images/b/photo.png"}


def copies(
    sidecars: list[str], outputs: dict[str, str], others: tuple[str, ...] = ()
) -> dict[str, list[tuple[str, str]]]:
    """Return the sidecars of each image, as keys and keys of the copies."""
    keys = sorted([*outputs, *others])
    planned = plan_sidecars(sidecars, keys, [outputs.get(key) for key in keys])
    return {
        keys[at]: [(each.key, each.output_key) for each in found] for at, found in planned.items()
    }


@pytest.mark.parametrize(
    ("sidecar", "copy"),
    [
        ("b/photo.xmp", "images/b/photo.xmp"),
        ("b/photo.jpg.xmp", "images/b/photo.png.xmp"),
        ("b/PHOTO.AAE", "images/b/photo.AAE"),
        ("b/photo.jpg.json", "images/b/photo.png.json"),
        ("b/photo.json", "images/b/photo.json"),
        ("b/photo.jpg.supplemental-metadata.json", "images/b/photo.png.supplemental-metadata.json"),
        ("b/photo.jpg.supplemen.json", "images/b/photo.png.supplemen.json"),
    ],
)
def test_a_copy_is_named_after_the_output_as_the_sidecar_after_its_image(
    sidecar: str, copy: str
) -> None:
    assert copies([sidecar], PNG) == {"b/photo.jpg": [(sidecar, copy)]}


@pytest.mark.parametrize(
    "sidecar", ["photo.xmp", "c/photo.xmp", "b/photos.xmp", "b/metadata.json", "b/photo.jpg.x.json"]
)
def test_a_sidecar_of_no_image_is_not_copied(sidecar: str) -> None:
    assert copies([sidecar], PNG) == {}


def test_numbers_and_cut_names_of_google_takeout_are_understood() -> None:
    long = "a photograph with a very long name indeed, which is cut.jpg"
    cut = f"{long[:46]}.json"
    outputs = {"photo.jpg": "images/photo.jpg", "photo(1).jpg": "images/photo(1).jpg"}
    found = copies(
        ["photo.jpg(1).json", "photo.jpg.json", "photo.jpg.supplemental-metadata(1).json", cut],
        outputs | {long: f"images/{long}"},
    )
    assert found == {
        "photo.jpg": [("photo.jpg.json", "images/photo.jpg.json")],
        "photo(1).jpg": [
            ("photo.jpg(1).json", "images/photo(1).jpg.json"),
            (
                "photo.jpg.supplemental-metadata(1).json",
                "images/photo(1).jpg.supplemental-metadata.json",
            ),
        ],
        long: [(cut, f"images/{long}.json")],
    }


def test_a_sidecar_of_two_images_is_copied_for_each_but_never_twice_to_one_name() -> None:
    outputs = {"a.jpg": "images/a.jpg", "a.png": "images/a.3f2c81d0.jpg", "a.webp": "images/a.webp"}
    assert copies(["a.xmp"], outputs) == {
        "a.jpg": [("a.xmp", "images/a.xmp")],
        "a.png": [("a.xmp", "images/a.3f2c81d0.xmp")],
        "a.webp": [("a.xmp", "images/a.xmp")],
    }


def test_two_sidecars_never_share_a_name_that_some_file_system_takes_for_one() -> None:
    found = copies(["a.XMP", "a.xmp"], {"a.jpg": "images/a.jpg"})["a.jpg"]
    assert found[0] == ("a.XMP", "images/a.XMP")
    assert found[1][0] == "a.xmp"
    assert len({copy.lower() for _, copy in found}) == 2


def test_an_xmp_belongs_to_the_camera_raw_file_of_its_name() -> None:
    outputs = {"a.jpg": "images/a.jpg"}
    assert copies(["a.xmp", "a.jpg.xmp"], outputs, ("a.CR2",)) == {
        "a.jpg": [("a.jpg.xmp", "images/a.jpg.xmp")]
    }


def test_a_name_of_a_copy_is_not_too_long() -> None:
    long = f"{'x' * 250}.jpg"
    ((_, copy),) = copies([f"{long[:-4]}.xmp"], {long: f"images/{long[:200]}.jpg"})[long]
    assert copy.endswith(".xmp")
    name = "y" * 240
    key = f"{name}.jpg"
    ((_, copy),) = copies([f"{key}.supplemental.json"], {key: f"images/{key}"})[key]
    assert len(copy.removeprefix("images/").encode()) <= 255


def manifest_row(key: str, kind: ErrorClass | None = None) -> ManifestRow:
    row = ManifestRow(image_id(key), key, 100, "v1", format="PNG", width_px=8, height_px=9, pages=1)
    if kind is None:
        return row
    return ManifestRow(
        image_id(key), key, 9, "v1", status=Status.SKIPPED, error_class=kind, error_message="no"
    )


def test_a_plan_names_sidecars_if_the_run_copies_them() -> None:
    files = [
        manifest_row("a.png"),
        manifest_row("a.xmp", ErrorClass.SIDECAR),
        manifest_row("b.png"),
        manifest_row("b.txt", ErrorClass.TEXT),
    ]

    def planned(run: RunConfig, *earlier: str) -> dict[str, tuple[PlannedSidecar, ...] | None]:
        plan = make_plan(
            manifest_table(files), run=run, shard_megapixels=1, shard_images=9, sidecars=earlier
        )
        return {row.image.key: row.sidecars for row in plan_rows(plan.table)}

    a = (PlannedSidecar("a.xmp", "images/a.xmp"),)
    b = (PlannedSidecar("b.xmp", "images/b.xmp"),)
    nothing = dict.fromkeys(("a.png", "a.xmp", "b.png", "b.txt"))
    assert planned(RunConfig(model="bicubic"), "b.xmp") == nothing
    run = RunConfig(model="bicubic", sidecars=True)
    assert planned(run) == nothing | {"a.png": a, "b.png": ()}
    assert planned(run, "b.xmp") == nothing | {"a.png": a, "b.png": b}


def test_a_plan_of_an_earlier_version_names_no_sidecars(tmp_path: Path) -> None:
    run = RunConfig(model="bicubic")
    plan = make_plan(
        manifest_table([manifest_row("a.png")]), run=run, shard_megapixels=1, shard_images=9
    )
    former = replace(plan, table=plan.table.drop_columns(["sidecars"]))
    store = open_store(str(tmp_path))
    store.put_if_absent(plan_name(0), to_parquet(former.table))
    (image,) = read_shard(store, 0, 0)
    assert (image.image.key, image.sidecars) == ("a.png", None)
