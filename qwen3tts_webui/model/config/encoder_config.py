"""Configurations of a Base checkpoint's two encoders: reference audio to codes and to an x-vector.

docs/model.md, section 8 explains the sizes. No torch.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from qwen3tts_webui.model.config.config_reader import Section
from qwen3tts_webui.types import NUM_CODEBOOKS, SAMPLE_RATE, SAMPLES_PER_FRAME

# The released files have only `enc_dim` and `sample_rate`. These are the defaults of the official class; with them the
# parameter counts of both released sizes are exact.
_CHANNELS = [512, 512, 512, 512, 1536]
_KERNEL_SIZES = [5, 3, 3, 3, 1]
_DILATIONS = [1, 2, 3, 4, 1]


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeakerEncoderConfig:
    """ECAPA-TDNN: log-mel frames in, one x-vector of `dim` out.

    `channels`, `kernel_sizes` and `dilations` have one entry for the first convolution, each SE-Res2Net block, and the
    feature aggregation.
    """

    dim: int
    mel_bins: int
    channels: tuple[int, ...]
    kernel_sizes: tuple[int, ...]
    dilations: tuple[int, ...]
    attention_channels: int
    res2net_scale: int
    se_channels: int

    @classmethod
    def read(cls, section: Section) -> SpeakerEncoderConfig:
        section.one_of("sample_rate", SAMPLE_RATE)
        filled = Section(
            {
                "mel_dim": 128,
                "enc_channels": _CHANNELS,
                "enc_kernel_sizes": _KERNEL_SIZES,
                "enc_dilations": _DILATIONS,
                "enc_attention_channels": 128,
                "enc_res2net_scale": 8,
                "enc_se_channels": 128,
                **section.content,
            },
            section.file,
            section.path,
        )
        config = cls(
            dim=filled.size("enc_dim", int),
            mel_bins=filled.size("mel_dim", int),
            channels=_sizes(filled, "enc_channels"),
            kernel_sizes=_sizes(filled, "enc_kernel_sizes"),
            dilations=_sizes(filled, "enc_dilations"),
            attention_channels=filled.size("enc_attention_channels", int),
            res2net_scale=filled.size("enc_res2net_scale", int),
            se_channels=filled.size("enc_se_channels", int),
        )
        stages = len(config.channels)
        if stages < 3 or len(config.kernel_sizes) != stages or len(config.dilations) != stages:
            raise filled.error(
                "enc_channels", "needs as many entries as enc_kernel_sizes and enc_dilations, at least 3"
            )
        if any(channels % config.res2net_scale for channels in config.channels[1:-1]):
            raise filled.error("enc_channels", f"must be multiples of enc_res2net_scale {config.res2net_scale}")
        if config.channels[-1] != sum(config.channels[1:-1]):
            raise filled.error("enc_channels", "the last entry must be the sum of those of the blocks")
        return config


@dataclass(frozen=True, slots=True, kw_only=True)
class CodecEncoderConfig:
    """The Mimi-style encoder: 24 kHz audio in, frames of 16 codes out.

    `strides` are those of the convolutional stages, in order; `downsample` is the stride after the transformer.
    `num_quantizers` counts the codebooks in the file, of which the first 16 are used.
    """

    num_filters: int
    kernel_size: int
    last_kernel_size: int
    residual_kernel_size: int
    strides: tuple[int, ...]
    downsample: int
    hidden_size: int
    intermediate_size: int
    num_layers: int
    num_heads: int
    head_dim: int
    norm_eps: float
    rope_theta: float
    codebook_size: int
    codebook_dim: int
    num_quantizers: int

    @classmethod
    def read(cls, section: Section) -> CodecEncoderConfig:
        for key, value in _FIXED.items():
            section.one_of(key, value)
        section.one_of("num_key_value_heads", section.size("num_attention_heads", int))
        codebook_dim = section.size("codebook_dim", int)
        section.one_of("vector_quantization_hidden_dimension", codebook_dim)
        config = cls(
            num_filters=section.size("num_filters", int),
            kernel_size=section.size("kernel_size", int),
            last_kernel_size=section.size("last_kernel_size", int),
            residual_kernel_size=section.size("residual_kernel_size", int),
            strides=tuple(reversed(section.factors("upsampling_ratios"))),
            downsample=2,
            hidden_size=section.size("hidden_size", int),
            intermediate_size=section.size("intermediate_size", int),
            num_layers=section.size("num_hidden_layers", int),
            num_heads=section.size("num_attention_heads", int),
            head_dim=section.size("head_dim", int),
            norm_eps=section.size("norm_eps", float),
            rope_theta=section.size("rope_theta", float),
            codebook_size=section.size("codebook_size", int),
            codebook_dim=codebook_dim,
            num_quantizers=section.size("num_quantizers", int),
        )
        if config.num_quantizers < NUM_CODEBOOKS:
            raise section.error("num_quantizers", f"must be at least {NUM_CODEBOOKS}, not {config.num_quantizers}")
        samples = prod(config.strides) * config.downsample
        if samples != SAMPLES_PER_FRAME:
            raise section.error("upsampling_ratios", f"a frame must have {SAMPLES_PER_FRAME} samples, not {samples}")
        return config


_FIXED = {
    "audio_channels": 1,
    "attention_bias": False,
    "compress": 2,
    "hidden_act": "gelu",
    "num_residual_layers": 1,
    "num_semantic_quantizers": 1,
    "pad_mode": "constant",
    "sampling_rate": SAMPLE_RATE,
    "use_causal_conv": True,
    "use_conv_shortcut": False,
}


def _sizes(section: Section, key: str) -> tuple[int, ...]:
    values = section.value(key)
    if not isinstance(values, list) or not all(type(value) is int and value > 0 for value in values):
        raise section.error(key, f"must be a list of positive integers, not {values!r}")
    return tuple(values)
