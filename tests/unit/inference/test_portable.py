"""Networks as ONNX models: valid, of any size, and what torch computes."""

from __future__ import annotations

from functools import cache

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from sr_core.inference.portable import OPSET, to_onnx
from sr_core.models.generator import Generator
from sr_core.models.network import Network
from tests.support.networks import make_network

KINDS = ("generator x2", "port", "RRDBNet x4", "RRDBNet x2 of cells", "MSRResNet x2")
SIZES = ((1, 24, 32), (2, 17, 13), (1, 1, 1), (3, 5, 40))
"""Batch, rows and columns of cells."""


def network_of(kind: str) -> Network:
    if kind != "generator x2":
        return make_network(kind)
    torch.manual_seed(2)
    generator = Generator(2, channels=8, blocks=2)
    for module in generator.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.uniform_(-0.2, 0.2)
            module.running_var.uniform_(0.5, 2.0)
    return generator.eval()


@cache
def exported(kind: str) -> onnx.ModelProto:
    return to_onnx(network_of(kind), "1.2", {"licence": "CC0-1.0", "scale": "2"})


@pytest.mark.parametrize("kind", KINDS)
def test_onnxruntime_computes_what_torch_does_at_every_size(kind: str) -> None:
    network = network_of(kind)
    session = onnxruntime.InferenceSession(exported(kind).SerializeToString())
    for batch, rows, columns in SIZES:
        lr = torch.rand(batch, 3, rows * network.cell_px, columns * network.cell_px)
        (found,) = session.run(["sr"], {"lr": lr.numpy()})
        with torch.inference_mode():
            expected = network(lr).numpy()
        assert found.shape == expected.shape
        assert np.abs(found - expected).max() < 2e-5


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_is_valid_and_says_what_it_takes(kind: str) -> None:
    model, network = exported(kind), network_of(kind)
    onnx.checker.check_model(model, full_check=True)
    assert [(each.domain, each.version) for each in model.opset_import] == [("", OPSET)]
    sides = []
    for value in (*model.graph.input, *model.graph.output):
        tensor = value.type.tensor_type
        assert tensor.elem_type == onnx.TensorProto.FLOAT
        batch, channels, height, width = tensor.shape.dim
        assert (batch.dim_param, channels.dim_value) == ("batch", 3)
        sides.append((value.name, height.dim_param, width.dim_param))
    factors = [network.cell_px, network.cell_px * network.scale]
    prefixes = ["" if factor == 1 else f"{factor}*" for factor in factors]
    assert sides == [
        (name, f"{prefix}height", f"{prefix}width")
        for name, prefix in zip(("lr", "sr"), prefixes, strict=True)
    ]


def test_metadata_is_what_was_given_and_nothing_of_this_machine() -> None:
    model = exported("generator x2")
    assert {each.key: each.value for each in model.metadata_props} == {
        "licence": "CC0-1.0",
        "scale": "2",
    }
    assert (model.producer_name, model.producer_version) == ("srfleet", "1.2")
    content = model.SerializeToString()
    assert b".py" not in content
    assert b"torch" not in content


def test_batch_norms_are_folded_and_the_operations_are_common_ones() -> None:
    operations = {node.op_type for node in exported("generator x2").graph.node}
    assert operations == {"Conv", "LeakyRelu", "Add", "DepthToSpace"}


def test_the_network_itself_is_left_as_it_is() -> None:
    network = network_of("generator x2")
    before = {name: value.clone() for name, value in network.state_dict().items()}
    to_onnx(network, "1.2", {})
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert not network.training
