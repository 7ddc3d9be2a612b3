"""One request, start to end: read this first.

    Speech(synthesizer, presets, library).speak(request) -> Speaking: events, in the order in which they are heard

plan.py checks the request and resolves the voice, ahead.py keeps the engine busy, speaking.py is what is heard,
events.py the words for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..switch import pinned
from ..text.language import LANGUAGES, parse_language
from ..types import EngineInfo, EngineLoad, SpeechRequest, Synthesizer
from .events import Event, Report, SegmentEnded, SegmentFailed, SegmentReport, SegmentStarted, Sound, VoiceSource
from .plan import plan
from .speaking import Speaking

if TYPE_CHECKING:
    from ..voices.library import Library
    from ..voices.presets import Preset, Presets

__all__ = [
    "Event",
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

    `presets` and `library` are where voices and finished speech are kept; without a library nothing is.
    """

    def __init__(
        self, synthesizer: Synthesizer, presets: Presets, library: Library | None = None, *, max_text: int = 20_000
    ) -> None:
        self.presets = presets
        self.library = library
        self.max_text = max_text
        self._synthesizer = synthesizer

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

    def speak(self, request: SpeechRequest) -> Speaking:
        """Check the request and submit its first segment; the rest while the result is iterated.

        Raises a `RequestError`, `Busy`, `NotReady` or `DeadlineExceeded` before anything is spent.
        """
        engine = pinned(self._synthesizer)
        return Speaking(engine, plan(request, engine.info, max_text=self.max_text))
