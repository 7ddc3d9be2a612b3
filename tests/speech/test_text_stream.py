"""Text that is written while it is synthesized: late text is waited for, in one utterance or clause by clause."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import numpy as np
import pytest

from qwen3tts_webui.errors import Busy, EmptyText, InvalidValue, TextTooLong
from qwen3tts_webui.speech import (
    AudioChunk,
    Event,
    Flushed,
    SegmentStarted,
    Speech,
    SpeechSession,
    SpokenText,
    TextStreamSession,
)
from qwen3tts_webui.text import split_segments
from qwen3tts_webui.types import SAMPLE_RATE, SpeechRequest
from qwen3tts_webui.voices import Presets
from tests.support.fakes import SteppedSynthesizer, TextStreamingSynthesizer, ZeroCostSynthesizer, audio_of, frame_of


class Listener:
    """Iterates a `SpeechSession` in the background and keeps what it hears."""

    def __init__(self, speaking: SpeechSession) -> None:
        self.events: list[Event] = []
        self.task = asyncio.create_task(self._listen(speaking))

    async def _listen(self, speaking: SpeechSession) -> None:
        async for event in speaking:
            self.events.append(event)

    @property
    def num_samples(self) -> int:
        return sum(len(event.pcm) for event in self.events if isinstance(event, AudioChunk))

    @property
    def texts(self) -> list[str]:
        return [event.segment.text for event in self.events if isinstance(event, SegmentStarted)]

    async def until(self, condition: Callable[[], bool]) -> None:
        end = asyncio.get_running_loop().time() + 60
        while not condition():
            assert asyncio.get_running_loop().time() < end, "it never happened"
            await asyncio.sleep(0.001)


def begin(
    synthesizer: ZeroCostSynthesizer, *, max_text: int = 1_000
) -> tuple[SpeechSession, TextStreamSession, Listener]:
    speech = Speech(synthesizer, Presets.load(), max_text=max_text)
    speaking, feed = speech.speak_stream(SpeechRequest(text="", language="en"))
    return speaking, feed, Listener(speaking)


async def test_nothing_is_submitted_before_the_first_word_is_complete() -> None:
    synthesizer = TextStreamingSynthesizer()
    speaking, feed, listener = begin(synthesizer)
    feed.write("Hel")
    await asyncio.sleep(0.01)
    assert synthesizer.load.queued + synthesizer.load.running == 0
    feed.write("lo ")
    await listener.until(lambda: synthesizer.load.running == 1)
    speaking.cancel()
    await listener.task


async def test_an_engine_with_text_streaming_starts_with_the_first_word_and_waits_for_the_next() -> None:
    synthesizer = TextStreamingSynthesizer()
    _, feed, listener = begin(synthesizer)
    feed.write("Hello wor")
    await listener.until(lambda: synthesizer.load.running == 1)
    synthesizer.step()
    for _ in range(20):  # late text is waited for: nothing is invented
        synthesizer.step()
    await listener.until(lambda: listener.num_samples == 1920)
    assert synthesizer.spoken == ["Hello"]
    feed.write("ld and all.")
    feed.close()
    await listener.until(lambda: synthesizer.step() is None and listener.task.done())
    assert synthesizer.spoken == ["Hello", "world", "and", "all."]
    spoken = np.concatenate([event.pcm for event in listener.events if isinstance(event, AudioChunk)])
    np.testing.assert_array_equal(spoken, np.concatenate([frame_of(word, 0) for word in synthesizer.spoken]))


async def test_a_control_token_in_pieces_reaches_no_engine() -> None:
    synthesizer = TextStreamingSynthesizer()
    _, feed, listener = begin(synthesizer)
    for piece in ("Hello ", "<", "|im_", "end", "|>", " you"):
        feed.write(piece)
    feed.close()
    await listener.until(lambda: synthesizer.step() is None and listener.task.done())
    assert synthesizer.spoken == ["Hello", "you"]


async def test_a_flush_speaks_half_a_word() -> None:
    synthesizer = TextStreamingSynthesizer()
    speaking, feed, listener = begin(synthesizer)
    feed.write("Wor")
    feed.flush()
    await listener.until(lambda: synthesizer.step() is None and synthesizer.spoken == ["Wor"])
    speaking.cancel()
    await listener.task


@pytest.mark.parametrize("reads_along", [True, False])
async def test_a_flush_speaks_everything_and_says_where(reads_along: bool) -> None:
    synthesizer = TextStreamingSynthesizer() if reads_along else SteppedSynthesizer(num_frames=2)
    _, feed, listener = begin(synthesizer)
    feed.flush()  # of nothing
    feed.write("Hello there")
    feed.flush()
    await listener.until(lambda: synthesizer.step() is None and len(flushes(listener)) == 2)
    assert flushes(listener) == [0, 2 * 1_920] and listener.num_samples == 2 * 1_920
    feed.write(" and once")
    feed.flush()
    feed.flush()
    feed.write(" more.")
    feed.close()
    await listener.until(lambda: synthesizer.step() is None and listener.task.done())
    assert listener.texts == ["Hello there", "and once", "more."]
    assert flushes(listener)[2:] == [4 * 1_920, 4 * 1_920]
    order = [type(event).__name__ for event in listener.events if not isinstance(event, AudioChunk)]
    assert order.index("Flushed", 1) > order.index("SegmentEnded")


def flushes(listener: Listener) -> list[int]:
    return [event.sample for event in listener.events if isinstance(event, Flushed)]


async def test_cancel_stops_within_one_packet() -> None:
    synthesizer = TextStreamingSynthesizer()
    speaking, feed, listener = begin(synthesizer)
    feed.write("word " * 100)
    await listener.until(lambda: synthesizer.load.running == 1)
    synthesizer.step()
    made = synthesizer.packets_made
    speaking.cancel()
    await listener.until(lambda: synthesizer.step() is None and synthesizer.load.running == 0)
    assert synthesizer.packets_made - made <= 1
    await listener.task
    assert speaking.report.finish_reason == "cancelled"


async def test_other_engines_get_clause_after_clause() -> None:
    synthesizer = SteppedSynthesizer(num_frames=2)
    _, feed, listener = begin(synthesizer)
    feed.write("First of all, hel")
    await listener.until(lambda: synthesizer.load.running == 1)
    assert [utterance.text for utterance in synthesizer.utterances] == ["First of all,"]
    feed.write("lo. And then? ")
    feed.write("The end")
    feed.close()
    await listener.until(lambda: synthesizer.step() is None and listener.task.done())
    assert " ".join(listener.texts) == "First of all, hello. And then? The end"
    expected = np.concatenate([audio_of(utterance.text, 2) for utterance in synthesizer.utterances])
    spoken = np.concatenate([event.pcm for event in listener.events if isinstance(event, AudioChunk)])
    np.testing.assert_array_equal(spoken, expected)


async def test_a_chinese_clause_is_complete_with_its_punctuation() -> None:
    synthesizer = ZeroCostSynthesizer()
    speaking, feed, listener = begin(synthesizer)
    feed.write("你好，")
    await listener.until(lambda: listener.texts == ["你好，"])
    speaking.cancel()
    await listener.task


async def test_a_text_without_punctuation_is_split_too() -> None:
    synthesizer = ZeroCostSynthesizer(num_frames=1)
    _, feed, listener = begin(synthesizer, max_text=10_000)
    feed.write("word " * 1_000)
    feed.close()
    await listener.until(listener.task.done)
    assert " ".join(listener.texts).split() == ["word"] * 1_000
    assert max(map(len, listener.texts)) <= 560


MARKED = (
    "[pause 1s]First [pause 0.5s] second[pause 250ms][pause 250ms]\n\n***\n"
    "[1.5x] Third,\r\nfourth. [2x]Fifth.[pause 1s]"
)


@pytest.mark.parametrize("reading", [True, False])
@pytest.mark.parametrize("size", [1, 7, 1_000])
async def test_tags_and_line_ends_work_as_in_a_whole_text(reading: bool, size: int) -> None:
    synthesizer = TextStreamingSynthesizer() if reading else SteppedSynthesizer(num_frames=1)
    speaking, feed, listener = begin(synthesizer)
    for start in range(0, len(MARKED), size):
        feed.write(MARKED[start : start + size])
        await asyncio.sleep(0)
    feed.close()
    await listener.until(lambda: synthesizer.step() is None and listener.task.done())
    whole = split_segments(MARKED)
    reports = speaking.report.segments
    assert [(one.segment.line, one.segment.speed, one.segment.text) for one in reports] == [
        (one.line, one.speed, one.text) for one in whole
    ]
    ends = [one.start_sample + one.num_samples for one in reports]
    starts = [one.start_sample for one in reports[1:]] + [speaking.report.num_samples]
    silent = [(start - end) / SAMPLE_RATE for start, end in zip(starts, ends, strict=True)]
    assert silent == [one.pause_s for one in whole]


async def test_a_tag_out_of_range_raises_and_is_dropped() -> None:
    synthesizer = ZeroCostSynthesizer(num_frames=1)
    _, feed, listener = begin(synthesizer)
    feed.write("One. [9")
    with pytest.raises(InvalidValue):
        feed.write("x] Two.")
    feed.close()
    await listener.task
    assert " ".join(listener.texts) == "One. Two."


async def test_the_next_line_continues_the_voice_of_the_whole_line_before() -> None:
    synthesizer = TextStreamingSynthesizer(features=("description", "text_streaming", "continuation"))
    _, feed, listener = begin(synthesizer)
    feed.write("One two")
    await listener.until(lambda: synthesizer.step() is None and synthesizer.spoken == ["One"])
    feed.write(" three\nFour")
    feed.close()
    await listener.until(lambda: synthesizer.step() is None and listener.task.done())
    passage = synthesizer.utterances[1].voice.acoustic_prompt
    assert passage is not None and passage.text == "One two three"


async def test_the_report_holds_what_was_written() -> None:
    synthesizer = ZeroCostSynthesizer()
    speaking, feed, listener = begin(synthesizer)
    feed.write("Hello ")
    feed.write("you.")
    feed.close()
    await listener.task
    assert (speaking.report.text, speaking.report.finish_reason) == ("Hello you.", "stop")


@pytest.mark.parametrize("written", ["", "  ", "\U0001f600 !"])
async def test_a_stream_without_a_word_is_an_empty_text(written: str) -> None:
    for synthesizer in (TextStreamingSynthesizer(), ZeroCostSynthesizer()):
        _, feed, listener = begin(synthesizer)
        feed.write(written)
        feed.close()
        with pytest.raises(EmptyText):
            await listener.task


@pytest.mark.parametrize("size", [1, 3, 100])
def test_a_clause_corrects_the_language_of_its_first_words(size: int) -> None:
    written = "Taxi, ich bin müde und es sind noch 3 km, bitte. 今は3時です。 "
    feed = TextStreamSession(limit=1_000, speed=1.0, accepts_text_stream=True, spoken=SpokenText(mode="on"))
    segments = []
    for start in range(0, len(written), size):
        feed.write(written[start : start + size])
        segments += filter(None, [feed.next()])
    feed.close()
    (streamed,) = segments
    assert streamed.queue is not None
    assert "drei Kilometer" in "".join(streamed.spoken_parts)
    assert streamed.queue.language == ("de" if size < 100 else "")


def test_a_later_line_knows_the_lines_before() -> None:
    feed = TextStreamSession(limit=1_000, speed=1.0, accepts_text_stream=False, spoken=SpokenText(mode="on"))
    feed.write("明日は学校です。\n東京大学\n")
    feed.close()
    segments = [*iter(feed.next, None)]
    assert [each.front_end.language_of(each.segment.text) for each in segments] == ["ja", "ja"]


async def test_a_full_queue_ends_it_before_any_work() -> None:
    synthesizer = SteppedSynthesizer(slots=0, queue_size=0)
    _, feed, listener = begin(synthesizer)
    feed.write("Hello. ")
    feed.flush()
    with pytest.raises(Busy):
        await listener.task
    assert synthesizer.packets_made == 0


async def test_too_much_text_is_rejected_and_the_rest_is_synthesized() -> None:
    synthesizer = ZeroCostSynthesizer()
    _, feed, listener = begin(synthesizer, max_text=10)
    feed.write("One two.")
    with pytest.raises(TextTooLong):
        feed.write("three")
    feed.close()
    await listener.task
    assert listener.texts == ["One two."]


async def test_text_after_the_end_is_refused() -> None:
    _, feed, listener = begin(ZeroCostSynthesizer())
    feed.write("One.")
    feed.close()
    with pytest.raises(InvalidValue):
        feed.write("Two.")
    await listener.task
