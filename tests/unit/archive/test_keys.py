"""Keys: which are refused, which are accepted, and that no accepted key leaves its root."""

from __future__ import annotations

import os
import pickle

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sr_core.archive.storage import check_key
from sr_core.archive.storage.keys import is_reserved, key_of_name
from sr_core.errors import ErrorClass, ImageError

HOSTILE = [
    "",
    "/",
    "/etc/passwd",
    "..",
    "../secret.jpg",
    "a/../../secret.jpg",
    "a/..",
    "./a.jpg",
    "a/./b.jpg",
    "a//b.jpg",
    "a/",
    "~",
    "~root/.ssh/id_rsa",
    "~/a.jpg",
    "file:///etc/passwd",
    "file:/etc/passwd",
    "s3://other/a.jpg",
    "http://169.254.169.254/latest/meta-data",
    "C:/Windows/a.jpg",
    "C:\\Windows\\a.jpg",
    "\\\\server\\share\\a.jpg",
    "..\\..\\a.jpg",
    "a\\..\\..\\b.jpg",
    "simplecache::s3://other/a.jpg",
    "zip::a.zip",
    "a\0.jpg",
    "a\n.jpg",
    "a\x1b[31m.jpg",
    "a\x7f.jpg",
    "a\x85.jpg",
    "a\u2028.jpg",
    "a\udce9.jpg",
    ".srfleet-lock",
    "images/.srfleet-tmp-1-abc",
    "x" * 1025,
    "é" * 513,
]

ORDINARY = [
    "a.jpg",
    "2019/Wedding Anna & Tom/IMG_0001 (1).JPG",
    "a b/#1 100%+?&=;,@'\"!$*.png",
    "%2e%2e/a.jpg",
    "caf\u00e9.jpg",
    "cafe\u0301.jpg",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467.png",
    "photos\\2020\\a.jpg",
    "...",
    ".hidden/..a/a..jpg",
    "a~b/~c.jpg",
    "10:30.jpg",
    "\ufffdold name\ufffd.jpg",
    "x" * 1024,
]


@pytest.mark.parametrize("key", HOSTILE, ids=ascii)
def test_a_key_that_could_mean_something_else_is_refused_in_printable_words(key: str) -> None:
    with pytest.raises(ImageError) as caught:
        check_key(key)
    assert caught.value.error_class is ErrorClass.KEY_REJECTED
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 400
    assert pickle.loads(pickle.dumps(caught.value)).message == caught.value.message


@pytest.mark.parametrize("key", ORDINARY, ids=ascii)
def test_an_ordinary_key_passes_whatever_characters_people_use(key: str) -> None:
    check_key(key)


@given(st.text(st.sampled_from("./\\~:a \0\n%C") | st.characters(), max_size=12))
@example("a/..")
@example("..\\x")
def test_what_passes_stays_under_its_root_and_has_one_spelling(key: str) -> None:
    try:
        check_key(key)
    except ImageError:
        return
    for separated in (key, key.replace("\\", "/")):
        path = os.path.join("/root/of/run", separated)
        assert path.startswith("/root/of/run/")
        assert os.path.normpath(path) == path
        assert os.path.expanduser(separated) == separated
    assert key.encode("utf-8").decode() == key


@given(st.binary(min_size=1, max_size=20).filter(lambda name: not set(name) & {0, 47}))
def test_a_file_name_becomes_text_and_is_refused_if_it_was_not_utf8(name: bytes) -> None:
    key = key_of_name(os.fsdecode(name))
    key.encode("utf-8")
    try:
        assert key == name.decode("utf-8")
    except UnicodeDecodeError:
        with pytest.raises(ImageError, match="not UTF-8"):
            check_key(key)


def test_names_that_differ_in_broken_bytes_only_stay_apart() -> None:
    keys = {key_of_name(os.fsdecode(name)) for name in (b"caf\xe9.jpg", b"caf\xe8.jpg")}
    assert keys == {"caf\ufffd<E9>.jpg", "caf\ufffd<E8>.jpg"}


def test_the_names_of_the_store_itself_are_told_apart_at_any_depth() -> None:
    assert is_reserved(".srfleet-lock")
    assert is_reserved("images/a/.srfleet-tmp-1-2")
    assert not is_reserved("images/.srfleet/a.jpg")
    assert not is_reserved("images/a.srfleet-tmp")
