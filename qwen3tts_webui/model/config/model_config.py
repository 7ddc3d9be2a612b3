"""Sizes and ids of a checkpoint, read from its config.json files. No torch.

A missing or invalid key is an error that names the file and the key, never a default: the defaults of the official
classes differ from the released files (docs/model.md, section 9).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, Literal

from qwen3tts_webui.model.config.config_reader import Section, read_config
from qwen3tts_webui.model.config.encoder_config import CodecEncoderConfig, SpeakerEncoderConfig
from qwen3tts_webui.types import NUM_CODEBOOKS, SAMPLE_RATE, SAMPLES_PER_FRAME

Kind = Literal["voice_design", "custom_voice", "base"]

MODEL_TYPE = "qwen3_tts"
TOKENIZER_TYPE = "qwen3_tts_tokenizer_12hz"
CODEC_FOLDER = "speech_tokenizer"
NUM_CONTROL_CODES = 1024  # the last ids of the talker's vocabulary: languages, speakers, pad, bos, eos


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoderConfig:
    """Sizes of one stack of Qwen3 decoder layers (docs/model.md, sections 4 and 6)."""

    hidden_size: int
    intermediate_size: int
    num_layers: int
    num_heads: int
    num_kv_heads: int
    head_dim: int
    rms_norm_eps: float
    rope_theta: float

    @classmethod
    def read(cls, section: Section) -> DecoderConfig:
        section.one_of("hidden_act", "silu")
        section.one_of("attention_bias", False)
        heads, kv_heads = section.size("num_attention_heads", int), section.size("num_key_value_heads", int)
        if heads % kv_heads:
            raise section.error("num_key_value_heads", f"must divide num_attention_heads {heads}, not {kv_heads}")
        return cls(
            hidden_size=section.size("hidden_size", int),
            intermediate_size=section.size("intermediate_size", int),
            num_layers=section.size("num_hidden_layers", int),
            num_heads=heads,
            num_kv_heads=kv_heads,
            head_dim=section.size("head_dim", int),
            rms_norm_eps=section.size("rms_norm_eps", float),
            rope_theta=section.size("rope_theta", float),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CodePredictorConfig:
    """The code predictor: its stack and the number of entries in each of the residual codebooks."""

    stack: DecoderConfig
    codebook_size: int

    @classmethod
    def read(cls, section: Section) -> CodePredictorConfig:
        section.one_of("num_code_groups", NUM_CODEBOOKS)
        return cls(stack=DecoderConfig.read(section), codebook_size=section.size("vocab_size", int))


@dataclass(frozen=True, slots=True, kw_only=True)
class TalkerConfig:
    """The talker: decoder stack, vocabularies and control ids (docs/model.md, sections 2, 3, 9).

    `languages` and `speakers` map lower-case names to ids; `dialects` maps a speaker to the entry of `languages` for
    the dialect of that speaker.
    """

    stack: DecoderConfig
    vocab_size: int
    text_vocab_size: int
    text_hidden_size: int
    max_positions: int
    pad_id: int
    bos_id: int
    eos_id: int
    think_id: int
    nothink_id: int
    think_bos_id: int
    think_eos_id: int
    languages: Mapping[str, int]
    speakers: Mapping[str, int]
    dialects: Mapping[str, str]

    @property
    def num_audio_codes(self) -> int:
        """Ids below this are entries of the first codebook; of the others only `eos_id` may be sampled."""
        return self.vocab_size - NUM_CONTROL_CODES

    @classmethod
    def read(cls, section: Section) -> TalkerConfig:
        section.one_of("num_code_groups", NUM_CODEBOOKS)
        vocab_size = section.size("vocab_size", int)
        if vocab_size <= NUM_CONTROL_CODES:
            raise section.error("vocab_size", f"must be above {NUM_CONTROL_CODES}, not {vocab_size}")
        languages = section.section("codec_language_id").all_ids(vocab_size)
        speakers = section.optional_section("spk_id").all_ids(vocab_size)
        dialects: dict[str, str] = {}
        spoken = section.optional_section("spk_is_dialect")
        for speaker, dialect in spoken.content.items():
            if dialect is False:
                continue
            if dialect not in languages:
                raise spoken.error(speaker, f"must be false or a name in codec_language_id, not {dialect!r}")
            dialects[speaker.lower()] = dialect
        return cls(
            stack=DecoderConfig.read(section),
            vocab_size=vocab_size,
            text_vocab_size=section.size("text_vocab_size", int),
            text_hidden_size=section.size("text_hidden_size", int),
            max_positions=section.size("max_position_embeddings", int),
            pad_id=section.id("codec_pad_id", vocab_size),
            bos_id=section.id("codec_bos_id", vocab_size),
            eos_id=section.id("codec_eos_token_id", vocab_size),
            think_id=section.id("codec_think_id", vocab_size),
            nothink_id=section.id("codec_nothink_id", vocab_size),
            think_bos_id=section.id("codec_think_bos_id", vocab_size),
            think_eos_id=section.id("codec_think_eos_id", vocab_size),
            languages=languages,
            speakers=speakers,
            dialects=dialects,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TextConfig:
    """Ids in the text vocabulary that the prompt is built with (docs/model.md, section 1)."""

    im_start_id: int
    im_end_id: int
    assistant_id: int
    bos_id: int
    eos_id: int
    pad_id: int

    @classmethod
    def read(cls, section: Section, vocab_size: int) -> TextConfig:
        return cls(
            im_start_id=section.id("im_start_token_id", vocab_size),
            im_end_id=section.id("im_end_token_id", vocab_size),
            assistant_id=section.id("assistant_token_id", vocab_size),
            bos_id=section.id("tts_bos_token_id", vocab_size),
            eos_id=section.id("tts_eos_token_id", vocab_size),
            pad_id=section.id("tts_pad_token_id", vocab_size),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CodecConfig:
    """Sizes of the codec decoder (docs/model.md, section 7), from `speech_tokenizer/config.json`.

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
    def from_config(cls, config: Mapping[str, Any], file: Path) -> CodecConfig:
        """Read the parsed content of `file`. Raises CheckpointError for a missing or invalid value."""
        section = Section(config, file).section("decoder_config")
        section.one_of("hidden_act", "silu")
        section.one_of("attention_bias", False)
        section.one_of("num_semantic_quantizers", 1)
        section.one_of("num_key_value_heads", section.size("num_attention_heads", int))
        return cls(
            num_quantizers=section.size("num_quantizers", int),
            codebook_size=section.size("codebook_size", int),
            codebook_dim=section.size("codebook_dim", int),
            latent_dim=section.size("latent_dim", int),
            hidden_size=section.size("hidden_size", int),
            intermediate_size=section.size("intermediate_size", int),
            num_layers=section.size("num_hidden_layers", int),
            num_heads=section.size("num_attention_heads", int),
            head_dim=section.size("head_dim", int),
            rms_norm_eps=section.size("rms_norm_eps", float),
            rope_theta=section.size("rope_theta", float),
            sliding_window=section.size("sliding_window", int),
            decoder_dim=section.size("decoder_dim", int),
            upsampling_ratios=section.factors("upsampling_ratios"),
            upsample_rates=section.factors("upsample_rates"),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig:
    """A checkpoint: `kind` and `size` ("1b7", "0b6") from config.json, and the configuration of each part.

    Only a Base checkpoint has `speaker_encoder` and `codec_encoder`, for voice cloning.
    """

    kind: Kind
    size: str
    text: TextConfig
    talker: TalkerConfig
    predictor: CodePredictorConfig
    codec: CodecConfig
    speaker_encoder: SpeakerEncoderConfig | None = None
    codec_encoder: CodecEncoderConfig | None = None

    @property
    def accepts_description(self) -> bool:
        """Whether the model takes a description; Base and the 0.6B custom_voice drop it (docs/model.md, section 3)."""
        return self.kind == "voice_design" or (self.kind == "custom_voice" and self.size != "0b6")

    @property
    def languages(self) -> tuple[str, ...]:
        """The selectable languages, by the model's names; dialects are not (docs/model.md, section 11, quirk 12)."""
        return tuple(name for name in self.talker.languages if "dialect" not in name)


def read_model_config(folder: Path) -> ModelConfig:
    """Read the configuration of the checkpoint in `folder`.

    Raises CheckpointError: no folder, no file, not JSON, a missing or invalid key, another `model_type`, an unsupported
    `tokenizer_type`.
    """
    root = read_config(folder)
    root.one_of("model_type", MODEL_TYPE)
    root.one_of("tokenizer_type", TOKENIZER_TYPE)
    kind: Kind = root.one_of("tts_model_type", "voice_design", "custom_voice", "base")
    codec_config = read_config(folder / CODEC_FOLDER)
    codec_config.one_of("model_type", TOKENIZER_TYPE)
    codec_config.one_of("output_sample_rate", SAMPLE_RATE)
    section = root.section("talker_config")
    talker = TalkerConfig.read(section)
    predictor_section = section.section("code_predictor_config")
    config = ModelConfig(
        kind=kind,
        size=str(root.value("tts_model_size")),
        text=TextConfig.read(root, talker.text_vocab_size),
        talker=talker,
        predictor=CodePredictorConfig.read(predictor_section),
        codec=CodecConfig.from_config(codec_config.content, codec_config.file),
        speaker_encoder=SpeakerEncoderConfig.read(root.section("speaker_encoder_config")) if kind == "base" else None,
        codec_encoder=CodecEncoderConfig.read(codec_config.section("encoder_config")) if kind == "base" else None,
    )
    _check_consistency(config, section, codec_config.section("decoder_config"))
    if config.speaker_encoder is not None and config.codec_encoder is not None:
        root.section("speaker_encoder_config").one_of("enc_dim", talker.stack.hidden_size)
        codec_config.section("encoder_config").one_of("codebook_size", config.codec.codebook_size)
    return config


def _check_consistency(config: ModelConfig, talker: Section, codec: Section) -> None:
    """Raise CheckpointError if the parts do not match: the same codebooks everywhere, frames of 1920 samples."""
    size = config.codec.codebook_size
    if config.talker.num_audio_codes != size:
        raise talker.error(
            "vocab_size", f"must be {size + NUM_CONTROL_CODES} with this codec, not {config.talker.vocab_size}"
        )
    if config.predictor.codebook_size != size:
        problem = f"must be {size} with this codec, not {config.predictor.codebook_size}"
        raise talker.error("code_predictor_config.vocab_size", problem)
    codec.one_of("num_quantizers", NUM_CODEBOOKS)
    if config.codec.samples_per_frame != SAMPLES_PER_FRAME:
        problem = f"a frame must have {SAMPLES_PER_FRAME} samples, not {config.codec.samples_per_frame}"
        raise codec.error("upsample_rates", problem)
