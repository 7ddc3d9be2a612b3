"""Triton's interpreter in half the time, for tests on a machine without a GPU. The kernels compute the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import triton.language as tl
import triton.runtime.interpreter as interpreter


def speed_up_interpreter() -> None:
    """Leave out the check of every sum of integers for overflow, and do once per launch what calls repeat.

    On each call of a device function, the interpreter replaces all functions of `triton.language` again.
    """
    interpreter.interpreter_builder.options = replace(interpreter.interpreter_builder.options, sanitize_overflow=False)
    plain_dtype = cache(interpreter._get_np_dtype)
    dtype_of = interpreter._get_np_dtype
    launch, patched = interpreter.GridExecutor.__call__, set[Callable[..., Any]]()

    def launch_once_patched(self: Any, *args: Any, **options: Any) -> None:
        patched.clear()
        launch(self, *args, **options)

    def call(self: Any, *args: Any, **options: Any) -> Any:
        if self.fn not in patched:
            patched.add(self.fn)
            interpreter._patch_lang(self.fn)
        return self.rewrite()(*args, **options)

    def np_dtype(dtype: Any) -> Any:
        return plain_dtype(dtype.scalar) if type(dtype.scalar) is tl.dtype else dtype_of(dtype)

    interpreter._get_np_dtype = np_dtype
    interpreter.GridExecutor.__call__ = launch_once_patched
    interpreter.InterpretedFunction.__call__ = call
