"""Speed without a change of pitch, while the sound is still being made.

In: PCM blocks of any size. Out: the same words at `speed`, by FFmpeg's `atempo` (waveform-similarity overlap-add in
windows of 43 ms). At 24 kHz the first samples come out after 64 to 96 ms of sound went in, and a flush gives the rest.
"""

from __future__ import annotations

from fractions import Fraction

import av
import av.filter
import numpy as np

from qwen3tts_webui.audio.pcm import BlockBuffer, replace_nonfinite
from qwen3tts_webui.errors import InvalidValue
from qwen3tts_webui.types import SAMPLE_RATE, Pcm

MIN_SPEED = 0.5
MAX_SPEED = 2.0
_BLOCK = 384  # 16 ms; atempo rounds differently for blocks of different sizes, so that it always gets this one
_TAIL = 8_192  # samples of silence that push the last window out


class TimeStretcher:
    """One stream at one `speed` (0.5 to 2.0): `push` block after block, then `flush` once.

    The output does not depend on how the input was cut, and is exactly `round(samples / speed)` long.
    At 1.0 every block is handed back untouched.
    """

    def __init__(self, speed: float) -> None:
        if not MIN_SPEED <= speed <= MAX_SPEED:
            raise InvalidValue(field="speed", expected=f"a number from {MIN_SPEED} to {MAX_SPEED}", got=speed)
        self._speed = speed
        self._tempo = None if speed == 1.0 else _Tempo(speed)
        self._blocks = BlockBuffer(_BLOCK)
        self._taken = 0
        self._given = 0

    def push(self, pcm: Pcm) -> Pcm:
        """What `pcm` adds to the output: often more or less than went in, at first nothing."""
        if self._tempo is None:
            return pcm
        self._taken += len(pcm)
        made = [self._tempo.push(block) for block in self._blocks.push(replace_nonfinite(pcm))]
        return self._give(np.concatenate(made)) if made else np.zeros(0, dtype=np.float32)

    def flush(self) -> Pcm:
        """The end of the sound. The stretcher is used up."""
        if self._tempo is None:
            return np.zeros(0, dtype=np.float32)
        tail = np.concatenate([self._blocks.rest(), np.zeros(_TAIL, dtype=np.float32)])
        return self._give(np.concatenate([self._tempo.push(tail), self._tempo.flush()]))

    def _give(self, pcm: Pcm) -> Pcm:
        """`pcm` without the silence that only drove the last window out."""
        given = pcm[: round(self._taken / self._speed) - self._given]
        self._given += len(given)
        return given


class _Tempo:
    """The filter graph: source -> atempo -> sink."""

    def __init__(self, speed: float) -> None:
        self._graph = av.filter.Graph()
        self._time_base = Fraction(1, SAMPLE_RATE)
        self._source = self._graph.add_abuffer(
            sample_rate=SAMPLE_RATE, format="flt", layout="mono", time_base=self._time_base
        )
        tempo = self._graph.add("atempo", f"{speed:.6f}")
        self._sink = self._graph.add("abuffersink")
        self._source.link_to(tempo)
        tempo.link_to(self._sink)
        self._graph.configure()
        self._position = 0

    def push(self, pcm: Pcm) -> Pcm:
        frame = av.AudioFrame.from_ndarray(pcm[np.newaxis], format="flt", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        frame.time_base = self._time_base
        frame.pts = self._position
        self._position += len(pcm)
        self._source.push(frame)
        return self._ready()

    def flush(self) -> Pcm:
        self._source.push(None)
        return self._ready()

    def _ready(self) -> Pcm:
        made: list[Pcm] = [np.zeros(0, dtype=np.float32)]
        while True:
            try:
                frame = self._sink.pull()
            except (av.BlockingIOError, av.EOFError):
                return np.concatenate(made)
            assert isinstance(frame, av.AudioFrame)
            made.append(frame.to_ndarray()[0].astype(np.float32, copy=False))
