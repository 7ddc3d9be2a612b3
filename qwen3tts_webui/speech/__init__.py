"""One request, start to end: read this first.

    Speech(synthesizer, presets, library).speak(request) -> Speaking: events, in the order in which they are heard

whose.py finds the voice, plan.py checks the request, feed.py and span.py are text that is still being written, ahead.py
keeps the engine busy, together.py starts several at once, speaking.py is what is heard, events.py the words for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from qwen3tts_webui.speech.events import (
    Event,
    Report,
    SegmentEnded,
    SegmentFailed,
    SegmentReport,
    SegmentStarted,
    Sound,
    VoiceSource,
)
from qwen3tts_webui.speech.feed import Feed
from qwen3tts_webui.speech.plan import Plan, plan, plan_feed
from qwen3tts_webui.speech.speaking import Speaking
from qwen3tts_webui.speech.together import Together
from qwen3tts_webui.speech.whose import resolved
from qwen3tts_webui.switch import pinned
from qwen3tts_webui.text.language import LANGUAGES, parse_language
from qwen3tts_webui.text.lexicon import Lexicon
from qwen3tts_webui.types import EngineInfo, EngineLoad, SpeechRequest, SwitchesPrecision, Synthesizer

if TYPE_CHECKING:
    from qwen3tts_webui.voices.library import Library
    from qwen3tts_webui.voices.presets import Preset, Presets

__all__ = [
    "Event",
    "Feed",
    "Report",
    "SegmentEnded",
    "SegmentFailed",
    "SegmentReport",
    "SegmentStarted",
    "Sound",
    "Speaking",
    "Speech",
    "VoiceSource",
]


class Speech:
    """Whoever wants something spoken comes here: the page, the API and the command line share one queue.

    `presets` and `library` are where voices and finished speech are kept; without a library nothing is. `lexicon` holds
    the person's own pronunciations, for all requests.
    """

    def __init__(
        self, synthesizer: Synthesizer, presets: Presets, library: Library | None = None, *, max_text: int = 20_000
    ) -> None:
        self.presets = presets
        self.library = library
        self.max_text = max_text
        self.lexicon: Lexicon | None = None
        self._synthesizer = synthesizer
        self._wrap: Callable[[Synthesizer], Synthesizer] = _unchanged

    @property
    def info(self) -> EngineInfo:
        return self._synthesizer.info

    @property
    def languages(self) -> dict[str, str]:
        """The languages that can be spoken now: code -> the name that its speakers use."""
        return {language.code: language.native for language in LANGUAGES if language.code in self.info.languages}

    def presets_of(self, language: str) -> tuple[Preset, ...]:
        """The presets of a language, by code or any name; all of them for "auto". Raises `UnknownLanguage`."""
        return self.presets.of(parse_language(language))

    @property
    def ready(self) -> bool:
        return self._synthesizer.ready

    @property
    def load(self) -> EngineLoad:
        return self._synthesizer.load

    @property
    def precision(self) -> SwitchesPrecision | None:
        """The engine, if its numeric type can be switched while it runs."""
        engine = pinned(self._synthesizer)
        if "precision" in engine.info.features and isinstance(engine, SwitchesPrecision):
            return engine
        return None

    def speak(self, request: SpeechRequest) -> Speaking:
        """Check the request and submit its first segment; the rest while the result is iterated.

        Raises a `RequestError`, `Busy`, `NotReady` or `DeadlineExceeded` before anything is spent.
        """
        return self.speak_together([request])[0]

    def speak_together(self, requests: Sequence[SpeechRequest]) -> list[Speaking]:
        """The same for several: the engine takes the first segments of all, or of none."""
        engine = Together(self._engine())
        speaking = [Speaking(engine, self._plan(request, engine.info)) for request in requests]
        engine.release()
        return speaking

    def check(self, request: SpeechRequest) -> None:
        """Raises what is wrong with the request itself, and submits nothing."""
        self._plan(request, self.info)

    def speak_feed(self, request: SpeechRequest) -> tuple[Speaking, Feed]:
        """The same for a text that is still being written: `request.text` is "", the text goes into the `Feed`.

        Nothing is with the engine before the first word; a full queue ends the iteration with `Busy`.
        """
        engine = self._engine()
        plan = plan_feed(
            self._resolved(request, engine.info), engine.info, lexicon=self.lexicon, hint=self._language_hint(request)
        )
        reads_along = "feed" in engine.info.features
        feed = Feed(limit=self.max_text, speed=request.speed, reads_along=reads_along, spoken=plan.spoken)
        return Speaking(engine, plan, feed), feed

    def pass_through(self, wrap: Callable[[Synthesizer], Synthesizer]) -> None:
        """From now on, speak through what `wrap` makes of the engine: whoever measures comes between this way."""
        self._wrap = wrap

    def _plan(self, request: SpeechRequest, info: EngineInfo) -> Plan:
        resolved_request, hint = self._resolved(request, info), self._language_hint(request)
        return plan(resolved_request, info, max_text=self.max_text, lexicon=self.lexicon, hint=hint)

    def _language_hint(self, request: SpeechRequest) -> str:
        """The language of the preset or the saved voice that is asked for."""
        name = request.voice_id or ""
        if name.startswith("saved-") and self.library is not None:
            language = self.library.voices.get(name).language
            return "" if language == "auto" else language
        return next((preset.language for preset in self.presets.of("auto") if preset.id == name), "")

    def _resolved(self, request: SpeechRequest, info: EngineInfo) -> SpeechRequest:
        return resolved(request, self.presets, None if self.library is None else self.library.voices, info)

    def _engine(self) -> Synthesizer:
        return self._wrap(pinned(self._synthesizer))


def _unchanged(synthesizer: Synthesizer) -> Synthesizer:
    return synthesizer
