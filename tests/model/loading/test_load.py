"""Loading: what is wrong with a checkpoint is one clear error; half precision stays near float32."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from qwen3tts_webui.errors import CheckpointError, DownloadError, InvalidValue
from qwen3tts_webui.model import load_model
from qwen3tts_webui.model.talker.talker import Talker
from qwen3tts_webui.model.weights.module_loader import load_weights
from qwen3tts_webui.types import Utterance, Voice
from tests.support.golden_cases import GOLDEN, cases, prompt_of, rows_of, teacher_forced_logits

Weights = dict[str, torch.Tensor]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(GOLDEN / "design", tmp_path / "model", ignore=shutil.ignore_patterns("cases")))


@pytest.mark.parametrize("name", ["config.json", "vocab.json", "merges.txt", "model.safetensors", "speech_tokenizer"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    path = folder / name
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    with pytest.raises(CheckpointError) as caught:
        load_model(folder, device="cpu")
    assert str(folder) in str(caught.value.params["file"])
    assert name in str(caught.value) or name == "model.safetensors"


def drop(weights: Weights) -> str:
    key = "talker.model.layers.1.self_attn.q_norm.weight"
    del weights[key]
    return key


def add(weights: Weights) -> str:
    weights["talker.model.layers.2.mlp.gate_proj.weight"] = torch.zeros(4, 4)
    return "talker.model.layers.2.mlp.gate_proj.weight"


def bend(weights: Weights) -> str:
    key = "talker.code_predictor.lm_head.14.weight"
    weights[key] = weights[key][:-1]
    return key


@pytest.mark.parametrize("edit", [drop, add, bend])
def test_an_error_names_the_invalid_key(folder: Path, edit: Callable[[Weights], str]) -> None:
    weights = load_file(folder / "model.safetensors")
    key = edit(weights)
    save_file(weights, folder / "model.safetensors")
    with pytest.raises(CheckpointError) as caught:
        load_model(folder, device="cpu")
    assert caught.value.params["key"] == key


def test_leftovers_of_training_are_ignored(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    save_file(weights | {"speaker_encoder.fc.bias": torch.zeros(4)}, folder / "model.safetensors")
    load_model(folder, device="cpu", dtype="float32")


@pytest.mark.parametrize(
    ("content", "reported"),
    [
        ('{"temperature": 0.7, "top_k": 50, "repetition_penalty": 1.2}', "temperature=0.7, repetition_penalty=1.2"),
        ('{"temperature": 0.9, "do_sample": true}', ""),
        ("not JSON", ""),
    ],
)
def test_sampling_that_a_checkpoint_suggests_is_reported(
    folder: Path, content: str, reported: str, caplog: pytest.LogCaptureFixture
) -> None:
    (folder / "generation_config.json").write_text(content)
    load_model(folder, device="cpu", dtype="float32")
    assert [r.getMessage() for r in caplog.records if "sampling" in r.getMessage()] == (
        [f"this checkpoint is meant for other sampling defaults: set {reported} in requests"] if reported else []
    )


def test_a_missing_path_starts_no_download() -> None:
    with pytest.raises(CheckpointError, match="the folder does not exist"):
        load_model("/nowhere/at/all", device="cpu")


def test_a_hub_id_is_not_downloaded_offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(DownloadError, match="Qwen/Nothing"):
        load_model("Qwen/Nothing", device="cpu", offline=True)


@pytest.mark.parametrize(("option", "value"), [("device", "toaster"), ("dtype", "float8")])
def test_an_unknown_device_or_dtype_is_rejected(option: str, value: str) -> None:
    with pytest.raises(InvalidValue) as caught:
        load_model(GOLDEN / "design", **{"device": "cpu", option: value})  # type: ignore[arg-type]
    assert caught.value.params["field"] == option


@pytest.mark.parametrize("name", ["design", "custom_small"])
def test_the_folded_text_table_equals_lazy_projection(name: str) -> None:
    lazy = load_model(GOLDEN / name, device="cpu", dtype="float32")
    config = lazy.config
    folded = load_weights(
        lambda: Talker(config),
        GOLDEN / name,
        device=torch.device("cpu"),
        dtype=torch.float32,
        key_of=lambda key: f"talker.{key}",
    )
    folded.finalize_weights(fold_text=True)
    lazy.talker.ensure_projected(set(range(config.talker.text_vocab_size)))
    assert (folded.text_table - lazy.talker.text_table).abs().max() < 1e-6
    assert not hasattr(folded.model, "text_embedding")


@pytest.mark.parametrize("name", ["design", "custom", "custom_small"])
def test_bfloat16_logits_are_close_to_float32(name: str) -> None:
    """With the codes of float32 forced: the error is that of a type with 8 bits of precision, not more."""
    full = load_model(GOLDEN / name, device="cpu", dtype="float32")
    half = load_model(GOLDEN / name, device="cpu", dtype="bfloat16")
    assert half.dtype == torch.bfloat16
    case = next(case for case in cases() if case.greedy and case.name.startswith(f"{name}/"))
    codes, tokens = case.arrays["codes"], case.arrays["tokens"].tolist()
    errors, spreads = [], []
    for (first, rest), (near_first, near_rest) in zip(
        *(
            teacher_forced_logits(model, prompt_of(model, case), case.utterance.sampling, tokens, codes)
            for model in (full, half)
        ),
        strict=True,
    ):
        seen = first.isfinite()
        errors += [(first - near_first)[seen], (rest - near_rest).flatten()]
        spreads += [first[seen], rest.flatten()]
    error, spread = torch.cat(errors).std(), torch.cat(spreads).std()
    assert 0 < error < 0.04 * spread
    rows = [rows_of(model, prompt_of(model, case)).float() for model in (full, half)]
    assert (rows[0] - rows[1]).abs().max() < 0.04
    voice = Voice(speaker="ryan") if name != "design" else Voice()
    packets = list(half.stream(Utterance(text="Hello there.", voice=voice), max_frames=5))
    assert np.isfinite(np.concatenate([packet.pcm for packet in packets])).all()
