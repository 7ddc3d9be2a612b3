"""The floor, turn by turn: whoever speaks beside you, you say what you would have said alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from qwen3tts_webui.engine import sequence as seat
from qwen3tts_webui.engine.core import Floor
from qwen3tts_webui.engine.model_runner import PASSAGE_MEMORY, Runner
from qwen3tts_webui.errors import EmptyText, TextTooLong
from qwen3tts_webui.model import Qwen3TTS
from qwen3tts_webui.streams import TextQueue
from qwen3tts_webui.types import AcousticPrompt, Sampling, Utterance, Voice
from tests.support.engine import (
    FRAMES,
    GREEDY,
    LONG,
    PLAIN,
    Listener,
    Stage,
    alone,
    assert_as_alone,
    stage,
)

POOL = (
    PLAIN,
    LONG,
    GREEDY,
    replace(PLAIN, seed=9, max_frames=1),
    replace(LONG, seed=2, text_mode="streaming"),
    replace(LONG, seed=3, voice=Voice(), language="german", frames_per_packet=2),
    replace(PLAIN, seed=4, sampling=Sampling(temperature=1.3, top_k=0, top_p=0.8, repetition_penalty=1.3)),
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    joins=st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, len(POOL) - 1), st.none() | st.integers(0, 3)),
        min_size=1,
        max_size=7,
    ),
    slots=st.integers(1, 4),
)
def test_any_order_of_joining_and_leaving_is_as_alone(
    model: Qwen3TTS, joins: list[tuple[int, int, int | None]], slots: int
) -> None:
    """`joins`: turns before joining, which utterance, packets after which the listener leaves."""
    playing = stage(model, slots)
    listeners: list[tuple[Utterance, Listener, bool]] = []
    for turns, which, leaves in joins:
        playing.run(turns)
        listener = Listener(cancelled=leaves == 0)
        if leaves:
            listener.after_packets[leaves] = lambda listener=listener: setattr(listener, "cancelled", True)
        playing.ask(POOL[which], listener)
        listeners.append((POOL[which], listener, leaves is not None))
    playing.run()
    playing.assert_empty()
    for utterance, listener, left in listeners:
        assert listener.endings == 1
        if not left:
            assert_as_alone(model, utterance, listener)
            continue
        expected = alone(model, utterance)
        assert listener.spoken is not None and listener.spoken.finish_reason in ("cancelled", expected.finish_reason)
        heard = listener.sound
        assert np.abs(heard - expected.sound[: len(heard)]).max(initial=0.0) < 1e-5


def test_a_seed_is_the_same_speech_whoever_else_speaks(model: Qwen3TTS) -> None:
    crowds: list[list[Utterance]] = [[], [LONG], [replace(PLAIN, seed=seed) for seed in range(20, 26)]]
    heard = []
    for crowd in crowds:
        playing = stage(model, 8)
        for utterance in crowd:
            playing.ask(utterance)
        playing.run(2)
        listener = playing.ask(replace(PLAIN, seed=77))
        playing.run()
        assert listener.spoken is not None and listener.spoken.codes is not None
        heard.append(listener.spoken.codes.tolist())
    assert heard[0] == heard[1] == heard[2]
    assert heard[0] != alone(model, replace(PLAIN, seed=78)).codes.tolist()


def test_custom_voices_of_different_speakers_share_a_batch(custom: Qwen3TTS) -> None:
    voices = [Voice(speaker="ryan"), Voice(speaker="vivian"), Voice(speaker="eric", description="Slowly.")]
    utterances = [replace(PLAIN, voice=voice, seed=seed) for seed, voice in enumerate(voices)]
    playing = stage(custom)
    listeners = [playing.ask(utterance) for utterance in utterances]
    playing.run()
    for utterance, listener in zip(utterances, listeners, strict=True):
        assert_as_alone(custom, utterance, listener)


@pytest.mark.parametrize("mode", ["whole", "streaming"])
def test_a_passage_goes_on_in_its_voice_beside_others(model: Qwen3TTS, mode: str) -> None:
    before = alone(model, LONG)
    voice = replace(LONG.voice, acoustic_prompt=AcousticPrompt(text=LONG.text, codes=before.codes))
    going_on = replace(PLAIN, text="And more of it.", voice=voice, text_mode=mode)  # type: ignore[arg-type]
    playing = stage(model)
    playing.ask(LONG)
    playing.run(2)
    listener = playing.ask(going_on)
    playing.run()
    assert_as_alone(model, going_on, listener)


# text that is still being written


def feed_of(utterance: Utterance, feed: TextQueue) -> Utterance:
    return replace(utterance, text="", text_stream=feed)


@pytest.mark.parametrize("pieces", [["Hello there, this is a short test of the speech model."], list(LONG.text)])
def test_text_that_comes_late_is_spoken_as_if_it_had_been_there(model: Qwen3TTS, pieces: list[str]) -> None:
    whole = replace(LONG, text_mode="streaming", max_frames=12)
    feed = TextQueue()
    playing = stage(model)
    other = playing.ask(replace(PLAIN, seed=31))
    listener = playing.ask(feed_of(whole, feed))
    playing.run()
    assert not listener.packets
    for piece in pieces:
        assert feed.write(piece)
        playing.run()
    feed.close()
    playing.run()
    assert_as_alone(model, whole, listener)
    assert_as_alone(model, replace(PLAIN, seed=31), other)
    playing.assert_empty()


def test_late_text_is_waited_for_and_nothing_is_invented(model: Qwen3TTS) -> None:
    feed = TextQueue()
    playing = stage(model)
    listener = playing.ask(feed_of(replace(LONG, max_frames=30), feed))
    feed.write("Hello there, ")  # the last white space may still change: three ids are settled at most
    playing.run()
    settled = len(model.tokenizer.encode_spoken("Hello there,"))
    held = len(listener.sound) // 1920
    assert 1 <= held <= settled
    assert playing.run() == 0 and not listener.endings
    assert playing.floor.speakers[0].held
    feed.close()
    playing.run()
    assert listener.endings == 1 and len(listener.sound) // 1920 >= held


def test_those_with_text_go_on_while_one_waits_for_it(model: Qwen3TTS) -> None:
    feed = TextQueue()
    playing = stage(model)
    waiting = playing.ask(feed_of(LONG, feed))
    feed.write("Hello ")
    playing.run()
    other = playing.ask(LONG)
    playing.run()
    assert_as_alone(model, LONG, other)
    assert not waiting.endings


def test_a_feed_that_closes_without_a_word_says_so(model: Qwen3TTS) -> None:
    feed = TextQueue()
    playing = stage(model)
    listener = playing.ask(feed_of(PLAIN, feed))
    playing.run()
    feed.close()
    playing.run()
    assert isinstance(listener.error, EmptyText)
    playing.assert_empty()


def test_a_feed_that_breaks_ends_its_own_utterance(model: Qwen3TTS) -> None:
    class Broken(TextQueue):
        def take(self) -> str:
            if text := super().take():
                return text
            raise OSError("the writer's line broke")

    feed = Broken()
    feed.write("Hello there, this is")
    playing = stage(model)
    broken, other = playing.ask(feed_of(LONG, feed)), playing.ask(LONG)
    playing.run()
    assert broken.error is not None
    assert_as_alone(model, LONG, other)


# packets


def test_packets_grow_as_the_lead_allows(model: Qwen3TTS) -> None:
    playing = stage(model)
    listener = playing.ask(replace(LONG, max_frames=14))
    playing.run()
    assert listener.spoken is not None and listener.spoken.codes is not None
    assert listener.frames[:4] == [1, 1, 2, 4]
    assert sum(listener.frames) == len(listener.spoken.codes)


def test_packets_stay_small_for_one_who_runs_dry(model: Qwen3TTS) -> None:
    playing = stage(model)
    listener = playing.ask(LONG)
    while playing.run(1):
        playing.clock.now += 0.1  # slower than real time
    assert set(listener.frames) == {1}


@pytest.mark.parametrize("asked", [1, 3, 100])
def test_the_packet_size_that_was_asked_for(model: Qwen3TTS, asked: int) -> None:
    utterance = replace(LONG, frames_per_packet=asked)
    playing = stage(model)
    listener = playing.ask(utterance)
    playing.run()
    assert_as_alone(model, utterance, listener)
    assert all(size == asked for size in listener.frames[:-1]) and listener.frames[-1] <= asked


# endings


def test_an_utterance_ends_by_itself(model: Qwen3TTS) -> None:
    seed = next(seed for seed in range(50) if alone(model, replace(PLAIN, seed=seed, max_frames=30)).stopped == "stop")
    playing = stage(model)
    listener = playing.ask(replace(PLAIN, seed=seed, max_frames=30))
    playing.run()
    assert listener.spoken is not None and listener.spoken.finish_reason == "stop"
    assert listener.spoken.num_samples == len(listener.sound)


def test_the_cap_of_a_short_text_stops_a_run_away(model: Qwen3TTS, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seat, "frame_limit", lambda num_tokens: 3)
    playing = stage(model)
    listener = playing.ask(replace(LONG, max_frames=None))
    playing.run()
    assert listener.spoken is not None and listener.spoken.finish_reason == "length" and sum(listener.frames) == 3


def test_the_slot_is_full(model: Qwen3TTS) -> None:
    ids = model.prompts.input_ids(model.tokenizer.encode_spoken(GREEDY.text))
    rows = len(model.prompts.build(GREEDY, ids, streaming=False).text)
    playing = Stage(Runner(model, slots=1, kv_length=rows + 4))
    listener = playing.ask(replace(LONG, text=GREEDY.text, max_frames=None))
    too_long = playing.ask(LONG)
    playing.run()
    assert listener.spoken is not None and sum(listener.frames) <= 4
    assert isinstance(too_long.error, TextTooLong)
    playing.assert_empty()


def test_a_cancel_frees_the_slot_before_the_next_frame(model: Qwen3TTS) -> None:
    playing = stage(model, 1)
    first, second = playing.ask(LONG), playing.ask(GREEDY)
    playing.run(3)
    heard = sum(first.frames)
    first.cancelled = True
    playing.run(1)
    assert sum(first.frames) == heard
    assert first.spoken is not None and first.spoken.finish_reason == "cancelled"
    assert second.packets  # it got the slot in the same turn
    playing.run()
    assert_as_alone(model, GREEDY, second)


def test_one_who_leaves_the_queue_was_never_begun(model: Qwen3TTS) -> None:
    playing = stage(model, 1)
    playing.ask(LONG)
    playing.run(1)
    waiting = playing.ask(GREEDY)
    waiting.cancelled = True
    playing.run(1)
    assert waiting.spoken is not None and waiting.spoken.num_samples == 0
    assert waiting.spoken.timings.queued_ms is None and waiting.spoken.timings.first_pcm_ms is None


# listeners


def test_a_full_listener_is_held_and_goes_on_where_it_was(model: Qwen3TTS) -> None:
    playing = stage(model)
    slow, other = playing.ask(LONG), playing.ask(replace(LONG, seed=6))
    playing.run(2)
    slow.is_backpressured = True
    heard = sum(slow.frames)
    playing.run()
    assert_as_alone(model, replace(LONG, seed=6), other)
    assert sum(slow.frames) == heard and not slow.endings
    slow.is_backpressured = False
    playing.run()
    assert_as_alone(model, LONG, slow)


def test_two_places_go_to_two_clients(model: Qwen3TTS) -> None:
    playing = stage(model, 2)
    greedy = [playing.ask(replace(PLAIN, client="a", seed=seed)) for seed in range(4)]
    modest = playing.ask(replace(PLAIN, client="b"))
    playing.run(1)
    assert modest.packets and greedy[0].packets and not greedy[1].packets
    playing.run()
    assert all(listener.endings == 1 for listener in greedy)


# time


def test_timings_count_from_the_moment_of_asking(model: Qwen3TTS) -> None:
    playing = stage(model, 1)
    listener = playing.ask(LONG)
    playing.clock.now += 0.25
    playing.run(1)
    while playing.run(1):
        playing.clock.now += 0.1
    assert listener.spoken is not None
    timings = listener.spoken.timings
    assert timings.queued_ms == pytest.approx(250)
    assert timings.first_pcm_ms == timings.first_frame_ms == pytest.approx(250)
    assert timings.prefill_ms == timings.codec_ms == 0.0  # time stood still meanwhile
    assert timings.total_ms is not None and timings.total_ms > 400
    assert timings.frames_per_second == pytest.approx(FRAMES / (0.1 * (FRAMES - 2)), rel=0.5)
    assert not timings.includes_warmup


def test_what_was_asked_before_the_model_was_there_is_marked_cold(model: Qwen3TTS) -> None:
    playing = stage(model)
    listener = playing.ask(PLAIN)
    playing.clock.now += 1
    playing.floor = Floor(playing.runner, playing.floor.queue, group=8, clock=playing.clock)
    playing.run()
    assert listener.spoken is not None and listener.spoken.timings.includes_warmup


def test_of_a_long_passage_the_codec_hears_the_end(model: Qwen3TTS) -> None:
    """Codes are exact whatever its length; its sound is taken up from the last frames."""
    codes = np.concatenate([alone(model, LONG).codes] * 8)
    voice = replace(LONG.voice, acoustic_prompt=AcousticPrompt(text=LONG.text, codes=codes))
    going_on = replace(LONG, text="And more of it.", voice=voice)
    playing = stage(model)
    listener = playing.ask(going_on)
    playing.run()
    expected = alone(model, going_on)
    assert listener.spoken is not None and listener.spoken.codes is not None
    assert listener.spoken.codes.tolist() == expected.codes.tolist()
    assert int(playing.runner.sound.position[0]) == PASSAGE_MEMORY + len(expected.codes)
