"""Check this machine: what it has, what is wrong, and one suggested action for each problem.

In: the settings. Out: one line per topic, or JSON. The exit code is 1 if there is a problem.
"""

from __future__ import annotations

import argparse
import json

from qwen3tts_webui.cli.arguments import (
    add_address_arguments,
    add_engine_arguments,
    add_json_argument,
    add_outputs_argument,
    settings_from,
)
from qwen3tts_webui.cli.factory import build_store
from qwen3tts_webui.i18n import Catalog


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
    catalog = Catalog("zh" if settings.page_language == "zh" else "en")
    findings = render_findings(run_checks(collect_facts(settings, build_store(settings))), catalog)
    if "json" in args:
        print(json.dumps(findings, ensure_ascii=False, indent=1))
    else:
        for finding in findings:
            print(f"{finding['level']:<8} {finding['text']}")
            if finding["action"]:
                print(f"         -> {finding['action']}")
    return 1 if any(finding["level"] == "problem" for finding in findings) else 0
