"""Start an engine: probe the machine, choose device and dtype, check that the model fits.

In: a folder or a hub id. Out: an `Engine` that loads in the background.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from qwen3tts_webui.engine.capture import DEVICE_LOCK, CodecStream, CudaCapture
from qwen3tts_webui.engine.cuda_graph_runner import CudaGraphRunner
from qwen3tts_webui.engine.device import probe_hardware
from qwen3tts_webui.engine.engine import Engine
from qwen3tts_webui.engine.host_transfer import CudaTimer
from qwen3tts_webui.engine.model_runner import ModelRunner
from qwen3tts_webui.engine.sizing import KV_LENGTH, Sizing
from qwen3tts_webui.hardware import DeviceChoice, choose_device, supports_bf16, with_more_memory
from qwen3tts_webui.model import (
    ModelConfig,
    Qwen3TTS,
    ReferenceEncoder,
    Tokenizer,
    check_device,
    find_checkpoint,
    load_model,
    read_model_config,
    stored_dtype,
)
from qwen3tts_webui.types import EncodesReferences, MemoryRelease

MAX_PREFILL_BATCH = 32
"""Prompts that a GPU prefills together: in a burst of 50 the last one waits for two prefills, not for seven."""


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
    tokenizer = Tokenizer(folder)

    def make(choice: DeviceChoice) -> Qwen3TTS:
        return load_model(folder, device=choice.device, dtype=choice.dtype, offline=True, tokenizer=tokenizer)

    return start_engine_with(
        make,
        spec=spec,
        encoder=tokenizer,
        references=ReferenceEncoder(folder, spec) if spec.kind == "base" else None,
        stored=stored_dtype(folder),
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
    stored: torch.dtype = torch.bfloat16,
    name: str,
    device: str = "auto",
    dtype: str = "auto",
    slots: int = 0,
    queue_size: int = 64,
    kv_length: int = KV_LENGTH,
    idle_unload_s: float = 0.0,
    release: MemoryRelease | None = None,
) -> Engine:
    """Return an engine for the model that `make` builds on the chosen device. Raises as `start_engine`.

    `stored` is the dtype of its weights on disk.
    """
    sizing = Sizing(spec=spec, stored=stored, slots=slots, kv_length=kv_length)
    hardware = probe_hardware()
    if release is not None:
        hardware = with_more_memory(hardware, choose_device(hardware, device=device).device, release.num_bytes)
    choice = sizing.choose(hardware, device=device, dtype=dtype)
    sizing.fitting_slots(hardware, choice)

    def load(choice: DeviceChoice) -> ModelRunner:
        if release is not None:
            release.wait()
        num_slots = sizing.fitting_slots(probe_hardware(), choice)
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
        return CudaGraphRunner(
            model,
            slots=num_slots,
            kv_length=kv_length,
            capture=CudaCapture(device),
            codec_stream=CodecStream(device),
            new_timer=CudaTimer,
        )

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
