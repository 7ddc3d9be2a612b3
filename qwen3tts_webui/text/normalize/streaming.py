"""Normalization of a text that is still being written.

In: cleaned pieces. Out: the spoken form, as soon as no later word can change it: two plain words later at the latest.
"""

from __future__ import annotations

from itertools import pairwise

from qwen3tts_webui.text.lexicon import Lexicon
from qwen3tts_webui.text.normalize.normalizer import NormalizedText, chunk_cuts, joined_texts, normalize_chunk
from qwen3tts_webui.text.normalize.pipeline import NormalizeMode


class StreamingNormalizer:
    """`push` piece after piece; `flush` when the text so far is to be spoken now, and at the end.

    `language` may be set to another one: it holds for what was not returned yet.
    """

    def __init__(self, language: str, *, mode: NormalizeMode = "auto", lexicon: Lexicon | None = None) -> None:
        self.language = language
        self._mode: NormalizeMode = mode
        self._lexicon = lexicon
        self._held = ""
        self._done = NormalizedText("", "", language)

    @property
    def normalized(self) -> NormalizedText:
        """The text returned so far, and where it was written."""
        return self._done

    @property
    def passes_through(self) -> bool:
        """Whether text is never changed or held back."""
        return self._mode == "off" and not self._lexicon

    def push(self, piece: str) -> str:
        """Add text; return the spoken form of what no later text can change."""
        if self.passes_through:
            self._done = joined_texts(self._done, NormalizedText(piece, piece, self.language))
            return piece
        self._held += piece
        cuts = chunk_cuts(self._held, self.language, self._mode, self._lexicon, complete=False)
        return self._give([0, *cuts])

    def flush(self) -> str:
        """Return the spoken form of the rest."""
        cuts = chunk_cuts(self._held, self.language, self._mode, self._lexicon)
        return self._give([0, *cuts, len(self._held)])

    def _give(self, positions: list[int]) -> str:
        before = len(self._done.spoken)
        for start, end in pairwise(positions):
            chunk = normalize_chunk(self._held[start:end], self.language, self._mode, self._lexicon)
            self._done = joined_texts(self._done, chunk)
        self._held = self._held[positions[-1] :]
        return self._done.spoken[before:]
