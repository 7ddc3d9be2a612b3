"""What the engine reports about itself: its model and the options it supports."""

from __future__ import annotations

from qwen3tts_webui.engine.model_runner import ModelRunner
from qwen3tts_webui.hardware import DeviceChoice
from qwen3tts_webui.model import ModelConfig
from qwen3tts_webui.text import LANGUAGES
from qwen3tts_webui.types import EngineInfo, Feature


def engine_info(spec: ModelConfig, model: str, choice: DeviceChoice, runner: ModelRunner | None) -> EngineInfo:
    """Return the facts that clients see. `model` is the display name; without a runner, no model is loaded."""
    features: set[Feature] = {"continuation", "sampling", "seed", "text_streaming", "packet_size", "precision"}
    if spec.accepts_description:
        features.add("description")
    if spec.talker.speakers:
        features |= {"speaker", "dialect"}
    if spec.kind == "base":
        features.add("cloning")
    return EngineInfo(
        name="qwen3-tts",
        label=f"Qwen3-TTS, {model}",
        preview=False,
        model=model,
        model_type=spec.kind,
        device=choice.device,
        dtype=choice.dtype,
        languages=tuple(known.code for known in LANGUAGES if known.model in spec.languages),
        speakers=tuple(spec.talker.speakers),
        features=frozenset(features),
        slots=0 if runner is None else runner.slots,
        x_vector_dim=spec.talker.stack.hidden_size if spec.kind == "base" else 0,
        dtype_reason=choice.reason,
        speed=choice.speed,
        kernels="" if runner is None else runner.model.talker.kernel_choice,
    )
