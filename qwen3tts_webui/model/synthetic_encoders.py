"""The two encoders of a Base checkpoint with random weights, to measure what cloning costs: noise in, noise out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from qwen3tts_webui.model.cloning.reference_encoder import ReferenceEncoder
from qwen3tts_webui.model.cloning.speaker_encoder import SpeakerEncoder
from qwen3tts_webui.model.codec.encoder import CodecEncoder
from qwen3tts_webui.model.config.config_reader import Section
from qwen3tts_webui.model.config.encoder_config import CodecEncoderConfig, SpeakerEncoderConfig
from qwen3tts_webui.model.config.model_config import ModelConfig
from qwen3tts_webui.model.synthetic import random_module
from qwen3tts_webui.types import SAMPLE_RATE

_RELEASED_CODEC_ENCODER = CodecEncoderConfig(
    num_filters=64,
    kernel_size=7,
    last_kernel_size=3,
    residual_kernel_size=3,
    strides=(4, 5, 6, 8),
    downsample=2,
    hidden_size=512,
    intermediate_size=2048,
    num_layers=8,
    num_heads=8,
    head_dim=64,
    norm_eps=1e-5,
    rope_theta=1e4,
    codebook_size=2048,
    codebook_dim=256,
    num_quantizers=32,
)


def with_encoders(config: ModelConfig) -> ModelConfig:
    """The Base model of that size (docs/model.md, sections 8 and 9); a tiny model gets tiny encoders."""
    tiny: dict[str, object] = {"enc_channels": [8, 8, 8, 8, 24], "enc_attention_channels": 8, "enc_se_channels": 8}
    sizes: dict[str, object] = {"enc_dim": config.talker.stack.hidden_size, "sample_rate": SAMPLE_RATE}
    codec_encoder = _RELEASED_CODEC_ENCODER
    if config.size == "tiny":
        sizes |= tiny
        codec_encoder = replace(
            codec_encoder,
            num_filters=2,
            hidden_size=32,
            intermediate_size=48,
            num_layers=2,
            num_heads=2,
            head_dim=16,
            codebook_size=config.codec.codebook_size,
            codebook_dim=16,
        )
    speaker_encoder = SpeakerEncoderConfig.read(Section(sizes, Path("config.json")))
    return replace(config, kind="base", speaker_encoder=speaker_encoder, codec_encoder=codec_encoder)


def synthetic_references(config: ModelConfig) -> ReferenceEncoder:
    """An encoder of recordings for `with_encoders(...)`, with random weights."""
    return ReferenceEncoder(
        Path("random weights"), config, load_speaker=_random_speaker_encoder, load_codec=_random_codec_encoder
    )


def _random_speaker_encoder(_folder: Path, config: SpeakerEncoderConfig, device: torch.device) -> SpeakerEncoder:
    return random_module(lambda: SpeakerEncoder(config), device)


def _random_codec_encoder(_folder: Path, config: CodecEncoderConfig, device: torch.device) -> CodecEncoder:
    return random_module(lambda: CodecEncoder(config), device)
