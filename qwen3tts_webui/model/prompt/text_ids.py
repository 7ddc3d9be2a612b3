"""The text of one utterance as ids, all of it or as it comes in. No torch.

A passage's text stands before the new text, as if both had been written in one go.
"""

from __future__ import annotations

from qwen3tts_webui.model.prompt.builder import join_texts
from qwen3tts_webui.model.prompt.tokenizer import IncrementalEncoder, Tokenizer
from qwen3tts_webui.types import Utterance


class PromptText:
    """Reads the text of `utterance`, and of its feed when it has one."""

    def __init__(self, tokenizer: Tokenizer, utterance: Utterance) -> None:
        self._tokenizer = tokenizer
        self._growing = IncrementalEncoder(tokenizer)
        self._feed = utterance.text_stream
        self._before = utterance.voice.acoustic_prompt.text if utterance.voice.acoustic_prompt is not None else ""
        self._new = utterance.text
        self._begun = False
        self._num_given = 0
        self.open = True

    @property
    def num_new(self) -> int:
        """How many ids were given out beyond those of the passage."""
        return max(0, self._num_given - len(self._tokenizer.encode_spoken(self._before)))

    def whole(self) -> list[int]:
        """All ids of the text that is there now, as one; nothing follows."""
        self.open = False
        ids = self._tokenizer.encode_spoken(join_texts(self._before, self._new))
        self._num_given = len(ids)
        return ids

    def read(self) -> list[int]:
        """The ids that came since the last call and that no later text can change; all of them once the feed is closed.

        `open` turns False when nothing will follow.
        """
        if not self.open:
            return []
        if self._feed is None:
            return self.whole()
        closed = self._feed.closed  # looked at first: what was written before the feed closed is taken below
        came, self._new = self._new + self._feed.take(), ""
        if not self._begun and (came or closed):
            self._begun = True
            came = join_texts(self._before, came)
        ids = self._growing.push(came)
        if closed:
            ids += self._growing.close()
            self.open = False
        self._num_given += len(ids)
        return ids
