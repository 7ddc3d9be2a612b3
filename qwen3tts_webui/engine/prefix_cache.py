"""Cache the keys and values of prompt prefixes for the next text in the same voice.

In: a prompt and a slot of the KV cache. Out: the prompt's prefix (description, language, speaker) in that slot, so that
only the tokens of the text remain. A new prefix is prefilled separately, too: hits and misses give equal codes.
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor

from qwen3tts_webui.model import Prompt, Talker

MIN_TOKENS = 16  # fewer tokens cost less in the same prefill as the text
MAX_BYTES = 64 * 2**20


class PrefixCache:
    """An LRU cache of prefixes, up to `max_bytes` of keys and values."""

    def __init__(self, talker: Talker, *, max_bytes: int = MAX_BYTES) -> None:
        self._talker = talker
        self._max_bytes = max_bytes
        self._entries: OrderedDict[bytes, Tensor] = OrderedDict()  # (layers, 2, kv_heads, rows, head_dim)
        self.num_bytes = 0

    def load(self, prompt: Prompt, kv: Tensor, slot: int) -> bool | None:
        """Fill the first `prompt.num_prefix` positions of `slot` in `kv` (see `Talker.new_kv`).

        Return whether they were cached; None, with nothing filled, if the prefix is too short. The talker must have
        projected the text ids of the prompt.
        """
        rows = prompt.num_prefix
        if rows < MIN_TOKENS:
            return None
        key = prompt.prefix_key()
        cached = self._entries.get(key)
        if cached is not None:
            self._entries.move_to_end(key)
            kv[:, :, slot, :, :rows] = cached
            return True
        self._prefill(prompt, kv, slot)
        self._store(key, kv[:, :, slot, :, :rows].clone())
        return False

    def _prefill(self, prompt: Prompt, kv: Tensor, slot: int) -> None:
        device, rows = kv.device, prompt.num_prefix
        text, codes = (torch.from_numpy(ids[None, :rows]).to(device) for ids in (prompt.text, prompt.codes))
        x_vector = None if prompt.x_vector is None else torch.from_numpy(prompt.x_vector).to(kv)
        lengths, slots = (torch.tensor([number], device=device) for number in (rows, slot))
        self._talker.prefill(self._talker.embed(text, codes, x_vector), lengths, kv, slots)

    def _store(self, key: bytes, entry: Tensor) -> None:
        self._entries[key] = entry
        self.num_bytes += entry.nbytes
        while self.num_bytes > self._max_bytes:
            _, oldest = self._entries.popitem(last=False)
            self.num_bytes -= oldest.nbytes
