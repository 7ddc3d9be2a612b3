"""The session of one request: an async iterable of its events.

In: a `PreparedRequest` and an engine. Out: events in playback order. Knows nothing of bytes, files or the web.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping
from dataclasses import replace

from qwen3tts_webui.audio import LoudnessNormalizer, TimeStretcher, silence
from qwen3tts_webui.errors import DeadlineExceeded, SpeechError
from qwen3tts_webui.speech.drift import Similarity
from qwen3tts_webui.speech.engine_speeds import OnResult
from qwen3tts_webui.speech.events import (
    AudioChunk,
    Event,
    Flushed,
    SegmentEnded,
    SegmentFailed,
    SegmentStarted,
    TextWarning,
)
from qwen3tts_webui.speech.report import Outcome, Report, SegmentReport, add_similarity, make_report
from qwen3tts_webui.speech.segment_pipeline import SegmentPipeline, SegmentState
from qwen3tts_webui.speech.text_stream import TextStreamSession
from qwen3tts_webui.speech.text_warnings import nothing_to_say
from qwen3tts_webui.speech.validation import PreparedRequest
from qwen3tts_webui.speech.word_events import WordEvents
from qwen3tts_webui.speech.word_timing import TypedText
from qwen3tts_webui.streams import PcmStream
from qwen3tts_webui.types import SAMPLE_RATE, FinishReason, Pcm, SynthesisResult, Synthesizer, Timings, Utterance, Voice

_MAX_CHUNK_SAMPLES = SAMPLE_RATE  # blocks that are ready together become one `AudioChunk` of about this size


class SpeechSession:
    """The events of one request, for a single `async for`. `cancel` may be called from any thread.

    Iterating raises `DeadlineExceeded`, or the failure of the first segment if there was no audio before it. Call
    `cancel` if you stop iterating before the end. `info` is the engine that synthesizes the request.
    """

    def __init__(
        self,
        synthesizer: Synthesizer,
        prepared: PreparedRequest,
        text_stream: TextStreamSession | None = None,
        on_result: OnResult = lambda info, result: None,
    ) -> None:
        """Submit nothing yet: the caller submits `first_utterance`, iterating the session submits the others.

        With a `text_stream`, iterating submits the first segment too, and raises what `Synthesizer.submit` raises.
        `on_result` gets the result of each complete segment.
        """
        self._started = time.monotonic()
        self._prepared = prepared
        self._text_stream = text_stream
        self._on_result = on_result
        self.info = synthesizer.info
        self._pipeline = SegmentPipeline(synthesizer, prepared, text_stream)
        self._wakeup = asyncio.Event()
        self._normalizer = LoudnessNormalizer() if prepared.request.loudness else None
        self._position = 0
        self._num_played = self._num_warnings = 0
        self._segment_reports: list[SegmentReport] = []
        self._typed = TypedText()
        self._error: SpeechError | None = None
        self._cancelled = False
        self._at_length_limit = False
        self._total_ms: float | None = None

    @property
    def seed(self) -> int:
        """The seed of every segment, whether given or drawn."""
        return self._prepared.seed

    @property
    def warnings(self) -> tuple[TextWarning, ...]:
        """What in the text no engine knows; with a text stream, so far."""
        return (self._text_stream or self._prepared).warnings

    @property
    def voice(self) -> Voice:
        """The voice of the request, resolved."""
        return self._prepared.voice

    def first_utterance(self) -> tuple[Utterance, PcmStream]:
        """Return the first segment, to be submitted before the session is iterated. Only without a text stream."""
        return self._pipeline.first_utterance()

    def cancel(self) -> None:
        """End the session and cancel what was submitted ahead. Idempotent; from any thread; no effect after the end."""
        if self._total_ms is None:
            self._cancelled = True
            self._pipeline.cancel_all()

    def abort(self, error: SpeechError) -> None:
        """Cancel, and let the iteration raise `error`. On the event loop."""
        if self._total_ms is None and self._error is None:
            self._error = error
            self.cancel()

    def continuation_voice(self, segment: int | None = None) -> tuple[int, Voice] | None:
        """Return a completed segment (this one, or the first) and the voice that continues it, if there is one."""
        return self._pipeline.completed_voice(segment)

    def set_similarities(self, measured: Mapping[int, Similarity]) -> None:
        """Add the similarities of the segments, by index, to the report; after the end."""
        self._segment_reports = [add_similarity(one, measured.get(one.segment.index)) for one in self._segment_reports]

    @property
    def report(self) -> Report:
        """The report so far; final once the iteration has ended."""
        outcome = Outcome(
            text=self._typed_text,
            num_samples=self._position,
            finish_reason=self._request_finish_reason(),
            failed=None if self._error is None else self._error.code,
            total_ms=self._total_ms,
            warnings=self.warnings,
            early_timings=self._pipeline.early_timings,
        )
        return make_report(self._prepared, self.info, tuple(self._segment_reports), outcome)

    @property
    def _typed_text(self) -> str:
        return self._prepared.request.text if self._text_stream is None else self._text_stream.text

    async def __aiter__(self) -> AsyncGenerator[Event, None]:
        self._pipeline.listen(self._wakeup.set, on_loop_closed=self.cancel)
        timer = self._start_deadline_timer()
        complete = False
        try:
            while (state := await self._next_segment()) is not None:
                for warning in self._new_warnings():
                    yield warning
                if isinstance(state, Flushed):
                    yield state
                    continue
                if state.streamed is not None and state.streamed.pause_s > 0 and self._num_played > 0:
                    yield self._append(silence(state.streamed.pause_s))
                    if self._at_length_limit:
                        break
                async for event in self._segment_events(state):
                    yield event
                self._num_played += 1
            for warning in self._new_warnings():
                yield warning
            last_pause_s = 0.0 if self._text_stream is None else self._text_stream.last_pause_s
            if last_pause_s > 0 and not (self._cancelled or self._at_length_limit):
                yield self._append(silence(last_pause_s))
            complete = True
            if self._error is not None:
                raise self._error
        finally:
            self._cancelled = self._cancelled or not complete
            if timer is not None:
                timer.cancel()
            self._pipeline.cancel_all()
            self._total_ms = (time.monotonic() - self._started) * 1000

    def _new_warnings(self) -> tuple[TextWarning, ...]:
        num_before, self._num_warnings = self._num_warnings, len(self.warnings)
        return self.warnings[num_before:]

    async def _next_segment(self) -> SegmentState | Flushed | None:
        """Wait for the next segment to play, or for a flush to be complete; None at the end."""
        while not (self._cancelled or self._at_length_limit or self._error is not None):
            self._wakeup.clear()  # before checking: whatever changes afterwards sets it again
            self._pipeline.set_current(self._num_played)
            if self._text_stream is not None and self._text_stream.take_flush(self._num_played):
                return Flushed(self._position)
            if self._num_played < len(self._pipeline.segments):
                return self._pipeline.segments[self._num_played]
            if self._pipeline.complete:
                if self._num_played == 0:
                    self._error = nothing_to_say(self.warnings)
                break
            await self._wakeup.wait()
        return None

    async def _segment_events(self, state: SegmentState) -> AsyncGenerator[Event, None]:
        """All events of one segment: started, its audio and words, ended or failed, and the pause after it."""
        segment, start_sample = state.segment, self._position
        words = WordEvents(state, start_sample, self._prepared, self._typed, lambda: self._typed_text)
        started = False
        try:
            async for pcm in self._segment_audio(state):
                if not started:
                    started = True
                    yield SegmentStarted(segment, start_sample, state.voice_source)
                    for event in words.at_start():
                        yield event
                for event in words.reported():
                    yield event
                yield self._append(pcm)
                if self._at_length_limit:
                    break
        except SpeechError as error:
            self._add_report(state, start_sample, words, failed=error.code)
            if self._position == 0:
                self._error = error
            else:
                yield SegmentFailed(segment, error)
            return
        result = None if state.stream is None else state.stream.result
        if not started:
            if result is None:  # cancelled before the first audio
                return
            yield SegmentStarted(segment, start_sample, state.voice_source)
        finish_reason = self._segment_finish_reason(result)
        for event in words.at_end(self._position, finish_reason):
            yield event
        timings = Timings() if result is None else result.timings
        if result is not None:
            self._on_result(self.info, result)
        num_samples = self._position - start_sample
        self._add_report(state, start_sample, words, finish_reason=finish_reason, timings=timings)
        yield SegmentEnded(segment, start_sample, num_samples, finish_reason, timings)
        if segment.pause_s > 0 and not self._cancelled and not self._at_length_limit:
            yield self._append(silence(segment.pause_s))

    async def _segment_audio(self, state: SegmentState) -> AsyncGenerator[Pcm, None]:
        """The audio of one segment at its speed, as it arrives. Raises the error of the segment."""
        stretcher = TimeStretcher(state.segment.speed)
        while not self._cancelled:
            self._wakeup.clear()  # before checking: whatever changes afterwards sets it again
            if state.error is not None:
                raise state.error
            done = state.done
            min_samples = _MAX_CHUNK_SAMPLES if self._position > 0 else 0  # the first audio is passed on at once
            pcm = None if state.stream is None else state.stream.read(min_samples)
            if pcm is not None:
                self._pipeline.on_first_audio()
                pcm = stretcher.push(pcm)
                if len(pcm) > 0:
                    yield self._apply_loudness(pcm)
            elif done:
                rest = stretcher.flush()
                if len(rest) > 0:
                    yield self._apply_loudness(rest)
                return
            else:
                await self._wakeup.wait()

    def _apply_loudness(self, pcm: Pcm) -> Pcm:
        return pcm if self._normalizer is None else self._normalizer.push(pcm)

    def _append(self, pcm: Pcm) -> AudioChunk:
        """Append `pcm` to the audio of the request, cut at its `max_duration_s`."""
        limit = self._prepared.max_samples
        if limit is not None and self._position + len(pcm) >= limit:
            self._at_length_limit = True
            pcm = pcm[: limit - self._position]
        self._position += len(pcm)
        return AudioChunk(pcm)

    def _request_finish_reason(self) -> FinishReason:
        if self._cancelled:
            return "cancelled"
        cut = any(one.finish_reason == "length" for one in self._segment_reports)
        return "length" if self._at_length_limit or cut else "stop"

    def _segment_finish_reason(self, result: SynthesisResult | None) -> FinishReason:
        if self._cancelled:
            return "cancelled"
        return "length" if self._at_length_limit or result is None else result.finish_reason

    def _add_report(
        self,
        state: SegmentState,
        start_sample: int,
        words: WordEvents,
        finish_reason: FinishReason | None = None,
        failed: str | None = None,
        timings: Timings | None = None,
    ) -> None:
        self._segment_reports.append(
            SegmentReport(
                segment=replace(state.segment, text=state.text),
                voice_source=state.voice_source,
                start_sample=start_sample,
                num_samples=self._position - start_sample,
                finish_reason=finish_reason,
                failed=failed,
                timings=timings,
                words=words.words,
                words_estimated=words.estimated,
            )
        )

    def _start_deadline_timer(self) -> asyncio.TimerHandle | None:
        deadline = self._prepared.request.deadline
        if deadline is None:
            return None
        error = DeadlineExceeded(deadline_ms=round((deadline - self._started) * 1000))
        return asyncio.get_running_loop().call_later(max(0.0, deadline - time.monotonic()), self.abort, error)
