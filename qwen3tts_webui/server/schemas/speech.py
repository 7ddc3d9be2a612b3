"""JSON request bodies, field by field. Types are validated here; ranges belong to `Speech` and `OutputFormat`."""

from __future__ import annotations

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from qwen3tts_webui.audio import PACKET_MS
from qwen3tts_webui.speech import MAX_PARALLEL_SEGMENTS
from qwen3tts_webui.types import SAMPLE_RATE, NormalizeMode, Sampling, TextMode

MAX_BATCH_TEXTS = 256
_DEFAULT = Sampling()


class Body(BaseModel):
    """Base of all bodies: strict types, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class ContinueFrom(Body):
    """A recent segment; the request continues its voice."""

    request_id: str = Field(description="The request that the segment belongs to.", examples=["my-request-1"])
    segment: int | None = Field(
        default=None,
        description="The index of a completed segment, from 0. Default: the first completed one.",
        examples=[0],
    )


class SpeechFields(Body):
    """The options of speech that `POST /api/tts` and `/ws/tts` share."""

    language: str = Field(
        default="auto", description="A code (zh), a name in any case (Chinese, 中文), or auto.", examples=["English"]
    )
    voice_desc: str = Field(
        default="",
        validation_alias=AliasChoices("voice_desc", "instruct"),
        description="The voice in plain words, Chinese or English, at most 2,048 characters; appended to the "
        "description of `voice`, if both are given. `instruct` is accepted as another name.",
        examples=["A warm, unhurried woman in her forties, low pitch, like a radio host late at night."],
    )
    voice: str | None = Field(
        default=None,
        description="The id of a preset or saved voice, or a speaker; see GET /api/voices.",
        examples=["en-american-narrator"],
    )
    speaker: str | None = Field(
        default=None,
        description="A speaker of the loaded model, case-insensitive; see GET /api/voices.",
        examples=["Vivian"],
    )
    continue_from: ContinueFrom | None = Field(
        default=None,
        description="Continue in the voice of a recent segment of the same model, as if the text were its next line "
        "(the last 100 requests are kept). Cannot be combined with `voice` or `speaker`; `voice_desc` is appended to "
        "the segment's description.",
        examples=[{"request_id": "my-request-1", "segment": 0}],
    )
    seed: int | None = Field(
        default=None,
        description="0 to 2^63-1; the same seed reproduces the same audio. null: random, one per batch.",
        examples=[42],
    )
    speed: float = Field(default=1.0, description="0.5 to 2; the pitch is unchanged.", examples=[1.1])
    sample_rate: int | None = Field(
        default=None,
        description="8000 to 48000; mp3, aac and opus support only some rates, which the error lists. "
        f"Default: {SAMPLE_RATE}; mulaw and alaw: 8000.",
        examples=[24_000],
    )
    frames_per_packet: int | None = Field(
        default=None,
        description="1 to 64: how many frames of 80 ms the engine puts into every packet. null: the engine decides, "
        "starting small.",
        examples=[1],
    )
    max_duration_s: float | None = Field(
        default=None, description="Limit on the duration of the audio, 0.1 to 86400 s.", examples=[30.0]
    )
    normalize: NormalizeMode = Field(
        default="auto",
        description="How much of the text is spelled out before synthesis. auto: what Qwen3-TTS misreads (telephone "
        "numbers, units, signs, markup); on: all numbers, dates and abbreviations; off: nothing. The preview voice "
        "always spells out everything.",
        examples=["auto"],
    )
    skip_code: bool = Field(
        default=True,
        description="true: Markdown's code blocks are left out. No effect with `normalize` off.",
        examples=[True],
    )
    skip_tables: bool = Field(default=True, description="The same for tables.", examples=[True])
    loudness: bool = Field(
        default=False, description="true: normalize loudness to -16 LUFS (BS.1770) while streaming.", examples=[True]
    )
    greedy: bool = Field(
        default=_DEFAULT.greedy, description="true: always take the most likely code; no randomness.", examples=[False]
    )
    temperature: float = Field(
        default=_DEFAULT.temperature,
        description="Temperature of the talker, 0.01 to 5.",
        examples=[_DEFAULT.temperature],
    )
    top_k: int = Field(default=_DEFAULT.top_k, description="0 to 4096; 0 means no limit.", examples=[_DEFAULT.top_k])
    top_p: float = Field(default=_DEFAULT.top_p, description="0.01 to 1.", examples=[_DEFAULT.top_p])
    repetition_penalty: float = Field(
        default=_DEFAULT.repetition_penalty, description="0.5 to 5.", examples=[_DEFAULT.repetition_penalty]
    )
    subtalker_temperature: float = Field(
        default=_DEFAULT.subtalker_temperature,
        description="Temperature of the code predictor, 0.01 to 5.",
        examples=[_DEFAULT.subtalker_temperature],
    )
    subtalker_top_k: int = Field(
        default=_DEFAULT.subtalker_top_k,
        description="0 to 4096; 0 means no limit.",
        examples=[_DEFAULT.subtalker_top_k],
    )
    subtalker_top_p: float = Field(
        default=_DEFAULT.subtalker_top_p, description="0.01 to 1.", examples=[_DEFAULT.subtalker_top_p]
    )
    ref_audio: str | None = Field(
        default=None,
        description="With a Base model: a recording of the voice to clone, 0.5 to 60 s (best 3 to 15), as base64 or a "
        "data URL, never a path or an address. In a multipart form it is a file. Stands alone: no voice or speaker.",
        examples=["data:audio/wav;base64,UklGR..."],
    )
    ref_text: str = Field(
        default="", description="What is said in `ref_audio`.", examples=["This is what I said in the recording."]
    )
    x_vector_only: bool = Field(
        default=False,
        description="true: clone the timbre alone, without `ref_text`; less similar.",
        examples=[False],
    )


class TtsBody(SpeechFields):
    """`POST /api/tts`."""

    text: str | list[str] = Field(
        description=f"The text; each line is one segment. A list of 1 to {MAX_BATCH_TEXTS} texts is a batch.",
        examples=["Hello. Nice to meet you."],
    )
    streaming: bool = Field(
        default=False,
        description="true: audio as soon as it is generated; false: one file at the end.",
        examples=[True],
    )
    batch_size: int | None = Field(
        default=None,
        description=f"How many run at once, 1 to {MAX_PARALLEL_SEGMENTS}: texts of a batch (default: the engine's "
        "capacity), or segments of one text (default: 1).",
        examples=[4],
    )
    format: str | None = Field(
        default=None,
        description="pcm (signed 16-bit little-endian, mono), wav, flac, mp3, aac, opus, mulaw or alaw (G.711). "
        "Default: pcm when streaming, else wav.",
        examples=["mp3"],
    )
    packet_ms: int = Field(
        default=PACKET_MS,
        description="Audio per block of streamed pcm and wav, 1 to 2000 ms; the last block may be shorter. The other "
        "formats have their own frames.",
        examples=[16],
    )
    text_mode: TextMode = Field(
        default="whole",
        description="Qwen3-TTS: whole gives the model a complete segment before the first frame; streaming gives it "
        "word by word. The preview voice works clause by clause either way.",
        examples=["whole"],
    )
    continue_voice: bool | None = Field(
        default=None,
        description="true: each segment continues the voice of the one before, and waits for it; false: segments share "
        "only seed and description. Default: true, unless batch_size runs segments in parallel.",
        examples=[True],
    )
