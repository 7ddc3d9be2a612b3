"""The JSON that comes in, field by field. Types and finiteness are checked here; ranges belong to `Speech`."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from ..types import SpeechRequest, Voice


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

    def request(self, *, request_id: str, client: str, deadline: float | None) -> SpeechRequest:
        """As `Speech` takes it; `deadline` on the monotonic clock."""
        return SpeechRequest(
            text=self.text,
            language=self.language,
            voice=Voice(description=self.voice_desc),
            seed=self.seed,
            speed=self.speed,
            client=client,
            request_id=request_id,
            deadline=deadline,
        )
