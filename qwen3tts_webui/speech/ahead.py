"""The segments of one request on their way to the engine, one or more ahead of the one that is heard.

In: a `Plan`. Out: a `PcmStream` a segment. Decides when a segment may be submitted and in whose voice; tries again when
the queue has no room for a later one. Knows nothing of what is done with the sound.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from qwen3tts_webui.errors import Busy, SpeechError
from qwen3tts_webui.speech.events import VoiceSource
from qwen3tts_webui.speech.feed import Feed
from qwen3tts_webui.speech.plan import Plan
from qwen3tts_webui.speech.span import Fed
from qwen3tts_webui.stream import LoopWaker, PcmStream
from qwen3tts_webui.text.normalize import NormalizedText
from qwen3tts_webui.types import Passage, Segment, Synthesizer, Utterance, Voice

_RETRY_S = 0.1


@dataclass(slots=True, eq=False)
class Part:
    """One segment: not submitted yet, `refused` by the engine, or on its `stream`. `fed` is where it came from, if its
    text is still being written."""

    segment: Segment
    fed: Fed | None = None
    stream: PcmStream | None = None
    refused: SpeechError | None = None
    source: VoiceSource = "new"
    normalized: NormalizedText | None = None

    @property
    def spoken_text(self) -> str:
        """What the engine was given to say so far."""
        if self.fed is not None and self.fed.queue is not None:
            return "".join(self.fed.spoken).strip()
        return self.text if self.normalized is None else self.normalized.spoken

    @property
    def text(self) -> str:
        """All of its text that was written so far."""
        return self.segment.text if self.fed is None else self.fed.text

    @property
    def settled(self) -> bool:
        """The engine is done with it."""
        return self.refused is not None or (self.stream is not None and self.stream.ended)


class Ahead:
    """Submits the first segment when made (raising what `submit` raises), the others by `look`. With a `feed` there is
    none at first: all come from it, as they are written.

    Without continuation, segments speak at the same time: `parallel` from the start, and at least the next one as soon
    as something was heard. With it, a segment is submitted when the engine has finished the one before.
    """

    def __init__(self, synthesizer: Synthesizer, plan: Plan, feed: Feed | None = None) -> None:
        self.parts = [Part(segment) for segment in plan.segments]
        self._feed = feed
        self._synthesizer = synthesizer
        self._plan = plan
        self._parallel = 1 if plan.continues else plan.request.parallel
        self._current = 0
        self._heard = False
        self._left = False
        self._retrying = False
        self._kept: Voice | None = None
        self._waker: LoopWaker | None = None
        if feed is None:
            self._submit(self.parts[0])

    @property
    def complete(self) -> bool:
        """No parts will be added any more."""
        return self._feed is None or self._feed.ended

    def listen(self, on_change: Callable[[], None], orphaned: Callable[[], None]) -> None:
        """From now on, call `on_change` on the running loop after anything changed."""

        def changed() -> None:
            self.look()
            on_change()

        self._waker = LoopWaker(asyncio.get_running_loop(), changed, orphaned)
        for part in self.parts:
            if part.stream is not None:
                part.stream.listen(self._waker)
        if self._feed is not None:
            self._feed.watch(self._waker)
            self._waker()  # for what was written before

    def move_to(self, index: int) -> None:
        """Segment `index` is the one that is heard now."""
        self._current = index
        self.look()

    def heard(self) -> None:
        """Sound of this request has come: there is time for the next segment."""
        if not self._heard:
            self._heard = True
            self.look()

    def leave(self) -> None:
        """Cancel whatever is with the engine, and submit nothing more. Idempotent; from any thread."""
        self._left = True
        for part in self.parts:
            if part.stream is not None:
                part.stream.cancel()
        if self._waker is not None:
            self._waker()

    def voice_of(self, part: Part) -> Voice | None:
        """The voice of `part` as the engine can go on in it; None unless it was spoken to its end: a cut text does not
        fit its codes."""
        spoken = None if part.stream is None else part.stream.spoken
        if spoken is None or spoken.stopped != "end":
            return None
        voice = self._plan.voice
        if spoken.codes is not None and len(spoken.codes) > 0:
            return replace(voice, passage=Passage(text=part.spoken_text, codes=spoken.codes))
        return voice if spoken.engine_voice is None else replace(voice, engine_voice=spoken.engine_voice)

    def look(self) -> None:
        """Submit what may be with the engine by now. On the loop."""
        self._draw()
        for part in self.parts[self._current : self._current + max(2, self._parallel)]:
            if part.stream is not None or part.refused is not None:
                continue
            if self._left or self._retrying or not self._may_submit(part):
                return
            try:
                self._submit(part)
            except Busy as error:
                if self._feed is not None and part.segment.index == 0:
                    part.refused = error
                    return
                self._retrying = True
                asyncio.get_running_loop().call_later(_RETRY_S, self._retry)
                return
            except SpeechError as error:
                part.refused = error

    def _draw(self) -> None:
        """Take from the feed what is certain, no more than may be submitted: what waits there can still be joined."""
        while self._feed is not None and not self._left and len(self.parts) < self._current + 2:
            fed = self._feed.next()
            if fed is None:
                return
            self.parts.append(Part(fed.segment, fed))

    def _retry(self) -> None:
        self._retrying = False
        if self._waker is not None:
            self._waker()

    def _may_submit(self, part: Part) -> bool:
        index = part.segment.index
        if index == self._current:
            return True
        if self._plan.continues:
            return self.parts[index - 1].settled
        return self._heard or index < self._current + self._parallel

    def _submit(self, part: Part) -> None:
        plan, index = self._plan, part.segment.index
        if plan.continues and index > 0:
            self._keep(self.parts[index - 1])
        voice = self._kept or plan.voice
        given = voice.passage is not None or voice.engine_voice is not None
        written = part.segment.text
        if part.fed is None or part.fed.queue is None:
            part.normalized = plan.spoken.normalized(written)
        utterance = Utterance(
            text=part.spoken_text,
            language=plan.spoken.engine_language(written, preview=self._synthesizer.info.preview),
            voice=voice,
            seed=plan.seed,
            sampling=plan.request.sampling,
            text_mode=plan.request.text_mode,
            max_frames=plan.max_frames,
            packet_frames=plan.request.packet_frames,
            client=plan.request.client,
            feed=None if part.fed is None else part.fed.queue,
        )
        stream = PcmStream()
        self._synthesizer.submit([(utterance, stream)])
        part.stream = stream
        part.source = "continued" if given else "new" if index == 0 else "seed"
        if self._left:  # cancelled by another thread while this was being submitted
            stream.cancel()
        elif self._waker is not None:
            stream.listen(self._waker)

    def _keep(self, part: Part) -> None:
        """Go on in the voice of `part`, if that can be."""
        voice = self.voice_of(part)
        if voice is not None and (voice.passage is not None or voice.engine_voice is not None):
            self._kept = voice
