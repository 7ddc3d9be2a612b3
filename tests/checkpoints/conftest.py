"""A fake hub with one small checkpoint, an empty store, and retries without waits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from qwen3tts_webui.checkpoints import LocalStore
from tests.checkpoints.fake_hub import FakeHub, make_checkpoint, running_hub


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[FakeHub]:
    with running_hub(make_checkpoint(tmp_path / "hub")) as running:
        yield running


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path / "模 型", caches=())
