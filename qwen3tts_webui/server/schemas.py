"""The JSON that comes in, field by field. Types and finiteness are checked here; ranges belong to `Speech`."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from ..types import Sampling, SpeechRequest, Voice


class SpeakBody(BaseModel):
    """`POST /api/tts`. An unknown key is an error, and so is a number in quotes."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    text: str = Field(description="What to speak; each line is one segment.", examples=["Hello. Nice to meet you."])
    language: str = Field(default="auto", description="A code (zh), a name (Chinese, 中文), or auto.")
    voice_desc: str = Field(
        default="",
        description="The voice in plain words, Chinese or English, at most 2,048 characters.",
        examples=["A warm, unhurried woman in her forties, low pitch, like a radio host late at night."],
    )
    streaming: bool = Field(
        default=False, description="true: raw s16le mono 24 kHz as soon as it exists; false: one WAV."
    )
    seed: int | None = Field(default=None, description="0 to 2^63-1; the same seed speaks the same way. null: drawn.")
    speed: float = Field(default=1.0, description="0.5 to 2; the pitch stays.")
    loudness: bool = Field(default=False, description="Bring the sound to -16 LUFS (ITU-R BS.1770) as it comes.")
    packet_frames: int | None = Field(
        default=None, description="1 to 64: how many frames of 80 ms the first packet has. null: the engine decides."
    )
    temperature: float | None = Field(default=None, description="0.01 to 5; null: 0.9, as released.")
    top_k: int | None = Field(default=None, description="0 to 4096, 0 is all; null: 50, as released.")
    top_p: float | None = Field(default=None, description="0.01 to 1; null: 1, as released.")
    repetition_penalty: float | None = Field(default=None, description="0.5 to 5; null: 1.05, as released.")

    def request(self, *, request_id: str, client: str, deadline: float | None) -> SpeechRequest:
        """As `Speech` takes it; `deadline` on the monotonic clock."""
        return SpeechRequest(
            text=self.text,
            language=self.language,
            voice=Voice(description=self.voice_desc),
            seed=self.seed,
            speed=self.speed,
            sampling=self._sampling,
            packet_frames=self.packet_frames,
            loudness=self.loudness,
            client=client,
            request_id=request_id,
            deadline=deadline,
        )

    @property
    def _sampling(self) -> Sampling:
        """The released defaults, but for what was asked."""
        names = ("temperature", "top_k", "top_p", "repetition_penalty")
        return Sampling(**{name: value for name in names if (value := getattr(self, name)) is not None})
