"""Kokoro-82M on ONNX Runtime. In: phonemes and a voice pack. Out: PCM.

Knows the model's symbols and limits; nothing of text, languages or descriptions. Not thread-safe.
Source: hexgrad/Kokoro-82M v1.0 (weights Apache-2.0), int8 export of thewh1teagle/kokoro-onnx (MIT).
"""

from __future__ import annotations

import json
import logging
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from qwen3tts_webui.types import SAMPLE_RATE, Pcm

FRAME_SAMPLES = 600  # of the durations that the model predicts for its tokens
MAX_TOKENS = 500  # the model takes 510, of which two are padding
MIN_SPEED, MAX_SPEED = 0.6, 1.8
Pack = npt.NDArray[np.float16]  # (256, 256): row n-1 is the style for n tokens

_DURATIONS = "/encoder/Clip_output_0"  # inside the exported graph: the duration of each token
_STOP_POLL_S = 0.02
_log = logging.getLogger(__name__)


class SynthesisCancelled(Exception):
    """The utterance was cancelled while the model was running. Never leaves this package."""


class Symbols:
    """Phonemes to token ids. Unknown symbols are counted and logged once each."""

    def __init__(self, vocab: Path) -> None:
        self._ids: dict[str, int] = json.loads(vocab.read_text(encoding="utf-8"))
        self.unknown: Counter[str] = Counter()

    def __contains__(self, symbol: str) -> bool:
        return symbol in self._ids

    def ids(self, phonemes: str) -> list[int]:
        """Return the ids of the known symbols."""
        for symbol in phonemes:
            if symbol not in self._ids:
                if symbol not in self.unknown:
                    _log.warning("Kokoro has no symbol for U+%04X; skipping it", ord(symbol))
                self.unknown[symbol] += 1
        return [self._ids[symbol] for symbol in phonemes if symbol in self._ids]


@dataclass(frozen=True, slots=True, eq=False)
class Speech:
    """`pcm` float32 (samples,); symbol i of the phonemes is spoken from `boundaries[i]` to `boundaries[i + 1]`."""

    pcm: Pcm
    boundaries: npt.NDArray[np.float64]  # (symbols + 1,), in samples


class Kokoro:
    """The loaded model. `threads` is the number of CPU threads of a run; between runs they sleep."""

    def __init__(self, model: Path, vocab: Path, *, threads: int = 2) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # or it would starve the server
        self._run_options: Callable[[], Any] = onnxruntime.RunOptions
        self._session: Any = onnxruntime.InferenceSession(
            with_output(model.read_bytes(), _DURATIONS), options, providers=["CPUExecutionProvider"]
        )
        self._session._model_bytes = b""  # a second copy, kept for providers that may fail
        self.symbols = Symbols(vocab)

    def generate(
        self, phonemes: str, pack: Pack, *, speed: float = 1.0, stop: Callable[[], bool] = lambda: False
    ) -> Speech:
        """Return the audio of at most `MAX_TOKENS` phonemes, and where each of them is.

        `stop` is polled every 20 ms while the model runs; once True, the run ends and `SynthesisCancelled` is raised.
        """
        ids = self.symbols.ids(phonemes)[:MAX_TOKENS]
        if not ids:
            return Speech(np.zeros(0, np.float32), np.zeros(len(phonemes) + 1))
        feeds = {
            "tokens": np.array([[0, *ids, 0]], np.int64),
            "style": pack[min(len(ids), len(pack)) - 1].astype(np.float32).reshape(1, 256),
            "speed": np.array([np.clip(speed, MIN_SPEED, MAX_SPEED)], np.float32),
        }
        options = self._run_options()
        with _StopWatcher(options, stop) as watcher:
            try:
                audio, durations = self._session.run(None, feeds, options)
            except Exception:
                if watcher.stopped:
                    raise SynthesisCancelled from None
                raise
        if watcher.stopped:
            raise SynthesisCancelled
        ends = np.cumsum(np.asarray(durations, np.float64).reshape(-1)) * FRAME_SAMPLES
        return Speech(np.asarray(audio, np.float32).reshape(-1), self._boundaries(phonemes, ends))

    def _boundaries(self, phonemes: str, ends: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Return where each symbol starts, and the end of the last: an unknown symbol takes no time.

        `ends` (tokens,) are those of the tokens, of which the first and the last are padding.
        """
        num_known = np.cumsum([0, *(symbol in self.symbols for symbol in phonemes)])
        found: npt.NDArray[np.float64] = ends[np.minimum(num_known, len(ends) - 2)]
        return found


class _StopWatcher:
    """Polls `stop` on a second thread while the model runs, and ends the run."""

    def __init__(self, options: Any, stop: Callable[[], bool]) -> None:
        self._options = options
        self._stop = stop
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="preview-stop", daemon=True)
        self.stopped = False

    def __enter__(self) -> _StopWatcher:
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


def audible_range(pcm: Pcm, *, lead_s: float = 0.03, tail_s: float = 0.06, threshold: float = 0.01) -> slice:
    """Return `pcm` without the silence around it, except for `lead_s` before and `tail_s` after it."""
    loud = np.flatnonzero(np.abs(pcm) > threshold)
    if not len(loud):
        return slice(0, 0)
    first = max(0, int(loud[0]) - int(lead_s * SAMPLE_RATE))
    return slice(first, min(len(pcm), int(loud[-1]) + 1 + int(tail_s * SAMPLE_RATE)))


def with_output(model: bytes, name: str) -> bytes:
    """Return an ONNX model that also returns its inner tensor `name` (float32).

    A protocol buffer that is appended to another is merged with it: here, one more output of the graph.
    """
    return model + _field(7, _field(12, _field(1, name.encode())))


def _field(number: int, content: bytes) -> bytes:
    """Return a length-delimited field of a protocol buffer; `content` is shorter than 128 bytes."""
    return bytes([number << 3 | 2, len(content)]) + content
