"""Logits of a talker on forced codes, through prompts and steps, to compare two computations of one model."""

from __future__ import annotations

import torch
from torch import Tensor

from qwen3tts_webui.model.talker.talker import Talker
from qwen3tts_webui.types import NUM_CODEBOOKS

_PROMPT = 6  # rows: with those of all utterances, enough to go the way of a prompt


@torch.inference_mode()
def teacher_forced_logits(talker: Talker, *, batch: int = 8, steps: int = 2) -> Tensor:
    """The logits of all codes of `batch` utterances of `steps` given frames: (batch * steps * 16, codes) float32.

    A prompt of given frames goes before them, so that what reads prompts is measured with what takes steps.
    """
    size, device = talker.config.predictor.codebook_size, talker.text_table.device
    source = torch.Generator().manual_seed(0)
    frames = torch.randint(size, (_PROMPT + steps, batch, NUM_CODEBOOKS), generator=source).to(device)
    pad = torch.full((batch,), talker.config.text.pad_id, device=device)
    kv = talker.new_kv(batch, len(frames))
    prompt = talker.embed(pad[:, None], frames[:_PROMPT].transpose(0, 1))
    hidden = talker.prefill(prompt, torch.full_like(pad, _PROMPT), kv, torch.arange(batch, device=device))
    rows: list[Tensor] = []
    for step, frame in enumerate(frames[_PROMPT:], _PROMPT):

        def choose(group: int, logits: Tensor, frame: Tensor = frame) -> Tensor:
            rows.append(logits)
            return frame[:, group]

        rows.append(talker.logits(hidden)[:, :size])
        talker.code_predictor(hidden, frame[:, 0], choose)
        hidden = talker.step(talker.embed(pad, frame), torch.full_like(pad, step), kv, step + 1)
    return torch.cat(rows)
