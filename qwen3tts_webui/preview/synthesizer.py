"""The preview voice as an engine: takes utterances, speaks them clause by clause on one thread.

In: `Utterance`s with their sinks. Out: PCM in packets of at most 80 ms. One clause is spoken at a time, whoever wants
it; a listener who leaves ends even the clause that is being made. Loads in the background; what is
asked before that waits.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from qwen3tts_webui.config import asset
from qwen3tts_webui.errors import (
    CLOSING,
    Busy,
    EngineStopped,
    NestedError,
    NotReady,
    SpeechError,
    SynthesisError,
    Unsupported,
)
from qwen3tts_webui.preview.backend import Assets, KokoroBackend
from qwen3tts_webui.preview.fair_queue import FairQueue
from qwen3tts_webui.preview.kokoro import SynthesisCancelled
from qwen3tts_webui.preview.utterance_state import UtteranceState
from qwen3tts_webui.preview.voice_selection import VoiceChoice
from qwen3tts_webui.text import LANGUAGES
from qwen3tts_webui.types import EngineInfo, EngineLoad, Feature, Pcm, PcmSink, Utterance

_POLL_S = 0.02  # sinks and feeds are asked this often when nobody can go on
_RETRY_AFTER_S = 5
_FEATURES: frozenset[Feature] = frozenset({"engine_voice", "seed", "text_streaming"})
_log = logging.getLogger(__name__)


class PreviewBackend(Protocol):
    """What `PreviewSynthesizer` needs of a `KokoroBackend`; it is built and used on the engine's thread only."""

    @property
    def fallback_reason(self) -> str: ...

    def warm_up(self, stop: Callable[[], bool]) -> None: ...

    def choose_voice(
        self, description: str, language: str, seed: int, engine_voice_id: str | None = None
    ) -> VoiceChoice: ...

    def speak(
        self,
        text: str,
        language: str,
        cast: VoiceChoice,
        put: Callable[[Pcm], None],
        *,
        urgent: bool,
        stop: Callable[[], bool],
    ) -> None: ...


class PreviewSynthesizer:
    """Implements `types.Synthesizer`. It is not Qwen3-TTS, and its `info` says so.

    `slots` is how many utterances are said to speak at once (in turns), `queue_size` how many more may wait, `threads`
    what Kokoro may keep busy. `make_backend` loads everything that makes sound.
    """

    def __init__(
        self,
        *,
        queue_size: int = 64,
        slots: int = 2,
        threads: int = 2,
        make_backend: Callable[[], PreviewBackend] | None = None,
    ) -> None:
        assets = Assets(asset("preview"))
        self._selector = assets.voice_selector()
        self._make_backend = make_backend or (lambda: KokoroBackend(assets, self._selector, threads=threads))
        self._queue_size = queue_size
        self._slots = slots
        self._queue = FairQueue()
        self._change = threading.Condition()
        self._ready = False
        self._failed = ""
        self._closed = False
        self._aborted = False
        self._without_kokoro = ""
        self._thread = threading.Thread(target=self._run, name="preview-voice", daemon=True)
        self._thread.start()

    @property
    def info(self) -> EngineInfo:
        fallback = bool(self._without_kokoro)
        voice = "espeak-ng; Kokoro-82M is not installed" if fallback else "Kokoro-82M"
        return EngineInfo(
            name="preview",
            label=f"Preview voice ({voice}), not Qwen3-TTS",
            preview=True,
            model="espeak-ng" if fallback else "Kokoro-82M",
            model_type="preview",
            device="cpu",
            dtype="n/a" if fallback else "int8",
            languages=tuple(language.code for language in LANGUAGES),
            features=_FEATURES,
            slots=self._slots,
        )

    @property
    def ready(self) -> bool:
        return self._ready and not self._closed

    @property
    def load(self) -> EngineLoad:
        with self._change:
            speaking, total = self._queue.speaking, len(self._queue)
        active = min(max(speaking, min(total, self._slots)), self._slots)
        return EngineLoad(running=active, queued=total - active, slots=self._slots, queue_size=self._queue_size)

    def submit(self, jobs: Sequence[tuple[Utterance, PcmSink]]) -> None:
        for utterance, _ in jobs:
            self._check(utterance)
        with self._change:
            if self._failed or self._closed:
                raise NotReady(reason=self._failed or CLOSING)
            waiting = len(self._queue)
            if waiting + len(jobs) > self._slots + self._queue_size:
                raise Busy(waiting=max(0, waiting - self._slots), retry_after_s=_RETRY_AFTER_S)
            self._queue.add([UtteranceState(utterance, sink) for utterance, sink in jobs])
            self._change.notify_all()

    def close(self, *, grace_s: float = 0.0) -> None:
        with self._change:
            self._closed = True
            self._change.notify_all()
            self._change.wait_for(lambda: not len(self._queue), max(0.0, grace_s))
            self._aborted = True
            self._change.notify_all()
        if threading.current_thread() is not self._thread:
            self._thread.join()  # a thread that is still within foreign code when Python ends would abort the program

    def _check(self, utterance: Utterance) -> None:
        voice = utterance.voice
        if voice.engine_voice_id is not None:
            self._selector.named(voice.engine_voice_id)
        hint = "Describe the voice in words instead."
        if voice.speaker is not None:
            raise Unsupported(engine=self.info.label, feature="speaker", hint=hint)
        if voice.acoustic_prompt is not None:
            raise Unsupported(engine=self.info.label, feature="continuation", hint=hint)

    # the engine's thread

    def _run(self) -> None:
        try:
            speaker = self._make_backend()
            self._without_kokoro = speaker.fallback_reason
            speaker.warm_up(lambda: self._aborted)
        except SynthesisCancelled:
            self._fail_rest(EngineStopped())
            return
        except Exception as error:
            _log.exception("the preview voice cannot be loaded")
            with self._change:
                self._failed = (
                    NestedError(error) if isinstance(error, SpeechError) else str(error) or type(error).__name__
                )
            self._fail_rest(NotReady(reason=self._failed))
            return
        self._ready = True
        while (job := self._wait_for_turn()) is not None:
            self._take_turn(job, speaker)
        self._fail_rest(EngineStopped())

    def _wait_for_turn(self) -> UtteranceState | None:
        """The next job that can go on; None when the engine is to stop."""
        with self._change:
            while not self._aborted and not (self._closed and not len(self._queue)):
                for job in self._queue.pick(_may_go):
                    self._queue.record_turn(job)
                    return job
                self._change.wait(_POLL_S if len(self._queue) else None)
        return None

    def _take_turn(self, job: UtteranceState, speaker: PreviewBackend) -> None:
        """One clause of one utterance. A failure ends this utterance only."""
        try:
            ended = self._speak_clause(job, speaker)
        except SynthesisCancelled:
            ended = not self._aborted
            if ended:
                job.finish("cancelled")
        except Exception as error:
            _log.error("an utterance failed: %s", type(error).__name__)
            job.sink.fail(error if isinstance(error, SynthesisError) else _wrapped(error))
            ended = True
        if ended:
            with self._change:
                self._queue.remove(job)
                self._change.notify_all()

    def _speak_clause(self, job: UtteranceState, speaker: PreviewBackend) -> bool:
        """True when the utterance has ended, and its sink knows."""

        def stop() -> bool:
            return self._aborted or job.sink.cancelled

        def put(packet: Pcm) -> None:
            if stop():
                raise SynthesisCancelled
            job.put(packet)

        if stop():
            raise SynthesisCancelled
        clause = job.next_clause()
        if job.voice is None:
            voice = job.utterance.voice
            job.voice = speaker.choose_voice(voice.description, job.language, job.utterance.seed, voice.engine_voice_id)
        if clause:
            speaker.speak(clause, job.language, job.voice, put, urgent=job.nothing_sent, stop=stop)
        if clause and not job.at_length_limit:
            return False
        job.finish("length" if job.at_length_limit else "stop")
        return True

    def _fail_rest(self, error: Exception) -> None:
        with self._change:
            for job in self._queue:
                self._queue.remove(job)
                job.sink.fail(error)
            self._change.notify_all()


def _may_go(job: UtteranceState) -> bool:
    return job.sink.cancelled or (not job.sink.is_backpressured and job.has_clause())


def _wrapped(error: Exception) -> SynthesisError:
    wrapped = SynthesisError()
    wrapped.__cause__ = error
    return wrapped
