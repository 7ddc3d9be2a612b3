"""In which type each weight of a talker is loaded, and how its linears are laid out once all are in place.

In: a talker with released names. Out: one that is ready to run, in the type that was asked for. Knows no file.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import torch

from qwen3tts_webui.errors import InvalidValue
from qwen3tts_webui.model.compiled import CompiledStack, draw_compiled, keep_linears
from qwen3tts_webui.model.fused import fuse_steps
from qwen3tts_webui.model.jit import available
from qwen3tts_webui.model.linear import LinearKind, compare, replace_linears, supports
from qwen3tts_webui.model.quality import forced_scores, widened
from qwen3tts_webui.model.talker import Talker

log = logging.getLogger(__name__)

_KINDS: dict[str, LinearKind] = {"float32": "float32", "bfloat16": "bfloat16", "int8": "int8"}


def number_types(dtype: str, number: torch.dtype, device: torch.device) -> Callable[[str, torch.dtype], torch.dtype]:
    """The type of each weight while it is loaded, by its name and the type in the file.

    `number`, but float32 for norms. What will be rounded to 8 bits waits for it in bfloat16. And on a CPU the matrices
    that come in bfloat16 stay so under float32: widening them adds nothing but zeros, and they are read in half the
    time.
    """
    keeps = device.type == "cpu" and number == torch.float32 and available()

    def number_of(name: str, stored: torch.dtype) -> torch.dtype:
        if name.endswith("norm.weight"):
            return torch.float32
        if ".layers." not in name:
            return number
        return torch.bfloat16 if dtype == "int8" or (keeps and stored == torch.bfloat16) else number

    return number_of


def lay_out(talker: Talker, dtype: str) -> str:
    """Fold and fuse, and lay the linears out for a CPU; returns the type that the talker computes in.

    What int8 costs is measured on the way: `talker.rounding` has it, and the log. Raises InvalidValue where there is no
    int8.
    """
    device = talker.codec_head.weight.device
    talker.prepare(fold_text=device.type != "cpu")
    kind = "int8" if dtype == "int8" else str(talker.text_table.dtype).removeprefix("torch.")
    if device.type == "cuda":
        fuse_steps(talker)
    if device.type != "cpu" or kind not in _KINDS:
        return kind
    if kind != "int8":
        _lay_out_linears(talker, kind)
        return kind
    with widened(talker):
        exact = forced_scores(talker)
    if not _lay_out_linears(talker, kind):
        raise InvalidValue(field="dtype", expected="a float type on this processor", got=kind)
    talker.rounding = compare(forced_scores(talker), exact)
    log.info(
        "int8: %.1f %% of the greedy codes are those of the exact weights, the error of the scores is %.2f %%",
        100 * talker.rounding.equal_choices,
        100 * talker.rounding.error,
    )
    return kind


def _lay_out_linears(talker: Talker, kind: str) -> bool:
    """Lay the linears of `talker` out for the CPU, with compiled steps where they can be had; False: `kind` cannot."""
    if not available():
        return bool(replace_linears(talker, _KINDS[kind]))
    int8 = kind == "int8"
    if int8 and not supports("int8"):
        return False
    # only the talker reads prompts, so only it needs weights for many rows beside those for few
    keep_linears(talker, int8=int8, packed=lambda name: not name.startswith("code_predictor"))
    for stack in (talker.model, talker.code_predictor.model):
        stack.steps = CompiledStack(stack)
    talker.draw_in_one = draw_compiled
    return True
