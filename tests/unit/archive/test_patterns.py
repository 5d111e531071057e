"""Patterns of --include and --exclude."""

from __future__ import annotations

import pytest

from sr_core.archive.source.patterns import Pattern
from sr_core.errors import ConfigurationError


@pytest.mark.parametrize(
    ("pattern", "taken", "others"),
    [
        ("*.jpg", ["a.jpg", "x/y/a.JPG"], ["a.jpeg", "ajpg"]),
        ("private", ["private/a.jpg", "x/Private/y/a.jpg", "private"], ["privates/a.jpg"]),
        ("/2019", ["2019/a.jpg"], ["x/2019/a.jpg", "20190/a.jpg"]),
        ("2019/*.tif", ["2019/a.tif"], ["2019/x/a.tif", "x/2019/a.tif"]),
        ("2019/**", ["2019/a", "2019/x/a"], ["2018/a"]),
        ("2019/", ["2019/a", "x/2019/a"], ["2019"]),
        ("**/raw/*.tif", ["raw/a.tif", "x/y/raw/a.tif"], ["raw/x/a.tif"]),
        ("a/**/b.png", ["a/b.png", "a/x/y/b.png"], ["b.png", "x/a/b.png"]),
        ("./a.png", ["a.png"], ["b.png"]),
        ("IMG_?[0-9].png", ["IMG_a1.png"], ["IMG_1.png", "IMG_ab.png", "IMG_/1.png"]),
        ("[!a]*.png", ["b.png"], ["a.png"]),
        ("photos [[]1[]]/*", ["photos [1]/a.png"], ["photos 1/a.png"]),
        ("cafe\u0301.png", ["caf\u00e9.png", "cafe\u0301.png"], ["cafe.png"]),
        ("a+(b).png", ["a+(b).png"], ["aab.png"]),
        ("[.png", ["[.png"], ["a.png"]),
    ],
)
def test_a_pattern_matches_as_in_gitignore_but_for_capitals(
    pattern: str, taken: list[str], others: list[str]
) -> None:
    compiled = Pattern.of(pattern, "--exclude")
    assert [key for key in [*taken, *others] if compiled.matches(key)] == taken


@pytest.mark.parametrize("pattern", ["", "/", "./", "../photos/*", "a/../b"])
def test_a_pattern_that_cannot_match_is_refused(pattern: str) -> None:
    with pytest.raises(ConfigurationError, match=r"--exclude .* matches no file"):
        Pattern.of(pattern, "--exclude")


@pytest.mark.parametrize(
    ("pattern", "name", "named"),
    [
        ("@eaDir/**", "@eaDir", True),
        ("**/@EADIR/*.jpg", "@eaDir", True),
        (".Trash*", ".Trash-1000", True),
        ("*.thm", "MVI_1.THM", True),
        ("._*", "._a.jpg", True),
        ("**/*.jpg", "@eaDir", False),
        ("*", "Thumbs.db", False),
        ("@eaDir/**", ".thumbnails", False),
    ],
)
def test_only_a_pattern_that_names_a_system_folder_or_file_takes_it(
    pattern: str, name: str, named: bool
) -> None:
    assert Pattern.of(pattern, "--include").names(name) is named
