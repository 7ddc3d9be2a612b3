"""A recording to clone: an uploaded file -> mono 24 kHz audio, trimmed and leveled, with hints about its quality.

In: bytes from anyone. Out: PCM, or `InvalidFile`. Only the audio formats below are tried, each recognized by its first
bytes, so that a file of another type never reaches a demuxer; size, length and decoding time are bounded.
"""

from __future__ import annotations

import io
import time
from dataclasses import dataclass
from typing import Literal

import av
import numpy as np
import numpy.typing as npt
import soxr
from av.stream import Disposition

from qwen3tts_webui.errors import NO_AUDIO, ErrorDetail, InvalidFile, InvalidValue, in_range, too_large
from qwen3tts_webui.types import SAMPLE_RATE, Pcm

MAX_REFERENCE_BYTES = 32 * 2**20
MIN_SECONDS = 0.5
MAX_SECONDS = 60.0
ADVISED_SECONDS = (3.0, 15.0)
MAX_DECODE_S = 20.0
"""Decoding 60 s takes a fraction of a second; only a malicious file needs longer than this."""

ReferenceWarning = Literal["too_short", "too_long", "too_quiet", "clipped", "noisy"]

_MAX_TAGS = 8
_EXTENSIBLE = 0xFFFE
_RATES = (4_000, 384_000)
_MAX_CHANNELS = 16
_CANCELED = 0.01  # of the energy of one channel: the mix of channels of opposite polarity
_MAX_LEVEL = 64.0  # of float samples; speech is never louder
_HOP = SAMPLE_RATE // 50  # 20 ms
_MARGIN_HOPS = 5  # 100 ms are kept around speech
_SILENCE_DB = -60.0  # nothing quieter is speech
_SPEECH_RANGE_DB = 40.0  # audio this much quieter than the loudest 20 ms is not speech
_QUIET_DB = -42.0
_NOISY_RANGE_DB = 12.0  # speech with pauses spans more than this between its quiet and its loud parts
_TARGET_DB = -23.0
_MAX_GAIN_DB = 30.0
_PEAK = 0.95
_CLIPPED_LEVEL = 0.985
_CLIPPED_RUN = 3  # samples in a row
_CLIPPED_SHARE = 5e-4


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReferenceAudio:
    """`pcm` (samples,) at 24 kHz, from `seconds` of recording; `warnings` say why the clone may turn out badly."""

    pcm: Pcm
    seconds: float
    warnings: tuple[ReferenceWarning, ...]


def read_reference(data: bytes) -> ReferenceAudio:
    """The recording in a WAV, FLAC, MP3, AAC, Ogg, M4A or WebM file, without the silence around it, at a common level.

    Raises `InvalidFile` for any other file, for one that is damaged, a video, or longer than 60 s, and for less than
    0.5 s of speech.
    """
    return prepare_reference(decode_reference(data))


def prepare_reference(pcm: Pcm) -> ReferenceAudio:
    """The recording `pcm` (samples,) at 24 kHz, as `read_reference` prepares it.

    Raises `InvalidFile` for less than 0.5 s of speech, more than 60 s, and samples that are not numbers.
    """
    if not np.isfinite(pcm).all() or np.abs(pcm).max(initial=0.0) > _MAX_LEVEL:
        raise _invalid_samples()
    if len(pcm) > MAX_SECONDS * SAMPLE_RATE:
        raise _too_long(MAX_SECONDS)
    if len(pcm) < MIN_SECONDS * SAMPLE_RATE:
        raise _too_short()
    levels = _levels_db(pcm)
    loudest = float(levels.max())
    if loudest < _SILENCE_DB:
        raise InvalidFile(reason=ErrorDetail("silent", "it contains only silence"))
    speech = np.flatnonzero(levels >= max(_SILENCE_DB, loudest - _SPEECH_RANGE_DB))
    first, last = max(0, speech[0] - _MARGIN_HOPS), speech[-1] + 1 + _MARGIN_HOPS
    trimmed = pcm[first * _HOP : last * _HOP]
    if (speech[-1] + 1 - speech[0]) * _HOP < MIN_SECONDS * SAMPLE_RATE:
        raise _too_short()
    seconds = len(trimmed) / SAMPLE_RATE
    level = 10 * float(np.log10(np.mean(10 ** (levels[speech] / 10))))
    return ReferenceAudio(
        pcm=_leveled(trimmed, level),
        seconds=len(pcm) / SAMPLE_RATE,
        warnings=_warnings(trimmed, levels[speech[0] : speech[-1] + 1], level, seconds),
    )


def decode_reference(data: bytes, *, max_seconds: float = MAX_SECONDS) -> Pcm:
    """All of the recording as it is, mono (samples,) at 24 kHz. Raises `InvalidFile` as `read_reference` does."""
    if len(data) > MAX_REFERENCE_BYTES:
        raise InvalidFile(reason=too_large(MAX_REFERENCE_BYTES))
    data = _without_tags(data)
    container = _container(data)
    if container == "wav":
        data = _with_all_bits(data)
    try:
        pcm, rate = _decode(data, container, max_seconds)
    except (av.FFmpegError, ValueError, OverflowError, MemoryError) as error:
        raise _damaged() from error
    if not len(pcm):
        raise InvalidFile(reason=NO_AUDIO)
    if not np.isfinite(pcm).all() or np.abs(pcm).max() > _MAX_LEVEL:
        raise _invalid_samples()
    resampled: Pcm = pcm if rate == SAMPLE_RATE else soxr.resample(pcm, rate, SAMPLE_RATE)
    return resampled


def to_mono(samples: npt.NDArray[np.floating], sample_rate: int) -> Pcm:
    """Samples (time,) or (time, channels) at any rate -> (samples,) float32 at 24 kHz. Raises `InvalidValue`."""
    if samples.ndim not in (1, 2) or not np.issubdtype(samples.dtype, np.floating):
        got = f"{samples.dtype}, {'x'.join(map(str, samples.shape))}"
        raise InvalidValue(field="audio", expected="floats, time or time x channels", got=got)
    if not _RATES[0] <= sample_rate <= _RATES[1]:
        raise InvalidValue(field="sample_rate", expected=in_range(*_RATES), got=sample_rate)
    if len(samples) > MAX_SECONDS * sample_rate:
        raise InvalidValue(
            field="audio", expected=f"at most {MAX_SECONDS:g} s", got=f"{len(samples) / sample_rate:.2f} s"
        )
    channels = samples.astype(np.float32).reshape(len(samples), -1)
    mono = _mix_or_one(channels.mean(axis=1), np.ascontiguousarray(channels[:, 0]))
    resampled: Pcm = mono if sample_rate == SAMPLE_RATE else soxr.resample(mono, sample_rate, SAMPLE_RATE)
    return resampled


def _without_tags(data: bytes) -> bytes:
    """`data` without the ID3 tags at its start: they may precede any format, not only MP3."""
    for _ in range(_MAX_TAGS):
        head = data[:10]
        if head[:3] != b"ID3" or len(head) < 10:
            break
        size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
        footer = 10 if head[5] & 0x10 else 0
        data = data[10 + size + footer :].lstrip(b"\0")
    return data


def _with_all_bits(wav: bytes) -> bytes:
    """`wav`, all bits of its samples declared valid: FFmpeg takes 24 valid bits of 32 for a float format of Adobe's."""
    at = wav.find(b"fmt ", 12) + 8
    code, bits, valid = (int.from_bytes(wav[at + field : at + field + 2], "little") for field in (0, 14, 18))
    if at < 20 or code != _EXTENSIBLE or not 0 < valid < bits:
        return wav
    return wav[: at + 18] + wav[at + 14 : at + 16] + wav[at + 20 :]


def _container(data: bytes) -> str:
    """FFmpeg's name of the format that the first bytes of `data` are those of."""
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        declared = int.from_bytes(data[4:8], "little")
        if declared not in (0, 0xFFFFFFFF) and declared + 8 > len(data) + 1:  # 0 and all ones: written as a stream
            raise _damaged()
        return "wav"
    if data[:4] == b"fLaC":
        return "flac"
    if data[:4] == b"OggS":
        return "ogg"
    if data[4:8] == b"ftyp":
        return "mov"
    if data[:4] == b"\x1a\x45\xdf\xa3":
        return "matroska"
    if data[:1] == b"\xff" and data[1:2] and data[1] & 0xF6 == 0xF0:  # ADTS
        return "aac"
    if len(data) > 1 and data[0] == 0xFF and data[1] & 0xE6 == 0xE2:
        return "mp3"
    raise InvalidFile(
        reason=ErrorDetail("unknown_audio_format", "it is not a WAV, FLAC, MP3, AAC, Ogg, M4A or WebM file")
    )


def _decode(data: bytes, container: str, max_seconds: float) -> tuple[Pcm, int]:
    """Mono samples of the first audio track, and their rate."""
    until = time.monotonic() + MAX_DECODE_S
    with av.open(io.BytesIO(data), format=container, options={"protocol_whitelist": "none"}) as file:
        if any(not stream.disposition & Disposition.attached_pic for stream in file.streams.video):
            raise InvalidFile(reason=ErrorDetail("video", "it is a video; save its audio as an audio file first"))
        if not file.streams.audio:
            raise InvalidFile(reason=NO_AUDIO)
        stream = file.streams.audio[0]
        if stream.codec_context is None:
            raise _damaged()  # of an unknown codec
        rate = stream.rate
        if not _RATES[0] <= rate <= _RATES[1] or not 1 <= stream.channels <= _MAX_CHANNELS:
            raise _damaged()
        to_float = av.AudioResampler(format="flt")  # interleaved: PyAV crashes with eight planes and more
        mixed: list[Pcm] = [np.zeros(0, np.float32)]
        first: list[Pcm] = [np.zeros(0, np.float32)]
        length = 0
        for frame in file.decode(stream):
            for part in to_float.resample(frame):
                interleaved = part.to_ndarray().reshape(part.samples, -1)
                mixed.append(interleaved.mean(axis=1))  # FFmpeg's own mix is louder for floats
                first.append(interleaved[:, 0].copy())
                length += part.samples
            if length > max_seconds * rate:
                raise _too_long(max_seconds)
            if time.monotonic() > until:
                raise InvalidFile(reason=ErrorDetail("slow_to_decode", "decoding it takes too long"))
        declared_s = float(stream.duration * stream.time_base) if stream.duration and stream.time_base else 0.0
        if container in ("flac", "mov") and length < 0.9 * declared_s * rate:
            raise _damaged()  # it ends early
    return _mix_or_one(np.concatenate(mixed), np.concatenate(first)), rate


def _mix_or_one(mixed: Pcm, first: Pcm) -> Pcm:
    """Return the mix of all channels, or the first one if the channels cancel each other."""
    with np.errstate(all="ignore"):
        canceled = np.dot(mixed, mixed) < _CANCELED * np.dot(first, first)
    return first if canceled else mixed


def _levels_db(pcm: Pcm) -> npt.NDArray[np.float64]:
    """Level of each 20 ms in dB of full scale, (hops,); the rest at the end is left out."""
    hops = pcm[: len(pcm) // _HOP * _HOP].reshape(-1, _HOP).astype(np.float64)
    levels: npt.NDArray[np.float64] = 10 * np.log10(np.square(hops).mean(axis=1) + 1e-12)
    return levels


def _leveled(pcm: Pcm, level_db: float) -> Pcm:
    """`pcm` with its speech at a common level, and no peak above `_PEAK`."""
    gain = 10 ** (min(_MAX_GAIN_DB, _TARGET_DB - level_db) / 20)
    peak = float(np.abs(pcm).max())
    leveled: Pcm = (pcm * min(gain, _PEAK / peak)).astype(np.float32)
    return leveled


def _warnings(
    pcm: Pcm, levels: npt.NDArray[np.float64], level_db: float, seconds: float
) -> tuple[ReferenceWarning, ...]:
    found: list[tuple[ReferenceWarning, bool]] = [
        ("too_short", seconds < ADVISED_SECONDS[0]),
        ("too_long", seconds > ADVISED_SECONDS[1]),
        ("too_quiet", level_db < _QUIET_DB),
        ("clipped", _clipped_share(pcm) > _CLIPPED_SHARE),
        ("noisy", float(np.percentile(levels, 90) - np.percentile(levels, 5)) < _NOISY_RANGE_DB),
    ]
    return tuple(warning for warning, applies in found if applies)


def _clipped_share(pcm: Pcm) -> float:
    """The share of samples in flat runs at full scale."""
    full = np.abs(pcm) >= _CLIPPED_LEVEL
    runs = np.convolve(full, np.ones(_CLIPPED_RUN), "valid") >= _CLIPPED_RUN
    return float(runs.mean()) if len(runs) else 0.0


def _too_short() -> InvalidFile:
    return InvalidFile(
        reason=ErrorDetail("too_short", "it contains less than {seconds:g} seconds of speech", seconds=MIN_SECONDS)
    )


def _too_long(seconds: float) -> InvalidFile:
    return InvalidFile(reason=ErrorDetail("too_long", "it is longer than {seconds:g} seconds", seconds=seconds))


def _invalid_samples() -> InvalidFile:
    return InvalidFile(reason=ErrorDetail("invalid_samples", "some samples are not numbers, or far too large"))


def _damaged() -> InvalidFile:
    return InvalidFile(reason=ErrorDetail("unreadable_audio", "it is not a readable audio file, or it is damaged"))
