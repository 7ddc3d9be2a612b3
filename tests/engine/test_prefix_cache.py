"""Cached prompt prefixes: the next text in the same voice is prefilled after them, with the same result."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch

from qwen3tts_webui.engine.model_runner import ModelRunner
from qwen3tts_webui.engine.prefix_cache import MIN_TOKENS, PrefixCache
from qwen3tts_webui.model import Prompt, Qwen3TTS
from qwen3tts_webui.types import Utterance, Voice
from tests.support.engine import KV_LENGTH, LONG, PLAIN, CoreHarness, assert_matches_reference

CALM = Voice(description="A calm old man, slow, low and a little husky.")
SPOKEN = replace(LONG, voice=CALM)


@pytest.fixture
def harness(model: Qwen3TTS) -> CoreHarness:
    return CoreHarness(ModelRunner(model, slots=4, kv_length=KV_LENGTH))


@pytest.fixture
def kv(model: Qwen3TTS) -> Iterator[torch.Tensor]:
    with torch.inference_mode():
        yield model.talker.new_kv(2, KV_LENGTH)


def prompt_of(model: Qwen3TTS, utterance: Utterance) -> Prompt:
    ids = model.prompts.input_ids(model.tokenizer.encode_spoken(utterance.text))
    prompt = model.prompts.build(utterance, ids, streaming=utterance.text_mode == "streaming")
    model.talker.ensure_projected(set(prompt.text.tolist()))
    return prompt


@pytest.mark.parametrize("text_mode", ["whole", "streaming"])
def test_the_second_text_of_a_voice_hits_the_cache(harness: CoreHarness, model: Qwen3TTS, text_mode: str) -> None:
    for number, text in enumerate((SPOKEN.text, "Something else.", SPOKEN.text)):
        utterance = replace(SPOKEN, text=text, text_mode=text_mode, seed=number)
        sink = harness.submit(utterance)
        harness.run()
        assert sink.result is not None and sink.result.timings.prefix_hit is (number > 0)
        assert_matches_reference(model, utterance, sink)


def test_a_batch_of_cached_new_and_short_prefixes(harness: CoreHarness, model: Qwen3TTS) -> None:
    harness.submit(SPOKEN)
    harness.run()
    batch = [
        replace(SPOKEN, text="One."),
        replace(SPOKEN, voice=Voice(description="Another voice, young, bright, with a quick tongue.")),
        replace(SPOKEN, voice=Voice()),
        replace(SPOKEN, text="A longer text than that of the first one, so that rows are padded."),
    ]
    sinks = [harness.submit(utterance) for utterance in batch]
    harness.run()
    for utterance, sink, hit in zip(batch, sinks, (True, False, None, True), strict=True):
        assert sink.result is not None and sink.result.timings.prefix_hit is hit
        assert_matches_reference(model, utterance, sink)


@pytest.mark.parametrize(
    "other", [replace(SPOKEN, language="zh"), replace(SPOKEN, voice=replace(CALM, description=CALM.description + "!"))]
)
def test_another_language_or_description_is_another_prefix(model: Qwen3TTS, kv: torch.Tensor, other: Utterance) -> None:
    cache = PrefixCache(model.talker)
    assert cache.load(prompt_of(model, SPOKEN), kv, 0) is False
    assert cache.load(prompt_of(model, other), kv, 0) is False
    assert cache.load(prompt_of(model, SPOKEN), kv, 1) is True


def test_another_recording_is_another_prefix(model: Qwen3TTS) -> None:
    prompt = prompt_of(model, SPOKEN)
    hidden = model.config.talker.stack.hidden_size
    recordings = [replace(prompt, x_vector=torch.full((hidden,), float(value)).numpy()) for value in range(2)]
    assert len({each.prefix_key() for each in (prompt, *recordings)}) == 3


def test_a_hit_fills_the_slot(model: Qwen3TTS, kv: torch.Tensor) -> None:
    cache, prompt = PrefixCache(model.talker), prompt_of(model, SPOKEN)
    cache.load(prompt, kv, 0)
    cache.load(prompt, kv, 1)
    rows = prompt.num_prefix
    assert rows > MIN_TOKENS and kv[:, :, 1, :, :rows].abs().sum() > 0
    assert torch.equal(kv[:, :, 0], kv[:, :, 1])
    assert not kv[:, :, 1, :, rows:].any()


def test_a_prefill_after_a_prefix_equals_the_whole_prefill(model: Qwen3TTS, kv: torch.Tensor) -> None:
    talker, prompt = model.talker, prompt_of(model, SPOKEN)
    with torch.inference_mode():
        rows = talker.embed(torch.from_numpy(prompt.text)[None], torch.from_numpy(prompt.codes)[None])
        length, slots = rows.shape[1], torch.tensor([0])
        whole = talker.prefill(rows, torch.tensor([length]), kv, slots)
        talker.prefill(rows[:, :20], torch.tensor([20]), kv, slots + 1)
        padded = torch.cat([rows[:, 20:], torch.full_like(rows[:, :3], torch.nan)], dim=1)
        rest = talker.prefill(padded, torch.tensor([length - 20]), kv, slots + 1, torch.tensor([20]))
    assert (rest - whole).abs().max() < 1e-5
    assert (kv[:, :, 0] - kv[:, :, 1]).abs().max() < 1e-5


def test_the_oldest_prefix_is_evicted(model: Qwen3TTS, kv: torch.Tensor) -> None:
    voices = [replace(SPOKEN, voice=replace(CALM, description=f"{CALM.description} {n}")) for n in "123"]
    first, second, third = (prompt_of(model, utterance) for utterance in voices)
    size = kv[:, :, 0, :, : first.num_prefix].nbytes
    cache = PrefixCache(model.talker, max_bytes=2 * size)
    assert [cache.load(prompt, kv, 0) for prompt in (first, second, first, third)] == [False, False, True, False]
    assert cache.num_bytes == 2 * size
    assert [cache.load(prompt, kv, 0) for prompt in (first, second)] == [True, False]


def test_a_short_prefix_is_not_cached(model: Qwen3TTS, kv: torch.Tensor) -> None:
    cache = PrefixCache(model.talker)
    assert cache.load(prompt_of(model, replace(PLAIN, voice=Voice())), kv, 0) is None
    assert not kv.any()
