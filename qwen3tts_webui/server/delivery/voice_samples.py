"""Short samples of presets and speakers in the active engine, synthesized on demand and cached in memory.

In: the id of a voice. Out: Ogg Opus. Samples are not recorded in the history.
"""

from __future__ import annotations

import asyncio

import numpy as np

from qwen3tts_webui.audio import encode_all
from qwen3tts_webui.errors import SAMPLE, NotFound
from qwen3tts_webui.speech import AudioChunk, Speech
from qwen3tts_webui.text import split_sentences
from qwen3tts_webui.types import Pcm, SpeechRequest

_MAX_SAMPLES = 200  # of about 20 KB
_MAX_S = 8.0
_SEED = 0


class VoiceSamples:
    """The samples of the voices of `speech`. Used from one event loop."""

    def __init__(self, speech: Speech) -> None:
        self._speech = speech
        self._samples: dict[tuple[str, str, str], asyncio.Task[bytes]] = {}

    async def sample(self, voice_id: str) -> bytes:
        """Return the first sentence of the sample text. Raises `UnknownVoice` and what `Speech.speak` raises."""
        info = self._speech.info_of(SpeechRequest(text="", voice_id=voice_id))
        key = (voice_id, info.name, info.model)
        task = self._samples.get(key)
        if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
            task = asyncio.create_task(self._synthesize(voice_id))
            self._samples[key] = task
            while len(self._samples) > _MAX_SAMPLES:
                self._samples.pop(next(iter(self._samples)))
        return await asyncio.shield(task)  # another listener may wait for it

    async def _synthesize(self, voice_id: str) -> bytes:
        is_speaker = voice_id in self._speech.speakers
        preset = self._speech.presets.of("en")[0] if is_speaker else self._speech.presets.get(voice_id)
        text = split_sentences(preset.sample)[0]
        request = SpeechRequest(
            text=text, language=preset.language, voice_id=voice_id, seed=_SEED, max_duration_s=_MAX_S
        )
        session = await asyncio.to_thread(self._speech.speak, request)
        chunks: list[Pcm] = [event.pcm async for event in session if isinstance(event, AudioChunk)]
        if not chunks:
            raise NotFound(what=SAMPLE, got=voice_id)
        return await asyncio.to_thread(encode_all, np.concatenate(chunks), "opus")
