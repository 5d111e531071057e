"""Store decorators pass on everything that a store promises."""

from __future__ import annotations

import inspect

import pytest

from sr_core.archive.storage import Store
from sr_core.archive.storage.local import LocalStore
from sr_core.archive.storage.s3 import S3Store
from tests.support.store_decorator import StoreDecorator

MEMBERS = sorted(name for name in vars(Store) if not name.startswith("_"))


@pytest.mark.parametrize("name", MEMBERS)
def test_a_decorator_has_every_member_of_a_store_with_the_same_signature(name: str) -> None:
    promised, passed_on = getattr(Store, name), vars(StoreDecorator)[name]
    if isinstance(promised, property):
        assert isinstance(passed_on, property)
    else:
        assert inspect.signature(passed_on) == inspect.signature(promised)


@pytest.mark.parametrize("store", [LocalStore, S3Store, StoreDecorator])
def test_no_store_makes_up_members(store: type) -> None:
    assert not hasattr(store, "__getattr__")
