"""The preview voice as an engine: synthesizes utterances clause by clause on one thread.

In: `Utterance`s with their sinks. Out: PCM in packets of at most 80 ms. One clause is synthesized at a time; cancelling
an utterance interrupts even its current clause. Loads in the background; requests are queued meanwhile.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from qwen3tts_webui.config import asset
from qwen3tts_webui.errors import (
    CLOSING,
    EngineStopped,
    ErrorDetail,
    NestedError,
    NotReady,
    SpeechError,
    SynthesisError,
    Unsupported,
)
from qwen3tts_webui.fair_share import ServiceTime, check_capacity
from qwen3tts_webui.preview.backend import Assets, KokoroBackend
from qwen3tts_webui.preview.fair_queue import FairQueue
from qwen3tts_webui.preview.kokoro import SynthesisCancelled
from qwen3tts_webui.preview.utterance_state import Clause, UtteranceState
from qwen3tts_webui.preview.voice_selection import FOLLOWED_TRAITS, VoiceChoice
from qwen3tts_webui.text import LANGUAGES
from qwen3tts_webui.types import EngineInfo, EngineLoad, Feature, Pcm, PcmSink, Utterance, WordMark

_POLL_S = 0.02  # how often sinks and text streams are checked while no utterance is ready
_MAX_INTERRUPTIONS = 2  # of one clause: its utterance must not starve
_FEATURES: frozenset[Feature] = frozenset({"engine_voice", "seed", "text_streaming", "word_timing"})
_log = logging.getLogger(__name__)


class PreviewBackend(Protocol):
    """What `PreviewSynthesizer` needs to generate audio. Created and used on the engine's thread only."""

    @property
    def fallback_reason(self) -> str:
        """Why Kokoro is replaced by espeak-ng; "" if it is not."""
        ...

    def warm_up(self, stop: Callable[[], bool]) -> float:
        """Synthesize once without output; return the seconds of speech per second."""
        ...

    def choose_voice(
        self, description: str, language: str, seed: int, engine_voice_id: str | None = None
    ) -> VoiceChoice:
        """Choose the voice for a description, or the voice with this id."""
        ...

    def synthesize(
        self,
        clause: Clause,
        language: str,
        voice: VoiceChoice,
        put: Callable[[Pcm], None],
        *,
        mark: Callable[[Sequence[WordMark]], None],
        stop: Callable[[], bool],
        yields: Callable[[], bool],
    ) -> None:
        """Pass the audio of one clause to `put`, and before it its words to `mark`.

        Raises `SynthesisCancelled` after `stop` or `yields` returned True.
        """
        ...


class PreviewSynthesizer:
    """Implements `types.Synthesizer`. It is not Qwen3-TTS, and its `info` says so.

    `slots` is the number of utterances reported as running (they take turns), `queue_size` how many more may wait,
    `threads` the number of CPU threads of Kokoro. `make_backend` loads everything that generates audio.
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
        self._service_time = ServiceTime()
        self._change = threading.Condition()
        self._ready = False
        self._failure = ""
        self._closed = False
        self._aborted = False
        self._fallback_reason = ""
        self._speed: float | None = None
        self._thread = threading.Thread(target=self._run, name="preview-voice", daemon=True)
        self._thread.start()

    @property
    def info(self) -> EngineInfo:
        """What the preview voice is and can do."""
        fallback = bool(self._fallback_reason)
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
            features=_FEATURES - {"word_timing"} if fallback else _FEATURES,
            slots=self._slots,
            followed_traits=FOLLOWED_TRAITS,
            speed=self._speed,
        )

    @property
    def ready(self) -> bool:
        """True once the next utterance needs no warm-up."""
        return self._ready and not self._closed

    @property
    def load(self) -> EngineLoad:
        """Utterances running and queued."""
        with self._change:
            num_started, total = self._queue.num_started, len(self._queue)
            clients = frozenset(state.utterance.client for state in self._queue)
        running = min(max(num_started, min(total, self._slots)), self._slots)
        return EngineLoad(
            running=running,
            queued=total - running,
            slots=self._slots,
            queue_size=self._queue_size,
            clients=clients,
            service_s=self._service_time.mean_s,
        )

    def submit(self, requests: Sequence[tuple[Utterance, PcmSink]]) -> None:
        """Accept all requests or none. Raises `Busy`, `NotReady`, `UnknownVoice` and `Unsupported`."""
        for utterance, _ in requests:
            self._check(utterance)
        with self._change:
            if self._failure or self._closed:
                raise NotReady(reason=self._failure or CLOSING)
            check_capacity(self.load, [utterance.client for utterance, _ in requests])
            self._queue.add([UtteranceState(utterance, sink) for utterance, sink in requests])
            self._change.notify_all()

    def close(self, *, grace_s: float = 0.0) -> None:
        """Give running utterances `grace_s` seconds, then fail the rest with `EngineStopped`. Idempotent."""
        with self._change:
            self._closed = True
            self._change.notify_all()
            self._change.wait_for(lambda: not len(self._queue), max(0.0, grace_s))
            self._aborted = True
            self._change.notify_all()
        if threading.current_thread() is not self._thread:
            self._thread.join()  # a thread inside C code while Python exits would abort the process

    def _check(self, utterance: Utterance) -> None:
        voice = utterance.voice
        if voice.engine_voice_id is not None:
            self._selector.find(voice.engine_voice_id)
        hint = ErrorDetail("describe_the_voice", "Describe the voice in words instead.")
        if voice.speaker is not None:
            raise Unsupported(engine=self.info.label, feature="speaker", hint=hint)
        if voice.acoustic_prompt is not None:
            raise Unsupported(engine=self.info.label, feature="continuation", hint=hint)

    # the engine's thread

    def _run(self) -> None:
        try:
            backend = self._make_backend()
            self._fallback_reason = backend.fallback_reason
            self._speed = backend.warm_up(lambda: self._aborted)
        except SynthesisCancelled:
            self._fail_all(EngineStopped())
            return
        except Exception as error:
            _log.exception("the preview voice cannot be loaded")
            reason = NestedError(error) if isinstance(error, SpeechError) else str(error) or type(error).__name__
            with self._change:
                self._failure = reason
            self._fail_all(NotReady(reason=reason))
            return
        self._ready = True
        while (state := self._wait_for_turn()) is not None:
            self._take_turn(state, backend)
        self._fail_all(EngineStopped())

    def _wait_for_turn(self) -> UtteranceState | None:
        """Wait for the next utterance that is ready; None when the engine shuts down."""
        with self._change:
            while not self._aborted and not (self._closed and not len(self._queue)):
                state = self._queue.next(_is_ready)
                if state is not None:
                    return state
                self._change.wait(_POLL_S if len(self._queue) else None)
        return None

    def _take_turn(self, state: UtteranceState, backend: PreviewBackend) -> None:
        """Synthesize one clause of one utterance. A failure ends this utterance only."""
        began = time.monotonic()
        try:
            ended = self._synthesize_clause(state, backend)
        except SynthesisCancelled:
            ended = not self._aborted
            if ended:
                state.finish("cancelled")
        except Exception as error:
            _log.error("an utterance failed: %s", type(error).__name__)
            state.sink.fail(error if isinstance(error, SynthesisError) else _wrapped(error))
            ended = True
        state.active_s += time.monotonic() - began
        if ended:
            self._service_time.add(state.active_s)
            with self._change:
                self._queue.remove(state)
                self._change.notify_all()

    def _synthesize_clause(self, state: UtteranceState, backend: PreviewBackend) -> bool:
        """Return True once the utterance has ended and its sink was notified; False also if it has to yield."""

        def stop() -> bool:
            return self._aborted or state.sink.cancelled

        def put(packet: Pcm) -> None:
            if stop():
                raise SynthesisCancelled
            state.put(packet)
            with self._change:
                self._queue.charge(state, len(packet))

        if stop():
            raise SynthesisCancelled
        clause = state.next_clause()

        def yields() -> bool:
            if state.nothing_sent or clause.interruptions >= _MAX_INTERRUPTIONS:
                return False
            with self._change:
                return self._queue.must_yield(state, _is_ready)

        if state.voice is None:
            voice = state.utterance.voice
            state.voice = backend.choose_voice(
                voice.description, state.language, state.utterance.seed, voice.engine_voice_id
            )
        if clause.text:
            try:
                backend.synthesize(
                    clause, state.language, state.voice, put,
                    mark=lambda words: state.mark(clause, words), stop=stop, yields=yields,
                )  # fmt: skip
            except SynthesisCancelled:
                if stop():
                    raise
                state.interrupt(clause)
                return False
        if clause.text and not state.at_length_limit:
            return False
        state.finish("length" if state.at_length_limit else "stop")
        return True

    def _fail_all(self, error: Exception) -> None:
        with self._change:
            for state in self._queue:
                self._queue.remove(state)
                state.sink.fail(error)
            self._change.notify_all()


def _is_ready(state: UtteranceState) -> bool:
    return state.sink.cancelled or (not state.sink.is_backpressured and state.has_clause())


def _wrapped(error: Exception) -> SynthesisError:
    wrapped = SynthesisError()
    wrapped.__cause__ = error
    return wrapped
