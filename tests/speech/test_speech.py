"""One request from text to events: validated first, delivered in order, ended by any side."""

import asyncio
import math
import threading
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from qwen3tts_webui.audio import LoudnessNormalizer
from qwen3tts_webui.errors import (
    Busy,
    DeadlineExceeded,
    DescriptionTooLong,
    EmptyText,
    EngineStopped,
    InvalidValue,
    NotReady,
    NumericalError,
    RequestError,
    SynthesisError,
    TextTooLong,
    UnknownLanguage,
    UnknownSpeaker,
    Unsupported,
)
from qwen3tts_webui.speech import AudioChunk, Event, SegmentEnded, SegmentFailed, SegmentStarted, Speech, SpeechSession
from qwen3tts_webui.types import SAMPLE_RATE, SAMPLES_PER_FRAME, Pcm, PcmSink, Sampling, SpeechRequest, Utterance, Voice
from qwen3tts_webui.voices import Presets
from tests.support.fakes import (
    ContinuingSynthesizer,
    FailingSynthesizer,
    SteppedSynthesizer,
    ZeroCostSynthesizer,
    audio_of,
    codes_of,
)

THREE = "One.\nTwo.\nThree."


def speech(synthesizer: ZeroCostSynthesizer, **options: int) -> Speech:
    return Speech(synthesizer, Presets.load(), **options)


async def events_of(speaking: SpeechSession) -> list[Event]:
    return [event async for event in speaking]


def heard(events: Sequence[Event]) -> Pcm:
    return np.concatenate([event.pcm for event in events if isinstance(event, AudioChunk)])


# checked before anything is spent


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"text": " \u200b\x00 "}, EmptyText),
        ({"text": "a" * 101}, TextTooLong),
        ({"language": "Klingon"}, UnknownLanguage),
        ({"voice": Voice(description="x" * 2_049)}, DescriptionTooLong),
        ({"voice": Voice(speaker="Vivian")}, Unsupported),
        ({"voice": Voice(engine_voice_id="x")}, Unsupported),
        ({"speed": 0.49}, InvalidValue),
        ({"speed": 2.01}, InvalidValue),
        ({"speed": math.nan}, InvalidValue),
        ({"seed": -1}, InvalidValue),
        ({"seed": 2**63}, InvalidValue),
        ({"sampling": Sampling(temperature=math.inf)}, InvalidValue),
        ({"sampling": Sampling(top_p=0.0)}, InvalidValue),
        ({"max_parallel_segments": 0}, InvalidValue),
        ({"max_duration_s": -1.0}, InvalidValue),
        ({"frames_per_packet": 0}, InvalidValue),
        ({"deadline": 0.0}, DeadlineExceeded),
    ],
)
def test_an_invalid_request_starts_no_work(wrong: dict[str, object], error: type[Exception]) -> None:
    synthesizer = ZeroCostSynthesizer()
    with pytest.raises(error):
        speech(synthesizer, max_text=100).speak(replace(SpeechRequest(text="Hello."), **wrong))  # type: ignore[arg-type]
    assert synthesizer.utterances == []


def test_the_longest_description_is_measured_after_cleaning() -> None:
    synthesizer = ZeroCostSynthesizer()
    speech(synthesizer).speak(SpeechRequest(text="Hi.", voice=Voice(description="x" * 2_048 + "\u200b" * 10)))
    assert synthesizer.utterances[0].voice.description == "x" * 2_048


def test_a_language_that_the_engine_lacks_is_rejected() -> None:
    with pytest.raises(UnknownLanguage):
        speech(ZeroCostSynthesizer(languages=("en",))).speak(SpeechRequest(text="Hi.", language="Chinese"))


def test_sampling_is_refused_where_it_would_be_ignored() -> None:
    with pytest.raises(Unsupported):
        speech(ZeroCostSynthesizer(features=())).speak(SpeechRequest(text="Hi.", sampling=Sampling(temperature=0.5)))


def test_an_unknown_speaker_is_refused_with_the_known_ones() -> None:
    synthesizer = ZeroCostSynthesizer(features=("speaker",), speakers=("Vivian", "Ryan"))
    with pytest.raises(UnknownSpeaker) as caught:
        speech(synthesizer).speak(SpeechRequest(text="Hi.", voice=Voice(speaker="Bob")))
    assert caught.value.params["known"] == "Vivian, Ryan"


def test_an_engine_that_is_not_ready_is_reported_at_once() -> None:
    with pytest.raises(NotReady):
        speech(ZeroCostSynthesizer(ready=False)).speak(SpeechRequest(text="Hi."))


def test_a_full_queue_is_reported_at_once() -> None:
    synthesizer = SteppedSynthesizer(slots=1, queue_size=0)
    speech(synthesizer).speak(SpeechRequest(text="Hi."))
    with pytest.raises(Busy):
        speech(synthesizer).speak(SpeechRequest(text="Hi."))


def test_names_of_languages_become_codes() -> None:
    synthesizer = ZeroCostSynthesizer()
    speech(synthesizer).speak(SpeechRequest(text="Hi.", language="ENGLISH"))
    assert synthesizer.utterances[0].language == "en"


# what is heard


async def test_segments_are_heard_in_order_without_a_sample_between() -> None:
    events = await events_of(speech(ZeroCostSynthesizer()).speak(SpeechRequest(text=THREE)))
    expected = np.concatenate([audio_of(text, 5) for text in ("One.", "Two.", "Three.")])
    np.testing.assert_array_equal(heard(events), expected)
    starts = [event.start_sample for event in events if isinstance(event, SegmentStarted)]
    assert starts == [0, 9_600, 19_200]
    ends = [
        (event.segment.index, event.num_samples, event.finish_reason)
        for event in events
        if isinstance(event, SegmentEnded)
    ]
    assert ends == [(0, 9_600, "stop"), (1, 9_600, "stop"), (2, 9_600, "stop")]


async def test_a_pause_is_silence_between_segments() -> None:
    events = await events_of(speech(ZeroCostSynthesizer()).speak(SpeechRequest(text="One. [pause 0.5s] Two.")))
    pause = heard(events)[9_600 : 9_600 + SAMPLE_RATE // 2]
    assert not pause.any() and len(heard(events)) == 2 * 9_600 + SAMPLE_RATE // 2


async def test_speed_changes_the_length_and_the_positions() -> None:
    events = await events_of(speech(ZeroCostSynthesizer()).speak(SpeechRequest(text="One.\nTwo.", speed=2.0)))
    assert len(heard(events)) == 9_600
    assert [event.start_sample for event in events if isinstance(event, SegmentStarted)] == [0, 4_800]


async def test_loudness_is_normalized_over_the_whole_request() -> None:
    speaking = speech(ZeroCostSynthesizer(num_frames=12)).speak(SpeechRequest(text="One.\nTwo.", loudness=True))
    plain = np.concatenate([audio_of("One.", 12), audio_of("Two.", 12)])
    normalized = heard(await events_of(speaking))
    np.testing.assert_allclose(normalized, LoudnessNormalizer().push(plain), atol=1e-6)
    assert np.abs(normalized - plain).max() > 0.01


async def test_max_duration_ends_the_audio_at_the_sample() -> None:
    synthesizer = ZeroCostSynthesizer()
    speaking = speech(synthesizer).speak(SpeechRequest(text=THREE, max_duration_s=0.5))
    assert len(heard(await events_of(speaking))) == SAMPLE_RATE // 2
    assert speaking.report.finish_reason == "length"
    assert {utterance.max_frames for utterance in synthesizer.utterances} == {7}


async def test_the_seed_is_drawn_reported_and_used_for_every_segment() -> None:
    synthesizer = ZeroCostSynthesizer()
    speaking = speech(synthesizer).speak(SpeechRequest(text=THREE))
    await events_of(speaking)
    assert {utterance.seed for utterance in synthesizer.utterances} == {speaking.seed} == {speaking.report.seed}


async def test_the_report_names_the_engine_and_the_text() -> None:
    speaking = speech(ZeroCostSynthesizer()).speak(
        SpeechRequest(text="Hi. ", language="en", voice=Voice(description="warm"), seed=7, request_id="abc")
    )
    await events_of(speaking)
    report = speaking.report
    assert (report.request_id, report.text, report.language, report.description, report.seed) == (
        "abc",
        "Hi. ",
        "en",
        "warm",
        7,
    )
    assert (report.engine, report.preview, report.num_samples, report.finish_reason) == ("fake", True, 9_600, "stop")
    assert report.timings.total_ms is not None


# the next segment is ahead


async def test_the_next_segment_is_submitted_when_the_first_is_heard() -> None:
    synthesizer = SteppedSynthesizer()
    events = speech(synthesizer).speak(SpeechRequest(text=THREE)).__aiter__()
    assert len(synthesizer.utterances) == 1
    synthesizer.step()
    while not isinstance(await events.__anext__(), AudioChunk):
        pass
    assert [utterance.text for utterance in synthesizer.utterances] == ["One.", "Two."]
    await events.aclose()


async def test_a_continued_segment_is_submitted_while_audio_is_still_buffered() -> None:
    synthesizer = ContinuingSynthesizer()
    events = speech(synthesizer).speak(SpeechRequest(text=THREE)).__aiter__()
    await events.__anext__()
    while len(synthesizer.utterances) < 2:
        await asyncio.sleep(0)
    await events.aclose()


async def test_each_segment_continues_the_one_before() -> None:
    synthesizer = ContinuingSynthesizer()
    events = await events_of(speech(synthesizer).speak(SpeechRequest(text=THREE)))
    passages = [utterance.voice.acoustic_prompt for utterance in synthesizer.utterances]
    assert passages[0] is None
    assert [passage.text for passage in passages[1:] if passage] == ["One.", "Two."]
    assert passages[1] is not None
    np.testing.assert_array_equal(passages[1].codes, codes_of("One.", 5))
    assert [event.voice_source for event in events if isinstance(event, SegmentStarted)] == [
        "new",
        "continued",
        "continued",
    ]


async def test_without_continue_voice_segments_share_the_seed_only() -> None:
    synthesizer = ContinuingSynthesizer()
    events = await events_of(speech(synthesizer).speak(SpeechRequest(text=THREE, continue_voice=False)))
    assert [utterance.voice.acoustic_prompt for utterance in synthesizer.utterances] == [None] * 3
    assert [event.voice_source for event in events if isinstance(event, SegmentStarted)] == [
        "new",
        "same_seed",
        "same_seed",
    ]


async def test_parallel_segments_are_submitted_together_and_heard_in_order() -> None:
    synthesizer = SteppedSynthesizer(slots=3, num_frames=2)
    speaking = speech(synthesizer).speak(SpeechRequest(text=THREE, max_parallel_segments=3))
    listening = asyncio.create_task(events_of(speaking))
    await asyncio.sleep(0)
    assert synthesizer.load.running == 3
    synthesizer.step()
    synthesizer.step()
    expected = np.concatenate([audio_of(text, 2) for text in ("One.", "Two.", "Three.")])
    np.testing.assert_array_equal(heard(await asyncio.wait_for(listening, 10)), expected)


async def test_a_later_segment_waits_for_capacity_in_the_queue() -> None:
    synthesizer = SteppedSynthesizer(slots=1, queue_size=0, num_frames=2)
    listening = asyncio.create_task(events_of(speech(synthesizer).speak(SpeechRequest(text="One.\nTwo."))))
    while not listening.done():
        synthesizer.step()
        await asyncio.sleep(0.01)
    assert len(heard(listening.result())) == 4 * SAMPLES_PER_FRAME


# what goes wrong


async def test_a_failure_before_any_audio_is_raised() -> None:
    speaking = speech(FailingSynthesizer()).speak(SpeechRequest(text=THREE))
    with pytest.raises(SynthesisError):
        await events_of(speaking)
    assert speaking.report.failed == "synthesis_failed"


async def test_a_failed_segment_leaves_the_others_alone() -> None:
    synthesizer = FailingSynthesizer(
        fails=lambda utterance: utterance.text == "Two.",
        error=lambda: NumericalError(where="logits", dtype="float16"),
    )
    speaking = speech(synthesizer).speak(SpeechRequest(text=THREE))
    events = await events_of(speaking)
    expected = np.concatenate([audio_of("One.", 5), audio_of("Three.", 5)])
    np.testing.assert_array_equal(heard(events), expected)
    failed = [(event.segment.index, event.error.code) for event in events if isinstance(event, SegmentFailed)]
    assert failed == [(1, "numerical")]
    assert [segment.failed for segment in speaking.report.segments] == [None, "numerical", None]


async def test_audio_from_before_a_failure_is_delivered() -> None:
    synthesizer = FailingSynthesizer(fails=lambda utterance: utterance.text == "Two.", after=2)
    events = await events_of(speech(synthesizer).speak(SpeechRequest(text="One.\nTwo.")))
    np.testing.assert_array_equal(heard(events)[9_600:], audio_of("Two.", 2))


async def test_a_segment_after_a_failed_one_continues_the_last_good_voice() -> None:
    class Half(ContinuingSynthesizer):
        def submit(self, jobs: Sequence[tuple[Utterance, PcmSink]]) -> None:
            if jobs[0][0].text == "Two.":
                raise RequestError(reason="a fake does not say Two")
            super().submit(jobs)

    synthesizer = Half()
    events = await events_of(speech(synthesizer).speak(SpeechRequest(text=THREE)))
    assert [event.error.code for event in events if isinstance(event, SegmentFailed)] == ["bad_request"]
    passage = synthesizer.utterances[-1].voice.acoustic_prompt
    assert passage is not None and passage.text == "One."


async def test_the_deadline_ends_everything_with_the_engine() -> None:
    synthesizer = SteppedSynthesizer()
    speaking = speech(synthesizer).speak(SpeechRequest(text=THREE, deadline=time.monotonic() + 0.05))
    with pytest.raises(DeadlineExceeded):
        await asyncio.wait_for(events_of(speaking), 10)
    synthesizer.step()
    assert synthesizer.load.running == 0 and synthesizer.packets_made == 0
    assert speaking.report.failed == "deadline_exceeded"


async def test_an_engine_that_closes_fails_what_is_left() -> None:
    synthesizer = SteppedSynthesizer()
    listening = asyncio.create_task(events_of(speech(synthesizer).speak(SpeechRequest(text=THREE))))
    synthesizer.step()
    while len(synthesizer.utterances) < 2:
        await asyncio.sleep(0)
    synthesizer.close()
    events = await asyncio.wait_for(listening, 10)
    failed = [event.error.code for event in events if isinstance(event, SegmentFailed)]
    assert failed == [EngineStopped.code, EngineStopped.code, NotReady.code]


# cancelled


async def test_cancel_ends_all_segments_within_one_packet() -> None:
    synthesizer = SteppedSynthesizer(num_frames=100)
    speaking = speech(synthesizer).speak(SpeechRequest(text=THREE, max_parallel_segments=3))
    listening = asyncio.create_task(events_of(speaking))
    await asyncio.sleep(0)
    synthesizer.step()
    assert synthesizer.packets_made == 3
    threading.Thread(target=speaking.cancel).start()
    await asyncio.wait_for(listening, 10)
    synthesizer.step()
    assert synthesizer.packets_made == 3 and synthesizer.load.running == 0
    assert speaking.report.finish_reason == "cancelled"


async def test_leaving_the_iteration_frees_the_engine() -> None:
    synthesizer = SteppedSynthesizer(num_frames=100)
    speaking = speech(synthesizer).speak(SpeechRequest(text=THREE))
    events = speaking.__aiter__()
    synthesizer.step()
    await events.__anext__()
    await events.aclose()
    synthesizer.step()
    assert synthesizer.load.running == 0
    assert speaking.report.finish_reason == "cancelled"


async def test_a_cancel_after_the_end_changes_nothing() -> None:
    speaking = speech(ZeroCostSynthesizer()).speak(SpeechRequest(text="Hi."))
    await events_of(speaking)
    speaking.cancel()
    assert speaking.report.finish_reason == "stop"
