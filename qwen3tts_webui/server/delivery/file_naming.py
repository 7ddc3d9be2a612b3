"""Names and tags of downloaded files: first words, voice and time.

In: the report of a request. Out: a file name without extension, tags for the encoder, and the response header.
"""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Mapping
from urllib.parse import quote

import regex

from qwen3tts_webui.errors import SpeechError
from qwen3tts_webui.speech import Speech

_MAX_CHARS = 28
_TITLE_CHARS = 80
_WORD = regex.compile(r"(?:[\p{L}\p{N}](?:(?![\uFE0F\u20E3])\p{M})*)+")  # with accents and vowel signs, not of emoji


def file_stem(speech: Speech, report: Mapping[str, object], created: float) -> str:
    """Return "good-evening_american-narrator_20261127-0912"; letters and digits of any script, no path separators."""
    parts = (_slug(str(report.get("text", ""))), _slug(voice_name(speech, report)))
    moment = time.strftime("%Y%m%d-%H%M", time.localtime(created))
    return "_".join([part for part in parts if part] + [moment])


def voice_name(speech: Speech, report: Mapping[str, object]) -> str:
    """Return the name of the speaker, preset or saved voice, or the beginning of the description."""
    description = str(report.get("description") or "")
    if report.get("speaker"):
        return str(report["speaker"])
    for preset in speech.presets.of("auto"):
        if report.get("voice") == preset.id or preset.description.strip() == description.strip():
            return preset.name["en"]
    voice_id = str(report.get("voice") or "")
    if voice_id.startswith("saved-") and speech.library is not None:
        try:
            return speech.library.voices.get(voice_id).name
        except (SpeechError, OSError):
            pass  # deleted since
    return description


def file_tags(speech: Speech, report: Mapping[str, object]) -> dict[str, str]:
    """Return title, artist and comment. The comment names the engine, and so says whether it is Qwen3-TTS."""
    words = " ".join(str(report.get("text", "")).split())
    tags = {"title": words[:_TITLE_CHARS], "artist": voice_name(speech, report)[:_TITLE_CHARS]}
    return {**tags, "comment": str(report.get("label", ""))}


def attachment(stem: str, extension: str, fallback: str) -> dict[str, str]:
    """Return the headers of a download; `fallback` is an ASCII name for clients without RFC 6266."""
    name = f"{stem}.{extension}"
    ascii_name = name if name.isascii() else f"{fallback}.{extension}"
    disposition = f"attachment; filename=\"{ascii_name}\"; filename*=UTF-8''{quote(name)}"
    return {"Content-Disposition": disposition, "Cache-Control": "no-store"}


def _slug(text: str) -> str:
    """The first words, joined by hyphens."""
    slug = "-".join(_WORD.findall(unicodedata.normalize("NFC", text[:200]))).lower()
    return slug if len(slug) <= _MAX_CHARS else slug[: _MAX_CHARS + 1].rpartition("-")[0] or slug[:_MAX_CHARS]
