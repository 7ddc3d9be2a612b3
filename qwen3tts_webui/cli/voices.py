"""List the preset voices.

In: a language, or none. Out: a table, or JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict

from qwen3tts_webui.cli.arguments import add_json_argument


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `voices`."""
    parser.add_argument("--language", default="auto", help="only the voices of this language, as a code or a name")
    add_json_argument(parser, default=False)


def run(args: argparse.Namespace) -> int:
    """Print one line per preset: id, name, description."""
    from qwen3tts_webui.text import parse_language
    from qwen3tts_webui.voices import Presets

    presets = Presets.load().of(parse_language(args.language))
    if args.json:
        json.dump([asdict(preset) for preset in presets], sys.stdout, ensure_ascii=False, indent=1)
        print()
    else:
        for preset in presets:
            print(f"{preset.id:<22} {preset.name['en']}: {preset.description}")
    return 0
