"""The entry point for synthesis: the page, the API and the command line share one `Speech` and its queue.

In: `SpeechRequest`s. Out: `SpeechSession`s. Knows neither HTTP nor any particular engine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from qwen3tts_webui.errors import SpeechError
from qwen3tts_webui.hot_swap import SharedQueue, current_engine, engines_of, total_load
from qwen3tts_webui.speech.cloning import ClonedRecording, clone_recording
from qwen3tts_webui.speech.engine_choice import choose_engine
from qwen3tts_webui.speech.engine_speeds import EngineSpeeds
from qwen3tts_webui.speech.session import SpeechSession
from qwen3tts_webui.speech.text_stream import TextStreamSession
from qwen3tts_webui.speech.validation import PreparedRequest, prepare, prepare_stream
from qwen3tts_webui.speech.voice_resolution import resolve_voice
from qwen3tts_webui.text import LANGUAGES, Lexicon, MarkupOptions, parse_language
from qwen3tts_webui.types import (
    CloningSynthesizer,
    EncodesReferences,
    EngineInfo,
    EngineLoad,
    LoadState,
    PrecisionSwitching,
    SpeechRequest,
    Synthesizer,
    UnloadableSynthesizer,
)
from qwen3tts_webui.voices import LexiconFile

if TYPE_CHECKING:
    from qwen3tts_webui.audio import ReferenceAudio
    from qwen3tts_webui.history import HistoryStore
    from qwen3tts_webui.voices import Preset, Presets


class Speech:
    """Resolves voices, validates requests and submits them to the active engine, or to another one for its voices.

    `presets` are the built-in voices. `library` stores finished speech and saved voices; None disables the history.
    `lexicon` holds the user's own pronunciations, for all requests; by default it is stored in the library.
    """

    def __init__(
        self,
        synthesizer: Synthesizer,
        presets: Presets,
        library: HistoryStore | None = None,
        *,
        max_text: int = 20_000,
        lexicon: LexiconFile | None = None,
    ) -> None:
        self.presets = presets
        self.library = library
        self.max_text = max_text
        self.lexicon_file = lexicon or (LexiconFile() if library is None else library.lexicon)
        self._synthesizer = synthesizer
        self._wrap: Callable[[Synthesizer], Synthesizer] = _unchanged
        self._speeds = EngineSpeeds()

    @property
    def lexicon(self) -> Lexicon:
        """The user's own pronunciations now."""
        return self.lexicon_file.current

    @property
    def info(self) -> EngineInfo:
        """The active engine."""
        return self._synthesizer.info

    @property
    def engines(self) -> tuple[EngineInfo, ...]:
        """All engines, the active one first."""
        return tuple(engine.info for engine in engines_of(self._synthesizer))

    def info_of(self, request: SpeechRequest) -> EngineInfo:
        """The engine that synthesizes `request`."""
        return self._choose(request).info

    @property
    def speakers(self) -> tuple[str, ...]:
        """The named speakers of all engines."""
        return tuple(dict.fromkeys(speaker for info in self.engines for speaker in info.speakers))

    @property
    def languages(self) -> dict[str, str]:
        """The supported languages: code -> native name."""
        return {language.code: language.native for language in LANGUAGES if language.code in self.info.languages}

    def presets_for(self, language: str) -> tuple[Preset, ...]:
        """Return the presets of a language, given by code or name; all of them for "auto". Raises `UnknownLanguage`."""
        return self.presets.of(parse_language(language))

    @property
    def ready(self) -> bool:
        """True once the next request needs no warm-up."""
        return self._synthesizer.ready

    @property
    def load(self) -> EngineLoad:
        """How busy all engines are together."""
        return total_load(engines_of(self._synthesizer))

    @property
    def load_state(self) -> LoadState:
        """Whether the model of the active engine is in memory; see `load_states`."""
        return self.load_states[0]

    @property
    def load_states(self) -> tuple[LoadState, ...]:
        """Whether the model of each engine is in memory; an engine that cannot unload it keeps it."""
        return tuple(map(_load_state, engines_of(self._synthesizer)))

    @property
    def speeds(self) -> tuple[float | None, ...]:
        """Seconds of speech per second of each engine: of its last utterance, else as predicted; None if unknown."""
        return tuple(map(self._speeds.speed, self.engines))

    @property
    def precision(self) -> PrecisionSwitching | None:
        """The active engine, if its dtype can be switched while it runs."""
        engine = current_engine(self._synthesizer)
        if "precision" in engine.info.features and isinstance(engine, PrecisionSwitching):
            return engine
        return None

    @property
    def references(self) -> EncodesReferences | None:
        """What encodes recordings; None if no engine can clone."""
        engine = self._cloning_engine
        return engine.references if isinstance(engine, CloningSynthesizer) else None

    @property
    def cloning_info(self) -> EngineInfo:
        """The engine that recordings are encoded for: the active one, unless only another one can clone."""
        return self._cloning_engine.info

    def clone(
        self,
        recording: bytes | ReferenceAudio,
        text: str = "",
        *,
        x_vector_only: bool = False,
        text_field: str = "ref_text",
    ) -> ClonedRecording:
        """Encode a recording as a voice of an engine that clones; blocks while it does. See `clone_recording`."""
        encoder, info = self.references, self.cloning_info
        return clone_recording(encoder, info, recording, text, x_vector_only=x_vector_only, text_field=text_field)

    def speak(self, request: SpeechRequest) -> SpeechSession:
        """Validate the request and submit its first segment; the others follow while the session is iterated.

        Raises a `RequestError`, `Busy`, `NotReady` or `DeadlineExceeded`; then nothing was submitted.
        """
        return self.speak_batch([request])[0]

    def speak_batch(self, requests: Sequence[SpeechRequest]) -> list[SpeechSession]:
        """Start several requests together: the engine accepts the first segments of all of them, or of none.

        Raises like `speak`.
        """
        return self.start([self.prepare(request) for request in requests])

    def prepare(self, request: SpeechRequest) -> PreparedRequest:
        """Validate the request and split its text, without submitting anything.

        Raises a `RequestError` or `DeadlineExceeded`.
        """
        info = self.info_of(request)
        resolved, hint = self._resolve_voice(request, info), self._language_hint(request)
        return prepare(resolved, info, max_text=self.max_text, lexicon=self.lexicon, hint=hint)

    def start(self, prepared: Sequence[PreparedRequest]) -> list[SpeechSession]:
        """Start prepared requests together: their engines accept the first segments of all of them, or of none.

        Raises `Busy` or `NotReady`.
        """
        chosen = [self._engine_of(request.info) for request in prepared]
        engines = {id(engine): self._wrapped(engine) for engine in chosen}
        sessions = [
            SpeechSession(engines[id(engine)], request, on_result=self._speeds.add)
            for engine, request in zip(chosen, prepared, strict=True)
        ]
        try:
            for key, engine in engines.items():
                own = [session for session, one in zip(sessions, chosen, strict=True) if id(one) == key]
                engine.submit([session.first_utterance() for session in own])
        except SpeechError:
            for session in sessions:
                session.cancel()  # what another engine has accepted
            raise
        return sessions

    def speak_stream(self, request: SpeechRequest) -> tuple[SpeechSession, TextStreamSession]:
        """Synthesize text that is still being written: `request.text` is "", the text goes to the `TextStreamSession`.

        Nothing is submitted before the first word. If the queue is full by then, iterating raises `Busy`. Raises a
        `RequestError` or `DeadlineExceeded`.
        """
        engine = self._wrapped(self._choose(request))
        resolved, hint = self._resolve_voice(request, engine.info), self._language_hint(request)
        prepared = prepare_stream(resolved, engine.info, lexicon=self.lexicon, hint=hint)
        text_stream = TextStreamSession(
            limit=self.max_text,
            speed=request.speed,
            accepts_text_stream="text_streaming" in engine.info.features,
            spoken=prepared.spoken,
            markup=MarkupOptions(skip_code=request.skip_code, skip_tables=request.skip_tables),
        )
        return SpeechSession(engine, prepared, text_stream, on_result=self._speeds.add), text_stream

    def wrap_engine(self, wrap: Callable[[Synthesizer], Synthesizer]) -> None:
        """Submit through `wrap(engine)` from now on, e.g. to collect metrics."""
        self._wrap = wrap

    def _language_hint(self, request: SpeechRequest) -> str:
        """Return the code of the language of the requested preset or saved voice; "" if unknown."""
        name = request.voice_id or ""
        if name.startswith("saved-") and self.library is not None:
            language = self.library.voices.get(name).language
            return "" if language == "auto" else language
        return next((preset.language for preset in self.presets.of("auto") if preset.id == name), "")

    def _resolve_voice(self, request: SpeechRequest, info: EngineInfo) -> SpeechRequest:
        return resolve_voice(request, self.presets, None if self.library is None else self.library.voices, info)

    def is_loaded(self, info: EngineInfo) -> bool:
        """Whether one of the engines is still as `info` says."""
        return info in self.engines

    @property
    def _cloning_engine(self) -> Synthesizer:
        engines = engines_of(self._synthesizer)
        return next((engine for engine in engines if "cloning" in engine.info.features), engines[0])

    def _choose(self, request: SpeechRequest) -> Synthesizer:
        saved = None if self.library is None else self.library.voices
        return choose_engine(request, engines_of(self._synthesizer), saved)

    def _engine_of(self, info: EngineInfo) -> Synthesizer:
        """Return the engine for a request that was prepared for `info`; the active one if that was replaced."""
        engines = engines_of(self._synthesizer)
        return next((one for one in engines if (one.info.name, one.info.model) == (info.name, info.model)), engines[0])

    def _wrapped(self, engine: Synthesizer) -> Synthesizer:
        engines = engines_of(self._synthesizer)
        return self._wrap(engine if len(engines) == 1 else SharedQueue(engine, engines))


def _load_state(engine: Synthesizer) -> LoadState:
    if isinstance(engine, UnloadableSynthesizer):
        return engine.load_state
    return LoadState(state="loaded" if engine.ready else "loading", load_s=None)


def _unchanged(synthesizer: Synthesizer) -> Synthesizer:
    return synthesizer
