"""The text of one utterance as token ids, at once or as it arrives. No torch.

The text of an acoustic prompt precedes the new text, as if both were one text.
"""

from __future__ import annotations

from qwen3tts_webui.model.prompt.builder import join_texts
from qwen3tts_webui.model.prompt.tokenizer import IncrementalEncoder, Tokenizer
from qwen3tts_webui.types import Utterance


class PromptText:
    """Token ids of the text of `utterance`, and of its text stream if it has one."""

    def __init__(self, tokenizer: Tokenizer, utterance: Utterance) -> None:
        self._tokenizer = tokenizer
        self._incremental = IncrementalEncoder(tokenizer)
        self._stream = utterance.text_stream
        self._prompt_text = utterance.voice.acoustic_prompt.text if utterance.voice.acoustic_prompt is not None else ""
        self._new = utterance.text
        self._started = False
        self._num_returned = 0
        self.open = True

    @property
    def num_new(self) -> int:
        """Number of ids returned so far, without those of the acoustic prompt."""
        return max(0, self._num_returned - len(self._tokenizer.encode_spoken(self._prompt_text)))

    def whole(self) -> list[int]:
        """Return all ids of the text received so far; nothing follows."""
        self.open = False
        ids = self._tokenizer.encode_spoken(join_texts(self._prompt_text, self._new))
        self._num_returned = len(ids)
        return ids

    def read(self) -> list[int]:
        """Return the new ids that no later text can change, or all of them once the text stream is closed.

        `open` becomes False when nothing will follow.
        """
        if not self.open:
            return []
        if self._stream is None:
            return self.whole()
        closed = self._stream.closed  # read first: text that was written before the stream closed is taken below
        arrived, self._new = self._new + self._stream.take(), ""
        if not self._started and (arrived or closed):
            self._started = True
            arrived = join_texts(self._prompt_text, arrived)
        ids = self._incremental.push(arrived)
        if closed:
            ids += self._incremental.close()
            self.open = False
        self._num_returned += len(ids)
        return ids
