"""From a folder to an engine that speaks; and what a model will need, from its specs alone."""

from __future__ import annotations

import pytest

from qwen3tts_webui.engine.device import Choice, Dtype, Gpu, Machine
from qwen3tts_webui.engine.factory import needed_bytes, start_engine, suitable_slots
from qwen3tts_webui.errors import CheckpointError, InsufficientMemory, InvalidValue
from qwen3tts_webui.model import Qwen3TTS
from qwen3tts_webui.model.synthetic import synthetic_config
from tests.support.engine import CHECKPOINT, PLAIN, ask, assert_as_alone

GIB = 2**30


def test_a_folder_becomes_an_engine_that_speaks(model: Qwen3TTS) -> None:
    running = start_engine(CHECKPOINT, name="Tiny", device="cpu", dtype="float32", slots=2, kv_length=256)
    try:
        (listener,) = ask(running, PLAIN)
        assert_as_alone(model, PLAIN, listener.wait())
        assert (running.info.model, running.info.slots) == ("Tiny", 2)
        assert running.memory_bytes is not None and running.memory_bytes > 1_000_000
    finally:
        running.close()


def test_what_is_wrong_is_said_before_anything_is_loaded() -> None:
    with pytest.raises(CheckpointError):
        start_engine(CHECKPOINT / "nowhere")
    with pytest.raises(InvalidValue):
        start_engine(CHECKPOINT, device="cpu", dtype="fp8")
    with pytest.raises(InsufficientMemory):
        start_engine(CHECKPOINT, device="cpu", dtype="float32", slots=10_000_000)


@pytest.mark.parametrize(
    ("size", "dtype", "gib"),
    [
        ("1.7B", "bfloat16", 3.6),
        ("1.7B", "float32", 7.2),
        ("0.6B", "bfloat16", 1.7),
        ("1.7B", "int8", 2.3),
        ("1.7B", "int4", 2.3),
    ],
)
def test_the_language_model_needs_what_its_spec_says(size: str, dtype: Dtype, gib: float) -> None:
    spec = synthetic_config(size)  # type: ignore[arg-type]
    needed = needed_bytes(spec, Choice(device="cpu", dtype=dtype, reason=""), slots=4, kv_length=2048)
    assert needed["language model"] / GIB == pytest.approx(gib, rel=0.1)
    kv_bytes = 4 if dtype in ("float32", "int8", "int4") else 2
    assert needed["kv cache"] == 4 * 2048 * 28 * 2 * 8 * 128 * kv_bytes


@pytest.mark.parametrize(("free_gib", "slots"), [(78, 64), (32, 64), (23, 16), (16, 16), (8, 8), (5, 2)])
def test_a_small_gpu_carries_fewer(free_gib: int, slots: int) -> None:
    gpu = Gpu(name="GPU", capability=(9, 0), free_bytes=free_gib * GIB, total_bytes=(free_gib + 1) * GIB)
    choice = Choice(device="cuda:0", dtype="bfloat16", reason="")
    assert suitable_slots(Machine(gpus=(gpu,)), choice, synthetic_config("1.7B"), 2048) == slots


def test_slots_are_counted_for_the_gpu_and_the_type_that_are_used() -> None:
    """The second of two cards, and float32 after float16: neither the first card nor the smaller type counts."""
    small, large = (Gpu(name="GPU", capability=(7, 5), free_bytes=gib * GIB, total_bytes=gib * GIB) for gib in (6, 16))
    spec = synthetic_config("1.7B")

    def slots(device: str, dtype: Dtype) -> int:
        return suitable_slots(Machine(gpus=(small, large)), Choice(device=device, dtype=dtype, reason=""), spec, 2048)

    assert slots("cuda:0", "float16") < slots("cuda:1", "float16")
    assert slots("cuda:1", "float32") < slots("cuda:1", "float16")
