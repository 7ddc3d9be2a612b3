"""Specs come from config.json alone; whatever is wrong with it names the file and the key."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from qwen3tts_webui.errors import CheckpointError
from qwen3tts_webui.model.cloning.speaker_encoder import SpeakerEncoder
from qwen3tts_webui.model.config.model_config import read_model_config
from tests.support.golden_cases import GOLDEN

Change = Callable[[dict[str, Any]], Any]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The configs of a checkpoint, without its weights."""
    return copy_configs("custom", tmp_path)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return copy_configs("base", tmp_path)


def copy_configs(checkpoint: str, target: Path) -> Path:
    for name in ("config.json", "speech_tokenizer/config.json"):
        (target / name).parent.mkdir(exist_ok=True)
        shutil.copy(GOLDEN / checkpoint / name, target / name)
    return target


def change(file: Path, edit: Change) -> None:
    config = json.loads(file.read_text())
    edit(config)
    file.write_text(json.dumps(config))


def test_sizes_and_ids_equal_the_files() -> None:
    config = read_model_config(GOLDEN / "custom")
    assert (config.kind, config.size) == ("custom_voice", "1b7")
    assert (config.talker.stack.hidden_size, config.talker.stack.head_dim) == (32, 12)
    assert (config.predictor.stack.hidden_size, config.predictor.codebook_size) == (24, 64)
    assert config.talker.num_audio_codes == 64
    assert config.talker.speakers["uncle_fu"] == 1026
    assert config.talker.dialects == {"eric": "sichuan_dialect", "dylan": "beijing_dialect"}
    assert config.codec.samples_per_frame == 1920


def test_dialects_are_not_selectable_languages() -> None:
    assert read_model_config(GOLDEN / "custom").languages == (
        "chinese", "english", "german", "japanese", "french", "russian",
    )  # fmt: skip


def test_only_the_small_custom_voice_ignores_descriptions() -> None:
    assert [read_model_config(GOLDEN / name).accepts_description for name in ("design", "custom", "custom_small")] == [
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("key", "edit"),
    [
        ("model_type", lambda c: c.update(model_type="qwen2")),
        ("tokenizer_type", lambda c: c.update(tokenizer_type="qwen3_tts_tokenizer_25hz")),
        ("tts_model_type", lambda c: c.update(tts_model_type="singing")),
        ("tts_model_size", lambda c: c.pop("tts_model_size")),
        ("tts_pad_token_id", lambda c: c.update(tts_pad_token_id=10**6)),
        ("talker_config", lambda c: c.pop("talker_config")),
        ("talker_config.head_dim", lambda c: c["talker_config"].pop("head_dim")),
        ("talker_config.hidden_act", lambda c: c["talker_config"].update(hidden_act="gelu")),
        ("talker_config.rms_norm_eps", lambda c: c["talker_config"].update(rms_norm_eps="small")),
        ("talker_config.vocab_size", lambda c: c["talker_config"].update(vocab_size=2000)),
        ("talker_config.num_key_value_heads", lambda c: c["talker_config"].update(num_key_value_heads=3)),
        ("talker_config.spk_id.eric", lambda c: c["talker_config"]["spk_id"].update(eric=-1)),
        ("talker_config.spk_is_dialect.eric", lambda c: c["talker_config"]["spk_is_dialect"].update(eric="latin")),
        ("talker_config.code_predictor_config", lambda c: c["talker_config"].pop("code_predictor_config")),
        (
            "talker_config.code_predictor_config.num_code_groups",
            lambda c: c["talker_config"]["code_predictor_config"].update(num_code_groups=32),
        ),
        (
            "talker_config.code_predictor_config.vocab_size",
            lambda c: c["talker_config"]["code_predictor_config"].update(vocab_size=32),
        ),
    ],
)
def test_an_error_names_the_config_key(folder: Path, key: str, edit: Change) -> None:
    change(folder / "config.json", edit)
    with pytest.raises(CheckpointError) as caught:
        read_model_config(folder)
    assert caught.value.params["key"] == key
    assert caught.value.params["file"] == folder / "config.json"


@pytest.mark.parametrize(
    ("key", "edit"),
    [
        ("model_type", lambda c: c.update(model_type="mimi")),
        ("output_sample_rate", lambda c: c.update(output_sample_rate=48000)),
        ("decoder_config.num_quantizers", lambda c: c["decoder_config"].update(num_quantizers=8)),
        ("decoder_config.upsample_rates", lambda c: c["decoder_config"].update(upsample_rates=[8, 5, 4])),
        ("decoder_config.latent_dim", lambda c: c["decoder_config"].update(latent_dim=0)),
    ],
)
def test_an_error_names_the_codec_config_key(folder: Path, key: str, edit: Change) -> None:
    file = folder / "speech_tokenizer" / "config.json"
    change(file, edit)
    with pytest.raises(CheckpointError) as caught:
        read_model_config(folder)
    assert (caught.value.params["file"], caught.value.params["key"]) == (file, key)


def test_a_missing_folder_is_named(folder: Path) -> None:
    shutil.rmtree(folder / "speech_tokenizer")
    with pytest.raises(CheckpointError, match="the folder does not exist") as caught:
        read_model_config(folder)
    assert caught.value.params["file"] == folder / "speech_tokenizer"


@pytest.mark.parametrize("content", ["", "{", "[]"])
def test_a_config_must_be_an_object(folder: Path, content: str) -> None:
    (folder / "config.json").write_text(content)
    with pytest.raises(CheckpointError) as caught:
        read_model_config(folder)
    assert caught.value.params["file"] == folder / "config.json"


def test_a_base_checkpoint_has_encoders_and_ignores_descriptions() -> None:
    config = read_model_config(GOLDEN / "base")
    assert config.speaker_encoder is not None and config.codec_encoder is not None
    assert (config.kind, config.accepts_description) == ("base", False)
    assert (config.speaker_encoder.dim, config.speaker_encoder.mel_bins) == (32, 128)
    assert config.codec_encoder.strides == (4, 5, 6, 8)
    assert read_model_config(GOLDEN / "custom").speaker_encoder is None


def test_missing_speaker_encoder_keys_get_the_official_defaults(base: Path) -> None:
    """The computed size of the released 0.6B encoder (docs/model.md, section 9) follows from these."""
    change(base / "config.json", lambda c: c.update(speaker_encoder_config={"enc_dim": 32, "sample_rate": 24_000}))
    config = read_model_config(base).speaker_encoder
    assert config is not None
    with torch.device("meta"):
        encoder = SpeakerEncoder(replace(config, dim=1024))
    assert sum(weight.numel() for weight in encoder.parameters()) == 914_643_008 - 905_788_672


@pytest.mark.parametrize(
    ("file", "key", "edit"),
    [
        ("config.json", "speaker_encoder_config", lambda c: c.pop("speaker_encoder_config")),
        ("config.json", "speaker_encoder_config.enc_dim", lambda c: c["speaker_encoder_config"].update(enc_dim=31)),
        (
            "config.json",
            "speaker_encoder_config.enc_channels",
            lambda c: c["speaker_encoder_config"].update(enc_channels=[8, 8, 8, 8, 23]),
        ),
        (
            "speech_tokenizer/config.json",
            "encoder_config.upsampling_ratios",
            lambda c: c["encoder_config"].update(upsampling_ratios=[8, 6, 5]),
        ),
        (
            "speech_tokenizer/config.json",
            "encoder_config.num_quantizers",
            lambda c: c["encoder_config"].update(num_quantizers=15),
        ),
        (
            "speech_tokenizer/config.json",
            "encoder_config.codebook_size",
            lambda c: c["encoder_config"].update(codebook_size=65),
        ),
    ],
)
def test_an_invalid_encoder_config_names_the_file_and_the_key(base: Path, file: str, key: str, edit: Change) -> None:
    change(base / file, edit)
    with pytest.raises(CheckpointError) as caught:
        read_model_config(base)
    assert caught.value.params["file"] == base / file
    assert caught.value.params["key"] == key
