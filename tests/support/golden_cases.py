"""Results of the official package, from tests/golden (see make_golden.py) or shared/oracle, and of this project."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from qwen3tts_webui.model.decode_step import first_logits
from qwen3tts_webui.model.generate import Qwen3TTS
from qwen3tts_webui.model.prompt.builder import Prompt
from qwen3tts_webui.model.sampling import SamplingBounds, SamplingTensors, filter_logits
from qwen3tts_webui.types import Sampling, Utterance, Voice

GOLDEN = Path(__file__).parents[1] / "golden"
CHECKPOINTS = ("design", "custom", "custom_small")


@dataclass(frozen=True, eq=False)
class Case:
    """One request and what the official package made of it; `arrays` as make_golden.py's `case` names them."""

    name: str
    utterance: Utterance
    streaming: bool
    arrays: dict[str, np.ndarray]

    @property
    def greedy(self) -> bool:
        return self.utterance.sampling.greedy


def utterance_of(request: dict[str, Any], *, streaming: bool) -> Utterance:
    names = {
        "temperature": "temperature",
        "top_k": "top_k",
        "top_p": "top_p",
        "repetition_penalty": "repetition_penalty",
        "subtalker_temperature": "subtalker_temperature",
        "subtalker_top_k": "subtalker_top_k",
        "subtalker_top_p": "subtalker_top_p",
    }
    return Utterance(
        text=request["text"],
        language=request.get("language", "auto"),
        voice=Voice(description=request.get("instruct") or "", speaker=request.get("speaker")),
        sampling=Sampling(
            greedy=not request.get("do_sample", True),
            **{ours: request[theirs] for theirs, ours in names.items() if theirs in request},
        ),
        text_mode="streaming" if streaming else "whole",
    )


def read_case(file: Path) -> Case:
    with np.load(file) as content:
        arrays = dict(content)
    request = json.loads(str(arrays.pop("request")))
    streaming = request.get("streaming", False)
    return Case(f"{file.parts[-3]}/{file.stem}", utterance_of(request, streaming=streaming), streaming, arrays)


def cases() -> list[Case]:
    return [read_case(file) for name in CHECKPOINTS for file in sorted((GOLDEN / name / "cases").glob("*.npz"))]


def prompt_of(model: Qwen3TTS, case: Case) -> Prompt:
    """Our prompt from the official ids, so that rows are compared even where the text ids are ours by design."""
    ids = case.arrays["input_ids"].tolist()
    return model.prompts.build(case.utterance, ids, streaming=case.streaming)


def rows_of(model: Qwen3TTS, prompt: Prompt) -> torch.Tensor:
    """(positions, hidden)"""
    model.talker.ensure_projected({*prompt.text.tolist(), *prompt.trailing})
    vector = None if prompt.x_vector is None else torch.from_numpy(prompt.x_vector)
    return model.talker.embed(torch.from_numpy(prompt.text), torch.from_numpy(prompt.codes), vector)


@torch.inference_mode()
def teacher_forced_logits(
    model: Qwen3TTS, prompt: Prompt, sampling: Sampling, tokens: list[int], frames: np.ndarray
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Speak the given codes and tell what each was drawn from.

    `tokens`: first codes, the end included; `frames` (frames, 16). Yields for each frame the logits of the first code
    (vocab,) and of the others (15, codes), after everything that happens before the draw.
    """
    talker = model.talker
    config = talker.config
    bounds = SamplingBounds.of([sampling], config.talker.vocab_size)
    first_sampling, rest_sampling = (
        SamplingTensors.empty(1, torch.device("cpu")),
        SamplingTensors.empty(1, torch.device("cpu")),
    )
    narrow = {"top_k": sampling.top_k, "top_p": sampling.top_p, "temperature": sampling.temperature}
    first_sampling.set(0, greedy=sampling.greedy, num_codes=config.talker.vocab_size, **narrow)
    narrow = {
        "top_k": sampling.subtalker_top_k,
        "top_p": sampling.subtalker_top_p,
        "temperature": sampling.subtalker_temperature,
    }
    rest_sampling.set(0, greedy=sampling.greedy, num_codes=config.predictor.codebook_size, **narrow)

    def kept(logits: torch.Tensor, tensors: SamplingTensors) -> torch.Tensor:
        return logits if sampling.greedy else filter_logits(logits, tensors, bounds)

    rows = rows_of(model, prompt)[None]
    position = rows.shape[1]
    kv = talker.new_kv(1, position + len(tokens))
    hidden = talker.prefill(rows, torch.tensor([position]), kv, torch.tensor([0]))
    seen = torch.zeros(1, config.talker.vocab_size, dtype=torch.bool)
    penalty = torch.tensor([[sampling.repetition_penalty]])
    for number, (token, frame) in enumerate(zip(tokens, frames, strict=False)):
        first = kept(first_logits(talker, hidden, seen, penalty, torch.tensor([number])), first_sampling)
        rest: list[torch.Tensor] = []

        def choose(group: int, logits: torch.Tensor, frame: Any = frame, rest: list[torch.Tensor] = rest) -> Any:
            rest.append(kept(logits, rest_sampling)[0])
            return torch.tensor([int(frame[group])])

        talker.code_predictor(hidden, torch.tensor([token]), choose)
        yield first[0], torch.stack(rest)
        seen[0, token] = True
        codes = torch.from_numpy(frame.astype(np.int64))[None]
        text = prompt.trailing[number] if number < len(prompt.trailing) else config.text.pad_id
        row = talker.embed_codes(codes) + talker.text_table[text]
        hidden = talker.step(row, torch.tensor([position + number]), kv, position + number + 1)
