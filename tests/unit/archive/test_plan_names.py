"""Names of outputs: the source's path, and what happens if that is taken."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from sr_core.archive.planning.output_names import NAME_MAX_BYTES, name_outputs
from sr_core.archive.planning.plan import keys_of_others
from sr_core.archive.source.manifest import image_id
from sr_core.archive.tables import manifest_table
from sr_core.config import RunConfig
from sr_core.records import ManifestRow
from tests.support.manifest_rows import image_row, plan_of, planned


def _names(rows: list[ManifestRow], **options: Any) -> dict[str, str | None]:
    return {key: image.output_key for key, image in planned(plan_of(rows, **options)).items()}


def test_of_two_sources_with_one_output_name_the_first_keeps_it() -> None:
    rows = [image_row("p/a.jpg"), image_row("p/a.png"), image_row("p/b.png")]
    plan = plan_of(rows, RunConfig(format="jpeg"))
    assert {key: image.output_key for key, image in planned(plan).items()} == {
        "p/a.jpg": "images/p/a.jpg",
        "p/a.png": f"images/p/a.{image_id('p/a.png')[:8]}.jpg",
        "p/b.png": "images/p/b.jpg",
    }
    assert (plan.summary.renamed, plan.summary.first_renamed) == (1, ("p/a.png",))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("A.jpg", "a.jpg"),
        ("Album/a.jpg", "album/A.jpg"),
        ("STRASSE.jpg", "stra\u00dfe.jpg"),
        ("cafe\u0301.jpg", "caf\u00e9.jpg"),
    ],
    ids=["case", "folders", "sharp s", "composition"],
)
def test_names_that_some_file_system_takes_for_the_same_are_kept_apart(
    first: str, second: str
) -> None:
    names = _names([image_row(first), image_row(second)])
    assert names[first] == f"images/{first}"
    assert names[second] == f"images/{second[:-4]}.{image_id(second)[:8]}.jpg"


def test_a_name_that_is_a_folder_of_other_outputs_is_not_given_to_a_file() -> None:
    names = _names([image_row("a"), image_row("A.jpg/deep/b.jpg")])
    assert names == {
        "a": f"images/a.{image_id('a')[:8]}.jpg",
        "A.jpg/deep/b.jpg": "images/A.jpg/deep/b.jpg",
    }


def test_names_made_to_collide_with_the_changed_ones_stay_apart() -> None:
    name = image_id("a.png")
    hostile = [f"a.{name[:8]}.jpg", f"a.{name}.jpg", f"a.{name}-2.jpg", f"a.{name}-3.jpg"]
    names = _names(
        [image_row("a.jpg"), image_row("a.png"), *map(image_row, hostile)],
        run=RunConfig(format="jpeg"),
    )
    assert names["a.png"] == f"images/a.{name}-4.jpg"
    assert [names[key] for key in hostile] == [f"images/{key}" for key in hostile]


def test_ids_with_the_same_first_digits_give_different_names() -> None:
    ids = ["0" * 16, "11111111aaaaaaaa", "11111111bbbbbbbb"]
    keys, endings = ["a.jpg", "a.png", "a.tif"], ["jpg"] * 3
    names = name_outputs(pa.chunked_array([keys]), pa.chunked_array([ids]), pa.array(endings), [])
    assert names.keys.to_pylist() == [
        "images/a.jpg",
        "images/a.11111111.jpg",
        "images/a.11111111bbbbbbbb.jpg",
    ]


@pytest.mark.parametrize(
    ("key", "name"),
    [
        (".jpg", "images/.jpg.jpg"),
        ("a/.hidden", "images/a/.hidden.jpg"),
        ("v1.0/photo", "images/v1.0/photo.jpg"),
        ("a.tar.jpg", "images/a.tar.jpg"),
        ("a.", "images/a.jpg"),
    ],
)
def test_only_an_extension_is_taken_off(key: str, name: str) -> None:
    assert _names([image_row(key)]) == {key: name}


def test_a_name_too_long_for_a_file_system_is_shortened_between_characters() -> None:
    key = f"folder/{'é' * 127}x"
    name = _names([image_row(key)])[key]
    assert name is not None
    assert name.startswith("images/folder/ééé")
    assert name.endswith(f"é.{image_id(key)[:8]}.jpg")
    assert 250 < len(name.removeprefix("images/folder/").encode()) <= NAME_MAX_BYTES


def test_names_of_earlier_rounds_are_taken_but_an_image_tried_again_keeps_its_own() -> None:
    first = plan_of([image_row(f"{name}.jpg", etag=f"{name}1") for name in "abc"])
    again = manifest_table([image_row("B.jpg"), image_row("c.jpg", etag="c1")])
    taken = keys_of_others([first.table], again)
    assert taken == {"images/a.jpg", "images/b.jpg"}
    assert _names([image_row("B.jpg"), image_row("c.jpg")], taken=taken) == {
        "B.jpg": f"images/B.{image_id('B.jpg')[:8]}.jpg",
        "c.jpg": "images/c.jpg",
    }
