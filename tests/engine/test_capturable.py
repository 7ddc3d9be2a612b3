"""Captured work stays on the device: no value is read by the host and no tensor comes from it.

Tested without a GPU on meta tensors: reading a value raises, and the devices of each operator are checked.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from operator import attrgetter
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from qwen3tts_webui.engine.cuda_graph_runner import CudaGraphRunner, GraphShape
from qwen3tts_webui.model.config.model_config import read_model_config
from qwen3tts_webui.model.prompt.tokenizer import Tokenizer
from qwen3tts_webui.model.synthetic import meta_model
from tests.support.engine import CHECKPOINT

META = torch.device("meta")


class Devices(TorchDispatchMode):
    """Records the names of operators that touch another device."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self.elsewhere: list[str] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        self.count += 1
        touched = [value for value in tree_leaves((args, kwargs, result)) if isinstance(value, Tensor)]
        if any(tensor.device != META for tensor in touched):
            self.elsewhere.append(str(func))
        return result


@pytest.fixture(scope="module")
def runner() -> CudaGraphRunner:
    model = meta_model(read_model_config(CHECKPOINT), Tokenizer(CHECKPOINT), "bfloat16")
    return CudaGraphRunner(model, slots=2, kv_length=300, capture=lambda work: work)


def test_every_kind_of_graph_is_checked(runner: CudaGraphRunner) -> None:
    assert {(shape.kind, shape.any_sampling) for shape in runner.shapes()} == {
        ("step", False),
        ("step", True),
        ("prompt", False),
        ("prompt", True),
        ("packet", False),
    }


def extremes(runner: CudaGraphRunner) -> Iterator[GraphShape]:
    """The shortest and the longest graph of each kind: those between run the same code."""

    def kind(shape: GraphShape) -> tuple[str, int, bool]:
        return shape.kind, shape.batch, shape.any_sampling

    for _, group in groupby(sorted(runner.shapes(), key=kind), kind):
        shapes = sorted(group, key=attrgetter("length"))
        yield from {shapes[0], shapes[-1]}


def test_captured_work_stays_on_the_device(runner: CudaGraphRunner) -> None:
    for shape in extremes(runner):
        work, inputs = runner._work(shape)
        with Devices() as devices:
            result = work()
        assert devices.elsewhere == [], shape
        assert devices.count > 50
        views = () if inputs is None else inputs.views
        assert {tensor.device for tensor in (result, *views)} == {META}


@pytest.mark.parametrize(
    "violation",
    [
        lambda x: x.sum().item(),
        lambda x: x[x > 0],
        lambda x: x + torch.ones(4),
        lambda x: x.copy_(torch.ones(4)),
        lambda x: x[torch.tensor([1, 2])],
    ],
    ids=["item", "nonzero", "two devices", "upload", "index"],
)
def test_a_violation_is_detected(violation: Any) -> None:
    with Devices() as devices:
        try:
            violation(torch.empty(4, device=META))
        except (RuntimeError, NotImplementedError):
            return
    assert devices.elsewhere
