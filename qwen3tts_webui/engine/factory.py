"""From a checkpoint and a few wishes to a running engine: looks at the machine, chooses, checks that it fits, starts.

In: a folder or a hub id. Out: an `Engine` that loads in the background. Knows no listener.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from accelerate import init_empty_weights  # type: ignore[import-untyped]

from qwen3tts_webui.engine.capture import DEVICE_LOCK, CudaCapture
from qwen3tts_webui.engine.cpu_speed import widest_in_real_time
from qwen3tts_webui.engine.cuda_graph_runner import GraphRunner
from qwen3tts_webui.engine.device import Choice, Machine, choose, computes_bf16, ensure_fits, gpu_of, look
from qwen3tts_webui.engine.engine import Engine
from qwen3tts_webui.engine.host_transfer import CudaWatch
from qwen3tts_webui.engine.model_runner import Runner
from qwen3tts_webui.model import (
    DTYPES,
    LOADING_LOCK,
    CodecDecoder,
    ModelConfig,
    Qwen3TTS,
    ReferenceEncoder,
    Talker,
    Tokenizer,
    find_checkpoint,
    load_model,
    read_model_config,
    weight_dtypes,
)
from qwen3tts_webui.types import EncodesReferences

KV_LENGTH = 2_048
"""Rows that an utterance may take: its prompt, a passage before it, and 80 ms each of its speech."""
MAX_PREFILL_BATCH = 32
"""How many newcomers a GPU reads together: in a burst of 50 the last one waits for two readings, not for seven."""
_DESKTOP_BYTES = 30 << 30


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
    and InsufficientMemory, all before anything is loaded.
    """
    folder = find_checkpoint(path_or_id)
    spec = read_model_config(folder)

    def make(choice: Choice) -> Qwen3TTS:
        return load_model(folder, device=choice.device, dtype=choice.dtype, offline=True)

    return run_engine(
        make,
        spec=spec,
        encoder=Tokenizer(folder),
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
    spec: ModelConfig,
    encoder: Tokenizer,
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
    if choice.device == "cpu" and dtype == "auto":
        choice = widest_in_real_time(choice, spec)

    def fitting_slots(machine: Machine, choice: Choice) -> int:
        """As many as were asked for, or as suit the device in this type. Raises InsufficientMemory."""
        number = slots or suitable_slots(machine, choice, spec, kv_length)
        ensure_fits(machine, choice, needed_bytes(spec, choice, slots=number, kv_length=kv_length))
        return number

    fitting_slots(machine, choice)

    def load(choice: Choice) -> Runner:
        number = fitting_slots(look(), choice)
        if choice.threads:
            torch.set_num_threads(choice.threads)
        if not choice.device.startswith("cuda"):
            return Runner(make(choice), slots=number, kv_length=kv_length)
        place = torch.device(choice.device)
        with DEVICE_LOCK:
            set_up_cuda(place)
            model = make(choice)
        capture = CudaCapture(place)
        return GraphRunner(model, slots=number, kv_length=kv_length, capture=capture, watch=CudaWatch())

    return Engine(
        load,
        choice,
        spec=spec,
        encoder=encoder,
        model=name,
        queue_size=queue_size,
        group=MAX_PREFILL_BATCH if choice.device.startswith("cuda") else 8,
        bf16=computes_bf16(machine, choice.device),
        references=references,
    )


def set_up_cuda(device: torch.device) -> None:
    """Make `device` the one of this thread, where Triton launches and graphs are captured, and choose its arithmetic.

    Attention by cuDNN is left out: it makes a plan for each length, in the middle of the speech of others.
    """
    torch.cuda.set_device(device)
    torch.set_float32_matmul_precision("high")  # TF32: the codec stays float32 and is fast
    torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
    torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False
    torch.backends.cuda.enable_cudnn_sdp(False)


def needed_bytes(spec: ModelConfig, choice: Choice, *, slots: int, kv_length: int) -> Mapping[str, int]:
    """What the model takes on its device while it is loaded, in bytes by purpose, computed from its specs alone."""
    with LOADING_LOCK, init_empty_weights():
        talker, codec = Talker(spec), CodecDecoder(spec.codec)
    number = DTYPES[choice.dtype]
    type_of = weight_dtypes(choice.dtype, number, torch.device(choice.device))
    stack = spec.talker.stack
    row = stack.num_layers * 2 * stack.num_kv_heads * stack.head_dim * number.itemsize
    return {
        "language model": sum(
            weight.numel() * type_of(name, number).itemsize for name, weight in talker.named_parameters()
        ),
        "codec": sum(weight.numel() * torch.float32.itemsize for weight in codec.parameters()),
        "kv cache": slots * kv_length * row,
    }


def suitable_slots(machine: Machine, choice: Choice, spec: ModelConfig, kv_length: int) -> int:
    """How many utterances at once: few on a CPU, as each slows the others; on a GPU what its memory carries of 64.

    A card for a desk has 16 at most: it shall not be filled, as another model may have to be loaded beside this one.
    """
    gpu = gpu_of(machine, choice.device)
    if gpu is None:
        return 4 if choice.device == "cpu" else 2
    one = needed_bytes(spec, choice, slots=1, kv_length=kv_length)
    for_slots = 0.8 * gpu.free_bytes - (sum(one.values()) - one["kv cache"])
    most = 64 if gpu.total_bytes > _DESKTOP_BYTES else 16
    return next((slots for slots in (64, 32, 16, 8, 4) if slots <= most and slots * one["kv cache"] <= for_slots), 2)
