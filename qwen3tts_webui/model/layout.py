"""In which type each weight of a talker is loaded, and how its linears are laid out once all are in place.

In: a talker with released names. Out: one that is ready to run, in the type that was asked for. Knows no file.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import torch

from qwen3tts_webui.errors import InvalidValue
from qwen3tts_webui.model.linear import LinearKind, compare, replace_linears
from qwen3tts_webui.model.quality import forced_scores, widened
from qwen3tts_webui.model.talker import Talker

log = logging.getLogger(__name__)

_KINDS: dict[str, LinearKind] = {"float32": "float32", "bfloat16": "bfloat16", "int8": "int8"}


def number_types(dtype: str, number: torch.dtype) -> Callable[[str], torch.dtype]:
    """The type of each weight while it is loaded, by its name: `number`, but float32 for norms."""

    def number_of(name: str) -> torch.dtype:
        if name.endswith("norm.weight"):
            return torch.float32
        # what will be rounded to 8 bits waits for it in the type that the files have, not in one twice as large
        return torch.bfloat16 if dtype == "int8" and ".layers." in name else number

    return number_of


def lay_out(talker: Talker, dtype: str) -> str:
    """Fold and fuse, and lay the linears out for a CPU; returns the type that the talker computes in.

    What int8 costs is measured on the way: `talker.rounding` has it, and the log. Raises InvalidValue where there is no
    int8.
    """
    device = talker.codec_head.weight.device
    talker.prepare(fold_text=device.type != "cpu")
    kind = "int8" if dtype == "int8" else str(talker.text_table.dtype).removeprefix("torch.")
    if device.type != "cpu" or kind not in _KINDS:
        return kind
    if kind != "int8":
        replace_linears(talker, _KINDS[kind])
        return kind
    with widened(talker):
        exact = forced_scores(talker)
    if not replace_linears(talker, "int8"):
        raise InvalidValue(field="dtype", expected="a float type on this processor", got=kind)
    talker.rounding = compare(forced_scores(talker), exact)
    log.info(
        "int8: %.1f %% of the greedy codes are those of the exact weights, the error of the scores is %.2f %%",
        100 * talker.rounding.equal_choices,
        100 * talker.rounding.error,
    )
    return kind
