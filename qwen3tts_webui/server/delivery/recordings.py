"""Recordings that clients send: decoded and encoded in threads of their own, a few at a time.

In: an uploaded file, or base64 in JSON. Out: a `ClonedRecording`, a transcript, or the error that says what is wrong
with it. Paths and addresses are never opened. Audio is not kept.
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from qwen3tts_webui.audio import ReferenceAudio, read_reference
from qwen3tts_webui.errors import (
    ANOTHER_VALUE,
    COMBINED_WITH_VOICE,
    WITHOUT_OTHER_VOICE,
    Busy,
    ErrorDetail,
    InvalidValue,
)
from qwen3tts_webui.recognition import Recognizer, Transcript, no_recognizer
from qwen3tts_webui.speech import ClonedRecording, Speech
from qwen3tts_webui.types import SpeechRequest

MAX_INLINE_BYTES = 16 * 2**20
"""Of a recording in JSON, as base64: 12 MiB of audio, which is 60 s in every usual format."""

_NUM_THREADS = 2
_MAX_PENDING = 16
_MIN_LENGTH = 128  # of base64: no audio file is shorter, but a path may look like base64
_DATA_URL = re.compile(r"\s*data:[\w.+/-]*(?:;\s*[\w.+=-]+)*;\s*base64,", re.IGNORECASE)
_URL_SAFE = str.maketrans("-_", "+/")
_INLINE_AUDIO = ErrorDetail(
    "inline_audio", "the audio itself, as base64 or a data URL; paths and addresses are not read"
)
_WITH_REF_AUDIO = ErrorDetail("with_ref_audio", "given together with ref_audio")
_ALONE = ErrorDetail("alone", "alone")

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class InlineRecording:
    """The recording of one request: a file, or base64 text."""

    audio: bytes | str
    text: str = ""
    x_vector_only: bool = False


class RecordingReader:
    """Reads recordings, two at a time; `Busy` when too many wait. `recognizer` is None where none is installed."""

    def __init__(self, speech: Speech, recognizer: Recognizer | None = None) -> None:
        self._speech = speech
        self._recognizer = recognizer
        self._threads = ThreadPoolExecutor(_NUM_THREADS, thread_name_prefix="recordings")
        self._recognizing = ThreadPoolExecutor(1, thread_name_prefix="recognition")  # slow: clones need not wait for it
        self._pending = 0

    @property
    def recognizer_label(self) -> str | None:
        """The name of the speech recognizer; None without one."""
        return None if self._recognizer is None else self._recognizer.label

    async def clone(self, recording: InlineRecording, *, text_field: str = "ref_text") -> ClonedRecording:
        """Encode a recording for the active engine. Raises like `Speech.clone`, `InvalidValue` and `Busy`."""

        def work() -> ClonedRecording:
            audio = recording.audio
            return self._speech.clone(
                decode_base64(audio) if isinstance(audio, str) else audio,
                recording.text,
                x_vector_only=recording.x_vector_only,
                text_field=text_field,
            )

        return await self.run(work)

    async def check(self, audio: bytes) -> ReferenceAudio:
        """Decode a recording and assess its quality. Raises `InvalidFile` and `Busy`."""
        return await self.run(lambda: read_reference(audio))

    async def transcribe(self, audio: bytes, language: str) -> tuple[ReferenceAudio, Transcript]:
        """Decode a recording and recognize its words. Raises `InvalidFile`, `Busy`, and `Unsupported`."""
        recognizer = self._recognizer
        if recognizer is None:
            raise no_recognizer()
        recording = await self.check(audio)
        work = partial(recognizer.transcribe, recording.pcm, language)
        return recording, await self.run(work, self._recognizing)

    async def run(self, work: Callable[[], Result], threads: ThreadPoolExecutor | None = None) -> Result:
        """Call `work` in one of the threads. Raises `Busy`."""
        if self._pending >= _MAX_PENDING:
            raise Busy(waiting=self._pending, retry_after_s=5)
        self._pending += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(threads or self._threads, work)
        finally:
            self._pending -= 1

    def close(self) -> None:
        """Start no new work."""
        for threads in (self._threads, self._recognizing):
            threads.shutdown(wait=False, cancel_futures=True)


def inline_recording(audio: bytes | str | None, text: str, x_vector_only: bool) -> InlineRecording | None:
    """Return the recording of a request, if it has one. Raises `InvalidValue` for a transcript without it."""
    if audio is not None:
        return InlineRecording(audio=audio, text=text, x_vector_only=x_vector_only)
    for field, is_given in (("ref_text", bool(text)), ("x_vector_only", x_vector_only)):
        if is_given:
            raise InvalidValue(field=field, expected=_WITH_REF_AUDIO, got=_ALONE)
    return None


def with_recording(request: SpeechRequest, cloned: ClonedRecording) -> SpeechRequest:
    """Return `request` in the voice of a recording. Raises `InvalidValue` if it continues another request."""
    if request.voice.acoustic_prompt is not None or request.voice.engine_voice_id is not None:
        raise InvalidValue(field="ref_audio", expected=WITHOUT_OTHER_VOICE, got=COMBINED_WITH_VOICE)
    return replace(request, voice=replace(request.voice, reference=cloned.reference))


def quality_warning(cloned: ClonedRecording) -> list[str]:
    """Return the warnings for `X-Warning`; empty for a good recording."""
    return ["recording: " + ", ".join(cloned.audio.warnings)] if cloned.audio.warnings else []


def decode_base64(text: str) -> bytes:
    """Return the audio in base64 (also the URL-safe kind, with spaces or without padding) or in a data URL.

    Raises `InvalidValue` for anything else, such as a path.
    """
    prefix = _DATA_URL.match(text, 0, 200)
    encoded = "".join((text[prefix.end() :] if prefix else text).split()).rstrip("=").translate(_URL_SAFE)
    try:
        if len(encoded) >= _MIN_LENGTH:
            return base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except ValueError:
        pass
    raise InvalidValue(field="ref_audio", expected=_INLINE_AUDIO, got=ANOTHER_VALUE)
