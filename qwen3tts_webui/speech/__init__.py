"""One request, start to end: read this first.

    Speech(synthesizer, presets, library).speak(request) -> Speaking: events, in the order in which they are heard

whose.py finds the voice, plan.py checks the request, feed.py and span.py are text that is still being written, ahead.py
keeps the engine busy, together.py starts several at once, speaking.py is what is heard, events.py the words for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from qwen3tts_webui.hot_swap import current_engine
from qwen3tts_webui.speech.events import (
    AudioChunk,
    Event,
    Report,
    SegmentEnded,
    SegmentFailed,
    SegmentReport,
    SegmentStarted,
    VoiceSource,
)
from qwen3tts_webui.speech.session import SpeechSession
from qwen3tts_webui.speech.text_stream import TextStreamSession
from qwen3tts_webui.speech.together import Together
from qwen3tts_webui.speech.validation import PreparedRequest, prepare, prepare_stream
from qwen3tts_webui.speech.voice_resolution import resolve_voice
from qwen3tts_webui.text.language import LANGUAGES, parse_language
from qwen3tts_webui.types import EngineInfo, EngineLoad, PrecisionSwitching, SpeechRequest, Synthesizer

if TYPE_CHECKING:
    from qwen3tts_webui.history.store import HistoryStore
    from qwen3tts_webui.voices.presets import Preset, Presets

__all__ = [
    "Event",
    "TextStreamSession",
    "Report",
    "SegmentEnded",
    "SegmentFailed",
    "SegmentReport",
    "SegmentStarted",
    "AudioChunk",
    "SpeechSession",
    "Speech",
    "VoiceSource",
]


class Speech:
    """Whoever wants something spoken comes here: the page, the API and the command line share one queue.

    `presets` and `library` are where voices and finished speech are kept; without a library nothing is.
    """

    def __init__(
        self, synthesizer: Synthesizer, presets: Presets, library: HistoryStore | None = None, *, max_text: int = 20_000
    ) -> None:
        self.presets = presets
        self.library = library
        self.max_text = max_text
        self._synthesizer = synthesizer
        self._wrap: Callable[[Synthesizer], Synthesizer] = _unchanged

    @property
    def info(self) -> EngineInfo:
        return self._synthesizer.info

    @property
    def languages(self) -> dict[str, str]:
        """The languages that can be spoken now: code -> the name that its speakers use."""
        return {language.code: language.native for language in LANGUAGES if language.code in self.info.languages}

    def presets_for(self, language: str) -> tuple[Preset, ...]:
        """The presets of a language, by code or any name; all of them for "auto". Raises `UnknownLanguage`."""
        return self.presets.of(parse_language(language))

    @property
    def ready(self) -> bool:
        return self._synthesizer.ready

    @property
    def load(self) -> EngineLoad:
        return self._synthesizer.load

    @property
    def precision(self) -> PrecisionSwitching | None:
        """The engine, if its numeric type can be switched while it runs."""
        engine = current_engine(self._synthesizer)
        if "precision" in engine.info.features and isinstance(engine, PrecisionSwitching):
            return engine
        return None

    def speak(self, request: SpeechRequest) -> SpeechSession:
        """Check the request and submit its first segment; the rest while the result is iterated.

        Raises a `RequestError`, `Busy`, `NotReady` or `DeadlineExceeded` before anything is spent.
        """
        return self.speak_batch([request])[0]

    def speak_batch(self, requests: Sequence[SpeechRequest]) -> list[SpeechSession]:
        """The same for several: the engine takes the first segments of all, or of none."""
        engine = Together(self._engine())
        speaking = [SpeechSession(engine, self._plan(request, engine.info)) for request in requests]
        engine.release()
        return speaking

    def check(self, request: SpeechRequest) -> None:
        """Raises what is wrong with the request itself, and submits nothing."""
        self._plan(request, self.info)

    def speak_stream(self, request: SpeechRequest) -> tuple[SpeechSession, TextStreamSession]:
        """The same for a text that is still being written: `request.text` is "", the text goes into the `TextStreamSession`.

        Nothing is with the engine before the first word; a full queue ends the iteration with `Busy`.
        """
        engine = self._engine()
        feed = TextStreamSession(
            limit=self.max_text, speed=request.speed, accepts_text_stream="text_streaming" in engine.info.features
        )
        return SpeechSession(engine, prepare_stream(self._resolved(request, engine.info), engine.info), feed), feed

    def wrap_engine(self, wrap: Callable[[Synthesizer], Synthesizer]) -> None:
        """From now on, speak through what `wrap` makes of the engine: whoever measures comes between this way."""
        self._wrap = wrap

    def _plan(self, request: SpeechRequest, info: EngineInfo) -> PreparedRequest:
        return prepare(self._resolved(request, info), info, max_text=self.max_text)

    def _resolved(self, request: SpeechRequest, info: EngineInfo) -> SpeechRequest:
        return resolve_voice(request, self.presets, None if self.library is None else self.library.voices, info)

    def _engine(self) -> Synthesizer:
        return self._wrap(current_engine(self._synthesizer))


def _unchanged(synthesizer: Synthesizer) -> Synthesizer:
    return synthesizer
