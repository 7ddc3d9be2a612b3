"""The order of the passes over one stretch of text, repeated until nothing changes.

In: a stretch, a grammar, a mode. Out: an `AlignedText`. A stretch that a pass cannot handle is left as it is.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import cache

import regex

from qwen3tts_webui.text.aligned import AlignedText
from qwen3tts_webui.text.normalize.calendar import Calendar
from qwen3tts_webui.text.normalize.codes import Codes
from qwen3tts_webui.text.normalize.compatibility import expand_compatibility
from qwen3tts_webui.text.normalize.contexts import Contexts
from qwen3tts_webui.text.normalize.grammar import Grammar, Rule
from qwen3tts_webui.text.normalize.languages import GRAMMARS
from qwen3tts_webui.text.normalize.quantities import Quantities
from qwen3tts_webui.text.normalize.shapes import Shapes
from qwen3tts_webui.text.normalize.signs import Signs
from qwen3tts_webui.types import NormalizeMode as NormalizeMode

_MAX_ROUNDS = 6
_INLINE_TAG = regex.compile(
    r"[\[［【]\s*(?:(?:pause|停顿|停頓|暂停|暫停)[^\]］】]{0,20}|[+-]?[\d.,]+\s*[x×倍]速?\s*)[\]］】]", regex.IGNORECASE
)
_log = logging.getLogger(__name__)


class Pipeline:
    """The passes of one language, with its patterns compiled."""

    def __init__(self, grammar: Grammar) -> None:
        self.grammar = grammar
        calendar, codes, shapes = Calendar(grammar), Codes(grammar), Shapes(grammar)
        quantities, signs, contexts = Quantities(grammar), Signs(grammar), Contexts(grammar)
        if grammar.keep_digits:
            self._passes: list[Callable[[AlignedText], None]] = [
                codes.phones, signs.ordinals, signs.numerals, signs.approximations, signs.sums, contexts.powers, contexts.multiples, quantities.units, signs.math,
            ]  # fmt: skip
            return
        self._passes = [
            codes.addresses, _rule_pass(grammar.early_rules()), shapes.rewrite, codes.accounts, codes.phones, codes.dashed, contexts.phrases, signs.ordinals, signs.approximations, calendar.dates, calendar.times,
            _rule_pass(grammar.rules()), signs.sums, contexts.powers, contexts.multiples, quantities.money, quantities.percent, quantities.units, codes.versions, signs.abbreviations, codes.parts, signs.romans,
            quantities.fractions, quantities.ranges, signs.hashes, codes.tags, signs.math, quantities.numbers, contexts.dashes, contexts.slashes, signs.rest,
            _rule_pass(grammar.late_rules()),
        ]  # fmt: skip

    def run(self, text: AlignedText) -> None:
        """Rewrite `text` in place. Never raises."""
        try:
            for _ in range(_MAX_ROUNDS):
                before = text.text
                text.protect(_INLINE_TAG)
                expand_compatibility(text, spaced=self.grammar.spaced)
                for each in self._passes:
                    each(text)
                if text.text == before:
                    return
                text.reopen()
        except Exception:
            _log.exception("a %s text could not be normalized", self.grammar.code)


@cache
def pipeline(language: str, *, keep_digits: bool) -> Pipeline:
    """The pipeline of one of the ten languages, built on first use."""
    return Pipeline(GRAMMARS[language](keep_digits=keep_digits))


def _rule_pass(rules: tuple[Rule, ...]) -> Callable[[AlignedText], None]:
    compiled = [(regex.compile(pattern), replace) for pattern, replace in rules]

    def apply(text: AlignedText) -> None:
        for pattern, replace in compiled:
            text.sub(pattern, replace, spaced=True)

    return apply
