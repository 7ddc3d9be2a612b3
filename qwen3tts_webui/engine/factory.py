"""Start an engine: probe the machine, choose device and dtype, check that the model fits.

In: a folder or a hub id. Out: an `Engine` that loads in the background.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from accelerate import init_empty_weights  # type: ignore[import-untyped]

from qwen3tts_webui.engine.capture import DEVICE_LOCK, CudaCapture
from qwen3tts_webui.engine.cpu_speed import choose_cpu_dtype
from qwen3tts_webui.engine.cuda_graph_runner import CudaGraphRunner
from qwen3tts_webui.engine.device import probe_hardware
from qwen3tts_webui.engine.engine import Engine
from qwen3tts_webui.engine.host_transfer import CudaTimer
from qwen3tts_webui.engine.model_runner import ModelRunner
from qwen3tts_webui.hardware import (
    DeviceChoice,
    Hardware,
    choose_device,
    ensure_fits,
    gpu_for,
    supports_bf16,
    with_more_memory,
)
from qwen3tts_webui.model import (
    DTYPES,
    LOADING_LOCK,
    CodecDecoder,
    ModelConfig,
    Qwen3TTS,
    ReferenceEncoder,
    Talker,
    Tokenizer,
    check_device,
    find_checkpoint,
    load_model,
    read_model_config,
    weight_dtypes,
)
from qwen3tts_webui.types import EncodesReferences, MemoryRelease

KV_LENGTH = 2_048
"""FrameRows that an utterance may take: its prompt, a passage before it, and 80 ms each of its speech."""
MAX_PREFILL_BATCH = 32
"""Prompts that a GPU prefills together: in a burst of 50 the last one waits for two prefills, not for seven."""
_LARGE_GPU_BYTES = 30 << 30


def start_engine(
    path_or_id: str | Path,
    *,
    name: str = "",
    device: str = "auto",
    dtype: str = "auto",
    slots: int = 0,
    queue_size: int = 64,
    kv_length: int = KV_LENGTH,
    idle_unload_s: float = 0.0,
    release: MemoryRelease | None = None,
) -> Engine:
    """Return an engine for the checkpoint, loading in the background. `slots` 0: the default for the device.

    `name` is the display name of the model; "" takes the folder's. After `idle_unload_s` seconds without work the model
    is unloaded until the next request; 0: never. With `release`, loading waits for another engine's memory.

    Raises CheckpointError, Unsupported and DownloadError for the checkpoint, InvalidValue for the device or the dtype,
    and InsufficientMemory, all before anything is loaded.
    """
    folder = find_checkpoint(path_or_id)
    spec = read_model_config(folder)

    def make(choice: DeviceChoice) -> Qwen3TTS:
        return load_model(folder, device=choice.device, dtype=choice.dtype, offline=True)

    return start_engine_with(
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
        idle_unload_s=idle_unload_s,
        release=release,
    )


def start_engine_with(
    make: Callable[[DeviceChoice], Qwen3TTS],
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
    idle_unload_s: float = 0.0,
    release: MemoryRelease | None = None,
) -> Engine:
    """Return an engine for the model that `make` builds on the chosen device. Raises as `start_engine`."""
    hardware = probe_hardware()
    choice = choose_device(hardware, device=device, dtype=dtype)
    if choice.device == "cpu" and dtype == "auto":
        choice = choose_cpu_dtype(choice, spec)

    def fitting_slots(hardware: Hardware, choice: DeviceChoice) -> int:
        num_slots = slots or default_num_slots(hardware, choice, spec, kv_length)
        ensure_fits(hardware, choice, needed_bytes(spec, choice, slots=num_slots, kv_length=kv_length))
        return num_slots

    fitting_slots(hardware if release is None else with_more_memory(hardware, choice.device, release.num_bytes), choice)

    def load(choice: DeviceChoice) -> ModelRunner:
        if release is not None:
            release.wait()
        num_slots = fitting_slots(probe_hardware(), choice)
        if choice.threads:
            torch.set_num_threads(choice.threads)
        if choice.device in ("mps", "xpu"):
            check_device(choice.device, choice.dtype)
        if not choice.device.startswith("cuda"):
            return ModelRunner(make(choice), slots=num_slots, kv_length=kv_length)
        device = torch.device(choice.device)
        with DEVICE_LOCK:
            configure_cuda(device)
            model = make(choice)
        capture = CudaCapture(device)
        return CudaGraphRunner(model, slots=num_slots, kv_length=kv_length, capture=capture, timer=CudaTimer())

    return Engine(
        load,
        choice,
        spec=spec,
        encoder=encoder,
        model=name,
        queue_size=queue_size,
        max_prefill_batch=MAX_PREFILL_BATCH if choice.device.startswith("cuda") else 8,
        bf16=supports_bf16(hardware, choice.device),
        references=references,
        idle_unload_s=idle_unload_s,
    )


def configure_cuda(device: torch.device) -> None:
    """Make `device` current in this thread, where Triton launches and graphs are captured, and set matmul precision.

    cuDNN attention is disabled: it builds an execution plan per length, which would stall running utterances.
    """
    torch.cuda.set_device(device)
    torch.set_float32_matmul_precision("high")  # TF32: the codec stays float32 and is fast
    torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
    torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False
    torch.backends.cuda.enable_cudnn_sdp(False)


def needed_bytes(spec: ModelConfig, choice: DeviceChoice, *, slots: int, kv_length: int) -> Mapping[str, int]:
    """Return the bytes that a loaded model takes on its device, by purpose, from the shapes in its config.

    `checkpoints.estimate_memory` does the same without torch, from parameter counts, for models not yet installed.
    """
    with LOADING_LOCK, init_empty_weights():
        talker, codec = Talker(spec), CodecDecoder(spec.codec)
    dtype = DTYPES[choice.dtype]
    dtype_of = weight_dtypes(choice.dtype, dtype, torch.device(choice.device))
    stack = spec.talker.stack
    row = stack.num_layers * 2 * stack.num_kv_heads * stack.head_dim * dtype.itemsize
    return {
        "language model": sum(
            weight.numel() * dtype_of(name, dtype).itemsize for name, weight in talker.named_parameters()
        ),
        "codec": sum(weight.numel() * torch.float32.itemsize for weight in codec.parameters()),
        "kv cache": slots * kv_length * row,
    }


def default_num_slots(hardware: Hardware, choice: DeviceChoice, spec: ModelConfig, kv_length: int) -> int:
    """Return the default number of slots: few on a CPU, as each slows the others; on a GPU up to 64, by free memory.

    Consumer cards get 16 at most, so that memory is left for other programs.
    """
    gpu = gpu_for(hardware, choice.device)
    if gpu is None:
        return 4 if choice.device == "cpu" else 2
    one = needed_bytes(spec, choice, slots=1, kv_length=kv_length)
    for_slots = 0.8 * gpu.free_bytes - (sum(one.values()) - one["kv cache"])
    max_slots = 64 if gpu.total_bytes > _LARGE_GPU_BYTES else 16
    return next(
        (slots for slots in (64, 32, 16, 8, 4) if slots <= max_slots and slots * one["kv cache"] <= for_slots), 2
    )
