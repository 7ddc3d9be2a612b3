"""Text that is still being written while it is already synthesized.

In: chunks of raw text. Out: segments to submit, with the pause before each. As in complete text, line ends and inline
tags (`[pause 0.5s]`, `[1.2x]`) end a segment. For engines with the feature "text_streaming" a segment carries a
`TextQueue` for everything after its first word. For the others it is one or more clauses, short ones first, so that the
audio starts early. Belongs to one event loop; only the queues cross threads.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace

from qwen3tts_webui.errors import ErrorDetail, InvalidValue, TextTooLong
from qwen3tts_webui.speech.events import TextWarning
from qwen3tts_webui.speech.spoken_text import RAW, SpokenText
from qwen3tts_webui.speech.streamed_line import StreamedLine, StreamedSegment
from qwen3tts_webui.speech.text_warnings import TextWarnings
from qwen3tts_webui.text import (
    AUTO,
    DEFAULT_OPTIONS,
    MAX_PAUSE_S,
    MAX_SPEECH_UNITS,
    MAX_SPEED,
    MIN_SPEED,
    InlineTag,
    MarkupOptions,
    StreamingCleaner,
    StreamingMarkup,
    StreamingScripts,
    StreamingTagParser,
    TagEvent,
    speech_units,
)

_FIRST_SPEECH_UNITS = 20.0
_GROWTH = 2.0  # each segment may be about twice as long as the one before


class TextStreamSession:
    """The text of one request, written in chunks: `write`, `flush`, `close`. `limit` bounds its characters.

    `accepts_text_stream` says whether the engine takes a `TextQueue`. `next` returns what may be submitted now, and
    `warnings` names what in it no engine knows, so far.
    """

    def __init__(
        self,
        *,
        limit: int,
        speed: float,
        accepts_text_stream: bool,
        spoken: SpokenText = RAW,
        markup: MarkupOptions = DEFAULT_OPTIONS,
    ) -> None:
        self.closed = False
        self._limit = limit
        self._speed = speed
        self._queue_limit = 4 * limit if accepts_text_stream else None
        self._chunks: list[str] = []
        self._length = 0
        self._tags = StreamingTagParser()
        self._cleaner = StreamingCleaner()
        self._front_end = spoken
        self._markup = None if spoken.mode == "off" else StreamingMarkup(markup)
        self._warnings = TextWarnings(spoken.language)
        self._scripts = StreamingScripts(
            lambda language, text: self._warnings.add(self._lines[-1].line, language, text)
        )
        self._lines = deque([StreamedLine(line=0, speed=speed, queue_limit=self._queue_limit, front_end=spoken)])
        self._line_is_empty = True
        self._target_units = _FIRST_SPEECH_UNITS
        self._num_segments = 0
        self._flushes: deque[int] = deque()  # for each flush, the number of segments before it
        self._on_change: Callable[[], None] | None = None

    @property
    def text(self) -> str:
        """All text written so far, raw."""
        return "".join(self._chunks)

    @property
    def warnings(self) -> tuple[TextWarning, ...]:
        """About the text so far."""
        return tuple(self._warnings.warnings)

    @property
    def ended(self) -> bool:
        """True once no further segment will come."""
        return self.closed and not any(line.has_pending_text for line in self._lines)

    @property
    def last_pause_s(self) -> float:
        """The silence after the last words, once the stream has `ended`."""
        last = self._lines[-1]
        return 0.0 if last.started or not self._num_segments else last.pause_s

    def watch(self, on_change: Callable[[], None]) -> None:
        """Call `on_change` after each write, flush and close."""
        self._on_change = on_change

    def write(self, chunk: str) -> None:
        """Append raw text.

        Raises `TextTooLong` beyond `limit` and `InvalidValue` after `close`; then the chunk is rejected. Also raises
        `InvalidValue` for an inline tag out of range; then only the tag is dropped.
        """
        if self.closed:
            expected, got = (
                ErrorDetail("before_close", "sent before close"),
                ErrorDetail("after_close", "sent after it"),
            )
            raise InvalidValue(field="text", expected=expected, got=got)
        if self._length + len(chunk) > self._limit:
            raise TextTooLong(length=self._length + len(chunk), limit=self._limit)
        self._length += len(chunk)
        self._chunks.append(chunk)
        if self._front_end.language == AUTO:  # what is known of the text so far
            self._front_end = replace(self._front_end, text=self.text)
            for line in self._lines:
                line.front_end = self._front_end
        events = self._tags.push(chunk if self._markup is None else self._markup.push(chunk))
        self._add(events)
        self._notify()
        for event in events:
            if isinstance(event, InvalidValue):
                raise event

    def flush(self) -> None:
        """Synthesize everything written so far to its end; later text is a new segment of the same line."""
        self._add(self._flush_tags())
        last = self._lines[-1]
        last.add(self._flush_cleaner())
        if last.started or last.has_pending_text:
            last.finish()
            last.num_flushes += 1
            self._lines.append(self._line_after(last))
        elif len(self._lines) > 1:
            self._lines[-2].num_flushes += 1
        else:
            self._flushes.append(self._num_segments)
        self._notify()

    def take_flush(self, num_played: int) -> bool:
        """Return whether a flush is complete once `num_played` segments are; each is returned once."""
        if not self._flushes or self._flushes[0] > num_played:
            return False
        self._flushes.popleft()
        return True

    def close(self) -> None:
        """No more text will be written. Idempotent."""
        if self.closed:
            return
        self.closed = True
        self._add(self._flush_tags())
        self._warnings.end_line(self._lines[-1].line)
        self._lines[-1].add(self._flush_cleaner())
        self._lines[-1].finish()
        self._notify()

    def _flush_tags(self) -> list[TagEvent]:
        held = [] if self._markup is None else self._tags.push(self._markup.flush())
        return [*held, *self._tags.flush()]

    def _flush_cleaner(self) -> str:
        return self._cleaner.push(self._scripts.flush()) + self._cleaner.flush()

    def next(self) -> StreamedSegment | None:
        """Take the next segment that may be submitted; None if there is none yet."""
        while True:
            line = self._lines[0]
            streamed = line.next(self._num_segments, self._target_units)
            if streamed is not None:
                self._num_segments += 1
                longer = max(self._target_units, speech_units(streamed.segment.text)) * _GROWTH
                self._target_units = min(longer, MAX_SPEECH_UNITS)
                return streamed
            if len(self._lines) == 1 or not line.complete:
                return None
            self._lines.popleft()
            self._flushes.extend([self._num_segments] * line.num_flushes)

    def _add(self, events: Iterable[TagEvent]) -> None:
        """Append text to the current line, and start a new one at each tag and line end."""
        for event in events:
            if isinstance(event, str):
                self._line_is_empty = self._line_is_empty and not event.strip()
                self._warnings.check_piece(self._lines[-1].line, event)
                self._lines[-1].add(self._cleaner.push(self._scripts.push(event)))
            elif isinstance(event, InlineTag):
                self._line_is_empty = False
                line = self._start_line()
                line.pause_s = min(line.pause_s + event.pause_s, MAX_PAUSE_S)
                if event.speed is not None:
                    line.speed = min(max(self._speed * event.speed, MIN_SPEED), MAX_SPEED)
            elif event is True:
                line = self._start_line()
                self._warnings.end_line(line.line)
                line.line += not self._line_is_empty
                line.speed = self._speed
                self._line_is_empty = True

    def _start_line(self) -> StreamedLine:
        """Return the line that starts here: a new one, unless the last one has no words."""
        last = self._lines[-1]
        last.add(self._flush_cleaner())
        if not last.started and not last.has_pending_text:
            last.clear()
            return last
        last.finish()
        self._lines.append(self._line_after(last))
        return self._lines[-1]

    def _line_after(self, last: StreamedLine) -> StreamedLine:
        return StreamedLine(line=last.line, speed=last.speed, queue_limit=self._queue_limit, front_end=self._front_end)

    def _notify(self) -> None:
        if self._on_change is not None:
            self._on_change()
