"""The format in which audio leaves: codec, sample rate, block size, streamed or as one file.

In: float32 PCM at 24 kHz. Out: bytes in that format. Knows no request and no socket.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Protocol

from qwen3tts_webui.audio.encode import Encoder, make_encoder, wav_header
from qwen3tts_webui.audio.formats import format_info
from qwen3tts_webui.errors import InvalidValue, in_range
from qwen3tts_webui.types import SAMPLE_RATE, Pcm

UNCOMPRESSED = ("pcm", "wav")
PACKET_MS = 16
_PACKET_MS_RANGE = (1, 2_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputFormat:
    """`as_file` produces one file with exact sizes in its header; otherwise bytes leave as soon as they exist.

    `packet_ms` is how much audio one block of `pcm` or `wav` holds; the other formats have their own frames.
    """

    format: str = "pcm"
    sample_rate: int = SAMPLE_RATE
    packet_ms: int = PACKET_MS
    as_file: bool = False

    def __post_init__(self) -> None:
        """Raises `InvalidValue` for an unsupported combination."""
        format_info(self.format, self.sample_rate)
        low, high = _PACKET_MS_RANGE
        if not low <= self.packet_ms <= high:
            raise InvalidValue(field="packet_ms", expected=in_range(low, high), got=str(self.packet_ms)[:24])

    @property
    def mime(self) -> str:
        """The media type."""
        return format_info(self.format, self.sample_rate).mime

    @property
    def label(self) -> str:
        """The value of `X-Format`: raw samples are signed 16-bit little-endian."""
        return "s16le" if self.format == "pcm" else self.format

    @classmethod
    def of(cls, format: str, sample_rate: int | None = None, **options: Any) -> OutputFormat:
        """Return the format at `sample_rate`, by default its own. Raises `InvalidValue`."""
        rate = format_info(format, sample_rate).default_rate if sample_rate is None else sample_rate
        return cls(format=format, sample_rate=rate, **options)

    def encoder(self) -> StreamEncoder:
        """Return a new encoder for this format."""
        return _PcmEncoder(self) if self.format in UNCOMPRESSED else _FfmpegEncoder(self)


class StreamEncoder(Protocol):
    """Encodes one audio stream into an `OutputFormat`: `push` for each chunk, then `flush` once."""

    async def push(self, pcm: Pcm) -> bytes:
        """Encode a chunk. Returns the bytes that are ready, possibly none."""
        ...

    async def drain(self) -> bytes:
        """Return what is ready without waiting for a whole block; more may follow."""
        ...

    async def flush(self) -> bytes:
        """Return the last bytes."""
        ...


class _PcmEncoder:
    """Samples in equal blocks, after a header for WAV; cheap enough for the event loop."""

    def __init__(self, output_format: OutputFormat) -> None:
        self._output_format = output_format
        self._samples = make_encoder("pcm", output_format.sample_rate)
        self._block_bytes = 2 * max(1, output_format.sample_rate * output_format.packet_ms // 1_000)
        self._pending = bytearray()
        starts_with_header = output_format.format == "wav" and not output_format.as_file
        self._header = wav_header(None, output_format.sample_rate) if starts_with_header else b""

    async def push(self, pcm: Pcm) -> bytes:
        self._pending += self._samples.push(pcm)
        num_bytes = len(self._pending) - len(self._pending) % self._block_bytes
        return b"" if self._output_format.as_file or num_bytes == 0 else self._take(num_bytes)

    async def drain(self) -> bytes:
        return b"" if self._output_format.as_file else self._take(len(self._pending))

    async def flush(self) -> bytes:
        self._pending += self._samples.flush()
        if self._output_format.as_file and self._output_format.format == "wav":
            self._header = wav_header(len(self._pending), self._output_format.sample_rate)
        return self._take(len(self._pending))

    def _take(self, num_bytes: int) -> bytes:
        taken = self._header + bytes(self._pending[:num_bytes])
        self._header = b""
        del self._pending[:num_bytes]
        return taken


class _FfmpegEncoder:
    """FFmpeg takes milliseconds per packet, so it runs in a thread."""

    def __init__(self, output_format: OutputFormat) -> None:
        info = format_info(output_format.format, output_format.sample_rate)
        self._encoder = Encoder(info, output_format.sample_rate, live=not output_format.as_file)

    async def push(self, pcm: Pcm) -> bytes:
        return await asyncio.to_thread(self._encoder.push, pcm)

    async def drain(self) -> bytes:
        return b""  # the codec's frames have a fixed size

    async def flush(self) -> bytes:
        return await asyncio.to_thread(self._encoder.flush)
