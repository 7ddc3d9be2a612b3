"""Machine diagnostics: collect facts, then run checks that each suggest one action. Never imports torch.

    run_checks(collect_facts(settings, store)) -> [Finding(topic, level, key, params)]

facts.py reads the machine; checks.py turns facts into findings. The wording is in the message catalog, under each
finding's key.
"""

from qwen3tts_webui.diagnostics.checks import Finding, Level, render_findings, run_checks
from qwen3tts_webui.diagnostics.facts import Facts, GpuFacts, TorchFacts, collect_facts, memory_budget

__all__ = [
    "Facts",
    "Finding",
    "GpuFacts",
    "Level",
    "TorchFacts",
    "collect_facts",
    "memory_budget",
    "render_findings",
    "run_checks",
]
