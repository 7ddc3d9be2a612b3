"""espeak-ng through ctypes: text to phonemes for Kokoro, and text to audio where Kokoro is unavailable.

In: text and an espeak voice name ("en-us", "yue+f2"). Out: IPA, or PCM at 24 kHz as it is generated. espeak-ng has
global state in C: one lock per process. The library (GPL-3) is loaded at run time from the wheel `espeakng-loader`.
"""

from __future__ import annotations

import ctypes
import logging
import shutil
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from qwen3tts_webui.errors import SynthesisError
from qwen3tts_webui.preview.kokoro import SynthesisCancelled
from qwen3tts_webui.types import SAMPLE_RATE, Pcm
from qwen3tts_webui.user_folders import cache_folder

MAX_DATA_PATH = 150  # espeak-ng stores its data path in 160 bytes

_SYNCHRONOUS = 2
_IPA, _TIE = 0x02, 0x80 | (ord("^") << 8)  # ties the parts of one phoneme: "t^ʃ"
_UTF8 = 1
_RATE, _VOLUME, _PITCH, _RANGE = 1, 2, 3, 4
_BUFFER_MS = 60
_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
_log = logging.getLogger(__name__)


class Espeak:
    """The loaded and initialized library. Raises `SynthesisError` if that fails."""

    _lock: ClassVar[threading.Lock] = threading.Lock()  # the C library has one voice, one callback, one buffer

    def __init__(self) -> None:
        import espeakng_loader

        self._lib: Any = ctypes.CDLL(str(espeakng_loader.get_library_path()))
        self._lib.espeak_TextToPhonemes.restype = ctypes.c_char_p
        data = short_data_path(Path(espeakng_loader.get_data_path()), cache_folder("preview"))
        with self._lock:
            self._rate = int(self._lib.espeak_Initialize(_SYNCHRONOUS, _BUFFER_MS, str(data).encode(), 0))
        if self._rate <= 0:
            _log.error("espeak-ng cannot read its data at %s", data)
            raise SynthesisError()

    def phonemes(self, text: str, voice: str) -> str:
        """Return the IPA of `text`, with "^" inside a phoneme and a space between words. No punctuation."""
        buffer = ctypes.create_string_buffer(text.encode("utf-8", "ignore"))
        rest = ctypes.c_void_p(ctypes.addressof(buffer))
        clauses: list[str] = []
        with self._lock:
            self._select_voice(voice)
            while rest.value:
                found = self._lib.espeak_TextToPhonemes(ctypes.byref(rest), _UTF8, _IPA | _TIE)
                if found:
                    clauses.append(found.decode("utf-8", "ignore").strip())
        return " ".join(clause for clause in clauses if clause)

    def synthesize(
        self,
        text: str,
        voice: str,
        put: Callable[[Pcm], None],
        *,
        speed: float = 1.0,
        pitch: float = 1.0,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        """Pass the audio of `text` to `put`, buffer by buffer, as it is generated.

        Raises `SynthesisCancelled` after `stop` returned True, and whatever `put` raises.
        """
        stream = _CallbackBuffer(self._rate, put, stop)
        callback = _Callback(stream.receive)  # this frame keeps it alive until the library is done with it
        raw = text.encode("utf-8", "ignore") + b"\0"
        with self._lock:
            self._select_voice(voice)
            self._lib.espeak_SetParameter(_RATE, round(min(max(175 * speed, 80), 450)), 0)
            self._lib.espeak_SetParameter(_PITCH, round(min(max(50 + 100 * np.log2(pitch), 0), 99)), 0)
            self._lib.espeak_SetSynthCallback(callback)
            self._lib.espeak_Synth(raw, len(raw), 0, 1, 0, _UTF8, None, None)
        if stream.error is not None:
            raise stream.error
        if stop():
            raise SynthesisCancelled
        stream.flush()

    def _select_voice(self, voice: str) -> None:
        if self._lib.espeak_SetVoiceByName(voice.encode()) != 0:
            _log.error("espeak-ng has no voice %s", voice)
            raise SynthesisError()


class _CallbackBuffer:
    """Receives int16 at espeak's rate from C and passes float32 at 24 kHz on. `receive` never raises."""

    def __init__(self, rate: int, put: Callable[[Pcm], None], stop: Callable[[], bool]) -> None:
        import soxr

        self._put = put
        self._stop = stop
        self._resample: Any = soxr.ResampleStream(rate, SAMPLE_RATE, 1, dtype="float32")
        self.error: Exception | None = None

    def receive(self, samples: Any, count: int, _events: object) -> int:
        """The C callback; returns 1 to stop espeak-ng."""
        try:
            if self._stop():
                return 1
            if samples and count > 0:
                pcm = np.ctypeslib.as_array(samples, shape=(count,)).astype(np.float32) / 32_768.0  # a copy
                self._emit(self._resample.resample_chunk(pcm))
            return 0
        except Exception as error:
            self.error = error
            return 1

    def flush(self) -> None:
        """Pass on what the resampler still holds."""
        self._emit(self._resample.resample_chunk(np.zeros(0, np.float32), last=True))

    def _emit(self, pcm: Pcm) -> None:
        if len(pcm):
            self._put(pcm)


def short_data_path(data: Path, cache: Path, *, limit: int = MAX_DATA_PATH) -> Path:
    """Return `data` if its path is short enough, else a copy below `cache`, else one in a new temporary folder."""
    if len(str(data).encode()) <= limit:
        return data
    copy = cache / f"espeak-ng-data-{(data / 'phondata').stat().st_mtime_ns:x}"
    if len(str(copy).encode()) > limit:
        copy = Path(tempfile.mkdtemp(prefix="espeak-")) / "espeak-ng-data"
    if not copy.is_dir():
        copy.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(dir=copy.parent))
        shutil.copytree(data, draft, dirs_exist_ok=True)
        try:
            draft.rename(copy)
        except OSError:  # another process was faster
            shutil.rmtree(draft, ignore_errors=True)
    return copy
