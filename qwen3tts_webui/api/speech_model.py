"""A loaded model with methods instead of a server: `generate`, `stream`, `astream`, `clone`.

Blocking calls iterate their sessions on one event loop in a thread of its own, so that they also work in a notebook,
which runs a loop already.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import weakref
from collections.abc import AsyncGenerator, Coroutine, Generator, Sequence
from contextlib import aclosing
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar, overload

import numpy as np
import numpy.typing as npt

from qwen3tts_webui.api.audio import Audio
from qwen3tts_webui.api.request import GenerationOptions, build_request
from qwen3tts_webui.audio import ReferenceAudio, prepare_reference, read_reference, to_mono
from qwen3tts_webui.errors import CLOSING, NotReady
from qwen3tts_webui.recognition import Recognizer, no_recognizer
from qwen3tts_webui.speech import AudioChunk, PreparedRequest, SegmentFailed, Speech, SpeechSession, spoken_lines
from qwen3tts_webui.text import Lexicon, NormalizedText
from qwen3tts_webui.types import SAMPLE_RATE, EngineInfo, NormalizeMode, Pcm, Synthesizer, Voice
from qwen3tts_webui.voices import Presets

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

T = TypeVar("T")

log = logging.getLogger(__name__)


class SpeechModel:
    """A loaded model, from `load_model`. Use it as a context manager, or call `close`.

    Texts are cleaned and split like the server's: long texts, pauses and inline tags work. Safe to use
    from several threads.
    """

    def __init__(
        self, synthesizer: Synthesizer, *, max_text: int = 20_000, recognizer: Recognizer | None = None
    ) -> None:
        """Take over `synthesizer`: `close` closes it. `recognizer` writes the transcripts that `clone` is not given."""
        self._synthesizer = synthesizer
        self._recognizer = recognizer
        self._speech = Speech(synthesizer, Presets.load(), max_text=max_text)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="qwen3tts-api", daemon=True)
        self._thread.start()
        self._shut_down = weakref.finalize(self, _shut_down, synthesizer, self._loop, self._thread)
        self._shut_down.atexit = False

    @property
    def info(self) -> EngineInfo:
        """The engine: model, device, dtype, features."""
        return self._speech.info

    @property
    def speakers(self) -> tuple[str, ...]:
        """The named speakers of a CustomVoice checkpoint; none for other models."""
        return self.info.speakers

    @property
    def languages(self) -> dict[str, str]:
        """The supported languages: code -> native name."""
        return self._speech.languages

    @overload
    def generate(self, text: str, **options: Unpack[GenerationOptions]) -> Audio: ...

    @overload
    def generate(self, text: list[str] | tuple[str, ...], **options: Unpack[GenerationOptions]) -> list[Audio]: ...

    def generate(
        self, text: str | list[str] | tuple[str, ...], **options: Unpack[GenerationOptions]
    ) -> Audio | list[Audio]:
        """Generate the audio of a text, or of several texts as one batch with one seed.

        See `GenerationOptions` for the options. Raises a `RequestError` before any work starts; `NotReady` after
        `close`; a `SynthesisError` if any part of the text failed.
        """
        if isinstance(text, str):
            return self._run(self._generate([self._prepare(text, options)]))[0]
        prepared: list[PreparedRequest] = []
        for one in text:
            prepared.append(self._prepare(one, options))
            options["seed"] = prepared[0].seed
        return self._run(self._generate(prepared))

    def stream(self, text: str, **options: Unpack[GenerationOptions]) -> Generator[Pcm, None, None]:
        """Generate the audio chunk by chunk, float32 (samples,) at 24 kHz; the first one comes after one frame.

        Closing the generator, or leaving the loop over it, cancels. Takes the options of `generate` and raises the same
        errors: a `RequestError` here, others while iterating.
        """
        return self._chunks(self._prepare(text, options))

    def astream(self, text: str, **options: Unpack[GenerationOptions]) -> AsyncGenerator[Pcm, None]:
        """Generate like `stream`, on the running event loop, without blocking it."""
        return self._achunks(self._prepare(text, options))

    def normalize(
        self, text: str, language: str = "auto", *, mode: NormalizeMode | None = None
    ) -> list[NormalizedText]:
        """Return each line of `text` that is not empty as it will be read, without reading it.

        `spoken` is the spoken form, `written` the line, `spans` the changed ranges. `mode` None is what the engine
        reads: "on" for the preview voice, else "auto". Raises `UnknownLanguage`.
        """
        effective: NormalizeMode = mode or ("on" if self.info.preview else "auto")
        return spoken_lines(text, language, effective, self.lexicon)

    @property
    def lexicon(self) -> Lexicon:
        """Your own pronunciations; empty at first. Set it to use others from the next call on."""
        return self._speech.lexicon

    @lexicon.setter
    def lexicon(self, lexicon: Lexicon) -> None:
        self._speech.lexicon_file.replace(lexicon)

    def clone(
        self,
        audio: str | Path | bytes | npt.NDArray[np.floating],
        text: str | None = None,
        *,
        sample_rate: int = SAMPLE_RATE,
        x_vector_only: bool = False,
    ) -> Voice:
        """Return the voice of a recording, to pass as `voice` any number of times. Needs a Base checkpoint.

        `audio` is a file, the bytes of one, or samples (time,) or (time, channels) at `sample_rate`; 0.5 to 60 s, best
        3 to 15 s. `text` is what is said in it; with None the speech recognizer of this machine writes it, for you to
        check in `reference.text` of the voice. It is not needed with `x_vector_only`, which resembles it less. What may
        spoil the voice is logged as a warning. Clone a voice only if you may use it.

        Raises `Unsupported` for another checkpoint, and for `text` None without a recognizer (the extra `verify`);
        `InvalidFile`, `InvalidValue`, and OSError.
        """
        if isinstance(audio, np.ndarray):
            recording: bytes | ReferenceAudio = prepare_reference(to_mono(audio, sample_rate))
        else:
            recording = audio if isinstance(audio, bytes) else Path(audio).expanduser().read_bytes()
        if text is None and not x_vector_only and self._speech.references is not None:
            recording = read_reference(recording) if isinstance(recording, bytes) else recording
            text = self._transcript(recording)
        cloned = self._speech.clone(recording, text or "", x_vector_only=x_vector_only, text_field="text")
        if cloned.audio.warnings:
            log.warning("the recording may not make a good voice: %s", ", ".join(cloned.audio.warnings))
        return cloned.voice

    def _transcript(self, recording: ReferenceAudio) -> str:
        if self._recognizer is None:
            raise no_recognizer()
        log.info("%s recognized what is said: see `reference.text` of the voice", self._recognizer.label)
        return self._recognizer.transcribe(recording.pcm).text

    def close(self) -> None:
        """Stop what is being generated and release the model. Idempotent."""
        self._shut_down()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        state = ", closed" if self._closed else ""
        return f"SpeechModel({self.info.model!r}, device={self.info.device!r}, dtype={self.info.dtype!r}{state})"

    @property
    def _closed(self) -> bool:
        return not self._shut_down.alive

    def _prepare(self, text: str, options: GenerationOptions) -> PreparedRequest:
        if self._closed:
            raise NotReady(reason=CLOSING)
        return self._speech.prepare(build_request(self._speech, text, **options))

    def _run(self, coroutine: Coroutine[None, None, T]) -> T:
        """Return the result of `coroutine`, run on our loop; interrupting the wait cancels it."""
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    async def _generate(self, prepared: Sequence[PreparedRequest]) -> list[Audio]:
        """All audio, in groups that the engine's queue can hold."""
        size = max(1, self._speech.load.queue_size)
        done: list[Audio] = []
        for start in range(0, len(prepared), size):
            sessions = self._speech.start(prepared[start : start + size])
            try:
                done += await asyncio.gather(*map(_collect, sessions))
            finally:
                for session in sessions:
                    session.cancel()
        return done

    def _chunks(self, prepared: PreparedRequest) -> Generator[Pcm, None, None]:
        chunks = self._achunks(prepared)
        try:
            while (pcm := self._run(_next(chunks))) is not None:
                yield pcm
        finally:
            if not self._closed:
                self._run(_close(chunks))

    async def _achunks(self, prepared: PreparedRequest) -> AsyncGenerator[Pcm, None]:
        (session,) = self._speech.start([prepared])
        try:
            async with aclosing(_chunks_of(session)) as chunks:
                async for pcm in chunks:
                    yield pcm
        finally:
            session.cancel()


async def _chunks_of(session: SpeechSession) -> AsyncGenerator[Pcm, None]:
    """The audio of a session; raises the failure of any segment."""
    async with aclosing(session.__aiter__()) as events:
        async for event in events:
            if isinstance(event, SegmentFailed):
                raise event.error
            if isinstance(event, AudioChunk):
                yield event.pcm


async def _collect(session: SpeechSession) -> Audio:
    async with aclosing(_chunks_of(session)) as chunks:
        parts = [pcm async for pcm in chunks]
    report = session.report
    samples = np.concatenate([np.zeros(0, dtype=np.float32), *parts])
    return Audio(
        samples=samples,
        finish_reason=report.finish_reason,
        timings=report.timings,
        seed=report.seed,
        words=report.words,
        words_estimated=report.words_estimated,
        _session=session,
    )


async def _next(chunks: AsyncGenerator[Pcm, None]) -> Pcm | None:
    return await anext(chunks, None)


async def _close(chunks: AsyncGenerator[Pcm, None]) -> None:
    await chunks.aclose()


def _shut_down(synthesizer: Synthesizer, loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    """Close the engine, let the waiting calls end with its error, then stop the loop. From any thread."""
    synthesizer.close()
    if threading.current_thread() is thread:  # the garbage collector ran there
        loop.stop()
        return
    asyncio.run_coroutine_threadsafe(_end_tasks(), loop).result()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


async def _end_tasks() -> None:
    """Wait for the other tasks of this loop, which end because the engine is closed."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_asyncgens()
