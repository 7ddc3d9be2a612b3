"""Will it fit: the estimate without torch says what the engine says with it."""

from __future__ import annotations

import pytest

from qwen3tts_webui.checkpoints import (
    CATALOG,
    DEFAULT_MODEL,
    MemoryBudget,
    estimate_memory,
    find_in_catalog,
    memory_by_purpose,
)
from qwen3tts_webui.engine import device as hardware
from qwen3tts_webui.errors import InsufficientMemory

GIB = 1 << 30


def test_the_default_model_needs_what_its_shapes_say():
    needed = memory_by_purpose(DEFAULT_MODEL.weights, device="cuda:0", dtype="bfloat16")
    assert needed["language model"] == 3_833_352_704
    assert needed["codec"] == 682_229_764
    assert needed["kv cache"] == 2 * 2048 * 57_344 * 2
    assert round(DEFAULT_MODEL.approximate_bytes / 1e9, 1) == 4.5


def test_a_wider_type_needs_more_and_the_small_model_less():
    def needed(model: int, dtype: str) -> int:
        return estimate_memory(
            CATALOG[model].weights, MemoryBudget(device="cpu", dtype=dtype, free_bytes=0)
        ).needed_bytes

    assert needed(0, "float32") > needed(0, "bfloat16") > needed(0, "int8")
    assert needed(2, "bfloat16") < needed(0, "bfloat16")


@pytest.mark.parametrize("device", ["cuda:0", "cpu"])
@pytest.mark.parametrize("spare", [-1, 0])
def test_it_agrees_with_the_engine_to_the_byte(device: str, spare: int):
    needed = memory_by_purpose(DEFAULT_MODEL.weights, device=device, dtype="float16")
    reserve = GIB if device == "cuda:0" else GIB // 2
    free = sum(needed.values()) + reserve + spare
    assert estimate_memory(
        DEFAULT_MODEL.weights, MemoryBudget(device=device, dtype="float16", free_bytes=free)
    ).fits == (spare == 0)
    card = hardware.Gpu(name="A card", capability=(7, 5), free_bytes=free, total_bytes=free)
    machine = hardware.Machine(gpus=(card,), free_bytes=free)
    choice = hardware.Choice(device=device, dtype="float16", reason="")
    if spare == 0:
        hardware.ensure_fits(machine, choice, needed)
    else:
        with pytest.raises(InsufficientMemory):
            hardware.ensure_fits(machine, choice, needed)


def test_base_models_are_known_with_their_speaker_encoders():
    """MODEL.md section 9; the codec's figures hold its encoder already."""
    sizes = {model.id: model.parameters for model in CATALOG if model.kind == "base"}
    assert sizes == {"Qwen/Qwen3-TTS-12Hz-1.7B-Base": 1_928_677_440, "Qwen/Qwen3-TTS-12Hz-0.6B-Base": 914_643_008}
    assert [find_in_catalog(name).kind for name in ("qwen3-tts-12hz-0.6b-base", "Qwen3-TTS-12Hz-1.7B-Base")] == [
        "base",
        "base",
    ]
