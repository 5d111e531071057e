"""Batch norms with a shared batch; in a single process they equal torch's."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from sr_core.models.discriminator import Discriminator
from sr_core.training.norms import SharedBatchNorm2d, share_batch_norms

CPU = torch.device("cpu")


@pytest.fixture
def lone_group(tmp_path: Path) -> Iterator[None]:
    """Create a process group of this process alone."""
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{tmp_path}/group", rank=0, world_size=1
    )
    yield
    torch.distributed.destroy_process_group()


def pair() -> tuple[nn.Sequential, nn.Sequential]:
    """Return a network with a plain batch norm and a copy with a shared one."""
    torch.manual_seed(0)
    plain = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    nn.init.normal_(plain[1].weight)
    shared = copy.deepcopy(plain)
    share_batch_norms(shared, CPU)
    assert isinstance(shared[1], SharedBatchNorm2d)
    return plain, shared


def test_a_lone_worker_normalises_and_learns_as_without_sharing(lone_group: None) -> None:
    plain, shared = pair()
    images = torch.rand(2, 3, 8, 8)
    for network in (plain, shared):
        network(images).square().mul(torch.arange(4.0)[:, None, None]).mean().backward()
    for mine, theirs in zip(shared.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, theirs.grad)
    torch.testing.assert_close(shared.state_dict(), plain.state_dict())
    torch.testing.assert_close(shared(images), plain(images))


def test_evaluation_takes_the_running_statistics_and_needs_no_group() -> None:
    plain, shared = pair()
    images = torch.rand(1, 3, 8, 8)
    torch.testing.assert_close(shared.eval()(images), plain.eval()(images))


def test_mixed_precision_is_normalised_in_full_and_handed_on_as_it_came(lone_group: None) -> None:
    _, shared = pair()
    values = torch.rand(2, 4, 8, 8)
    rounded = shared[1](values.bfloat16())
    assert rounded.dtype == torch.bfloat16
    torch.testing.assert_close(rounded.float(), shared[1](values), atol=0.05, rtol=0.02)


def test_sharing_keeps_the_names_and_the_very_parameters_of_a_network() -> None:
    network = Discriminator(8)
    before = list(network.state_dict())
    parameters = {id(each) for each in network.parameters()}
    share_batch_norms(network, CPU)
    assert list(network.state_dict()) == before
    assert {id(each) for each in network.parameters()} == parameters
    assert all(isinstance(norm, SharedBatchNorm2d) for norm in network.norms)


def test_on_cuda_torch_shares_them_itself() -> None:
    network = Discriminator(8)
    share_batch_norms(network, torch.device("cuda"))
    assert all(isinstance(norm, nn.SyncBatchNorm) for norm in network.norms)
