"""Check this machine: what it has, what is wrong, and one suggested action for each problem.

In: the settings. Out: one line per topic, or JSON. The exit code is 1 if there is a problem.
"""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from qwen3tts_webui.cli.arguments import (
    add_address_arguments,
    add_engine_arguments,
    add_json_argument,
    add_outputs_argument,
    settings_from,
)
from qwen3tts_webui.cli.factory import build_store
from qwen3tts_webui.config import Settings
from qwen3tts_webui.errors import CheckpointError, InvalidValue
from qwen3tts_webui.i18n import Catalog

if TYPE_CHECKING:
    from qwen3tts_webui.checkpoints import LocalStore
    from qwen3tts_webui.diagnostics import Finding


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `doctor`."""
    add_engine_arguments(parser)
    add_address_arguments(parser)
    add_outputs_argument(parser)
    add_json_argument(parser)


def run(args: argparse.Namespace) -> int:
    """Print the findings."""
    from qwen3tts_webui.diagnostics import collect_facts, render_findings, run_checks

    settings = settings_from(args)
    store = build_store(settings)
    catalog = Catalog("zh" if settings.page_language == "zh" else "en")
    facts = collect_facts(settings, store)
    found = run_checks(facts)
    if facts.torch is not None:
        found += _check_cpu_plan(settings, store)
    findings = render_findings(found, catalog)
    if "json" in args:
        print(json.dumps(findings, ensure_ascii=False, indent=1))
    else:
        for finding in findings:
            print(f"{finding['level']:<8} {finding['text']}")
            if finding["action"]:
                print(f"         -> {finding['action']}")
    return 1 if any(finding["level"] == "problem" for finding in findings) else 0


def _check_cpu_plan(settings: Settings, store: LocalStore) -> list[Finding]:
    """Measure how the configured model, or else the default one, would be computed on this CPU.

    Nothing where a GPU would compute. What the checks or the start of the engine report is not repeated.
    """
    from qwen3tts_webui.checkpoints import DEFAULT_MODEL, display_name
    from qwen3tts_webui.diagnostics import check_cpu_plan
    from qwen3tts_webui.engine import plan_on_cpu
    from qwen3tts_webui.model import read_model_config, synthetic_config

    try:
        folder = store.find(settings.model)
        label = DEFAULT_MODEL.id.rsplit("/", 1)[-1] if folder is None else display_name(folder)
        spec = synthetic_config("1.7B") if folder is None else read_model_config(folder)
        plan = plan_on_cpu(spec, device=settings.device, dtype=settings.dtype)
    except (CheckpointError, InvalidValue):
        return []
    return [] if plan is None else check_cpu_plan(label, dtype=plan.dtype, speed=plan.speed, kernels=plan.kernels)
