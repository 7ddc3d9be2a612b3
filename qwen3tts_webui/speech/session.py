"""One request while it is spoken.

In: a `PreparedRequest` and the engine. Out: events, in the order in which a listener should hear them. Knows nothing of bytes,
files or the web.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from dataclasses import replace

from qwen3tts_webui.audio.loudness import LoudnessNormalizer
from qwen3tts_webui.audio.pcm import silence
from qwen3tts_webui.audio.time_stretch import TimeStretcher
from qwen3tts_webui.errors import DeadlineExceeded, EmptyText, SpeechError
from qwen3tts_webui.speech.events import (
    AudioChunk,
    Event,
    Report,
    SegmentEnded,
    SegmentFailed,
    SegmentReport,
    SegmentStarted,
)
from qwen3tts_webui.speech.segment_pipeline import SegmentPipeline, SegmentState
from qwen3tts_webui.speech.text_stream import TextStreamSession
from qwen3tts_webui.speech.validation import PreparedRequest
from qwen3tts_webui.types import SAMPLE_RATE, FinishReason, Pcm, SynthesisResult, Synthesizer, Timings, Voice

_JOIN_SAMPLES = SAMPLE_RATE  # what is ready at once becomes one `AudioChunk`, up to about this


class SpeechSession:
    """The events of one request, for one `async for`; `cancel` from any thread.

    Iterating raises `DeadlineExceeded`, and the failure of the first segment if nothing was heard before it. Whoever
    stops listening before the end must `cancel`.
    """

    def __init__(self, synthesizer: Synthesizer, plan: PreparedRequest, feed: TextStreamSession | None = None) -> None:
        """Submits the first segment. Raises what `Synthesizer.submit` raises; then nothing was spent.

        With a `feed`, nothing is submitted before its first word, and what `submit` raises then ends the iteration.
        """
        self._started = time.monotonic()
        self._plan = plan
        self._feed = feed
        self._info = synthesizer.info
        self._ahead = SegmentPipeline(synthesizer, plan, feed)
        self._woken = asyncio.Event()
        self._leveller = LoudnessNormalizer() if plan.request.loudness else None
        self._position = 0
        self._num_heard = 0
        self._accounts: list[SegmentReport] = []
        self._failed: SpeechError | None = None
        self._cancelled = False
        self._capped = False
        self._total_ms: float | None = None

    @property
    def seed(self) -> int:
        """The seed of every segment, given or drawn."""
        return self._plan.seed

    def cancel(self) -> None:
        """End it, with all that was submitted ahead. Idempotent; from any thread; nothing once it has ended."""
        if self._total_ms is None:
            self._cancelled = True
            self._ahead.leave()

    def abort(self, error: SpeechError) -> None:
        """End it like `cancel`; the iteration raises `error`. On the loop."""
        if self._total_ms is None and self._failed is None:
            self._failed = error
            self.cancel()

    def continuation_voice(self, segment: int | None = None) -> tuple[int, Voice] | None:
        """Which segment was spoken to its end (this one, or the first that was), and what is needed to go on in its
        voice."""
        for part in self._ahead.parts:
            if segment in (None, part.segment.index) and (voice := self._ahead.continuation_voice(part)) is not None:
                return part.segment.index, voice
        return None

    @property
    def report(self) -> Report:
        """The account of what happened so far; final once the iteration has ended."""
        plan, info = self._plan, self._info
        first = next((account.timings for account in self._accounts if account.timings is not None), Timings())
        capped = self._capped or any(account.finish_reason == "length" for account in self._accounts)
        return Report(
            request_id=plan.request.request_id,
            text=plan.request.text if self._feed is None else self._feed.text,
            language=plan.language,
            description=plan.voice.description,
            voice=plan.request.voice_id,
            speaker=plan.voice.speaker,
            seed=plan.seed,
            speed=plan.request.speed,
            sampling=plan.request.sampling,
            frames_per_packet=plan.request.frames_per_packet,
            continue_voice=plan.request.continue_voice,
            loudness=plan.request.loudness,
            engine=info.name,
            label=info.label,
            preview=info.preview,
            model=info.model,
            num_samples=self._position,
            finish_reason="cancelled" if self._cancelled else "length" if capped else "stop",
            failed=None if self._failed is None else self._failed.code,
            timings=replace(first, total_ms=self._total_ms),
            segments=tuple(self._accounts),
        )

    async def __aiter__(self) -> AsyncGenerator[Event, None]:
        self._ahead.listen(self._woken.set, on_loop_closed=self.cancel)
        timer = self._set_timer()
        complete = False
        try:
            while (part := await self._next_part()) is not None:
                if part.fed is not None and part.fed.pause_s > 0 and self._num_heard > 0:
                    yield self._placed(silence(part.fed.pause_s))
                    if self._capped:
                        break
                async for event in self._events(part):
                    yield event
                self._num_heard += 1
            if self._feed is not None and self._feed.last_pause_s > 0 and not (self._cancelled or self._capped):
                yield self._placed(silence(self._feed.last_pause_s))
            complete = True
            if self._failed is not None:
                raise self._failed
        finally:
            self._cancelled = self._cancelled or not complete
            if timer is not None:
                timer.cancel()
            self._ahead.leave()
            self._total_ms = (time.monotonic() - self._started) * 1000

    async def _next_part(self) -> SegmentState | None:
        """The part that is heard next, once there is one; None at the end."""
        while not (self._cancelled or self._capped or self._failed is not None):
            self._woken.clear()  # before looking: what comes after the look sets it again
            self._ahead.move_to(self._num_heard)
            if self._num_heard < len(self._ahead.parts):
                return self._ahead.parts[self._num_heard]
            if self._ahead.complete:
                if self._num_heard == 0:
                    self._failed = EmptyText()
                break
            await self._woken.wait()
        return None

    async def _events(self, part: SegmentState) -> AsyncGenerator[Event, None]:
        """All of one segment: started, its sound, ended or failed, and the pause after it."""
        segment, start_sample = part.segment, self._position
        begun = False
        try:
            async for pcm in self._sound(part):
                if not begun:
                    begun = True
                    yield SegmentStarted(segment, start_sample, part.source)
                yield self._placed(pcm)
                if self._capped:
                    break
        except SpeechError as error:
            self._account(part, start_sample, failed=error.code)
            if self._position == 0:
                self._failed = error
            else:
                yield SegmentFailed(segment, error)
            return
        spoken = None if part.stream is None else part.stream.result
        if not begun:
            if spoken is None:  # cancelled before anything came
                return
            yield SegmentStarted(segment, start_sample, part.source)
        ended = SegmentEnded(
            segment=segment,
            start_sample=start_sample,
            num_samples=self._position - start_sample,
            finish_reason=self._stopped(spoken),
            timings=Timings() if spoken is None else spoken.timings,
        )
        self._account(part, start_sample, finish_reason=ended.finish_reason, timings=ended.timings)
        yield ended
        if segment.pause_s > 0 and not self._cancelled and not self._capped:
            yield self._placed(silence(segment.pause_s))

    async def _sound(self, part: SegmentState) -> AsyncGenerator[Pcm, None]:
        """The sound of one segment at its speed, in pieces as they come. Raises how it failed."""
        stretcher = TimeStretcher(part.segment.speed)
        while not self._cancelled:
            self._woken.clear()  # before looking: what comes after the look sets it again
            if part.refused is not None:
                raise part.refused
            ended = part.settled
            join = _JOIN_SAMPLES if self._position > 0 else 0  # what is heard first waits for no other
            pcm = None if part.stream is None else part.stream.read(join)
            if pcm is not None:
                self._ahead.heard()
                pcm = stretcher.push(pcm)
                if len(pcm) > 0:
                    yield self._levelled(pcm)
            elif ended:
                rest = stretcher.flush()
                if len(rest) > 0:
                    yield self._levelled(rest)
                return
            else:
                await self._woken.wait()

    def _levelled(self, pcm: Pcm) -> Pcm:
        return pcm if self._leveller is None else self._leveller.push(pcm)

    def _placed(self, pcm: Pcm) -> AudioChunk:
        """`pcm` put after all that was heard, cut where the request's `max_duration_s` is full."""
        limit = self._plan.max_samples
        if limit is not None and self._position + len(pcm) >= limit:
            self._capped = True
            pcm = pcm[: limit - self._position]
        self._position += len(pcm)
        return AudioChunk(pcm)

    def _stopped(self, spoken: SynthesisResult | None) -> FinishReason:
        if self._cancelled:
            return "cancelled"
        return "length" if self._capped or spoken is None else spoken.finish_reason

    def _account(
        self,
        part: SegmentState,
        start_sample: int,
        finish_reason: FinishReason | None = None,
        failed: str | None = None,
        timings: Timings | None = None,
    ) -> None:
        self._accounts.append(
            SegmentReport(
                segment=replace(part.segment, text=part.text),
                voice=part.source,
                start_sample=start_sample,
                num_samples=self._position - start_sample,
                finish_reason=finish_reason,
                failed=failed,
                timings=timings,
            )
        )

    def _set_timer(self) -> asyncio.TimerHandle | None:
        deadline = self._plan.request.deadline
        if deadline is None:
            return None

        def expire() -> None:
            self.abort(DeadlineExceeded(deadline_ms=round((deadline - self._started) * 1000)))

        return asyncio.get_running_loop().call_later(max(0.0, deadline - time.monotonic()), expire)
