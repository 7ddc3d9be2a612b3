"""Machine diagnostics: collect facts, then run checks that each suggest one action. Never imports torch.

    run_checks(collect_facts(settings, store)) -> [Finding(topic, level, key, params)]

facts.py reads the machine; checks.py turns facts into findings. The wording is in the message catalog, under each
finding's key.
"""

from qwen3tts_webui.diagnostics.checks import Finding, Level, check_cpu_plan, check_engine, render_findings, run_checks
from qwen3tts_webui.diagnostics.facts import Facts, TorchFacts, collect_facts, hardware_of, memory_budget

__all__ = [
    "Facts",
    "Finding",
    "Level",
    "TorchFacts",
    "check_cpu_plan",
    "check_engine",
    "collect_facts",
    "hardware_of",
    "memory_budget",
    "render_findings",
    "run_checks",
]
