"""Download a model from a hub or a mirror, or copy it from a folder such as a USB stick.

In: the name of a model, a mirror or a folder. Out: the folder it is stored in, on stdout. Resumes an earlier attempt.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from qwen3tts_webui.cli.arguments import add_model_arguments, settings_from
from qwen3tts_webui.cli.download_progress import download_with_progress
from qwen3tts_webui.cli.factory import build_store, probe_memory_budget
from qwen3tts_webui.config import Settings
from qwen3tts_webui.errors import InvalidValue

if TYPE_CHECKING:
    from qwen3tts_webui.checkpoints import LocalStore


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the flags of `download`."""
    parser.add_argument(
        "name", metavar="MODEL", nargs="?", default="", help="Qwen3-TTS-12Hz-1.7B-VoiceDesign (default) or OWNER/NAME"
    )
    add_model_arguments(parser)
    parser.add_argument("--from", dest="source", type=Path, metavar="DIR", help="copy this folder and verify the copy")
    parser.add_argument("--list", action="store_true", help="only list the models and what they need")


def run(args: argparse.Namespace) -> int:
    """Download or copy a model, and print where it is stored."""
    from qwen3tts_webui.checkpoints import DEFAULT_MODEL, LocalFolder, find_in_catalog, is_model_id, source_for

    settings = settings_from(args)
    store = build_store(settings)
    if "list" in args:
        print(*model_table(settings, store), sep="\n")
        return 0
    released = find_in_catalog(args.name)
    model = released.id if released else args.name or DEFAULT_MODEL.id
    if not is_model_id(model):
        raise InvalidValue(field="MODEL", expected=f"a name such as {DEFAULT_MODEL.id}", got=args.name)
    if "source" in args:
        source = LocalFolder(args.source.expanduser())
        print(download_with_progress(store, source, model if args.name else source.model))
    else:
        print(download_with_progress(store, source_for(settings.mirror), model))
    return 0


def model_table(settings: Settings, store: LocalStore) -> list[str]:
    """Return one line per model: size on disk, memory it needs, and whether it fits and is installed."""
    from qwen3tts_webui.checkpoints import CATALOG, estimate_memory

    budget = probe_memory_budget(settings, store)
    lines = []
    for model in CATALOG:
        estimate = estimate_memory(model.counts, budget)
        size = f"about {model.approximate_bytes / 1e9:.1f} GB to download"
        lines.append(
            f"{model.id:<40} {'installed' if store.find(model.id) else size}; "
            f"at most {estimate.needed_bytes / 2**30:.1f} of {estimate.free_bytes / 2**30:.1f} GiB "
            f"on {estimate.device} ({estimate.dtype}): {'fits' if estimate.fits else 'does not fit'}"
        )
    return lines
