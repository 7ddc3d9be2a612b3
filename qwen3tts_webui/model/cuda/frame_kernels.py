"""Triton kernels of a frame outside of the layers: the talker's input rows, its first logits, the state of a slot.

Each equals a function in torch: `decode_step.begin_step`, `mask_logits` and `finish_frame`, `DecodeState.load_slot` and
`Talker.embed`. A program is one row. Flags are int8. `fused_frames` has the shapes.
"""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def begin_step(
    last_embedding,
    text_table,
    text,
    text_next,
    text_length,
    text_open,
    done,
    paused,
    positions,
    embedded,
    starts,
    active,
    text_stride,
    pad_id,
    hidden,
    BLOCK: tl.constexpr,
):
    """Add the next text row to the embedding of the last frame and advance; row i is slot i.

    `embedded` (rows, hidden), `starts` (rows,): position before the step; `active` (rows,).
    """
    slot = tl.program_id(0)
    following, length = tl.load(text_next + slot), tl.load(text_length + slot)
    has_text = following < length
    is_active = (tl.load(done + slot) == 0) & (tl.load(paused + slot) == 0)
    is_active &= has_text | (tl.load(text_open + slot) == 0)
    position = tl.load(positions + slot)
    token = tl.load(text + slot * text_stride + following, has_text, pad_id)
    tl.store(starts + slot, position)
    tl.store(active + slot, is_active.to(tl.int8))
    column = tl.arange(0, BLOCK)
    mask = column < hidden
    value = tl.load(last_embedding + slot * hidden + column, mask, 0.0).to(tl.float32)
    value += tl.load(text_table + token * hidden + column, mask, 0.0).to(tl.float32)
    tl.store(embedded + slot * hidden + column, value.to(embedded.dtype.element_ty), mask)
    tl.debug_barrier()  # all threads have read the state
    tl.store(positions + slot, position + is_active.to(tl.int64))
    tl.store(text_next + slot, following + (is_active & has_text).to(tl.int64))


@triton.jit
def mask_logits(
    logits,
    seen,
    penalty,
    frames,
    slots,
    out,
    stride,
    num_codes,
    num_audio_codes,
    eos_id,
    min_frames,
    BLOCK: tl.constexpr,
):
    """Penalize the codes of earlier frames; remove control ids, and the end before `min_frames`; `out` is float32."""
    row = tl.program_id(0)
    slot = tl.load(slots + row)
    code = tl.arange(0, BLOCK)
    mask = code < num_codes
    logit = tl.load(logits + row * stride + code, mask, 0.0).to(tl.float32)
    factor = tl.load(penalty + slot)
    was_seen = tl.load(seen + slot * num_codes + code, mask, 0) != 0
    logit = tl.where(was_seen, tl.where(logit < 0, logit * factor, logit / factor), logit)
    too_early = tl.load(frames + slot) < min_frames
    removed = tl.where(code == eos_id, too_early, code >= num_audio_codes)
    tl.store(out + row * num_codes + code, tl.where(removed, float("-inf"), logit), mask)


@triton.jit
def finish_frame(
    codes,
    finite,
    active,
    slots,
    table,
    offsets,
    frames,
    done,
    seen,
    last_embedding,
    vocab_size,
    eos_id,
    hidden,
    GROUPS: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Update the state of a slot after its codes, and write its status behind them.

    `codes` (rows, GROUPS + 1), `finite` (rows, GROUPS); `table` (entries, hidden) has codebook g from `offsets[g]` on.
    """
    row = tl.program_id(0)
    slot = tl.load(slots + row)
    is_active = tl.load(active + row) != 0
    first = tl.load(codes + row * (GROUPS + 1))
    ended = first == eos_id
    num_finite = tl.sum(tl.load(finite + row * GROUPS + tl.arange(0, GROUPS)).to(tl.int32))
    is_finite = (tl.load(finite + row * GROUPS) != 0) & (ended | (num_finite == GROUPS))
    continues = is_active & is_finite & (ended == 0)
    status = tl.where(is_active, tl.where(is_finite, tl.where(ended, 1, 0), 2), 3)  # as `SlotStatus`
    was_done, frame = tl.load(done + slot), tl.load(frames + slot)
    column = tl.arange(0, BLOCK)
    mask = (column < hidden) & continues
    total = tl.zeros((BLOCK,), tl.float32)
    for group in range(GROUPS):
        entry = tl.load(codes + row * (GROUPS + 1) + group) + tl.load(offsets + group)
        total += tl.load(table + entry * hidden + column, mask, 0.0).to(last_embedding.dtype.element_ty).to(tl.float32)
    tl.store(last_embedding + slot * hidden + column, total.to(last_embedding.dtype.element_ty), mask)
    tl.debug_barrier()  # all threads have read the state
    tl.store(codes + row * (GROUPS + 1) + GROUPS, status.to(tl.int64))
    tl.store(frames + slot, frame + is_active.to(tl.int64))
    tl.store(done + slot, was_done | (is_active & (continues == 0)).to(tl.int8))
    tl.store(seen + slot * vocab_size + first, tl.full((), 1, tl.int8), is_active)


@triton.jit
def _load_sampling(source, slot, top_k, temperature, top_p, noise_scale):
    tl.store(top_k + slot, tl.load(source))
    tl.store(temperature + slot, tl.load(source + 1).to(tl.float64, bitcast=True).to(tl.float32))
    tl.store(top_p + slot, tl.load(source + 2).to(tl.float64, bitcast=True).to(tl.float32))
    tl.store(noise_scale + slot, tl.load(source + 3).to(tl.float64, bitcast=True).to(tl.float32))


@triton.jit(do_not_specialize=["time"])
def load_slot(
    values,
    codes,
    slots,
    positions,
    frames,
    text_next,
    text_length,
    text_open,
    done,
    paused,
    seed,
    penalty,
    first_top_k,
    first_temperature,
    first_top_p,
    first_noise_scale,
    rest_top_k,
    rest_temperature,
    rest_top_p,
    rest_noise_scale,
    seen,
    time,
    vocab_size,
    VALUES: tl.constexpr,
    GROUPS: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Assign a slot to a new utterance: `values` (rows, VALUES), `codes` (rows, time, GROUPS), `slots` (rows,)."""
    row = tl.program_id(0)
    slot = tl.load(slots + row)
    source = values + row * VALUES
    position, frame = tl.load(source), tl.load(source + 1)
    tl.store(positions + slot, position)
    tl.store(frames + slot, frame)
    tl.store(text_next + slot, tl.zeros((), tl.int64))
    tl.store(text_length + slot, tl.load(source + 2))
    tl.store(text_open + slot, (tl.load(source + 3) != 0).to(tl.int8))
    tl.store(done + slot, (tl.load(source + 4) == 0).to(tl.int8))
    tl.store(paused + slot, tl.zeros((), tl.int8))
    tl.store(seed + slot, tl.load(source + 5))
    tl.store(penalty + slot, tl.load(source + 6).to(tl.float64, bitcast=True).to(tl.float32))
    _load_sampling(source + 7, slot, first_top_k, first_temperature, first_top_p, first_noise_scale)
    _load_sampling(source + 11, slot, rest_top_k, rest_temperature, rest_top_p, rest_noise_scale)
    column = tl.arange(0, BLOCK)
    for start in range(0, vocab_size, BLOCK):
        mask = start + column < vocab_size
        tl.store(seen + slot * vocab_size + start + column, tl.zeros((BLOCK,), tl.int8), mask)
    tl.debug_barrier()  # all codes are unseen before some are seen
    for start in range(0, time, BLOCK):
        index = start + column
        source_row = codes + (row.to(tl.int64) * time + index) * GROUPS
        first, second = tl.load(source_row, index < time, 0), tl.load(source_row + 1, index < time, -1)
        is_spoken = (index >= position - frame) & (second >= 0)
        tl.store(seen + slot * vocab_size + first, tl.full((BLOCK,), 1, tl.int8), is_spoken)


@triton.jit(do_not_specialize=["time"])
def embed_prompt(
    text,
    codes,
    slots,
    x_vectors,
    text_table,
    table,
    offsets,
    out,
    time,
    hidden,
    speaker,
    GROUPS: tl.constexpr,
    BLOCK: tl.constexpr,
):
    """Embed prompt rows: `text` (batch, time), `codes` (batch, time, GROUPS) -> `out` (batch * time, hidden).

    A row with the first code `speaker` gets the row of its slot in `x_vectors` as well.
    """
    row = tl.program_id(0).to(tl.int64)
    slot = tl.load(slots + row // time)
    dtype = out.dtype.element_ty
    column = tl.arange(0, BLOCK)
    mask = column < hidden
    total = tl.zeros((BLOCK,), tl.float32)
    for group in range(GROUPS):
        code = tl.load(codes + row * GROUPS + group)
        entry = code + tl.load(offsets + group)
        total += tl.load(table + entry * hidden + column, mask & (code >= 0), 0.0).to(dtype).to(tl.float32)
    value = tl.load(text_table + tl.load(text + row) * hidden + column, mask, 0.0).to(tl.float32)
    value = (value + total.to(dtype).to(tl.float32)).to(dtype).to(tl.float32)
    is_speaker = tl.load(codes + row * GROUPS) == speaker
    value += tl.load(x_vectors + slot * hidden + column, mask & is_speaker, 0.0).to(tl.float32)
    tl.store(out + row * hidden + column, value.to(dtype), mask)
