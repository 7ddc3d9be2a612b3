"""Specs come from config.json alone; whatever is wrong with it names the file and the key."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from qwen3tts_webui.errors import CheckpointError, Unsupported
from qwen3tts_webui.model.spec import read_spec
from tests.model.golden import GOLDEN

Change = Callable[[dict[str, Any]], Any]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The configs of a checkpoint, without its weights."""
    for name in ("config.json", "speech_tokenizer/config.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(GOLDEN / "custom" / name, tmp_path / name)
    return tmp_path


def change(file: Path, edit: Change) -> None:
    config = json.loads(file.read_text())
    edit(config)
    file.write_text(json.dumps(config))


def test_sizes_and_ids_are_those_of_the_files() -> None:
    spec = read_spec(GOLDEN / "custom")
    assert (spec.kind, spec.size) == ("custom_voice", "1b7")
    assert (spec.talker.stack.hidden_size, spec.talker.stack.head_dim) == (32, 12)
    assert (spec.predictor.stack.hidden_size, spec.predictor.codebook_size) == (24, 64)
    assert spec.talker.num_sounds == 64
    assert spec.talker.speakers["uncle_fu"] == 1026
    assert spec.talker.dialects == {"eric": "sichuan_dialect", "dylan": "beijing_dialect"}
    assert spec.codec.samples_per_frame == 1920


def test_dialects_are_no_languages_to_ask_for() -> None:
    assert read_spec(GOLDEN / "custom").languages == (
        "chinese", "english", "german", "japanese", "french", "russian",
    )  # fmt: skip


def test_only_the_small_custom_voice_takes_no_description() -> None:
    assert [read_spec(GOLDEN / name).instructs for name in ("design", "custom", "custom_small")] == [True, True, False]


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
def test_what_is_wrong_in_the_config_is_named(folder: Path, key: str, edit: Change) -> None:
    change(folder / "config.json", edit)
    with pytest.raises(CheckpointError) as caught:
        read_spec(folder)
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
def test_what_is_wrong_in_the_config_of_the_codec_is_named(folder: Path, key: str, edit: Change) -> None:
    file = folder / "speech_tokenizer" / "config.json"
    change(file, edit)
    with pytest.raises(CheckpointError) as caught:
        read_spec(folder)
    assert (caught.value.params["file"], caught.value.params["key"]) == (file, key)


def test_a_missing_folder_is_named(folder: Path) -> None:
    shutil.rmtree(folder / "speech_tokenizer")
    with pytest.raises(CheckpointError, match="no such folder") as caught:
        read_spec(folder)
    assert caught.value.params["file"] == folder / "speech_tokenizer"


@pytest.mark.parametrize("content", ["", "{", "[]"])
def test_a_config_that_is_no_object_is_named(folder: Path, content: str) -> None:
    (folder / "config.json").write_text(content)
    with pytest.raises(CheckpointError) as caught:
        read_spec(folder)
    assert caught.value.params["file"] == folder / "config.json"


def test_a_base_checkpoint_is_told_what_would_work(folder: Path) -> None:
    change(folder / "config.json", lambda c: c.update(tts_model_type="base"))
    with pytest.raises(Unsupported, match="VoiceDesign"):
        read_spec(folder)
