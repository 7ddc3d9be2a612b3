"""An uploaded sound file -> mono float32 at 24 kHz.

In: bytes that anybody may have sent. Out: PCM, or `BadFile`. FFmpeg decodes (through PyAV), held to a list of plain
containers and to no protocol at all, so that a file cannot make it open others; soxr resamples.
"""

from __future__ import annotations

import io

import av
import numpy as np
import soxr

from qwen3tts_webui.audio.pcm import finite
from qwen3tts_webui.errors import BadFile, Reason
from qwen3tts_webui.types import SAMPLE_RATE, Pcm

MAX_BYTES = 32 * 2**20
MAX_SECONDS = 120.0
_CONTAINERS = "wav,flac,mp3,ogg,aac,aiff,caf,mov,matroska"


def read_sound(data: bytes, *, max_bytes: int = MAX_BYTES, max_seconds: float = MAX_SECONDS) -> Pcm:
    """The first audio track of a WAV, FLAC, MP3, Ogg, AAC, AIFF, CAF, MP4 or WebM file, all channels mixed to one.

    Raises `BadFile` for anything else, for more than `max_bytes` or `max_seconds` (no more than that is ever decoded),
    and for a file without a single sample.
    """
    if len(data) > max_bytes:
        raise BadFile(reason=Reason("too_large", "it is larger than {mib:g} MiB", mib=max_bytes / 2**20))
    try:
        pcm, rate = _decoded(data, max_seconds)
    except (av.FFmpegError, ValueError, OverflowError) as error:
        raise BadFile(
            reason=Reason("no_sound_file", "it is not a sound file that can be read, or it is damaged")
        ) from error
    if len(pcm) == 0:
        raise BadFile(reason=Reason("no_sound", "there is no sound in it"))
    resampled: Pcm = soxr.resample(finite(pcm), rate, SAMPLE_RATE)
    return finite(resampled)


def _decoded(data: bytes, max_seconds: float) -> tuple[Pcm, int]:
    """Mono samples and their rate."""
    options = {"format_whitelist": _CONTAINERS, "protocol_whitelist": "none"}
    with av.open(io.BytesIO(data), options=options) as container:
        if not container.streams.audio:
            raise BadFile(reason=Reason("no_sound", "there is no sound in it"))
        stream = container.streams.audio[0]
        rate = stream.rate
        to_mono = av.AudioResampler(format="flt", layout="mono", rate=rate)
        pieces: list[Pcm] = [np.zeros(0, dtype=np.float32)]
        length = 0
        for frame in container.decode(stream):
            for mono in to_mono.resample(frame):
                pieces.append(mono.to_ndarray()[0])
                length += mono.samples
            if length > max_seconds * rate:
                raise BadFile(reason=Reason("too_long", "it is longer than {seconds:g} seconds", seconds=max_seconds))
    return np.concatenate(pieces), rate
