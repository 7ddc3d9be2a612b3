"""Create, list and revoke API keys.

In: an action. Out: text on the terminal. A new key is shown once and stored only as a hash.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from qwen3tts_webui.cli.arguments import settings_from
from qwen3tts_webui.config import Settings
from qwen3tts_webui.user_folders import config_folder


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the actions of `key`."""
    actions = parser.add_subparsers(metavar="ACTION", required=True, dest="action")
    new = actions.add_parser("new", help="create a key and show it once", argument_default=argparse.SUPPRESS)
    new.add_argument("label", nargs="?", help="a label for the list, such as its owner")
    new.add_argument("--weight", type=float, metavar="N", help="its share while others wait; 1 by default")
    actions.add_parser("list", help="list the valid keys, without their secrets")
    revoke = actions.add_parser("revoke", help="revoke a key immediately")
    revoke.add_argument("key_id", help="its id from the list")
    for action in actions.choices.values():
        action.add_argument(
            "--api-keys-file", type=Path, metavar="FILE", default=argparse.SUPPRESS, help="the file of the hashed keys"
        )


def run(args: argparse.Namespace) -> int:
    """Run one action. Raises `NotFound` for an unknown key."""
    from qwen3tts_webui.server.auth import ApiKeyStore

    path = keys_file(settings_from(args))
    keys = ApiKeyStore(path)
    if args.action == "new":
        key, secret = keys.create(getattr(args, "label", ""), getattr(args, "weight", 1.0))
        print(f"{secret}\n\nThis key ({key.id}) is shown only once. Every client needs a key now. Stored in {path}.")
    elif args.action == "revoke":
        keys.revoke(args.key_id)
        print(f"{args.key_id} is revoked.")
    else:
        for key in keys.all():
            weight = "" if key.weight == 1 else f"  (weight {key.weight:g})"
            print(f"{key.id}  {time.strftime('%Y-%m-%d', time.localtime(key.created))}  {key.label}{weight}")
    return 0


def keys_file(settings: Settings) -> Path:
    """Return the file of the key hashes: that of the settings, else in this user's configuration folder."""
    if settings.api_keys_file is not None:
        return settings.api_keys_file
    return config_folder() / "keys.json"
