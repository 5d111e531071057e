"""A model is a name with a network for each of its scales."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from sr_core.models.cards import find_card
from sr_core.models.catalogue import (
    AUTO,
    CLEAN,
    PHOTO,
    X4_FROM,
    Checkpoint,
    all_checkpoints,
    checkpoint_sha256,
    find_checkpoint,
    is_lpips_optimised,
    model_name,
    models_of,
    native_scales,
    pick_scale,
    scales_by_model,
    shipped_models,
    used_checkpoints,
)
from sr_core.models.checkpoint import save_generator
from sr_core.models.generator import Generator
from tests.support.cards import add_card, only_x4


@pytest.mark.parametrize(
    ("enlargement", "scale"), [(0.5, 2), (2, 2), (2.99, 2), (X4_FROM, 4), (4, 4), (9, 4)]
)
def test_an_enlargement_below_3_takes_the_network_for_x2(enlargement: float, scale: int) -> None:
    assert pick_scale((2, 4), enlargement) == scale
    assert pick_scale((4,), enlargement) == 4
    assert pick_scale((2,), enlargement) == 2


def test_a_card_is_all_that_another_scale_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only_x4(monkeypatch)
    before, names = checkpoint_sha256("srresnet"), shipped_models()
    card = add_card(monkeypatch, tmp_path, "srresnet", 2)
    assert native_scales("srresnet") == (2, 4)
    assert shipped_models() == names
    assert model_name("srresnet") == "srresnet"
    assert find_checkpoint("srresnet", 2) == tmp_path / "srresnet_x2.safetensors"
    assert checkpoint_sha256("srresnet", 2) == card.sha256
    assert checkpoint_sha256("srresnet") == checkpoint_sha256("srresnet", 4) == before
    assert find_card("srresnet") == find_card("srresnet", 4) != card == find_card("srresnet", 2)


def test_a_run_uses_the_checkpoints_that_its_size_may_need(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    only_x4(monkeypatch)
    add_card(monkeypatch, tmp_path, CLEAN, 2)

    def used(model: str, scale: int, target: tuple[int, int] | None) -> dict[str, list[int]]:
        return scales_by_model(used_checkpoints(model, scale, target))

    assert used(CLEAN, 4, None) == {CLEAN: [4]}
    assert used(CLEAN, 2, None) == {CLEAN: [2]}
    assert used(CLEAN, 4, (100, 100)) == {CLEAN: [2, 4]}
    assert used(AUTO, 2, None) == {PHOTO: [4], CLEAN: [2]}
    assert used(AUTO, 4, (100, 100)) == {PHOTO: [4], CLEAN: [2, 4]}
    assert used("bicubic", 2, None) == {}


def test_a_path_has_one_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    card = add_card(monkeypatch, tmp_path, "srresnet", 2)
    expected = (Checkpoint(card.file, 2, card.sha256),)
    assert all_checkpoints(card.file) == used_checkpoints(card.file, 4, None) == expected


def test_auto_names_two_shipped_models() -> None:
    assert set(models_of(AUTO)) == {PHOTO, CLEAN} <= set(shipped_models())
    assert models_of("bicubic") == ("bicubic",)
    assert model_name(AUTO) == AUTO


def test_a_model_trained_on_lpips_is_known_by_its_record(tmp_path: Path) -> None:
    generator = Generator(2, 8, 1)
    for name, content in (("plain", {"l1": 1.0}), ("flattered", {"l1": 1.0, "lpips": 0.5})):
        record = {"stage": {"content": content}}
        save_generator(tmp_path / f"{name}.safetensors", generator, record, torch.float16)
    (tmp_path / "other.pth").write_bytes(b"no header")
    assert is_lpips_optimised(str(tmp_path / "flattered.safetensors"))
    assert not is_lpips_optimised(str(tmp_path / "plain.safetensors"))
    assert not is_lpips_optimised(str(tmp_path / "other.pth"))
    assert not is_lpips_optimised("bicubic")
