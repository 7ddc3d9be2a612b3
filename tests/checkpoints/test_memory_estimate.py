"""The memory estimate without torch agrees with the engine's."""

from __future__ import annotations

import pytest
import torch

from qwen3tts_webui.checkpoints import (
    CATALOG,
    DEFAULT_MODEL,
    CatalogModel,
    MemoryBudget,
    estimate_memory,
    find_in_catalog,
    memory_by_purpose,
)
from qwen3tts_webui.engine.sizing import Sizing
from qwen3tts_webui.errors import InsufficientMemory
from qwen3tts_webui.hardware import DeviceChoice, Dtype, GpuDevice, Hardware, ensure_fits
from qwen3tts_webui.model.synthetic import synthetic_config

GIB = 1 << 30


def test_the_default_model_needs_what_its_shapes_say():
    needed = memory_by_purpose(DEFAULT_MODEL.counts, device="cuda:0", dtype="bfloat16")
    assert needed["language model"] == 3_833_352_704
    assert needed["codec"] == 682_229_764
    assert needed["kv cache"] == 2 * 2048 * 57_344 * 2
    assert round(DEFAULT_MODEL.approximate_bytes / 1e9, 1) == 4.5


def test_a_wider_type_needs_more_and_the_small_model_less():
    def needed(model: int, dtype: str) -> int:
        return estimate_memory(
            CATALOG[model].counts, MemoryBudget(device="cpu", dtypes=(dtype,), free_bytes=0)
        ).needed_bytes

    assert needed(0, "float32") > needed(0, "bfloat16") > needed(0, "int8") > needed(0, "int4")
    assert needed(2, "bfloat16") < needed(0, "bfloat16")


@pytest.mark.parametrize("device", ["cuda:0", "cpu"])
@pytest.mark.parametrize("spare", [-1, 0])
def test_the_limit_is_that_of_the_engine(device: str, spare: int):
    needed = memory_by_purpose(DEFAULT_MODEL.counts, device=device, dtype="float16")
    reserve = GIB if device == "cuda:0" else GIB // 2
    free = sum(needed.values()) + reserve + spare
    assert estimate_memory(
        DEFAULT_MODEL.counts, MemoryBudget(device=device, dtypes=("float16",), free_bytes=free)
    ).fits == (spare == 0)
    gpu = GpuDevice(name="GPU", capability=(7, 5), free_bytes=free, total_bytes=free)
    hardware = Hardware(gpus=(gpu,), free_bytes=free)
    choice = DeviceChoice(device=device, dtype="float16", reason="")
    if spare == 0:
        ensure_fits(hardware, choice, needed)
    else:
        with pytest.raises(InsufficientMemory):
            ensure_fits(hardware, choice, needed)


@pytest.mark.parametrize("model", [CATALOG[0], CATALOG[2]], ids=["1.7B", "0.6B"])
@pytest.mark.parametrize(
    ("device", "dtype"),
    [
        ("cpu", "float32"),
        ("cpu", "bfloat16"),
        ("cpu", "int8"),
        ("cpu", "int4"),
        ("cuda:0", "float32"),
        ("cuda:0", "float16"),
    ],
)
def test_it_agrees_with_the_shapes_that_the_engine_sums(model: CatalogModel, device: str, dtype: Dtype):
    estimate = memory_by_purpose(model.counts, device=device, dtype=dtype)
    spec = synthetic_config("1.7B" if "1.7B" in model.id else "0.6B")
    sizing = Sizing(spec=spec, stored=torch.bfloat16, slots=0, kv_length=2048)
    exact = sizing.needed_bytes(DeviceChoice(device=device, dtype=dtype, reason=""), slots=1 if device == "cpu" else 2)
    assert estimate["kv cache"] == exact["kv cache"]
    assert estimate["language model"] == pytest.approx(exact["language model"], rel=0.15 if dtype == "int4" else 0.08)
    assert exact["codec"] <= estimate["codec"]  # the file has the encoder, too


def test_base_models_are_known_with_their_speaker_encoders():
    """See docs/model.md, section 9; the codec's figures include its encoder."""
    sizes = {model.id: model.parameters for model in CATALOG if model.kind == "base"}
    assert sizes == {"Qwen/Qwen3-TTS-12Hz-1.7B-Base": 1_928_677_440, "Qwen/Qwen3-TTS-12Hz-0.6B-Base": 914_643_008}
    assert [find_in_catalog(name).kind for name in ("qwen3-tts-12hz-0.6b-base", "Qwen3-TTS-12Hz-1.7B-Base")] == [
        "base",
        "base",
    ]
