"""Audio without a model: PCM, speed, loudness, encoders, subtitles, images. Knows nothing of voices or the web.

Names are imported on first use: PyAV, soxr and scipy take a while to load.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from qwen3tts_webui.lazy_exports import lazy_exports

if TYPE_CHECKING:
    from qwen3tts_webui.audio.encode import Encoder, encode_all, make_encoder, wav_header
    from qwen3tts_webui.audio.formats import FORMATS, MAX_RATE, MIN_RATE, Format, FormatInfo, format_info
    from qwen3tts_webui.audio.loudness import LoudnessNormalizer, measure_loudness
    from qwen3tts_webui.audio.output_format import PACKET_MS, OutputFormat, StreamEncoder
    from qwen3tts_webui.audio.pcm import (
        BlockBuffer,
        fade_in,
        fade_out,
        from_s16le,
        read_wav,
        replace_nonfinite,
        silence,
        to_int16,
        to_s16le,
    )
    from qwen3tts_webui.audio.reference import (
        ReferenceAudio,
        ReferenceWarning,
        decode_reference,
        prepare_reference,
        read_reference,
        to_mono,
    )
    from qwen3tts_webui.audio.share_image import render_share_image
    from qwen3tts_webui.audio.subtitles import Cue, to_srt, to_vtt
    from qwen3tts_webui.audio.time_stretch import TimeStretcher

_EXPORTS = {
    "encode": ("Encoder", "encode_all", "make_encoder", "wav_header"),
    "formats": ("FORMATS", "MAX_RATE", "MIN_RATE", "Format", "FormatInfo", "format_info"),
    "loudness": ("LoudnessNormalizer", "measure_loudness"),
    "output_format": ("PACKET_MS", "OutputFormat", "StreamEncoder"),
    "pcm": (
        "BlockBuffer",
        "fade_in",
        "fade_out",
        "from_s16le",
        "read_wav",
        "replace_nonfinite",
        "silence",
        "to_int16",
        "to_s16le",
    ),
    "reference": (
        "ReferenceAudio",
        "ReferenceWarning",
        "decode_reference",
        "prepare_reference",
        "read_reference",
        "to_mono",
    ),
    "share_image": ("render_share_image",),
    "subtitles": ("Cue", "to_srt", "to_vtt"),
    "time_stretch": ("TimeStretcher",),
}

__all__ = [
    "FORMATS",
    "MAX_RATE",
    "MIN_RATE",
    "PACKET_MS",
    "BlockBuffer",
    "Cue",
    "Encoder",
    "Format",
    "FormatInfo",
    "LoudnessNormalizer",
    "OutputFormat",
    "ReferenceAudio",
    "ReferenceWarning",
    "StreamEncoder",
    "TimeStretcher",
    "decode_reference",
    "encode_all",
    "fade_in",
    "fade_out",
    "format_info",
    "from_s16le",
    "make_encoder",
    "measure_loudness",
    "prepare_reference",
    "read_reference",
    "read_wav",
    "render_share_image",
    "replace_nonfinite",
    "silence",
    "to_int16",
    "to_mono",
    "to_s16le",
    "to_srt",
    "to_vtt",
    "wav_header",
]

__getattr__, __dir__ = lazy_exports(__name__, _EXPORTS)
