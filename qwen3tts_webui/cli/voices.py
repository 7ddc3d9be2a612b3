"""List the voices that come with the program.

In: a language, or none. Out: a table, or JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `voices`."""
    parser.add_argument("--language", default="auto", help="only the voices of this language, as a code or a name")
    parser.add_argument("--json", action="store_true", default=False, help="all that is known about each, for programs")


def run(args: argparse.Namespace) -> int:
    """Print one line a preset: id, name, description."""
    from qwen3tts_webui.text import parse_language
    from qwen3tts_webui.voices import Presets

    found = Presets.load().of(parse_language(args.language))
    if args.json:
        json.dump([asdict(preset) for preset in found], sys.stdout, ensure_ascii=False, indent=1)
        print()
    else:
        for preset in found:
            print(f"{preset.id:<22} {preset.name['en']}: {preset.description}")
    return 0
