"""Recorded graphs: which are kept, and when they are dropped. tests/gpu makes real ones."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor

from sr_core.inference.folded import FoldedGenerator, _true_float32
from sr_core.inference.graphed import GraphedEngine, _Recording, _Recordings
from sr_core.models.generator import Generator


def tile(width: int) -> Tensor:
    return torch.zeros(1, 1, 1, width)


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list of recorded widths, in order; real recordings need a device."""
    widths: list[int] = []

    def record(_: _Recordings, values: Tensor) -> _Recording:
        widths.append(values.shape[-1])
        graph: Any = SimpleNamespace(replay=lambda: None)
        return _Recording(graph, values.clone(), values.clone())

    monkeypatch.setattr(_Recordings, "_record", record)
    return widths


def call(recordings: _Recordings, *widths: int) -> None:
    for width in widths:
        recordings(tile(width))


def test_a_size_is_recorded_when_it_comes_again(recorded: list[int]) -> None:
    call(_Recordings(torch.clone, kept=2), 1, 2, 1, 1, 1)
    assert recorded == [1]


def test_sizes_that_come_once_push_no_recording_out(recorded: list[int]) -> None:
    recordings = _Recordings(torch.clone, kept=2)
    call(recordings, 1, 1, *range(10, 200), 1, 1)
    assert recorded == [1]


def test_the_least_used_recording_makes_room_and_must_come_twice_again(
    recorded: list[int],
) -> None:
    recordings = _Recordings(torch.clone, kept=2)
    call(recordings, 1, 1, 2, 2, 1, 3, 3)
    assert [shape[-1] for shape in recordings._by_shape] == [1, 3]
    call(recordings, 2)
    assert recorded == [1, 2, 3]
    call(recordings, 2)
    assert recorded == [1, 2, 3, 2]


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1.00 GiB"),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError("GET was unable to find an engine to execute this computation"),
    ],
)
def test_memory_that_runs_out_in_the_tail_gives_up_both_levels(
    recorded: list[int], error: RuntimeError
) -> None:
    engine = graphed(fails=lambda: error)
    call(engine._trunk, 1, 1)
    with pytest.raises(RuntimeError) as raised:
        engine.tail(tile(1))
    assert raised.value is error
    assert not engine._trunk._by_shape
    call(engine._trunk, 1, 1)
    assert recorded == [1, 1]


def test_another_error_gives_up_no_recording(recorded: list[int]) -> None:
    engine = graphed(fails=lambda: RuntimeError("shapes differ"))
    call(engine._trunk, 1, 1)
    with pytest.raises(RuntimeError, match="shapes differ"):
        engine.tail(tile(1))
    call(engine._trunk, 1, 1)
    assert list(engine._trunk._by_shape) == [tile(1).shape]
    assert recorded == [1]


def graphed(fails: Callable[[], Exception]) -> GraphedEngine:
    """Return a graphed engine over an engine whose tail fails."""

    class Failing(FoldedGenerator):
        def tail(self, features: Tensor) -> Tensor:
            raise fails()

        def trunk(self, lr: Tensor) -> Tensor:
            return lr.clone()

    return GraphedEngine(Failing(Generator(channels=4, blocks=1)))


@pytest.fixture
def cudnn() -> Iterator[Any]:
    setting: Any = torch.backends.cudnn
    before = setting.allow_tf32
    yield setting
    setting.allow_tf32 = before


@pytest.mark.parametrize("allowed", [True, False])
def test_tf32_is_off_for_a_convolution_and_then_as_it_was(cudnn: Any, allowed: bool) -> None:
    cudnn.allow_tf32 = allowed
    with suppress(MemoryError), _true_float32(torch.device("cuda")):
        assert cudnn.conv.fp32_precision != "tf32"
        raise MemoryError
    assert cudnn.allow_tf32 is allowed


def test_tf32_of_the_cpu_stays(cudnn: Any) -> None:
    cudnn.allow_tf32 = True
    with _true_float32(torch.device("cpu")):
        assert cudnn.allow_tf32 is True
