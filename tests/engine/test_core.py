"""The engine core, step by step: each output equals the reference, whatever else runs in the batch."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qwen3tts_webui.engine import sequence
from qwen3tts_webui.engine.core import EngineCore
from qwen3tts_webui.engine.model_runner import CODEC_CONTEXT_FRAMES, ModelRunner
from qwen3tts_webui.errors import EmptyText, TextTooLong
from qwen3tts_webui.model import Qwen3TTS
from qwen3tts_webui.streams import TextQueue
from qwen3tts_webui.types import AcousticPrompt, Sampling, Utterance, Voice
from tests.support.engine import (
    FRAMES,
    GREEDY,
    LONG,
    PLAIN,
    CoreHarness,
    RecordingSink,
    assert_matches_reference,
    core_harness,
    reference_output,
)

pytestmark = pytest.mark.usefixtures("either_order")

POOL = (
    PLAIN,
    LONG,
    GREEDY,
    replace(PLAIN, seed=9, max_frames=1),
    replace(LONG, seed=2, text_mode="streaming"),
    replace(LONG, seed=3, voice=Voice(), language="german", frames_per_packet=2),
    replace(PLAIN, seed=4, sampling=Sampling(temperature=1.3, top_k=0, top_p=0.8, repetition_penalty=1.3)),
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    joins=st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, len(POOL) - 1), st.none() | st.integers(0, 3)),
        min_size=1,
        max_size=7,
    ),
    slots=st.integers(1, 4),
)
def test_any_order_of_arrivals_and_cancellations_matches_the_reference(
    model: Qwen3TTS, joins: list[tuple[int, int, int | None]], slots: int
) -> None:
    """`joins`: steps before the arrival, which utterance, packets after which it is cancelled."""
    harness = core_harness(model, slots)
    sinks: list[tuple[Utterance, RecordingSink, bool]] = []
    for steps, which, leaves in joins:
        harness.run(steps)
        sink = RecordingSink(cancelled=leaves == 0)
        if leaves:
            sink.after_packets[leaves] = lambda sink=sink: setattr(sink, "cancelled", True)
        harness.submit(POOL[which], sink)
        sinks.append((POOL[which], sink, leaves is not None))
    harness.run()
    harness.assert_empty()
    for utterance, sink, left in sinks:
        assert sink.num_endings == 1
        if not left:
            assert_matches_reference(model, utterance, sink)
            continue
        expected = reference_output(model, utterance)
        assert sink.result is not None and sink.result.finish_reason in ("cancelled", expected.finish_reason)
        received = sink.audio
        assert np.abs(received - expected.audio[: len(received)]).max(initial=0.0) < 1e-5


def test_a_seed_gives_the_same_speech_in_any_batch(model: Qwen3TTS) -> None:
    crowds: list[list[Utterance]] = [[], [LONG], [replace(PLAIN, seed=seed) for seed in range(20, 26)]]
    received = []
    for crowd in crowds:
        harness = core_harness(model, 8)
        for utterance in crowd:
            harness.submit(utterance)
        harness.run(2)
        sink = harness.submit(replace(PLAIN, seed=77))
        harness.run()
        assert sink.result is not None and sink.result.codes is not None
        received.append(sink.result.codes.tolist())
    assert received[0] == received[1] == received[2]
    assert received[0] != reference_output(model, replace(PLAIN, seed=78)).codes.tolist()


def test_custom_voices_of_different_speakers_share_a_batch(custom: Qwen3TTS) -> None:
    voices = [Voice(speaker="ryan"), Voice(speaker="vivian"), Voice(speaker="eric", description="Slowly.")]
    utterances = [replace(PLAIN, voice=voice, seed=seed) for seed, voice in enumerate(voices)]
    harness = core_harness(custom)
    sinks = [harness.submit(utterance) for utterance in utterances]
    harness.run()
    for utterance, sink in zip(utterances, sinks, strict=True):
        assert_matches_reference(custom, utterance, sink)


@pytest.mark.parametrize("mode", ["whole", "streaming"])
def test_an_acoustic_prompt_is_continued_in_a_batch(model: Qwen3TTS, mode: str) -> None:
    before = reference_output(model, LONG)
    voice = replace(LONG.voice, acoustic_prompt=AcousticPrompt(text=LONG.text, codes=before.codes))
    continuation = replace(PLAIN, text="And more of it.", voice=voice, text_mode=mode)  # type: ignore[arg-type]
    harness = core_harness(model)
    harness.submit(LONG)
    harness.run(2)
    sink = harness.submit(continuation)
    harness.run()
    assert_matches_reference(model, continuation, sink)


# text streams


def with_stream(utterance: Utterance, text_stream: TextQueue) -> Utterance:
    return replace(utterance, text="", text_stream=text_stream)


@pytest.mark.parametrize("pieces", [["Hello there, this is a short test of the speech model."], list(LONG.text)])
def test_streamed_text_equals_whole_text(model: Qwen3TTS, pieces: list[str]) -> None:
    whole = replace(LONG, text_mode="streaming", max_frames=12)
    text_stream = TextQueue()
    harness = core_harness(model)
    other = harness.submit(replace(PLAIN, seed=31))
    sink = harness.submit(with_stream(whole, text_stream))
    harness.run()
    assert not sink.packets
    for piece in pieces:
        assert text_stream.write(piece)
        harness.run()
    text_stream.close()
    harness.run()
    assert_matches_reference(model, whole, sink)
    assert_matches_reference(model, replace(PLAIN, seed=31), other)
    harness.assert_empty()


def test_synthesis_waits_for_late_text(model: Qwen3TTS) -> None:
    text_stream = TextQueue()
    harness = core_harness(model)
    sink = harness.submit(with_stream(replace(LONG, max_frames=30), text_stream))
    text_stream.write("Hello there, ")  # the last white space may still change: three ids are settled at most
    harness.run()
    settled = len(model.tokenizer.encode_spoken("Hello there,"))
    held = len(sink.audio) // 1920
    assert 1 <= held <= settled
    assert harness.run() == 0 and not sink.num_endings
    assert harness.core.running[0].paused
    text_stream.close()
    harness.run()
    assert sink.num_endings == 1 and len(sink.audio) // 1920 >= held


def test_other_sequences_continue_while_one_waits_for_text(model: Qwen3TTS) -> None:
    text_stream = TextQueue()
    harness = core_harness(model)
    waiting = harness.submit(with_stream(LONG, text_stream))
    text_stream.write("Hello ")
    harness.run()
    other = harness.submit(LONG)
    harness.run()
    assert_matches_reference(model, LONG, other)
    assert not waiting.num_endings


def test_an_empty_text_stream_is_an_error(model: Qwen3TTS) -> None:
    text_stream = TextQueue()
    harness = core_harness(model)
    sink = harness.submit(with_stream(PLAIN, text_stream))
    harness.run()
    text_stream.close()
    harness.run()
    assert isinstance(sink.error, EmptyText)
    harness.assert_empty()


def test_a_failing_text_stream_ends_its_own_utterance(model: Qwen3TTS) -> None:
    class Broken(TextQueue):
        def take(self) -> str:
            if text := super().take():
                return text
            raise OSError("the connection broke")

    text_stream = Broken()
    text_stream.write("Hello there, this is")
    harness = core_harness(model)
    broken, other = harness.submit(with_stream(LONG, text_stream)), harness.submit(LONG)
    harness.run()
    assert broken.error is not None
    assert_matches_reference(model, LONG, other)


# packets


def test_packets_grow_as_the_lead_allows(model: Qwen3TTS) -> None:
    harness = core_harness(model)
    sink = harness.submit(replace(LONG, max_frames=14))
    harness.run()
    assert sink.result is not None and sink.result.codes is not None
    assert sink.frames[:4] == [1, 1, 2, 4]
    assert sum(sink.frames) == len(sink.result.codes)


def test_packets_stay_small_while_playback_underruns(model: Qwen3TTS) -> None:
    harness = core_harness(model)
    sink = harness.submit(LONG)
    while harness.run(1):
        harness.clock.now += 0.1  # slower than real time
    assert set(sink.frames) == {1}


@pytest.mark.parametrize("asked", [1, 3, 100])
def test_a_requested_packet_size_is_used(model: Qwen3TTS, asked: int) -> None:
    utterance = replace(LONG, frames_per_packet=asked)
    harness = core_harness(model)
    sink = harness.submit(utterance)
    harness.run()
    assert_matches_reference(model, utterance, sink)
    assert all(size == asked for size in sink.frames[:-1]) and sink.frames[-1] <= asked


# num_endings


def test_an_utterance_ends_by_itself(model: Qwen3TTS) -> None:
    seed = next(
        seed
        for seed in range(50)
        if reference_output(model, replace(PLAIN, seed=seed, max_frames=30)).finish_reason == "stop"
    )
    harness = core_harness(model)
    sink = harness.submit(replace(PLAIN, seed=seed, max_frames=30))
    harness.run()
    assert sink.result is not None and sink.result.finish_reason == "stop"
    assert sink.result.num_samples == len(sink.audio)


def test_the_frame_limit_of_a_short_text_applies(model: Qwen3TTS, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sequence, "frame_limit", lambda num_tokens: 3)
    harness = core_harness(model)
    sink = harness.submit(replace(LONG, max_frames=None))
    harness.run()
    assert sink.result is not None and sink.result.finish_reason == "length" and sum(sink.frames) == 3


def test_a_full_slot_ends_the_sequence(model: Qwen3TTS) -> None:
    ids = model.prompts.input_ids(model.tokenizer.encode_spoken(GREEDY.text))
    rows = len(model.prompts.build(GREEDY, ids, streaming=False).text)
    harness = CoreHarness(ModelRunner(model, slots=1, kv_length=rows + 4))
    sink = harness.submit(replace(LONG, text=GREEDY.text, max_frames=None))
    too_long = harness.submit(LONG)
    harness.run()
    assert sink.result is not None and sum(sink.frames) <= 4
    assert isinstance(too_long.error, TextTooLong)
    harness.assert_empty()


def test_a_cancel_frees_the_slot_before_the_next_frame(model: Qwen3TTS) -> None:
    harness = core_harness(model, 1)
    first, second = harness.submit(LONG), harness.submit(GREEDY)
    harness.run(3)
    received = sum(first.frames)
    first.cancelled = True
    harness.run(1)
    assert sum(first.frames) == received
    assert first.result is not None and first.result.finish_reason == "cancelled"
    assert second.packets  # it got the slot in the same step
    harness.run()
    assert_matches_reference(model, GREEDY, second)


def test_a_request_cancelled_in_the_queue_never_starts(model: Qwen3TTS) -> None:
    harness = core_harness(model, 1)
    harness.submit(LONG)
    harness.run(1)
    waiting = harness.submit(GREEDY)
    waiting.cancelled = True
    harness.run(1)
    assert waiting.result is not None and waiting.result.num_samples == 0
    assert waiting.result.timings.queued_ms is None and waiting.result.timings.first_pcm_ms is None


# fairness and backpressure


def test_a_backpressured_sequence_pauses_and_resumes(model: Qwen3TTS, either_order: str) -> None:
    harness = core_harness(model)
    slow, other = harness.submit(LONG), harness.submit(replace(LONG, seed=6))
    harness.run(2)
    slow.is_backpressured = True
    received = sum(slow.frames)
    harness.run()
    assert_matches_reference(model, replace(LONG, seed=6), other)
    computed = either_order == "ahead"  # a frame more had been computed
    assert sum(slow.frames) == received + computed and not slow.num_endings
    slow.is_backpressured = False
    harness.run()
    assert_matches_reference(model, LONG, slow)


def test_two_slots_go_to_two_clients(model: Qwen3TTS) -> None:
    harness = core_harness(model, 2)
    greedy = [harness.submit(replace(PLAIN, client="a", seed=seed)) for seed in range(4)]
    modest = harness.submit(replace(PLAIN, client="b"))
    harness.run(1)
    assert modest.packets and greedy[0].packets and not greedy[1].packets
    harness.run()
    assert all(sink.num_endings == 1 for sink in greedy)


def test_unread_streams_give_their_slots_to_another_client_and_continue_exactly(model: Qwen3TTS) -> None:
    harness = core_harness(model, 2)
    longer = (replace(LONG, seed=seed, client="a", max_frames=10) for seed in range(40))
    requests = list(islice((one for one in longer if len(reference_output(model, one).codes) > 5), 6))
    unread = [harness.submit(request) for request in requests]
    other = replace(LONG, seed=9, client="b")
    for number, sink in enumerate(unread):  # each stops reading somewhere else
        sink.after_packets[1 + number % 3] = lambda sink=sink: setattr(sink, "is_backpressured", True)
    harness.run()
    assert all(sink.is_backpressured and not sink.num_endings for sink in unread)
    short = harness.submit(other)
    harness.run(1)
    assert short.packets, "the first packet comes with the next step"
    harness.run()
    assert_matches_reference(model, other, short)
    for sink in reversed(unread):
        sink.is_backpressured = False
        harness.run(2)
    harness.run()
    for request, sink in zip(requests, unread, strict=True):
        assert_matches_reference(model, request, sink)
    harness.assert_empty()


def test_one_slot_is_shared_by_turns_and_late_text_is_kept(model: Qwen3TTS) -> None:
    text_stream = TextQueue()
    whole = replace(LONG, text_mode="streaming", max_frames=12, client="a")
    harness = core_harness(model, 1)
    late = harness.submit(with_stream(whole, text_stream))
    text_stream.write(LONG.text[:25])
    harness.run()
    assert late.packets and not late.num_endings
    other = harness.submit(replace(GREEDY, client="b"))
    harness.run(1)
    assert other.packets and harness.core.has_started and len(harness.core.queue) == 1
    text_stream.write(LONG.text[25:])
    text_stream.close()
    harness.run()
    assert_matches_reference(model, replace(GREEDY, client="b"), other)
    assert_matches_reference(model, whole, late)
    harness.assert_empty()


def test_a_parked_request_can_be_cancelled(model: Qwen3TTS) -> None:
    harness = core_harness(model, 1)
    parked = harness.submit(replace(LONG, client="a"))
    harness.run(2)
    parked.is_backpressured = True
    other = harness.submit(replace(PLAIN, client="b"))
    harness.run(1)
    parked.cancel()
    harness.run()
    assert parked.result is not None and parked.result.finish_reason == "cancelled" and not parked.error
    assert_matches_reference(model, replace(PLAIN, client="b"), other)
    harness.assert_empty()


# time


def test_timings_count_from_submission(model: Qwen3TTS) -> None:
    harness = core_harness(model, 1)
    sink = harness.submit(LONG)
    harness.clock.now += 0.25
    harness.run(1)
    while harness.run(1):
        harness.clock.now += 0.1
    assert sink.result is not None
    timings = sink.result.timings
    assert timings.queued_ms == pytest.approx(250)
    assert timings.first_pcm_ms == timings.first_frame_ms == pytest.approx(250)
    assert timings.prefill_ms == timings.codec_ms == 0.0  # time stood still meanwhile
    assert timings.total_ms is not None and timings.total_ms > 400
    assert timings.frames_per_second == pytest.approx(FRAMES / (0.1 * (FRAMES - 2)), rel=0.5)
    assert not timings.includes_warmup


def test_requests_before_loading_include_the_warmup(model: Qwen3TTS) -> None:
    harness = core_harness(model)
    sink = harness.submit(PLAIN)
    harness.clock.now += 1
    harness.core = EngineCore(harness.runner, harness.core.queue, max_prefill_batch=8, clock=harness.clock)
    harness.run()
    assert sink.result is not None and sink.result.timings.includes_warmup


def test_the_codec_decodes_only_the_end_of_a_long_acoustic_prompt(model: Qwen3TTS) -> None:
    """Codes are exact at any length; audio continues from the last frames."""
    codes = np.concatenate([reference_output(model, LONG).codes] * 8)
    voice = replace(LONG.voice, acoustic_prompt=AcousticPrompt(text=LONG.text, codes=codes))
    continuation = replace(LONG, text="And more of it.", voice=voice)
    harness = core_harness(model)
    sink = harness.submit(continuation)
    harness.run()
    expected = reference_output(model, continuation)
    assert sink.result is not None and sink.result.codes is not None
    assert sink.result.codes.tolist() == expected.codes.tolist()
    assert int(harness.runner.codec_state.position[0]) == CODEC_CONTEXT_FRAMES + len(expected.codes)
