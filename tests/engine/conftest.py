"""A single thread for tiny tensors, and the tiny checkpoints."""

from collections.abc import Iterator

import pytest
import torch

from qwen3tts_webui.engine.model_runner import ModelRunner
from qwen3tts_webui.model import Qwen3TTS, load_model
from tests.support.engine import CHECKPOINT
from tests.support.golden_cases import GOLDEN


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def model() -> Qwen3TTS:
    return load_model(CHECKPOINT, device="cpu", dtype="float32")


@pytest.fixture(scope="session")
def custom() -> Qwen3TTS:
    return load_model(GOLDEN / "custom", device="cpu", dtype="float32")


@pytest.fixture(params=["in turns", "ahead"])
def either_order(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Packets are decoded before the next step, as on a CPU, or during it, as on a GPU."""
    monkeypatch.setattr(ModelRunner, "runs_ahead", request.param == "ahead")
    return str(request.param)
