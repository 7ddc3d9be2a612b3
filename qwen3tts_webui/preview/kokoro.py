"""Kokoro-82M by ONNX Runtime: phonemes and a voice pack go in, PCM comes out, one piece at a time.

Knows the model's symbols and limits; nothing of text, languages or descriptions. One caller at a time.
Source: hexgrad/Kokoro-82M v1.0 (weights Apache-2.0), int8 export of thewh1teagle/kokoro-onnx (MIT).
"""

from __future__ import annotations

import json
import logging
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from qwen3tts_webui.types import SAMPLE_RATE, Pcm

MAX_TOKENS = 500  # the model takes 510, of which two are padding
MIN_SPEED, MAX_SPEED = 0.6, 1.8
Pack = npt.NDArray[np.float16]  # (256, 256): row n-1 is the style for n tokens

_STOP_POLL_S = 0.02
_log = logging.getLogger(__name__)


class SynthesisCancelled(Exception):
    """The listener left while the model was running. Never leaves this package."""


class Symbols:
    """Phonemes -> token ids. What the model does not know is counted and said once, never dropped in silence."""

    def __init__(self, vocab: Path) -> None:
        self._ids: dict[str, int] = json.loads(vocab.read_text(encoding="utf-8"))
        self.unknown: Counter[str] = Counter()

    def __contains__(self, symbol: str) -> bool:
        return symbol in self._ids

    def ids(self, phonemes: str) -> list[int]:
        for symbol in phonemes:
            if symbol not in self._ids:
                if symbol not in self.unknown:
                    _log.warning("Kokoro has no symbol for U+%04X; it is left out", ord(symbol))
                self.unknown[symbol] += 1
        return [self._ids[symbol] for symbol in phonemes if symbol in self._ids]


class Kokoro:
    """The model, loaded. `threads` is what it may keep busy while it runs; between runs it burns nothing."""

    def __init__(self, model: Path, vocab: Path, *, threads: int = 2) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # spinning starves the server
        self._run_options: Callable[[], Any] = onnxruntime.RunOptions
        self._session: Any = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        self.symbols = Symbols(vocab)

    def speak(self, phonemes: str, pack: Pack, *, speed: float = 1.0, stop: Callable[[], bool] = lambda: False) -> Pcm:
        """Sound of one piece of at most `MAX_TOKENS` symbols, float32 (samples,).

        `stop` is asked every 20 ms while the model runs; once it is True the run is ended and `SynthesisCancelled` raised.
        """
        ids = self.symbols.ids(phonemes)[:MAX_TOKENS]
        if not ids:
            return np.zeros(0, np.float32)
        feeds = {
            "tokens": np.array([[0, *ids, 0]], np.int64),
            "style": pack[min(len(ids), len(pack)) - 1].astype(np.float32).reshape(1, 256),
            "speed": np.array([np.clip(speed, MIN_SPEED, MAX_SPEED)], np.float32),
        }
        options = self._run_options()
        with _Guard(options, stop) as guard:
            try:
                audio = self._session.run(None, feeds, options)[0]
            except Exception:
                if guard.stopped:
                    raise SynthesisCancelled from None
                raise
        if guard.stopped or stop():
            raise SynthesisCancelled
        return np.asarray(audio, np.float32).reshape(-1)


class _Guard:
    """Watches `stop` from a second thread while the model runs, and ends the run."""

    def __init__(self, options: Any, stop: Callable[[], bool]) -> None:
        self._options = options
        self._stop = stop
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="preview-guard", daemon=True)
        self.stopped = False

    def __enter__(self) -> _Guard:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(_STOP_POLL_S):
            if self._stop():
                self.stopped = True
                self._options.terminate = True
                return


def trimmed(pcm: Pcm, *, lead_s: float = 0.03, tail_s: float = 0.06, threshold: float = 0.01) -> Pcm:
    """`pcm` without the silence around it, but for `lead_s` and `tail_s` of it."""
    loud = np.flatnonzero(np.abs(pcm) > threshold)
    if not len(loud):
        return pcm[:0]
    first = max(0, int(loud[0]) - int(lead_s * SAMPLE_RATE))
    return pcm[first : int(loud[-1]) + 1 + int(tail_s * SAMPLE_RATE)]
