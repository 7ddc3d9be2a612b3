"""The audio formats: media types, file extensions and the sample rates that each can hold. Encodes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from qwen3tts_webui.errors import ANOTHER_VALUE, ErrorDetail, InvalidValue, in_range, one_of
from qwen3tts_webui.types import SAMPLE_RATE

Format = Literal["pcm", "wav", "flac", "mp3", "aac", "opus", "mulaw", "alaw"]
MIN_RATE = 8_000
MAX_RATE = 48_000
_MPEG_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
_G711_RATE = 8_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FormatInfo:
    """One format: its media type, file extension and allowed `sample_rates` (None: 8,000 to 48,000)."""

    name: Format
    mime: str
    extension: str
    sample_rates: tuple[int, ...] | None = None
    default_rate: int = SAMPLE_RATE


FORMATS: Mapping[str, FormatInfo] = MappingProxyType(
    {
        info.name: info
        for info in (
            FormatInfo(name="pcm", mime="audio/pcm", extension="pcm"),
            FormatInfo(name="wav", mime="audio/wav", extension="wav"),
            FormatInfo(name="flac", mime="audio/flac", extension="flac"),
            FormatInfo(name="mp3", mime="audio/mpeg", extension="mp3", sample_rates=_MPEG_RATES),
            FormatInfo(name="aac", mime="audio/aac", extension="aac", sample_rates=_MPEG_RATES),
            FormatInfo(
                name="opus",
                mime="audio/ogg",
                extension="opus",
                sample_rates=(8_000, 12_000, 16_000, 24_000, 48_000),
            ),
            FormatInfo(
                name="mulaw",
                mime="audio/PCMU",
                extension="ulaw",
                sample_rates=(_G711_RATE,),
                default_rate=_G711_RATE,
            ),
            FormatInfo(
                name="alaw",
                mime="audio/PCMA",
                extension="alaw",
                sample_rates=(_G711_RATE,),
                default_rate=_G711_RATE,
            ),
        )
    }
)


def format_info(format: str, sample_rate: int | None = None) -> FormatInfo:
    """Return the entry of `FORMATS`. Raises `InvalidValue` for an unsupported format or sample rate."""
    info = FORMATS.get(format)
    if info is None:
        raise InvalidValue(field="format", expected=one_of(FORMATS), got=ANOTHER_VALUE)
    rates = info.sample_rates
    if sample_rate is None:
        return info
    if rates is not None and sample_rate not in rates:
        choices = ", ".join(map(str, rates))
        expected = ErrorDetail("sample_rates", "one of {choices} for {format}", choices=choices, format=format)
        raise InvalidValue(field="sample_rate", expected=expected, got=sample_rate)
    if not MIN_RATE <= sample_rate <= MAX_RATE:
        raise InvalidValue(field="sample_rate", expected=in_range(MIN_RATE, MAX_RATE), got=sample_rate)
    return info
