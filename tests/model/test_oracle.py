"""Every voice_design and custom_voice dump of shared/oracle, where it is at hand: ids, rows, codes, logits and sound.

One official input is answered differently on purpose: newlines before the text merge with the role there
(docs/model.md, section 11, quirk 10), and are left out here. Its rows, codes and sound are compared from the official
ids all the same.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from qwen3tts_webui.model import Qwen3TTS, load_model
from qwen3tts_webui.model.prompt.text_ids import PromptText
from tests.support.golden_cases import Case, prompt_of, rows_of, teacher_forced_logits, utterance_of

ORACLE = Path(__file__).resolve().parents[3] / "shared" / "oracle"
NAMES = ("vd_micro", "vd_micro_eos", "cv_micro", "cv06_micro")
FILES = [
    file for name in NAMES for file in sorted((ORACLE / "dumps" / name).glob("*.npz")) if file.stem != "codec"
]  # fmt: skip

pytestmark = pytest.mark.skipif(not FILES, reason="shared/oracle is not beside this checkout")


@cache
def loaded(name: str) -> Qwen3TTS:
    return load_model(ORACLE / "checkpoints" / name, device="cpu", dtype="float32")


def requests_of(meta: dict[str, Any]) -> list[dict[str, Any]]:
    """A batch as its single requests."""
    request = meta["request"]
    if not isinstance(request["text"], list):
        return [request]
    return [
        {key: value[number] if isinstance(value, list) else value for key, value in request.items()}
        for number in range(len(request["text"]))
    ]


def cases_of(file: Path) -> list[Case]:
    with np.load(file) as content:
        dump = dict(content)
    cases = []
    for number, request in enumerate(requests_of(json.loads(str(dump["meta"])))):
        streaming = not request.get("non_streaming_mode", True)
        arrays = {
            "input_ids": dump[f"input_ids_plain_{number}"][0],
            "instruct_ids": dump.get(f"instruct_ids_{number}", np.zeros((1, 0), np.int64))[0],
            "rows": dump["prefill_embeds"][number][dump["prefill_mask"][number] > 0],
            "tokens": dump["talker_tokens"][number],
            "codes": dump[f"codes_{number}"],
            "frames": np.concatenate((dump["talker_tokens"][number][: len(dump["sub_tokens"]), None],
                                      dump["sub_tokens"][:, number]), axis=1),
            "scores": dump["talker_scores"][:, number],
            "residual_scores": dump["sub_scores"][:, number],
            "sound": dump[f"wav_{number}"],
        }  # fmt: skip
        utterance = utterance_of(request, streaming=streaming)
        cases.append(Case(f"{file.parent.name}/{file.stem}/{number}", utterance, streaming, arrays))
    return cases


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_dump(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = loaded(file.parent.name)
    for case in cases_of(file):
        official = case.arrays["input_ids"].tolist()
        if file.stem == "edge_leading_newline":
            monkeypatch.setattr(PromptText, "whole", lambda text, ids=official: _official_body(text, ids))
            monkeypatch.setattr(model.prompts, "input_ids", lambda body, ids=official: ids)
        input_ids, instruct_ids = model.encode_prompt(case.utterance)
        assert input_ids == official
        assert instruct_ids == case.arrays["instruct_ids"].tolist()
        rows = rows_of(model, prompt_of(model, case)).numpy()
        assert rows.shape == case.arrays["rows"].shape
        assert np.abs(rows - case.arrays["rows"]).max() < 1e-6
        _compare_scores(model, case)
        if case.greedy:
            _compare_speech(model, case)


def test_leading_newlines_do_not_merge_with_the_role() -> None:
    model = loaded("vd_micro")
    case = cases_of(ORACLE / "dumps" / "vd_micro" / "edge_leading_newline.npz")[0]
    plain = model.encode_prompt(utterance_of({"text": "Hi there"}, streaming=False))[0]
    assert model.encode_prompt(case.utterance)[0] == plain != case.arrays["input_ids"].tolist()


def _official_body(text: PromptText, ids: list[int]) -> list[int]:
    text.open = False
    return ids[3:-5]


def _compare_scores(model: Qwen3TTS, case: Case) -> None:
    """The official draws are forced; what they were drawn from is compared."""
    tokens, frames = case.arrays["tokens"].tolist(), case.arrays["frames"][: len(case.arrays["codes"])]
    logits = list(teacher_forced_logits(model, prompt_of(model, case), case.utterance.sampling, tokens, frames))
    for number, (first, rest) in enumerate(logits[: len(case.arrays["residual_scores"])]):
        for ours, official in ((first, case.arrays["scores"][number]), (rest, case.arrays["residual_scores"][number])):
            theirs = torch.from_numpy(official)
            assert torch.equal(ours.isfinite(), theirs.isfinite())
            assert (ours - theirs)[theirs.isfinite()].abs().max() < 1e-4
    for token, frame, (first, rest) in zip(tokens, frames, logits, strict=False):
        assert first[token].isfinite()
        assert rest[torch.arange(15), torch.from_numpy(frame[1:])].isfinite().all()


def _compare_speech(model: Qwen3TTS, case: Case) -> None:
    codes = case.arrays["codes"]
    tokens = case.arrays["tokens"]
    ended = model.config.talker.eos_id in tokens[: len(codes) + 1].tolist()
    packets = list(model.stream(case.utterance, frames_per_packet=20, max_frames=len(codes) + int(ended)))
    assert np.concatenate([packet.codes for packet in packets]).tolist() == codes.tolist()
    assert packets[-1].finish_reason == ("stop" if ended else "length")
    sound = np.concatenate([packet.pcm for packet in packets])
    assert np.abs(sound - case.arrays["sound"]).max() < 2e-5
