"""Specs: in goes config.json, out come frozen sizes and ids. An absent key is an error, never a default. Knows no tensor."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, TypeVar

from qwen3tts_webui.errors import CheckpointError

T = TypeVar("T", int, float)


@dataclass(frozen=True, slots=True, kw_only=True)
class CodecSpec:
    """Sizes of the codec decoder (MODEL.md section 7), from `speech_tokenizer/config.json`.

    `upsampling_ratios` are the stages before the decoder blocks, `upsample_rates` those of the blocks.
    """

    num_quantizers: int
    codebook_size: int
    codebook_dim: int
    latent_dim: int
    hidden_size: int
    intermediate_size: int
    num_layers: int
    num_heads: int
    head_dim: int
    rms_norm_eps: float
    rope_theta: float
    sliding_window: int
    decoder_dim: int
    upsampling_ratios: tuple[int, ...]
    upsample_rates: tuple[int, ...]

    @property
    def samples_per_frame(self) -> int:
        return prod(self.upsampling_ratios) * prod(self.upsample_rates)

    @classmethod
    def from_config(cls, config: Mapping[str, Any], file: Path) -> CodecSpec:
        """Read the parsed config; `file` is where it came from. Raises CheckpointError for an absent or odd value."""
        section = config.get("decoder_config")
        if not isinstance(section, Mapping):
            raise CheckpointError(file=file, key="decoder_config", problem="the section is missing")
        decoder: Mapping[str, Any] = section

        def read(key: str, kind: type[T]) -> T:
            value = decoder.get(key)
            if not isinstance(value, (int, kind)) or isinstance(value, bool) or value <= 0:
                raise CheckpointError(
                    file=file, key=f"decoder_config.{key}", problem=f"must be positive, not {value!r}"
                )
            return kind(value)

        def read_factors(key: str) -> tuple[int, ...]:
            values = decoder.get(key)
            if not isinstance(values, list) or not all(isinstance(value, int) and value > 1 for value in values):
                problem = f"must be a list of factors, not {values!r}"
                raise CheckpointError(file=file, key=f"decoder_config.{key}", problem=problem)
            return tuple(values)

        return cls(
            num_quantizers=read("num_quantizers", int),
            codebook_size=read("codebook_size", int),
            codebook_dim=read("codebook_dim", int),
            latent_dim=read("latent_dim", int),
            hidden_size=read("hidden_size", int),
            intermediate_size=read("intermediate_size", int),
            num_layers=read("num_hidden_layers", int),
            num_heads=read("num_attention_heads", int),
            head_dim=read("head_dim", int),
            rms_norm_eps=read("rms_norm_eps", float),
            rope_theta=read("rope_theta", float),
            sliding_window=read("sliding_window", int),
            decoder_dim=read("decoder_dim", int),
            upsampling_ratios=read_factors("upsampling_ratios"),
            upsample_rates=read_factors("upsample_rates"),
        )
