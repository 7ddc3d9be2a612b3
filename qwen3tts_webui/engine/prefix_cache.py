"""Keys and values of the first rows of prompts, kept for the next text in the same voice.

In: a prompt and a slot of the KV cache. Out: the prompt's prefix (description, language, speaker) in that slot, so that
only the rows of the text are left to read. A new prefix is read by itself as well: hits and misses give equal codes.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor

from qwen3tts_webui.model import Prompt, Talker

MIN_ROWS = 16  # reading fewer rows together with the text costs less than a pass of their own
MAX_BYTES = 64 * 2**20


class PrefixCache:
    """The most recently used prefixes, up to `max_bytes` of keys and values."""

    def __init__(self, talker: Talker, *, max_bytes: int = MAX_BYTES) -> None:
        self._talker = talker
        self._max_bytes = max_bytes
        self._entries: OrderedDict[bytes, Tensor] = OrderedDict()  # (layers, 2, kv_heads, rows, head_dim)
        self.num_bytes = 0

    def load(self, prompt: Prompt, kv: Tensor, slot: int) -> bool | None:
        """Fill the first `prompt.num_prefix` rows of `slot` in `kv` (see `Talker.new_kv`).

        Returns whether they were known; None, with nothing filled, where the prefix is too short to be kept. The text
        ids of the prompt must be known to the talker.
        """
        rows = prompt.num_prefix
        if rows < MIN_ROWS:
            return None
        key = prompt.prefix_key()
        kept = self._entries.get(key)
        if kept is not None:
            self._entries.move_to_end(key)
            kv[:, :, slot, :, :rows] = kept
            return True
        self._read(prompt, kv, slot)
        self._keep(key, kv[:, :, slot, :, :rows].clone())
        return False

    def _read(self, prompt: Prompt, kv: Tensor, slot: int) -> None:
        device, rows = kv.device, prompt.num_prefix
        text, codes = (torch.from_numpy(ids[None, :rows]).to(device) for ids in (prompt.text, prompt.codes))
        x_vector = None if prompt.x_vector is None else torch.from_numpy(prompt.x_vector).to(kv)
        lengths, slots = (torch.tensor([number], device=device) for number in (rows, slot))
        self._talker.prefill(self._talker.embed(text, codes, x_vector), lengths, kv, slots)

    def _keep(self, key: bytes, entry: Tensor) -> None:
        self._entries[key] = entry
        self.num_bytes += entry.nbytes
        while self.num_bytes > self._max_bytes:
            _, oldest = self._entries.popitem(last=False)
            self.num_bytes -= oldest.nbytes
