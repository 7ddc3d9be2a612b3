"""Models of the released sizes with random weights, created in memory, to measure speed and memory.

Their output is noise. Every weight is created in its final dtype, so that nothing is in memory twice.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Literal, TypeVar

import numpy as np
import torch
from accelerate import init_empty_weights  # type: ignore[import-untyped]
from tokenizers.pre_tokenizers import ByteLevel
from torch import nn

from qwen3tts_webui.model.codec.decoder import CodecDecoder
from qwen3tts_webui.model.config.model_config import (
    CodecConfig,
    CodePredictorConfig,
    DecoderConfig,
    ModelConfig,
    TalkerConfig,
    TextConfig,
)
from qwen3tts_webui.model.generate import Qwen3TTS
from qwen3tts_webui.model.loading.load import resolve_dtype
from qwen3tts_webui.model.loading.optimize import INTEGER_KINDS, optimize_for_device, quantize_for_cpu, weight_dtypes
from qwen3tts_webui.model.prompt.tokenizer import Tokenizer
from qwen3tts_webui.model.talker.talker import Talker
from qwen3tts_webui.model.weights.module_loader import LOADING_LOCK, DtypeOf, put_weight

Size = Literal["1.7B", "0.6B", "tiny"]
Module = TypeVar("Module", bound=nn.Module)

RELEASED_CODEC = CodecConfig(
    num_quantizers=16,
    codebook_size=2048,
    codebook_dim=512,
    latent_dim=1024,
    hidden_size=512,
    intermediate_size=1024,
    num_layers=8,
    num_heads=16,
    head_dim=64,
    rms_norm_eps=1e-5,
    rope_theta=1e4,
    sliding_window=72,
    decoder_dim=1536,
    upsampling_ratios=(2, 2),
    upsample_rates=(8, 5, 4, 3),
)
"""The codec of every released checkpoint (docs/model.md, section 9)."""

_BLOCK = 4_194_301  # random values; a prime, so that the rows of a matrix differ when the block is repeated
_WIDTHS = {"1.7B": (2048, 6144), "0.6B": (1024, 3072)}
_LANGUAGES = {"english": 2050, "german": 2053, "chinese": 2055, "japanese": 2058, "french": 2061}


def synthetic_config(size: Size) -> ModelConfig:
    """The released sizes and control ids (docs/model.md, sections 1 and 9), or a tiny model with the same parts."""
    if size == "tiny":
        return _tiny_config()
    hidden, intermediate = _WIDTHS[size]
    stack = DecoderConfig(
        hidden_size=hidden,
        intermediate_size=intermediate,
        num_layers=28,
        num_heads=16,
        num_kv_heads=8,
        head_dim=128,
        rms_norm_eps=1e-6,
        rope_theta=1e6,
    )
    return ModelConfig(
        kind="voice_design",
        size={"1.7B": "1b7", "0.6B": "0b6"}[size],
        text=TextConfig(
            im_start_id=151_644,
            im_end_id=151_645,
            assistant_id=77_091,
            bos_id=151_672,
            eos_id=151_673,
            pad_id=151_671,
        ),
        talker=TalkerConfig(
            stack=stack,
            vocab_size=3072,
            text_vocab_size=151_936,
            text_hidden_size=2048,
            max_positions=32_768,
            pad_id=2148,
            bos_id=2149,
            eos_id=2150,
            think_id=2154,
            nothink_id=2155,
            think_bos_id=2156,
            think_eos_id=2157,
            languages=_LANGUAGES,
            speakers={},
            dialects={},
        ),
        predictor=CodePredictorConfig(
            stack=replace(stack, hidden_size=1024, intermediate_size=3072, num_layers=5), codebook_size=2048
        ),
        codec=RELEASED_CODEC,
    )


def _tiny_config() -> ModelConfig:
    full = synthetic_config("0.6B")
    stack = replace(
        full.talker.stack,
        hidden_size=64,
        intermediate_size=96,
        num_layers=2,
        num_heads=4,
        num_kv_heads=2,
        head_dim=32,
    )
    codec = replace(
        full.codec,
        codebook_size=128,
        codebook_dim=32,
        latent_dim=32,
        hidden_size=32,
        intermediate_size=48,
        num_layers=2,
        num_heads=2,
        head_dim=16,
        decoder_dim=64,
    )
    text = TextConfig(im_start_id=1017, im_end_id=1018, assistant_id=1019, bos_id=1020, eos_id=1021, pad_id=1022)
    return replace(
        full,
        size="tiny",
        text=text,
        talker=replace(full.talker, stack=stack, text_vocab_size=1024, text_hidden_size=64),
        predictor=replace(full.predictor, stack=stack, codebook_size=128),
        codec=codec,
    )


def synthetic_tokenizer(words: Sequence[str]) -> Tokenizer:
    """A byte-level tokenizer with one token for each of `words` (ASCII), as the released one has for common words."""
    vocab = {letter: number for number, letter in enumerate(sorted(ByteLevel.alphabet()))}
    merges: dict[tuple[str, str], None] = {}
    for word in ("user", *words):
        for start, rest in [(word[:end], word[end]) for end in range(1, len(word))] + [("\u0120", word)]:
            merges[start, rest] = None  # U+0120 is how byte-level BPE writes a space
            vocab.setdefault(start + rest, len(vocab))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "vocab.json").write_text(json.dumps(vocab), encoding="utf-8")
        (folder / "merges.txt").write_text("\n".join(f"{a} {b}" for a, b in merges), encoding="utf-8")
        return Tokenizer(folder)


def synthetic_model(config: ModelConfig, tokenizer: Tokenizer, *, device: str, dtype: str) -> Qwen3TTS:
    """A model of the sizes in `config` with random weights; `dtype` as in `load_model`, but not "auto"."""
    target = torch.device(device)
    with LOADING_LOCK:
        if dtype in INTEGER_KINDS:
            with init_empty_weights():
                talker = Talker(config)
            quantize_for_cpu(talker, RandomWeights(talker), dtype)
        else:
            type_of = weight_dtypes(dtype, resolve_dtype(dtype, target), target)
            talker = random_module(lambda: Talker(config), target, type_of)
            optimize_for_device(talker, dtype)
        codec = random_module(lambda: CodecDecoder(config.codec), target)
        codec.fold()
    return Qwen3TTS(config, tokenizer, talker, codec)


def meta_model(config: ModelConfig, tokenizer: Tokenizer, dtype: str) -> Qwen3TTS:
    """A model on the meta device, prepared as for a GPU: it computes shapes only, to inspect the operations."""
    target = torch.device("meta")
    type_of = weight_dtypes(dtype, resolve_dtype(dtype, target), target)
    with LOADING_LOCK, init_empty_weights(include_buffers=True):
        talker, codec = Talker(config), CodecDecoder(config.codec)
    weights = {name: weight.to(type_of(name, torch.bfloat16)) for name, weight in talker.state_dict().items()}
    talker.load_state_dict(weights, assign=True)
    optimize_for_device(talker.requires_grad_(False), dtype)
    codec.requires_grad_(False).fold()
    return Qwen3TTS(config, tokenizer, talker, codec)


def disable_eos(model: Qwen3TTS) -> Qwen3TTS:
    """Make `model` run to the frame limit: its end-of-speech id is set outside the vocabulary. For benchmarks."""
    config = model.talker.config
    model.talker.config = replace(config, talker=replace(config.talker, eos_id=config.talker.vocab_size))
    return model


def _float32(_name: str, _stored: torch.dtype) -> torch.dtype:
    return torch.float32


def random_module(build: Callable[[], Module], device: torch.device, dtype_of: DtypeOf = _float32) -> Module:
    """A module with norms of 1 and matrices that preserve the scale of their input."""
    with LOADING_LOCK, init_empty_weights():
        module = build()
    block = torch.randn(_BLOCK, generator=torch.Generator().manual_seed(0)).to(device)
    weights = {}
    for name, empty in module.state_dict().items():
        weights[name] = torch.empty(empty.shape, dtype=dtype_of(name, torch.bfloat16), device=device)
        _fill(name, weights[name], block)
    module.load_state_dict(weights, assign=True)
    return module.to(device).eval().requires_grad_(False)


def _fill(name: str, weight: torch.Tensor, block: torch.Tensor) -> None:
    if ("norm" in name and name.endswith("weight")) or name.endswith("cluster_usage"):
        weight.fill_(1.0)
    else:
        scale = 0.02 if "embed" in name or weight.dim() == 1 else 1.0 / math.sqrt(weight[0].numel())
        _repeat(block[: weight.numel()] * scale, weight.view(-1))


class RandomWeights:
    """A `quantize.WeightSource` of random weights, in bfloat16 as the released ones."""

    def __init__(self, module: nn.Module) -> None:
        self._shapes = {name: tuple(empty.shape) for name, empty in module.state_dict().items()}
        self._block = torch.randn(_BLOCK, generator=torch.Generator().manual_seed(0))

    def fill(self, module: nn.Module, dtype: DtypeOf, *, wanted: Callable[[str], bool]) -> None:
        for name, shape in self._shapes.items():
            if wanted(name):
                weight = torch.empty(shape, dtype=dtype(name, torch.bfloat16))
                _fill(name, weight, self._block)
                put_weight(module, name, weight)

    def mapped(self, name: str) -> torch.Tensor:
        """A memory-mapped weight in a temporary file, which is deleted with the mapping."""
        shape = self._shapes[name]
        with tempfile.TemporaryFile() as file:
            part = (self._block * 0.02).bfloat16().view(torch.uint8).numpy().data
            for start in range(0, prod(shape) * 2, len(part)):
                file.write(part[: prod(shape) * 2 - start])
            file.flush()
            pages = np.memmap(file, np.uint16, mode="c", shape=shape)
        return torch.from_numpy(pages).view(torch.bfloat16)

    def fingerprint(self) -> str:
        return ""


def _repeat(block: torch.Tensor, target: torch.Tensor) -> None:
    for start in range(0, len(target), len(block)):
        part = target[start : start + len(block)]
        part.copy_(block[: len(part)])
