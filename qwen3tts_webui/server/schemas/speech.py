"""The JSON that comes in, field by field. Types are checked here; ranges belong to `Speech` and `Form`."""

from __future__ import annotations

import secrets

from pydantic import BaseModel, ConfigDict, Field

from qwen3tts_webui.audio.output_format import PACKET_MS, Form
from qwen3tts_webui.errors import InvalidValue, TextTooLong
from qwen3tts_webui.server.delivery.request_context import Asked
from qwen3tts_webui.speech.validation import MAX_PARALLEL
from qwen3tts_webui.types import SAMPLE_RATE, Sampling, SpeechRequest, TextMode, Voice

MAX_ITEMS = 256
_DEFAULT = Sampling()


class Body(BaseModel):
    """An unknown key is an error, and so is a number in quotes."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class ContinueFrom(Body):
    """A segment that was spoken lately, to go on in its voice."""

    request_id: str = Field(description="The request in which it was spoken.", examples=["my-request-1"])
    segment: int | None = Field(
        default=None,
        description="Its index, from 0, spoken to its end; default: the first that was.",
        examples=[0],
    )


class SpeakBody(Body):
    """`POST /api/tts`."""

    text: str | list[str] = Field(
        description=f"What to speak; each line is one segment. A list of 1 to {MAX_ITEMS} texts is a batch.",
        examples=["Hello. Nice to meet you."],
    )
    language: str = Field(
        default="auto", description="A code (zh), a name in any case (Chinese, 中文), or auto.", examples=["English"]
    )
    voice_desc: str = Field(
        default="",
        description="The voice in plain words, Chinese or English, at most 2,048 characters. With `voice`, it is added "
        "to what that one is.",
        examples=["A warm, unhurried woman in her forties, low pitch, like a radio host late at night."],
    )
    voice: str | None = Field(
        default=None,
        description="The id of a preset or of a saved voice, or a speaker: see GET /api/voices.",
        examples=["en-american-narrator"],
    )
    speaker: str | None = Field(
        default=None,
        description="A speaker of the loaded model, in any case; GET /api/voices lists them.",
        examples=["Vivian"],
    )
    continue_from: ContinueFrom | None = Field(
        default=None,
        description="A segment that the same model spoke lately (the last 100 requests are remembered): the text goes "
        "on in its voice, as if it were the next line. In place of `voice` and `speaker`; `voice_desc` is added to how "
        "it was described.",
        examples=[{"request_id": "my-request-1", "segment": 0}],
    )
    streaming: bool = Field(
        default=False,
        description="true: bytes as soon as they exist; false: one file when all is spoken.",
        examples=[True],
    )
    batch_size: int | None = Field(
        default=None,
        description=f"How much is spoken at the same time, 1 to {MAX_PARALLEL}: texts of a batch (default: as many as "
        "the engine carries), or segments of one text (default 1).",
        examples=[4],
    )
    seed: int | None = Field(
        default=None,
        description="0 to 2^63-1; the same seed speaks the same way. null: drawn, one for a whole batch.",
        examples=[42],
    )
    speed: float = Field(default=1.0, description="0.5 to 2; the pitch stays.", examples=[1.1])
    format: str | None = Field(
        default=None,
        description="pcm (signed 16-bit little-endian, mono), wav, flac, mp3 or opus. "
        "Default: pcm when streaming, else wav.",
        examples=["mp3"],
    )
    sample_rate: int = Field(
        default=SAMPLE_RATE,
        description="8000 to 48000; mp3 and opus know only some rates, and the error says which.",
        examples=[24_000],
    )
    packet_ms: int = Field(
        default=PACKET_MS,
        description="Streaming pcm and wav leave in whole blocks of this much sound, 1 to 2000 ms; the last may be "
        "shorter. The other formats have frames of their own.",
        examples=[16],
    )
    packet_frames: int | None = Field(
        default=None,
        description="1 to 64: how many frames of 80 ms the engine puts into its first packets. null: it decides.",
        examples=[1],
    )
    max_seconds: float | None = Field(
        default=None, description="The sound ends here at the latest, 0.1 to 86400 s.", examples=[30.0]
    )
    text_mode: TextMode = Field(
        default="whole",
        description="Qwen3-TTS: whole shows the model all of a segment before the first frame; streaming shows it word "
        "by word. The preview voice goes clause by clause either way.",
        examples=["whole"],
    )
    keep_voice: bool | None = Field(
        default=None,
        description="true: each segment continues the voice of the one before, which it waits for; false: only seed "
        "and description are the same. Default: true, unless batch_size asks for segments at the same time.",
        examples=[True],
    )
    loudness: bool = Field(
        default=False, description="true: levelled towards -16 LUFS (BS.1770) while it is spoken.", examples=[True]
    )
    greedy: bool = Field(
        default=_DEFAULT.greedy, description="true: always the likeliest code; no randomness.", examples=[False]
    )
    temperature: float = Field(
        default=_DEFAULT.temperature, description="Of the talker, 0.01 to 5.", examples=[_DEFAULT.temperature]
    )
    top_k: int = Field(default=_DEFAULT.top_k, description="0 to 4096; 0 is no limit.", examples=[_DEFAULT.top_k])
    top_p: float = Field(default=_DEFAULT.top_p, description="0.01 to 1.", examples=[_DEFAULT.top_p])
    repetition_penalty: float = Field(
        default=_DEFAULT.repetition_penalty, description="0.5 to 5.", examples=[_DEFAULT.repetition_penalty]
    )
    predictor_temperature: float = Field(
        default=_DEFAULT.predictor_temperature,
        description="Of the code predictor, 0.01 to 5.",
        examples=[_DEFAULT.predictor_temperature],
    )
    predictor_top_k: int = Field(
        default=_DEFAULT.predictor_top_k,
        description="0 to 4096; 0 is no limit.",
        examples=[_DEFAULT.predictor_top_k],
    )
    predictor_top_p: float = Field(
        default=_DEFAULT.predictor_top_p, description="0.01 to 1.", examples=[_DEFAULT.predictor_top_p]
    )

    @property
    def form(self) -> Form:
        """Raises `InvalidValue` for a form that cannot be."""
        return Form(
            format=(self.format or ("pcm" if self.streaming else "wav")).lower(),
            sample_rate=self.sample_rate,
            packet_ms=self.packet_ms,
            whole=not self.streaming,
        )

    def _check(self) -> None:
        """Raises `InvalidValue` for what only this route knows."""
        if self.batch_size is not None and not 1 <= self.batch_size <= MAX_PARALLEL:
            raise InvalidValue(field="batch_size", expected=f"1 … {MAX_PARALLEL}", got=str(self.batch_size)[:24])

    def request(self, asked: Asked) -> SpeechRequest:
        """One text, as `Speech` takes it."""
        assert isinstance(self.text, str)
        self._check()
        parallel = 1 if self.batch_size is None else self.batch_size
        keep_voice = parallel == 1 if self.keep_voice is None else self.keep_voice
        return self._request(asked, asked.request_id, self.text, self.seed, parallel, keep_voice)

    def requests(self, asked: Asked, *, max_text: int) -> list[SpeechRequest]:
        """A batch: one request a text, all with the same seed. Raises `InvalidValue`, `TextTooLong`."""
        assert isinstance(self.text, list)
        self._check()
        if not 1 <= len(self.text) <= MAX_ITEMS:
            raise InvalidValue(field="text", expected=f"1 … {MAX_ITEMS} texts", got=len(self.text))
        length = sum(map(len, self.text))
        if length > max_text:
            raise TextTooLong(length=length, limit=max_text)
        seed = secrets.randbelow(2**32) if self.seed is None else self.seed
        keep_voice = self.keep_voice is not False
        return [
            self._request(asked, f"{asked.request_id}-{index}", text, seed, 1, keep_voice)
            for index, text in enumerate(self.text)
        ]

    def _request(
        self, asked: Asked, request_id: str, text: str, seed: int | None, parallel: int, keep_voice: bool
    ) -> SpeechRequest:
        return SpeechRequest(
            text=text,
            language=self.language,
            voice=Voice(description=self.voice_desc, speaker=self.speaker),
            voice_id=self.voice,
            seed=seed,
            speed=self.speed,
            sampling=Sampling(
                greedy=self.greedy,
                temperature=self.temperature,
                top_k=self.top_k,
                top_p=self.top_p,
                repetition_penalty=self.repetition_penalty,
                predictor_temperature=self.predictor_temperature,
                predictor_top_k=self.predictor_top_k,
                predictor_top_p=self.predictor_top_p,
            ),
            text_mode=self.text_mode,
            max_seconds=self.max_seconds,
            packet_frames=self.packet_frames,
            keep_voice=keep_voice,
            parallel=parallel,
            loudness=self.loudness,
            client=asked.client,
            request_id=request_id,
            deadline=asked.deadline,
        )
