"""Every base_micro dump of shared/oracle, where it is at hand: mel, x-vector, codes, ids, rows and speech.

Float noise decides between two entries of a codebook that are equally near; `_assert_same_codes` allows those alone.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from qwen3tts_webui.model import Qwen3TTS, load_model
from qwen3tts_webui.model.cloning.mel import log_mel
from qwen3tts_webui.types import Sampling, Utterance, Voice
from tests.support.golden_cases import Case, prompt_of, rows_of

ORACLE = Path(__file__).resolve().parents[4] / "shared" / "oracle"
DUMPS = ORACLE / "dumps" / "base_micro"
FILES = [file for file in sorted(DUMPS.glob("*.npz")) if file.stem not in ("codec", "encoder")]

pytestmark = pytest.mark.skipif(not FILES, reason="shared/oracle is not beside this checkout")


@cache
def model() -> Qwen3TTS:
    return load_model(ORACLE / "checkpoints" / "base_micro", device="cpu", dtype="float32")


def cloned(request: dict[str, Any], dump: dict[str, np.ndarray]) -> Voice:
    rate = request["ref"][1]
    return model().clone(
        dump["ref_wav"],
        request.get("ref_text"),
        sample_rate=rate,
        x_vector_only=request.get("x_vector_only_mode", False),
    )


def cases_of(file: Path) -> list[Case]:
    with np.load(file) as content:
        dump = dict(content)
    meta = json.loads(str(dump["meta"]))
    request = meta["request"]
    batch = isinstance(request["text"], list)
    voice = cloned(request, dump)
    cases = []
    for number in range(len(request["text"]) if batch else 1):
        text, language = (request[key][number] if batch else request[key] for key in ("text", "language"))
        streaming = not request.get("non_streaming_mode", False)
        names = ("input_ids_plain", "ref_ids", "ref_code", "ref_spk_embedding", "codes", "wav")
        arrays = {name: dump[f"{name}_{number}"] for name in names if f"{name}_{number}" in dump}
        arrays["rows"] = dump["prefill_embeds"][number][dump["prefill_mask"][number] > 0]
        arrays["input_ids"] = arrays["input_ids_plain"][0]
        utterance = Utterance(
            text=text,
            language=language,
            voice=voice,
            sampling=Sampling(greedy=not request.get("do_sample", True)),
            text_mode="streaming" if streaming else "whole",
        )
        cases.append(Case(f"{file.stem}/{number}", utterance, streaming, arrays))
    return cases


@pytest.mark.parametrize("samples", [1_920, 12_000, 32_880, 57_600, 300_000])
def test_encoders_equal_the_official_ones(samples: int) -> None:
    with np.load(DUMPS / "encoder.npz") as content:
        dump = {key: content[key] for key in content.files if key.endswith(f"_{samples}")}
    pcm = dump[f"wav_{samples}"]
    references = model().references
    assert references is not None
    with torch.inference_mode():
        mel = log_mel(torch.from_numpy(pcm), references._loaded_speaker().filters).T.numpy()
        latent = references._loaded_codec().latent(torch.from_numpy(pcm))[0].numpy()
    np.testing.assert_allclose(mel, dump[f"mel_{samples}"], rtol=1e-6, atol=1e-5)
    assert np.abs(latent - dump[f"latent_{samples}"]).max() < 2e-5
    _assert_same_codes(references._loaded_codec().encode(pcm), dump[f"ref_code_{samples}"], dump[f"latent_{samples}"])
    if f"spk_{samples}" in dump:
        assert np.abs(references.x_vector(pcm) - dump[f"spk_{samples}"].reshape(-1)).max() < 1e-5


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_dump(file: Path) -> None:
    for case in cases_of(file):
        reference = case.utterance.voice.reference
        assert reference is not None
        assert np.abs(reference.x_vector - case.arrays["ref_spk_embedding"].reshape(-1)).max() < 1e-5
        assert model().encode_prompt(case.utterance) == (case.arrays["input_ids"].tolist(), [])
        if reference.mode == "icl":
            assert reference.codes is not None
            assert reference.codes.tolist() == case.arrays["ref_code"].tolist()
            assert model().prompts.reference_ids(reference.text) == case.arrays["ref_ids"][0].tolist()
        rows = _rows(case)
        assert rows.shape == case.arrays["rows"].shape
        assert np.abs(rows - case.arrays["rows"]).max() < 1e-6
        if case.greedy:
            _compare_speech(case)


def _rows(case: Case) -> np.ndarray:
    """The prompt with the official x-vector, which has float noise of its own: all else is exact."""
    reference = case.utterance.voice.reference
    assert reference is not None
    exact = replace(reference, x_vector=case.arrays["ref_spk_embedding"].reshape(-1))
    official = replace(case, utterance=replace(case.utterance, voice=Voice(reference=exact)))
    rows: np.ndarray = rows_of(model(), prompt_of(model(), official)).numpy()
    return rows


def _compare_speech(case: Case) -> None:
    codes = case.arrays["codes"]
    packets = list(model().stream(case.utterance, frames_per_packet=20, max_frames=len(codes)))
    assert np.concatenate([packet.codes for packet in packets]).tolist() == codes.tolist()
    sound = np.concatenate([packet.pcm for packet in packets])
    assert len(sound) == 1920 * len(codes)
    # may begin one sample early (docs/model.md, section 11, quirk 7)
    official = case.arrays["wav"]
    early = len(official) - len(sound)
    assert early in (0, 1)
    assert np.abs(sound - official[early:]).max() < 2e-5


def _assert_same_codes(ours: np.ndarray, official: np.ndarray, latent: np.ndarray) -> None:
    """Equal, or what our quantizer makes of the official latent is (then a tie was decided by float noise)."""
    assert ours.shape == official.shape
    references = model().references
    assert references is not None
    with torch.inference_mode():
        exact = references._loaded_codec().quantizer.encode(torch.from_numpy(latent)[None]).numpy()
    assert exact.tolist() == official.tolist()
    frames = np.argwhere((ours != official).any(axis=1))
    assert len(frames) <= 1
