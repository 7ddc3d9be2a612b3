"""From a checkpoint and a few wishes to a running engine: looks at the machine, chooses, checks that it fits, starts.

In: a folder or a hub id. Out: an `Engine` that loads in the background. Knows no listener.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from accelerate import init_empty_weights  # type: ignore[import-untyped]

from qwen3tts_webui.engine.engine import Engine
from qwen3tts_webui.engine.graphs import CudaCapture, GraphRunner
from qwen3tts_webui.engine.hardware import Choice, Machine, choose, ensure_fits, look
from qwen3tts_webui.engine.results import CudaWatch
from qwen3tts_webui.engine.runner import Runner
from qwen3tts_webui.model.codec_decoder import CodecDecoder
from qwen3tts_webui.model.generate import Qwen3TTS
from qwen3tts_webui.model.layout import number_types
from qwen3tts_webui.model.load import DTYPES, find_checkpoint, load_model
from qwen3tts_webui.model.reference_encoder import ReferenceEncoder
from qwen3tts_webui.model.spec import ModelSpec, read_spec
from qwen3tts_webui.model.talker import Talker
from qwen3tts_webui.model.tokens import TextEncoder
from qwen3tts_webui.types import EncodesReferences

KV_LENGTH = 2_048
"""Rows that an utterance may take: its prompt, a passage before it, and 80 ms each of its speech."""


def start_engine(
    path_or_id: str | Path,
    *,
    name: str = "",
    device: str = "auto",
    dtype: str = "auto",
    slots: int = 0,
    queue_size: int = 64,
    kv_length: int = KV_LENGTH,
) -> Engine:
    """An engine for the checkpoint, loading in the background. `slots` 0: as many as suit the device.

    `name` is what people call the model; "" takes the folder's.

    Raises CheckpointError, Unsupported and DownloadError for the checkpoint, InvalidValue for the device or the type,
    and WontFit, all before anything is loaded.
    """
    folder = find_checkpoint(path_or_id)
    spec = read_spec(folder)

    def make(choice: Choice) -> Qwen3TTS:
        return load_model(folder, device=choice.device, dtype=choice.dtype, offline=True)

    return run_engine(
        make,
        spec=spec,
        encoder=TextEncoder(folder),
        references=ReferenceEncoder(folder, spec) if spec.kind == "base" else None,
        name=name or folder.name,
        device=device,
        dtype=dtype,
        slots=slots,
        queue_size=queue_size,
        kv_length=kv_length,
    )


def run_engine(
    make: Callable[[Choice], Qwen3TTS],
    *,
    spec: ModelSpec,
    encoder: TextEncoder,
    references: EncodesReferences | None = None,
    name: str,
    device: str = "auto",
    dtype: str = "auto",
    slots: int = 0,
    queue_size: int = 64,
    kv_length: int = KV_LENGTH,
) -> Engine:
    """An engine for whatever model `make` puts on the device, in the type that it is told. Raises as `start_engine`."""
    machine = look()
    choice = choose(machine, device=device, dtype=dtype)
    slots = slots or suitable_slots(machine, choice, spec, kv_length)
    ensure_fits(machine, choice, needed_bytes(spec, choice, slots=slots, kv_length=kv_length))

    def load(choice: Choice) -> Runner:
        ensure_fits(look(), choice, needed_bytes(spec, choice, slots=slots, kv_length=kv_length))
        if choice.threads:
            torch.set_num_threads(choice.threads)
        model = make(choice)
        if choice.device.startswith("cuda"):
            torch.set_float32_matmul_precision("high")  # TF32: the codec stays float32 and is fast
            return GraphRunner(model, slots=slots, kv_length=kv_length, capture=CudaCapture(), watch=CudaWatch())
        return Runner(model, slots=slots, kv_length=kv_length)

    return Engine(
        load,
        choice,
        spec=spec,
        encoder=encoder,
        model=name,
        queue_size=queue_size,
        references=references,
        bf16=any(gpu.capability >= (8, 0) for gpu in machine.gpus) or machine.cpu_bf16,
    )


def needed_bytes(spec: ModelSpec, choice: Choice, *, slots: int, kv_length: int) -> Mapping[str, int]:
    """What the model takes on its device while it is loaded, in bytes by purpose, computed from its specs alone."""
    with init_empty_weights():
        talker, codec = Talker(spec), CodecDecoder(spec.codec)
    number = DTYPES[choice.dtype]
    type_of = number_types(choice.dtype, number, torch.device(choice.device))
    stack = spec.talker.stack
    row = stack.num_layers * 2 * stack.num_kv_heads * stack.head_dim * number.itemsize
    return {
        "language model": sum(
            weight.numel() * type_of(name, number).itemsize for name, weight in talker.named_parameters()
        ),
        "codec": sum(weight.numel() * torch.float32.itemsize for weight in codec.parameters()),
        "kv cache": slots * kv_length * row,
    }


def suitable_slots(machine: Machine, choice: Choice, spec: ModelSpec, kv_length: int) -> int:
    """How many utterances at once: what the memory carries of 64 on a GPU; on a CPU few, as each slows the others."""
    if choice.device == "cpu":
        return 4
    for slots in (64, 32, 16, 8, 4, 2):
        needed = sum(needed_bytes(spec, choice, slots=slots, kv_length=kv_length).values())
        if machine.gpus and needed <= 0.8 * machine.gpus[0].free_bytes:
            return slots
    return 2
