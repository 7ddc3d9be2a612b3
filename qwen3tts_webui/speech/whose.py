"""Whose voice a request asks for by name: a preset, a saved voice, or a speaker of the loaded model.

In: a `SpeechRequest` with a `voice_id`. Out: the same request with its `Voice` filled in. A description that is given
beside a name is added to what the name stands for; it never replaces it. Knows no engine beyond what its info says.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from qwen3tts_webui.errors import Unsupported
from qwen3tts_webui.types import EngineInfo, SpeechRequest, Voice

if TYPE_CHECKING:
    from qwen3tts_webui.voices.presets import Presets
    from qwen3tts_webui.voices.saved import SavedVoices


def resolved(request: SpeechRequest, presets: Presets, saved: SavedVoices | None, info: EngineInfo) -> SpeechRequest:
    """Raises `UnknownVoice`, and `Unsupported` for a description that a finished voice of this engine would ignore.

    A saved voice brings its seed, unless the request has one.
    """
    name = request.voice_id
    speaker = _speaker(request.voice.speaker, info)
    if name is None and speaker == request.voice.speaker:
        return request
    if name is None:
        return replace(request, voice=replace(request.voice, speaker=speaker))
    seed = request.seed
    if saved is not None and name.startswith("saved-"):
        card = saved.get(name)
        known = card.voice
        seed = card.seed if seed is None else seed
    elif (named := _speaker(name, info)) in info.speakers:
        known = Voice(speaker=named)
    else:
        known = Voice(description=presets.get(name).description)
    return replace(voiced(request, known, info), seed=seed)


def voiced(request: SpeechRequest, known: Voice, info: EngineInfo) -> SpeechRequest:
    """`request` in the voice `known`, to which its own description is added.

    Raises `Unsupported` for a description that this engine would ignore.
    """
    asked = request.voice
    finished = known.engine_voice is not None or known.reference is not None
    if asked.description.strip() and finished and "description" not in info.features:
        raise Unsupported(engine=info.label, feature="a description for a finished voice", instead="Leave it out.")
    description = " ".join(filter(None, (known.description, asked.description)))
    speaker = _speaker(asked.speaker, info) or known.speaker
    return replace(request, voice=replace(known, description=description, speaker=speaker))


def _speaker(name: str | None, info: EngineInfo) -> str | None:
    """The speaker as the model spells it, in whatever case it was asked for; an unknown name as it is."""
    return next((known for known in info.speakers if name is not None and known.casefold() == name.casefold()), name)
