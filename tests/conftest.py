"""What all tests share: a GPU test says why it does not run, and slow files begin first.

So the workers of pytest-xdist, which take whole files, end together. A request to a server of ours is waited for as
long as a busy machine may need: httpx gives up after five seconds by default.
"""

import gc
import inspect

import httpx
import pytest


def pytest_configure() -> None:
    usual = inspect.signature(httpx.Client).parameters["timeout"].default
    usual.connect = usual.read = usual.write = usual.pool = 60.0


def pytest_collection_finish() -> None:
    gc.freeze()  # modules stay: the collections during the tests need not look at a million objects


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)  # stable: all else keeps its order
    marked = [item for item in items if item.get_closest_marker("gpu")]
    if not marked:
        return
    import torch

    if not torch.cuda.is_available():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason="needs a CUDA device, and this machine has none"))
