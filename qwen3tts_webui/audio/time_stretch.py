"""Change the speed of audio without its pitch, while it is still being generated.

In: PCM blocks of any size. Out: the same words at `speed`, by FFmpeg's `atempo` (waveform-similarity overlap-add in
windows of 43 ms). At 24 kHz the first samples come out after 64 to 96 ms of audio went in; a flush returns the rest.
"""

from __future__ import annotations

from fractions import Fraction

import av
import av.filter
import numpy as np

from qwen3tts_webui.audio.pcm import BlockBuffer, replace_nonfinite
from qwen3tts_webui.errors import InvalidValue, in_range
from qwen3tts_webui.types import SAMPLE_RATE, Pcm

MIN_SPEED = 0.5
MAX_SPEED = 2.0
_BLOCK = 384  # 16 ms; atempo rounds differently for each block size, so it always gets the same
_TAIL = 8_192  # samples of silence that flush the last window


class TimeStretcher:
    """Stretch one stream at `speed` (0.5 to 2.0): call `push` for each block, then `flush` once.

    The output does not depend on how the input was cut, and is exactly `round(samples / speed)` long.
    At 1.0 every block is returned unchanged.
    """

    def __init__(self, speed: float) -> None:
        if not MIN_SPEED <= speed <= MAX_SPEED:
            raise InvalidValue(field="speed", expected=in_range(MIN_SPEED, MAX_SPEED), got=speed)
        self._speed = speed
        self._tempo = None if speed == 1.0 else _TempoFilter(speed)
        self._blocks = BlockBuffer(_BLOCK)
        self._num_in = 0
        self._num_out = 0

    def push(self, pcm: Pcm) -> Pcm:
        """Return the output that `pcm` completes: often more or less than went in, at first nothing."""
        if self._tempo is None:
            return pcm
        self._num_in += len(pcm)
        stretched = [self._tempo.push(block) for block in self._blocks.push(replace_nonfinite(pcm))]
        return self._trim(np.concatenate(stretched)) if stretched else np.zeros(0, dtype=np.float32)

    def flush(self) -> Pcm:
        """Return the end of the audio. The stretcher cannot be used again."""
        if self._tempo is None:
            return np.zeros(0, dtype=np.float32)
        tail = np.concatenate([self._blocks.rest(), np.zeros(_TAIL, dtype=np.float32)])
        return self._trim(np.concatenate([self._tempo.push(tail), self._tempo.flush()]))

    def _trim(self, pcm: Pcm) -> Pcm:
        """Cut off the silence that only flushed the last window."""
        trimmed = pcm[: round(self._num_in / self._speed) - self._num_out]
        self._num_out += len(trimmed)
        return trimmed


class _TempoFilter:
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
        return self._pull()

    def flush(self) -> Pcm:
        self._source.push(None)
        return self._pull()

    def _pull(self) -> Pcm:
        frames: list[Pcm] = [np.zeros(0, dtype=np.float32)]
        while True:
            try:
                frame = self._sink.pull()
            except (av.BlockingIOError, av.EOFError):
                return np.concatenate(frames)
            assert isinstance(frame, av.AudioFrame)
            frames.append(frame.to_ndarray()[0].astype(np.float32, copy=False))
