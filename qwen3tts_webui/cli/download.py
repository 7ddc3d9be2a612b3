"""Bring a model to this machine: from a hub, a mirror, or a folder such as a USB stick.

In: a model's name, a mirror or a folder. Out: the folder it lies in, on stdout; goes on where an earlier try stopped.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from qwen3tts_webui.cli.arguments import add_model_folders, settings_from
from qwen3tts_webui.cli.download_progress import download_with_progress
from qwen3tts_webui.cli.factory import build_store, probe_memory_budget
from qwen3tts_webui.config import Settings
from qwen3tts_webui.errors import InvalidValue

if TYPE_CHECKING:
    from qwen3tts_webui.checkpoints import LocalStore


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `download`."""
    parser.add_argument(
        "wanted", metavar="MODEL", nargs="?", default="", help="Qwen3-TTS-12Hz-1.7B-VoiceDesign (default) or OWNER/NAME"
    )
    add_model_folders(parser)
    parser.add_argument("--from", dest="source", type=Path, metavar="DIR", help="copy this folder instead, with checks")
    parser.add_argument("--list", action="store_true", help="only say which models there are and what they need")


def run(args: argparse.Namespace) -> int:
    """Download or copy, and print where the model lies."""
    from qwen3tts_webui.checkpoints import DEFAULT_MODEL, LocalFolder, find_in_catalog, is_model_id, source_for

    settings = settings_from(args)
    store = build_store(settings)
    if "list" in args:
        print(*table(settings, store), sep="\n")
        return 0
    released = find_in_catalog(args.wanted)
    model = released.id if released else args.wanted or DEFAULT_MODEL.id
    if not is_model_id(model):
        raise InvalidValue(field="MODEL", expected=f"a name such as {DEFAULT_MODEL.id}", got=args.wanted)
    if "source" in args:
        source = LocalFolder(args.source.expanduser())
        print(download_with_progress(store, source, model if args.wanted else source.model))
    else:
        print(download_with_progress(store, source_for(settings.mirror), model))
    return 0


def table(settings: Settings, store: LocalStore) -> list[str]:
    """One line a model: size on disk, what it needs in memory here, and whether it fits and is here already."""
    from qwen3tts_webui.checkpoints import CATALOG, estimate_memory

    room = probe_memory_budget(settings, store)
    lines = []
    for model in CATALOG:
        found = estimate_memory(model.weights, room)
        here = (
            "on this machine" if store.find(model.id) else f"about {model.approximate_bytes / 1e9:.1f} GB to download"
        )
        fits = "fits" if found.fits else "does not fit"
        lines.append(
            f"{model.id:<40} {here}; {found.needed_bytes / 2**30:.1f} of {found.free_bytes / 2**30:.1f} GiB "
            f"on {found.device} ({found.dtype}): {fits}"
        )
    return lines
