"""Qwen3-TTS in plain PyTorch: text -> prompt -> frames of codes -> PCM.

`load_model(folder)` returns a `Qwen3TTS`, which synthesizes one utterance at a time; the engine drives the same parts
for many. Names are imported on first use, so that configurations and prompts load without torch.
"""

from typing import TYPE_CHECKING

from qwen3tts_webui.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from qwen3tts_webui.model.cloning.reference_encoder import ReferenceEncoder
    from qwen3tts_webui.model.codec.decoder import MAX_DECODE_FRAMES, CodecDecoder
    from qwen3tts_webui.model.config.model_config import DecoderConfig, ModelConfig, read_model_config
    from qwen3tts_webui.model.cpu.jit import numba_available
    from qwen3tts_webui.model.cpu.memory import trim_host_memory
    from qwen3tts_webui.model.cpu.packed_linear import memory_bytes
    from qwen3tts_webui.model.decode_state import DecodeState, SlotStatus
    from qwen3tts_webui.model.decode_step import StepShape, load_slot, run_decode_step, run_prefill
    from qwen3tts_webui.model.device_check import check_device
    from qwen3tts_webui.model.generate import MAX_FRAMES, Packet, Qwen3TTS, frame_limit
    from qwen3tts_webui.model.loading.load import (
        DTYPES,
        INTEGER_BYTES,
        find_checkpoint,
        load_model,
        stored_dtype,
        weight_bytes,
    )
    from qwen3tts_webui.model.loading.optimize import INTEGER_KINDS
    from qwen3tts_webui.model.loading.quantize import describe_kernels, kernels_for
    from qwen3tts_webui.model.prompt.builder import Prompt, PromptBuilder
    from qwen3tts_webui.model.prompt.text_ids import PromptText
    from qwen3tts_webui.model.prompt.tokenizer import Tokenizer
    from qwen3tts_webui.model.sampling import SamplingBounds
    from qwen3tts_webui.model.synthetic import (
        disable_eos,
        meta_model,
        synthetic_config,
        synthetic_model,
        synthetic_tokenizer,
    )
    from qwen3tts_webui.model.synthetic_encoders import synthetic_references, with_encoders
    from qwen3tts_webui.model.talker.slot_values import idle_slot_values, slot_values
    from qwen3tts_webui.model.talker.talker import Talker
    from qwen3tts_webui.model.weights.module_loader import LOADING_LOCK

_EXPORTS = {
    "cloning.reference_encoder": ("ReferenceEncoder",),
    "codec.decoder": ("MAX_DECODE_FRAMES", "CodecDecoder"),
    "config.model_config": ("DecoderConfig", "ModelConfig", "read_model_config"),
    "cpu.jit": ("numba_available",),
    "cpu.memory": ("trim_host_memory",),
    "cpu.packed_linear": ("memory_bytes",),
    "decode_state": ("DecodeState", "SlotStatus"),
    "decode_step": ("StepShape", "load_slot", "run_decode_step", "run_prefill"),
    "device_check": ("check_device",),
    "generate": ("MAX_FRAMES", "Packet", "Qwen3TTS", "frame_limit"),
    "loading.load": ("DTYPES", "INTEGER_BYTES", "find_checkpoint", "load_model", "stored_dtype", "weight_bytes"),
    "loading.optimize": ("INTEGER_KINDS",),
    "loading.quantize": ("describe_kernels", "kernels_for"),
    "prompt.builder": ("Prompt", "PromptBuilder"),
    "prompt.text_ids": ("PromptText",),
    "prompt.tokenizer": ("Tokenizer",),
    "sampling": ("SamplingBounds",),
    "synthetic": ("disable_eos", "meta_model", "synthetic_config", "synthetic_model", "synthetic_tokenizer"),
    "synthetic_encoders": ("synthetic_references", "with_encoders"),
    "talker.slot_values": ("idle_slot_values", "slot_values"),
    "talker.talker": ("Talker",),
    "weights.module_loader": ("LOADING_LOCK",),
}

__all__ = [
    "DTYPES",
    "INTEGER_BYTES",
    "INTEGER_KINDS",
    "LOADING_LOCK",
    "MAX_DECODE_FRAMES",
    "MAX_FRAMES",
    "CodecDecoder",
    "DecodeState",
    "DecoderConfig",
    "ModelConfig",
    "Packet",
    "Prompt",
    "PromptBuilder",
    "PromptText",
    "Qwen3TTS",
    "ReferenceEncoder",
    "SamplingBounds",
    "SlotStatus",
    "StepShape",
    "Talker",
    "Tokenizer",
    "check_device",
    "describe_kernels",
    "disable_eos",
    "find_checkpoint",
    "frame_limit",
    "idle_slot_values",
    "kernels_for",
    "load_model",
    "load_slot",
    "memory_bytes",
    "meta_model",
    "numba_available",
    "read_model_config",
    "run_decode_step",
    "run_prefill",
    "slot_values",
    "stored_dtype",
    "synthetic_config",
    "synthetic_model",
    "synthetic_references",
    "synthetic_tokenizer",
    "trim_host_memory",
    "weight_bytes",
    "with_encoders",
]

__getattr__, __dir__ = lazy_exports(__name__, _EXPORTS)
