"""Where words are: as the engine reports them or estimated, in the typed text and in the audio, at any speed."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from qwen3tts_webui.history.splice import splice_line
from qwen3tts_webui.speech import Report, Speech, TimedWord, WordsTimed, heard_chars
from qwen3tts_webui.testing import Job
from qwen3tts_webui.types import SAMPLES_PER_FRAME, SpeechRequest, WordMark
from qwen3tts_webui.voices import Presets
from tests.support.fakes import TextStreamingSynthesizer, ZeroCostSynthesizer

TEXT = "**Hello** there, it costs $5 [pause 0.5s] on 3/4/2024.\n\n[2x] 今天很好。 Dr. Smith's   friend."


class WordReporting(ZeroCostSynthesizer):
    """Reports each space-separated word of its text in a frame of its own."""

    def __init__(self) -> None:
        super().__init__(features=("description", "seed", "word_timing"))

    def frames_for(self, utterance: object) -> int:
        return len(utterance.text.split())  # type: ignore[attr-defined]

    def advance(self, job: Job) -> bool:
        position = 0
        for number, word in enumerate(job.utterance.text.split() if job.made == 0 else ()):
            start = job.utterance.text.index(word, position)
            position = start + len(word)
            at = number * SAMPLES_PER_FRAME
            job.sink.mark([WordMark(start, position, at, at + SAMPLES_PER_FRAME)])
        return super().advance(job)


async def speak(synthesizer: ZeroCostSynthesizer, request: SpeechRequest) -> tuple[Report, list[WordsTimed]]:
    session = Speech(synthesizer, Presets.load()).speak(request)
    events = [event async for event in session if isinstance(event, WordsTimed)]
    return session.report, events


def typed(words: tuple[TimedWord, ...] | list[TimedWord], text: str = TEXT) -> list[str]:
    return [text[word.start : word.end] for word in words]


async def test_exact_words_are_where_they_were_typed() -> None:
    report, events = await speak(WordReporting(), SpeechRequest(text=TEXT, normalize="on"))
    words = [word for segment in report.segments for word in segment.words]
    assert typed(words) == [word.text for word in words]
    assert typed(words) == [
        *("Hello", "there", "it", "costs", "$5", "on", "3/4/2024"),
        *("今天很好", "Dr", "Smith's", "friend"),
    ]
    assert not any(event.estimated for event in events)
    assert report.spoken_chars == TEXT.index("friend") + len("friend")
    date = next(word for word in words if word.text == "3/4/2024")
    assert date.end_sample - date.start_sample == 4 * SAMPLES_PER_FRAME, "March fourth, twenty twenty-four"
    doubled = report.segments[-1]
    assert doubled.segment.speed == 2 and doubled.words[0].start_sample == doubled.start_sample
    assert doubled.words[-1].end_sample == doubled.start_sample + doubled.num_samples


async def test_estimated_words_share_the_audio_of_their_segment() -> None:
    report, events = await speak(ZeroCostSynthesizer(num_frames=40), SpeechRequest(text=TEXT))
    for segment in report.segments:
        assert segment.words_estimated
        assert segment.words[0].start_sample == segment.start_sample
        assert segment.words[-1].end_sample == segment.start_sample + segment.num_samples
        ends = [word.end_sample for word in segment.words]
        assert ends == sorted(ends)
    last = [event for event in events if event.segment.index == 2][-1]
    assert typed(last.words) == ["今", "天", "很", "好", "Dr", "Smith's", "friend"]
    assert last.words == report.segments[2].words


async def test_words_after_the_end_of_a_cut_segment_are_left_out() -> None:
    text = "One two three four five six seven eight nine ten eleven twelve."
    report, _ = await speak(ZeroCostSynthesizer(num_frames=100), SpeechRequest(text=text, max_duration_s=1.0))
    assert report.finish_reason == "length" and 0 < report.spoken_chars < len(text) / 2
    assert report.segments[0].words[-1].end_sample <= report.num_samples
    assert heard_chars(report.segments[0].words, 12_000) < report.spoken_chars
    assert heard_chars(report.segments[0].words, 0) == 0


async def test_text_that_arrives_late_has_its_words_too() -> None:
    synthesizer = TextStreamingSynthesizer()
    session, feed = Speech(synthesizer, Presets.load()).speak_stream(SpeechRequest(text="", language="en"))
    events: list[WordsTimed] = []

    async def listen() -> None:
        async for event in session:
            if isinstance(event, WordsTimed):
                events.append(event)

    task = asyncio.create_task(listen())
    for piece in ("Hel", "lo the", "re, my old", " friend"):
        feed.write(piece)
        await asyncio.sleep(0.01)
        synthesizer.step()
    feed.close()
    while not task.done():
        await asyncio.sleep(0.001)
        synthesizer.step()
    await task
    assert synthesizer.spoken == ["Hello", "there,", "my", "old", "friend"]
    assert typed(events[-1].words, feed.text) == ["Hello", "there", "my", "old", "friend"]
    synthesizer.close()


@pytest.mark.parametrize("line", [0, 1])
async def test_words_move_with_a_line_that_is_replaced(line: int) -> None:
    take, _ = await speak(WordReporting(), SpeechRequest(text="One two.\n\nThree four."))
    retake, _ = await speak(WordReporting(), SpeechRequest(text="  Quite another line."))
    report, *_ = splice_line(as_json(take), line, as_json(retake))
    words = [word for segment in report["segments"] for word in segment["words"]]
    assert [report["text"][word["start"] : word["end"]] for word in words] == [word["text"] for word in words]
    starts = [word["start_sample"] for word in words]
    assert starts == [number * SAMPLES_PER_FRAME for number in range(5)]


def as_json(report: Report) -> dict[str, object]:
    from qwen3tts_webui.server.delivery import to_json

    return dict(to_json(replace(report, request_id="one-take")))
