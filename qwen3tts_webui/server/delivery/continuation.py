"""A request that goes on in a voice that was heard lately: the next line, or one line spoken anew.

In: a request, and which segment of which earlier one. Out: the request with that segment's voice: its text and codes,
or what else the engine gave. Knows no files: a voice that shall last is saved (`POST /api/voices`).
"""

from __future__ import annotations

from qwen3tts_webui.errors import InvalidValue, Unsupported
from qwen3tts_webui.server.delivery.request_registry import Runs
from qwen3tts_webui.server.schemas.speech import ContinueFrom
from qwen3tts_webui.speech.voice_resolution import voiced
from qwen3tts_webui.types import EngineInfo, SpeechRequest


def continuing(request: SpeechRequest, source: ContinueFrom | None, runs: Runs, info: EngineInfo) -> SpeechRequest:
    """`request` in the voice of `source`, if there is one.

    Raises `NotFound` for a request that is not remembered, `InvalidValue` for a segment that was not spoken to its end
    or a second voice beside it, `Unsupported` where another model spoke it or nothing is left to go on from.
    """
    if source is None:
        return request
    if request.voice_id is not None or request.voice.speaker is not None:
        raise InvalidValue(field="continue_from", expected="given without voice and speaker", got="beside one")
    speaking = runs.get(source.request_id).speaking
    found = speaking.voice_of(source.segment)
    if found is None:
        got = "none of them" if source.segment is None else str(source.segment)[:24]
        raise InvalidValue(field="continue_from.segment", expected="that of one spoken to its end", got=got)
    _, voice = found
    spoken = speaking.report
    if (spoken.engine, spoken.model) != (info.name, info.model):
        instead = f"It was spoken by {spoken.label} ({spoken.model})."
        raise Unsupported(engine=info.label, feature="continue_from", instead=instead)
    if voice.passage is None and voice.engine_voice is None:
        raise Unsupported(engine=info.label, feature="continue_from", instead="Repeat voice_desc and seed instead.")
    return voiced(request, voice, info)
