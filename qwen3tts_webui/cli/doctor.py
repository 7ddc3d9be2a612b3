"""Look at this machine: what is there, what is wrong, and one thing to do about it.

In: the settings. Out: a line a topic, or JSON. The exit code is 1 when there is a problem.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from qwen3tts_webui.cli.arguments import add_engine_arguments, settings_from
from qwen3tts_webui.cli.factory import build_store
from qwen3tts_webui.i18n import Catalog


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `doctor`."""
    add_engine_arguments(parser)
    parser.add_argument("--host", help="the address that `serve` would listen on")
    parser.add_argument("--port", help="the port that `serve` would listen on")
    parser.add_argument("--outputs", type=Path, metavar="DIR", help="where speech would be kept")
    parser.add_argument("--json", action="store_true", help="the same for programs")


def run(args: argparse.Namespace) -> int:
    """Print the findings."""
    from qwen3tts_webui.diagnostics import collect_facts, render_findings, run_checks

    settings = settings_from(args)
    lines = render_findings(
        run_checks(collect_facts(settings, build_store(settings))),
        Catalog("zh" if settings.page_language == "zh" else "en"),
    )
    if "json" in args:
        print(json.dumps(lines, ensure_ascii=False, indent=1))
    else:
        for line in lines:
            print(f"{line['level']:<8} {line['text']}")
            if line["action"]:
                print(f"         -> {line['action']}")
    return 1 if any(line["level"] == "problem" for line in lines) else 0
