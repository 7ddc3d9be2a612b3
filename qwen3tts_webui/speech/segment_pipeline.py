"""Submit the segments of one request to the engine, one or more ahead of playback.

In: a `PreparedRequest`. Out: one `PcmStream` per segment. Decides when a segment may be submitted and in which voice;
retries later segments while the queue is full. Knows nothing of what is done with the audio.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from qwen3tts_webui.errors import Busy, SpeechError
from qwen3tts_webui.speech.events import VoiceSource
from qwen3tts_webui.speech.streamed_line import StreamedSegment
from qwen3tts_webui.speech.text_stream import TextStreamSession
from qwen3tts_webui.speech.validation import PreparedRequest
from qwen3tts_webui.speech.voice_resolution import is_fixed_voice
from qwen3tts_webui.streams import EventLoopNotifier, PcmStream
from qwen3tts_webui.text import NormalizedText
from qwen3tts_webui.types import (
    AcousticPrompt,
    EngineOptions,
    Segment,
    Synthesizer,
    Timings,
    Utterance,
    Voice,
    option_values,
)

_RETRY_S = 0.1


@dataclass(slots=True, eq=False)
class SegmentState:
    """One segment: not submitted yet, failed to submit (`error`), or submitted (`stream`).

    `streamed` is its source if its text is still being written. `given` is the text that the engine got at first, made
    of `num_given` of its parts; the others follow as they are written.
    """

    segment: Segment
    streamed: StreamedSegment | None = None
    stream: PcmStream | None = None
    error: SpeechError | None = None
    voice_source: VoiceSource = "new"
    normalized: NormalizedText | None = None
    given: str = ""
    num_given: int = 0

    @property
    def spoken_text(self) -> str:
        """The text that the engine has been given so far."""
        if self.streamed is not None and self.streamed.queue is not None:
            return "".join(self.streamed.spoken_parts).strip()
        return self.text if self.normalized is None else self.normalized.spoken

    @property
    def engine_text(self) -> str:
        """The text that the engine has by now, in which it counts positions."""
        if self.streamed is not None and self.streamed.queue is not None:
            return self.given + "".join(self.streamed.spoken_parts[self.num_given :])
        return self.given

    @property
    def spoken_form(self) -> NormalizedText | None:
        """Its spoken form so far, and where it was written; None before it is submitted."""
        if self.streamed is not None and self.streamed.normalizer is not None:
            return self.streamed.normalizer.normalized
        return self.normalized

    @property
    def text(self) -> str:
        """All of its text written so far."""
        return self.segment.text if self.streamed is None else self.streamed.text

    @property
    def done(self) -> bool:
        """True once the engine is done with it."""
        return self.error is not None or (self.stream is not None and self.stream.ended)


class SegmentPipeline:
    """The segments of one request, in order. With a `text_stream` there are none at first; they come as it is written.

    Without continuation, segments are synthesized in parallel: `max_parallel_segments` of them from the start, and at
    least the next one once the first audio has arrived. With continuation, a segment is submitted when the engine has
    finished the one before.
    """

    def __init__(
        self, synthesizer: Synthesizer, prepared: PreparedRequest, text_stream: TextStreamSession | None = None
    ) -> None:
        self.segments = [SegmentState(segment) for segment in prepared.segments]
        self._text_stream = text_stream
        self._synthesizer = synthesizer
        self._prepared = prepared
        self._max_parallel = 1 if prepared.continues else prepared.request.max_parallel_segments
        self._current = 0
        self._has_audio = False
        self._cancelled = False
        self._retrying = False
        self._carried_voice: Voice | None = None
        self._notifier: EventLoopNotifier | None = None

    @property
    def complete(self) -> bool:
        """True once no segments will be added."""
        return self._text_stream is None or self._text_stream.ended

    @property
    def early_timings(self) -> Timings:
        """The times until the first audio of the first segment, as far as they are known."""
        stream = self.segments[0].stream if self.segments else None
        return Timings() if stream is None or stream.early_timings is None else stream.early_timings

    def first_utterance(self) -> tuple[Utterance, PcmStream]:
        """Return the first segment for the caller to submit. Only without a text stream."""
        utterance, stream = self._prepare(self.segments[0]), PcmStream()
        self._attach(self.segments[0], utterance, stream)
        return utterance, stream

    def listen(self, on_change: Callable[[], None], on_loop_closed: Callable[[], None]) -> None:
        """Call `on_change` on the running loop whenever anything changes."""

        def changed() -> None:
            self.submit_ready()
            on_change()

        self._notifier = EventLoopNotifier(asyncio.get_running_loop(), changed, on_loop_closed)
        for state in self.segments:
            if state.stream is not None:
                state.stream.set_data_callback(self._notifier)
        if self._text_stream is not None:
            self._text_stream.watch(self._notifier)
            self._notifier()  # for text written before

    def set_current(self, index: int) -> None:
        """Segment `index` is the one being played."""
        self._current = index
        self.submit_ready()

    def on_first_audio(self) -> None:
        """The request has audio: there is time to synthesize the next segment."""
        if not self._has_audio:
            self._has_audio = True
            self.submit_ready()

    def cancel_all(self) -> None:
        """Cancel everything submitted and submit nothing more. Idempotent; from any thread."""
        self._cancelled = True
        for state in self.segments:
            if state.stream is not None:
                state.stream.cancel()
        if self._notifier is not None:
            self._notifier()

    def continuation_voice(self, state: SegmentState) -> Voice | None:
        """Return the voice that continues this segment; None unless it was completed (else text and codes mismatch)."""
        result = None if state.stream is None else state.stream.result
        if result is None or result.finish_reason != "stop":
            return None
        voice = self._prepared.voice
        if result.codes is not None and len(result.codes) > 0:
            return replace(voice, acoustic_prompt=AcousticPrompt(text=state.spoken_text, codes=result.codes))
        return voice if result.engine_voice_id is None else replace(voice, engine_voice_id=result.engine_voice_id)

    def completed_voice(self, segment: int | None = None) -> tuple[int, Voice] | None:
        """Return a completed segment (this one, or the first) and the voice that continues it, if there is one."""
        for state in self.segments:
            if segment in (None, state.segment.index):
                voice = self.continuation_voice(state)
                if voice is not None:
                    return state.segment.index, voice
        return None

    def submit_ready(self) -> None:
        """Submit every segment that may be submitted now. On the event loop."""
        self._pull_from_stream()
        for state in self.segments[self._current : self._current + max(2, self._max_parallel)]:
            if state.stream is not None or state.error is not None:
                continue
            if self._cancelled or self._retrying or not self._may_submit(state):
                return
            try:
                self._submit(state)
            except Busy as error:
                if self._text_stream is not None and state.segment.index == 0:
                    state.error = error
                    return
                self._retrying = True
                asyncio.get_running_loop().call_later(_RETRY_S, self._retry)
                return
            except SpeechError as error:
                state.error = error

    def _pull_from_stream(self) -> None:
        """Take segments from the text stream, but none that cannot be submitted yet: it can still merge those."""
        while self._text_stream is not None and not self._cancelled and len(self.segments) < self._current + 2:
            streamed = self._text_stream.next()
            if streamed is None:
                return
            self.segments.append(SegmentState(streamed.segment, streamed))

    def _retry(self) -> None:
        self._retrying = False
        if self._notifier is not None:
            self._notifier()

    def _may_submit(self, state: SegmentState) -> bool:
        index = state.segment.index
        if index == self._current:
            return True
        if self._prepared.continues:
            return self.segments[index - 1].done
        return self._has_audio or index < self._current + self._max_parallel

    def _submit(self, state: SegmentState) -> None:
        utterance, stream = self._prepare(state), PcmStream()
        self._synthesizer.submit([(utterance, stream)])
        self._attach(state, utterance, stream)
        if self._cancelled:  # by another thread, during the submit
            stream.cancel()
        elif self._notifier is not None:
            stream.set_data_callback(self._notifier)

    def _prepare(self, state: SegmentState) -> Utterance:
        """Build the utterance of a segment, in the voice it continues."""
        prepared, index = self._prepared, state.segment.index
        if prepared.continues and index > 0:
            self._carry_voice(self.segments[index - 1])
        written = state.segment.text
        spoken = prepared.spoken if state.streamed is None else state.streamed.front_end
        if state.streamed is None or state.streamed.queue is None:
            state.normalized = spoken.normalized(written)
        else:
            state.streamed.queue.take()  # written since the segment was taken: it is in `spoken_text`
            state.num_given = len(state.streamed.spoken_parts)
        state.given = state.spoken_text
        return Utterance(
            text=state.given,
            language=spoken.engine_language(written, preview=prepared.info.preview),
            voice=self._carried_voice or prepared.voice,
            seed=prepared.seed,
            max_frames=prepared.max_frames,
            client=prepared.request.client,
            weight=prepared.request.weight,
            text_stream=None if state.streamed is None else state.streamed.queue,
            **option_values(EngineOptions, prepared.request),
        )

    def _attach(self, state: SegmentState, utterance: Utterance, stream: PcmStream) -> None:
        state.stream = stream
        if is_fixed_voice(utterance.voice):
            state.voice_source = "continued"
        else:
            state.voice_source = "new" if state.segment.index == 0 else "same_seed"

    def _carry_voice(self, state: SegmentState) -> None:
        """Continue in the voice of this segment, if possible."""
        voice = self.continuation_voice(state)
        if voice is not None and is_fixed_voice(voice):
            self._carried_voice = voice
