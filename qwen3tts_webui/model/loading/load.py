"""Load a checkpoint: find the folder, read the configuration, load every weight on its device."""

from __future__ import annotations

import json
import logging
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch

from qwen3tts_webui.errors import NO_FOLDER, CheckpointError, DownloadError, InvalidValue
from qwen3tts_webui.model.cloning.reference_encoder import ReferenceEncoder
from qwen3tts_webui.model.codec.decoder import load_codec
from qwen3tts_webui.model.config.model_config import CODEC_FOLDER, read_model_config
from qwen3tts_webui.model.generate import Qwen3TTS
from qwen3tts_webui.model.loading.optimize import INTEGER_KINDS, optimize_for_device, quantize_for_cpu, weight_dtypes
from qwen3tts_webui.model.loading.quantize import TEXT_EMBEDDING
from qwen3tts_webui.model.prompt.tokenizer import Tokenizer
from qwen3tts_webui.model.talker.talker import Talker
from qwen3tts_webui.model.weights.module_loader import LOADING_LOCK, map_weight, open_weights
from qwen3tts_webui.model.weights.safetensors_reader import read_shards
from qwen3tts_webui.types import Sampling

DTYPES = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
    "int8": torch.float32,
    "int4": torch.float32,
}
INTEGER_BYTES = {"int8": 1.0, "int4": 0.5625}
"""Bytes of a weight of a quantized layer; int4 has a scale for each 32."""

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_FILES = ["*.json", "*.txt", "*.safetensors", f"{CODEC_FOLDER}/*.json", f"{CODEC_FOLDER}/*.safetensors"]

logger = logging.getLogger(__name__)


def load_model(
    path_or_id: str | Path,
    *,
    device: str = "auto",
    dtype: str = "auto",
    offline: bool | None = None,
    tokenizer: Tokenizer | None = None,
) -> Qwen3TTS:
    """Load a VoiceDesign, CustomVoice or Base checkpoint.

    `path_or_id` is a local folder, or the id of a repository on the hub ("owner/name"), which is downloaded unless
    `offline`; None uses huggingface_hub's own settings. `device` is "auto" (CUDA or ROCm, then Intel's XPU, then
    Apple's MPS, then the CPU) or torch's name for one. `dtype` is the dtype of the talker, "float32", "bfloat16",
    "float16", "int8" (8-bit linear layers, everything else float32; CPU only), "int4" (the talker's layers in 4 bits,
    the rest as "int8") or "auto" (half precision on CUDA). Norms and the codec are always float32.
    The encoders of a Base checkpoint are loaded when a recording is cloned. `tokenizer`: the checkpoint's, if it is
    already loaded.

    Raises CheckpointError (which names the file and the key), DownloadError, and InvalidValue for the device or the
    dtype.
    """
    target = _device(device)
    torch_dtype = resolve_dtype(dtype, target)
    folder = find_checkpoint(path_or_id, offline=offline)
    config = read_model_config(folder)
    tokenizer = tokenizer or Tokenizer(folder)
    with LOADING_LOCK:
        talker, weights = open_weights(
            lambda: Talker(config), folder, key_of=lambda name: f"talker.{name}", unused=("speaker_encoder.",)
        )
        if dtype in INTEGER_KINDS:
            kind = quantize_for_cpu(talker, weights, dtype)
        else:
            mapped = TEXT_EMBEDDING if target.type == "cpu" else ""
            weights.fill(
                talker, weight_dtypes(dtype, torch_dtype, target), device=target, wanted=lambda name: name != mapped
            )
            if mapped:
                map_weight(talker, mapped, weights.mapped(mapped))
            kind = optimize_for_device(talker.to(target).eval().requires_grad_(False), dtype)
        codec = load_codec(folder / CODEC_FOLDER, config.codec, target)
    _report_other_sampling(folder)
    logger.info("loaded %s %s from %s: %s, %s", config.kind, config.size, folder.name, target, kind)
    return Qwen3TTS(config, tokenizer, talker, codec, ReferenceEncoder(folder, config))


def find_checkpoint(path_or_id: str | Path, *, offline: bool | None = None) -> Path:
    """Return the local folder of `path_or_id`; a hub id is downloaded into the hub's cache, or found there.

    Raises CheckpointError for a missing folder, and DownloadError.
    """
    path = Path(path_or_id).expanduser()
    if path.exists() or not _HUB_ID.fullmatch(str(path_or_id)):
        if not path.is_dir():
            raise CheckpointError(file=path, key="", problem=NO_FOLDER)
        return path
    from huggingface_hub import snapshot_download  # lazy: slow to import
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(str(path_or_id), allow_patterns=_FILES, local_files_only=bool(offline)))
    except LocalEntryNotFoundError as error:
        reason = "it is neither a folder here nor in the hub's cache, and the hub was not reached"
        raise DownloadError(what=path_or_id, reason=reason) from error
    except (HfHubHTTPError, OSError) as error:
        raise DownloadError(what=path_or_id, reason=str(error).partition("\n")[0]) from error


def weight_bytes(talker: Talker, dtype: str, stored: torch.dtype, device: torch.device) -> int:
    """The memory of the weights of `talker`, stored in `stored`, once they are loaded."""
    dtype_of = weight_dtypes(dtype, DTYPES[dtype], device)

    def num_bytes(name: str, weight: torch.Tensor) -> float:
        if name == TEXT_EMBEDDING and device.type == "cpu":
            return 0.0
        if dtype in INTEGER_KINDS and weight.dim() == 2 and "embedding" not in name:
            return weight.numel() * INTEGER_BYTES[dtype if name.startswith("model.layers.") else "int8"]
        return float(weight.numel() * dtype_of(name, stored).itemsize)

    return int(sum(num_bytes(name, weight) for name, weight in talker.named_parameters()))


def stored_dtype(folder: Path) -> torch.dtype:
    """The dtype of the talker's weights in a checkpoint's files. Raises CheckpointError as `load_model` does."""
    sizes: Counter[torch.dtype] = Counter()
    for tensor in read_shards(folder).values():
        if tensor.dtype is not None:
            sizes[tensor.dtype] += tensor.num_elements
    return max(sizes, key=sizes.__getitem__, default=torch.bfloat16)


def _report_other_sampling(folder: Path) -> None:
    """Log which defaults in generation_config.json, which a fine-tune may change, differ from those of requests."""
    try:
        suggested = json.loads((folder / "generation_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    defaults = asdict(Sampling())
    other = {name: suggested[name] for name in defaults if suggested.get(name, defaults[name]) != defaults[name]}
    if other:
        values = ", ".join(f"{name}={value}" for name, value in other.items())
        logger.warning("this checkpoint is meant for other sampling defaults: set %s in requests", values)


def _device(name: str) -> torch.device:
    if name == "auto":
        present: dict[str, Callable[[], bool]] = {
            "cuda": torch.cuda.is_available,
            "xpu": torch.xpu.is_available,
            "mps": torch.backends.mps.is_available,
        }
        name = next((name for name, is_available in present.items() if is_available()), "cpu")
    try:
        return torch.device(name)
    except RuntimeError as error:
        raise InvalidValue(field="device", expected="auto, cpu, cuda, xpu or mps", got=name) from error


def resolve_dtype(name: str, device: torch.device) -> torch.dtype:
    """The torch dtype of the talker. Raises InvalidValue for a name that `device` does not support."""
    if name == "auto":
        if device.type != "cuda":
            return torch.float32
        return torch.bfloat16 if torch.cuda.get_device_capability(device) >= (8, 0) else torch.float16
    if name not in DTYPES:
        raise InvalidValue(field="dtype", expected=" or ".join(["auto", *DTYPES]), got=name)
    if name in INTEGER_KINDS and device.type != "cpu":
        raise InvalidValue(field="dtype", expected=f"auto or a float type on {device.type}", got=name)
    return DTYPES[name]
