"""Text to token ids: transformers' Qwen2 tokenizer, read from vocab.json and merges.txt. No torch.

User text can never become a control token: the tokenizer has none, so `<|im_end|>` in a text is encoded as ordinary
characters. The control ids of the prompt come from config.json alone.
"""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

from qwen3tts_webui.errors import UNREADABLE, CheckpointError, invalid_json

if TYPE_CHECKING:
    from transformers import Qwen2Tokenizer

_LEADING_NEWLINES = re.compile(r"\s*[\r\n]")


class Tokenizer:
    """The tokenizer of one checkpoint. Ids equal the official tokenizer's for text without control tokens."""

    def __init__(self, folder: Path) -> None:
        """Raises CheckpointError if vocab.json or merges.txt in `folder` is missing or broken."""
        vocab, merges = _read_vocab(folder / "vocab.json"), _read_merges(folder / "merges.txt")
        self._tokenizer = _qwen2_tokenizer(vocab, merges, folder / "merges.txt").backend_tokenizer
        self._pre_tokenizer = self._tokenizer.pre_tokenizer
        self.user_id = _required(vocab, "user", folder)
        (self.newline_id,) = self.encode("\n")

    def encode(self, text: str) -> list[int]:
        """Return all ids of `text`, unchanged."""
        return list(self._tokenizer.encode(text).ids)

    def encode_spoken(self, text: str) -> list[int]:
        """Return the ids of spoken text: `text` without the newlines before its first character.

        In the official package those merge with the newline of the role and shift everything after it (docs/model.md,
        section 11, quirk 10).
        """
        return self.encode(_without_leading_newlines(text))

    def pieces(self, text: str) -> list[str]:
        """Split `text`, which is NFC, into pre-tokens; joined, they are `text` again."""
        return [text[start:end] for _, (start, end) in self._pre_tokenizer.pre_tokenize_str(text)]

    def encode_pieces(self, pieces: list[str]) -> list[int]:
        """Return the ids of `pieces` as if they were adjacent."""
        return [number for piece in pieces for number in self.encode(piece)]


class IncrementalEncoder:
    """Encode a text that is still arriving; returned ids never change.

    All ids together equal `Tokenizer.encode_spoken` of the whole text, however it was split.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._pending = ""
        self._started = False

    def push(self, text: str) -> list[int]:
        """Add text; return the ids that no later text can change."""
        self._pending = unicodedata.normalize("NFC", self._pending + text)
        if not self._started:
            self._pending = _without_leading_newlines(self._pending)
            self._started = bool(self._pending.strip())
        if not self._started:
            return []
        final = self._final_pieces()
        self._pending = self._pending[sum(map(len, final)) :]
        return self._tokenizer.encode_pieces(final)

    def close(self) -> list[int]:
        """End the text; return the remaining ids."""
        rest, self._pending = self._pending, ""
        return self._tokenizer.encode(rest)

    def _final_pieces(self) -> list[str]:
        """The pending pieces that later text cannot change.

        A piece is final once another character follows it. Trailing whitespace may still regroup, and a newline in it
        may still join the punctuation before it.
        """
        words = len(self._pending.rstrip())
        limit = words if words < len(self._pending) else words - 1
        final: list[str] = []
        end = 0
        for piece in self._tokenizer.pieces(self._pending):
            end += len(piece)
            if end > limit:
                break
            final.append(piece)
        return final


def _without_leading_newlines(text: str) -> str:
    while match := _LEADING_NEWLINES.match(text):
        text = text[match.end() :]
    return text


def _qwen2_tokenizer(vocab: dict[str, int], merges: list[tuple[str, str]], file: Path) -> Qwen2Tokenizer:
    """Build the tokenizer without control tokens. Raises CheckpointError, naming `file`, for merges `vocab` lacks.

    It is built from its parts and not with `from_pretrained`, which for some versions and local folders swaps in
    Mistral's split pattern (docs/model.md, section 11, quirk 1). Importing transformers takes a second, so it
    happens only when a checkpoint is loaded.
    """
    from transformers import Qwen2Tokenizer

    try:
        return Qwen2Tokenizer(vocab=vocab, merges=merges, unk_token=None, eos_token=None, pad_token=None)
    except Exception as error:  # BPE raises a bare Exception for a merge with parts that are not in the vocabulary
        raise CheckpointError(file=file, key="", problem=str(error)) from error


def _read_vocab(file: Path) -> dict[str, int]:
    try:
        vocab = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise CheckpointError(file=file, key="", problem=UNREADABLE) from error
    except ValueError as error:
        raise CheckpointError(file=file, key="", problem=invalid_json(error)) from error
    if not isinstance(vocab, dict) or not all(isinstance(number, int) for number in vocab.values()):
        raise CheckpointError(file=file, key="", problem="must map pieces to ids")
    return vocab


def _read_merges(file: Path) -> list[tuple[str, str]]:
    try:
        lines = file.read_text(encoding="utf-8").split("\n")
    except (OSError, ValueError) as error:
        raise CheckpointError(file=file, key="", problem=UNREADABLE) from error
    merges: list[tuple[str, str]] = []
    for number, line in enumerate(lines, start=1):
        if not line or line.startswith("#version"):
            continue
        left, _, right = line.partition(" ")
        if not left or not right or " " in right:
            raise CheckpointError(file=file, key=f"line {number}", problem="must hold two pieces")
        merges.append((left, right))
    return merges


def _required(vocab: dict[str, int], piece: str, folder: Path) -> int:
    if piece not in vocab:
        raise CheckpointError(file=folder / "vocab.json", key=piece, problem="the piece is missing")
    return vocab[piece]
