"""Compare the frame kernels with `decode_step` on the device, in all combinations of the flags of a slot."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from qwen3tts_webui.model.decode_state import MIN_FRAMES, DecodeState
from qwen3tts_webui.model.decode_step import begin_step, finish_frame, mask_logits
from qwen3tts_webui.model.prompt.builder import SPEAKER
from qwen3tts_webui.model.talker.slot_values import NUM_SLOT_VALUES
from qwen3tts_webui.types import NUM_CODEBOOKS

if TYPE_CHECKING:
    from qwen3tts_webui.model.cuda.fused_frames import FusedFrames
    from qwen3tts_webui.model.talker.talker import Talker

_SLOTS = 16  # the combinations of four flags
_ALLOWED_ERROR = 0.01  # of sums of embeddings


@torch.inference_mode()
def check_frames(talker: Talker, frames: FusedFrames) -> None:
    """Raise ArithmeticError if a kernel of `frames` returns something else than its function in `decode_step`."""
    state = _example_state(talker)
    exact_state, slots = copy.deepcopy(state), torch.arange(_SLOTS, device=state.kv.device).flip(0)
    _check_prompts(talker, frames, state, slots)
    for what, exact, got in zip(
        ("the input", "its position", "the active slots"),
        begin_step(talker, exact_state, slice(0, _SLOTS)),
        frames.begin(state, _SLOTS),
        strict=True,
    ):
        _compare(what, got, exact)
    config = talker.config.talker
    logits = 4 * _random(_SLOTS, config.vocab_size).to(state.kv)
    exact = mask_logits(talker, logits.float(), state.seen[slots], state.penalty[slots], state.frames[slots])
    _compare("the logits", frames.mask(state, slots, logits), exact)

    active, ended, first_finite, rest_finite = _flags(state.kv.device)
    codes = torch.arange(_SLOTS * (NUM_CODEBOOKS + 1), device=state.kv.device).view(_SLOTS, -1)
    codes %= min(talker.config.predictor.codebook_size, config.num_audio_codes)
    codes[:, 0] = torch.where(ended, config.eos_id, codes[:, 0])
    finite = torch.ones(_SLOTS, NUM_CODEBOOKS, dtype=torch.bool, device=state.kv.device)
    finite[:, 0], finite[:, 5] = first_finite, rest_finite
    exact = finish_frame(talker, exact_state, slots, codes[:, :NUM_CODEBOOKS], finite, active)
    frames.finish(state, slots, codes, finite.view(torch.int8), active)
    _compare("the status", codes, exact)
    for name in ("positions", "frames", "text_next", "done", "seen", "last_frame_embedding"):
        _compare(f"the state {name!r}", getattr(state, name), getattr(exact_state, name))


def _check_prompts(talker: Talker, frames: FusedFrames, state: DecodeState, slots: Tensor) -> None:
    device, config, time = state.kv.device, talker.config.talker, 3
    loaded, exact = copy.deepcopy(state), copy.deepcopy(state)
    values = torch.arange(_SLOTS * NUM_SLOT_VALUES, device=device).view(_SLOTS, -1)
    values[:, 0], values[:, 1] = time, slots % 3
    values[:, 3:5] = values[:, 3:5] // 7 % 2
    for column in (6, 8, 9, 10, 12, 13, 14):
        values.view(torch.float64)[:, column] = 0.1 * (slots + column)
    codes = torch.arange(_SLOTS * time * NUM_CODEBOOKS, device=device).view(_SLOTS, time, -1)
    codes %= min(talker.config.predictor.codebook_size, config.num_audio_codes)
    codes[::2, :2] = -1
    codes[::3, 1, 0] = SPEAKER
    frames.load_slot(loaded, slots, values, codes)
    exact.load_slot(slots, values, codes)
    for number, (got, wanted) in enumerate(zip(loaded._by_slot(), exact._by_slot(), strict=True)):
        _compare(f"a new slot's value {number}", got, wanted)
    text = slots[:, None] + torch.arange(time, device=device)
    state.x_vectors.copy_(_random(*state.x_vectors.shape))
    rows = talker.embed(text, codes, state.x_vectors[slots][:, None])
    _compare("the prompt", frames.embed(state, slots, text, codes), rows)


def _example_state(talker: Talker) -> DecodeState:
    state = DecodeState.empty(talker, slots=_SLOTS, kv_length=1, text_length=3)
    device = state.kv.device
    state.done, state.paused, state.text_open, has_text = _flags(device)
    numbers = torch.arange(_SLOTS, device=device)
    state.text_length = 1 + numbers % 3
    state.text_next = state.text_length - has_text.long()
    state.text.copy_(numbers[:, None] + torch.arange(3, device=device))
    talker.ensure_projected(set(range(_SLOTS + 2)))
    state.positions, state.frames = 7 * numbers, numbers % (MIN_FRAMES + 1)
    state.penalty.copy_(1 + numbers[:, None] / 8)
    state.seen = (numbers[:, None] + torch.arange(state.seen.shape[1], device=device)) % 3 == 0
    state.last_frame_embedding.copy_(_random(*state.last_frame_embedding.shape))
    return state


def _flags(device: torch.device) -> list[Tensor]:
    """Four flags, (16,) each, in all combinations."""
    numbers = torch.arange(_SLOTS, device=device)
    return [(numbers >> bit) % 2 == 1 for bit in range(4)]


def _random(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(0))


def _compare(what: str, got: Tensor, exact: Tensor) -> None:
    if exact.is_floating_point():
        is_finite, error = exact.isfinite(), (got - exact).float().nan_to_num(0, 0, 0)
        equal = torch.equal(got.isfinite(), is_finite)  # removed logits are infinite
        equal = equal and bool(error.norm() <= _ALLOWED_ERROR * exact[is_finite].float().norm())
    else:
        equal = torch.equal(got, exact)
    if not equal:
        raise ArithmeticError(f"{what} of a frame is not the one of the layers")
