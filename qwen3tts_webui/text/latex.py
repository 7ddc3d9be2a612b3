r"""Formulas in LaTeX as signs that the normalizer reads: "$\frac{1}{2}$" -> "1/2", "$x^{2} \leq y$" -> "x^2 ≤ y".

In: a formula. Out: plain text; a command that is not known leaves its name. Knows no language.
"""

from __future__ import annotations

import regex

FORMULA = regex.compile(
    r"(?<![A-Za-z0-9$\\])\$\$?(?=[^\s\d$]|\d[\d.,]*[\\^_])(?P<tex>[^$\n]{0,200}[^\s$\\])\$\$?(?![A-Za-z0-9$])"
    r"|\\\((?P<tex>[^\n]{1,200}?)\\\)|\\\[(?P<tex>[^\n]{1,200}?)\\\]"
    r"|(?P<tex>\\(?:[dt]?frac|sqrt)\{[^{}\n]{1,60}\}(?:\{[^{}\n]{1,60}\})?)"
)
_SIGNS = {
    "times": "×", "cdot": "×", "div": "÷", "pm": "±", "le": "≤", "leq": "≤", "ge": "≥", "geq": "≥", "ne": "≠",
    "neq": "≠", "approx": "≈", "infty": "∞", "to": "→", "rightarrow": "→", "lt": "<", "gt": ">", "circ": "°",
    "percent": "%", "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "theta": "θ",
    "lambda": "λ", "mu": "μ", "pi": "π", "rho": "ρ", "sigma": "σ", "tau": "τ", "phi": "φ", "omega": "ω",
    "Delta": "Δ", "Sigma": "Σ", "Omega": "Ω", "Phi": "Φ",
}  # fmt: skip
_FRACTION = regex.compile(r"\\[dt]?frac\{([^{}]*)\}\{([^{}]*)\}")
_ROOT = regex.compile(r"\\sqrt\{([^{}]*)\}")
_TEXT = regex.compile(r"\\(?:text|mathrm|mathbf|mathit|operatorname)\{([^{}]*)\}")
_GROUP = regex.compile(r"\{([^{}]*)\}")
_COMMAND = regex.compile(r"\\([A-Za-z]+)")
_SPACING = regex.compile(r"\\(?:[,;:! ]|quad\b|qquad\b|left\b|right\b|displaystyle\b)|~")
_BARE = regex.compile(r"\p{L}|\p{L}?[^\s\p{L}]{0,3}\p{L}?\([^()]{1,20}\)")


def is_formula(tex: str) -> bool:
    """Whether what stands between two dollar signs is a formula and no ticker or price."""
    return regex.search(r"[\\^_=<>]", tex) is not None or _BARE.fullmatch(tex) is not None


def plain_formula(tex: str) -> str:
    """The formula without commands and braces."""
    text = _SPACING.sub(" ", tex)
    for _ in range(4):
        text = _TEXT.sub(r"\1", text)
        text = _FRACTION.sub(lambda match: f"{match[1]}{_over(match[1], match[2])}{match[2]}", text)
        text = _ROOT.sub(r"√\1", text)
        text = regex.sub(r"\^\{([-−]?\w+)\}", r"^\1", text)
        text = _GROUP.sub(r"\1", text)
    return _COMMAND.sub(lambda match: _SIGNS.get(match[1], match[1]), text).replace("_", " ").strip()


def _over(top: str, bottom: str) -> str:
    return "/" if top.isdecimal() and bottom.isdecimal() else " ÷ "
