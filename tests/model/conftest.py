"""Tiny tensors are slower on many threads, and much slower when other tests want the cores too."""

import importlib.util
import os
from collections.abc import Iterator

import pytest
import torch

if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"  # before Triton is imported anywhere


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session", autouse=True)
def fast_interpreter() -> None:
    if importlib.util.find_spec("triton") is not None and not torch.cuda.is_available():
        from tests.support.triton_interpreter import speed_up_interpreter

        speed_up_interpreter()
