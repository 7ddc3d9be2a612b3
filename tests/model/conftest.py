"""Tiny tensors are slower on many threads, and much slower when other tests want the cores too."""

import importlib.util
import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

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
    """Triton's interpreter without half of its time: its check of every sum of integers for overflow, and the
    replacement of the language's functions at each call of a function, once the kernel's launch has done that."""
    if importlib.util.find_spec("triton") is None or torch.cuda.is_available():
        return
    from triton.runtime.interpreter import InterpretedFunction, interpreter_builder

    interpreter_builder.options = replace(interpreter_builder.options, sanitize_overflow=False)
    first_call, called = InterpretedFunction.__call__, set()

    def call(self: Any, *args: object, **options: object) -> object:
        module = self.fn.__module__
        if module in called:
            return self.rewrite()(*args, **options)
        called.add(module)
        return first_call(self, *args, **options)

    InterpretedFunction.__call__ = call
