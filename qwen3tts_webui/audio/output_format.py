"""The form in which sound leaves: format, sample rate, size of the blocks, as it comes or as one whole file.

In: float32 PCM at 24 kHz. Out: bytes of that form. Knows no request and no socket.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Protocol

from qwen3tts_webui.audio.encode import Encoder, encoder, format_info, wav_header
from qwen3tts_webui.errors import InvalidValue
from qwen3tts_webui.types import SAMPLE_RATE, Pcm

PLAIN = ("pcm", "wav")
PACKET_MS = 16
_PACKET_MS_RANGE = (1, 2_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """`whole` is one file with true sizes in its header; else everything leaves as soon as it exists.

    `packet_ms` is how much sound a block of `pcm` or `wav` holds; the other formats have frames of their own.
    """

    format: str = "pcm"
    sample_rate: int = SAMPLE_RATE
    packet_ms: int = PACKET_MS
    whole: bool = False

    def __post_init__(self) -> None:
        """Raises `InvalidValue` for what cannot be."""
        format_info(self.format, self.sample_rate)
        low, high = _PACKET_MS_RANGE
        if not low <= self.packet_ms <= high:
            raise InvalidValue(field="packet_ms", expected=f"{low} … {high}", got=str(self.packet_ms)[:24])

    @property
    def mime(self) -> str:
        return format_info(self.format, self.sample_rate).mime

    @property
    def label(self) -> str:
        """What `X-Format` says: raw samples are signed 16-bit little-endian."""
        return "s16le" if self.format == "pcm" else self.format

    def packer(self) -> Packer:
        return _Plain(self) if self.format in PLAIN else _Compressed(self)


class Packer(Protocol):
    """One sound on its way into a `Form`: `push` piece after piece, then `flush` once."""

    async def push(self, pcm: Pcm) -> bytes:
        """The bytes that may leave now, perhaps none."""
        ...

    async def flush(self) -> bytes:
        """The last bytes."""
        ...


class _Plain:
    """Samples in equal blocks, after a header for WAV; cheap enough for the event loop."""

    def __init__(self, form: Form) -> None:
        self._form = form
        self._samples = encoder("pcm", form.sample_rate)
        self._block_bytes = 2 * max(1, form.sample_rate * form.packet_ms // 1_000)
        self._waiting = bytearray()
        self._header = b"" if form.format == "pcm" or form.whole else wav_header(None, form.sample_rate)

    async def push(self, pcm: Pcm) -> bytes:
        self._waiting += self._samples.push(pcm)
        num_bytes = len(self._waiting) - len(self._waiting) % self._block_bytes
        return b"" if self._form.whole or num_bytes == 0 else self._take(num_bytes)

    async def flush(self) -> bytes:
        self._waiting += self._samples.flush()
        if self._form.whole and self._form.format == "wav":
            self._header = wav_header(len(self._waiting), self._form.sample_rate)
        return self._take(len(self._waiting))

    def _take(self, num_bytes: int) -> bytes:
        taken = self._header + bytes(self._waiting[:num_bytes])
        self._header = b""
        del self._waiting[:num_bytes]
        return taken


class _Compressed:
    """FFmpeg's work, milliseconds for each packet: in a thread, so that it holds up nobody else's sound."""

    def __init__(self, form: Form) -> None:
        info = format_info(form.format, form.sample_rate)
        self._encoder = Encoder(info, form.sample_rate, live=not form.whole)

    async def push(self, pcm: Pcm) -> bytes:
        return await asyncio.to_thread(self._encoder.push, pcm)

    async def flush(self) -> bytes:
        return await asyncio.to_thread(self._encoder.flush)
