"""API keys: make one, list them, take one back.

In: a command. Out: words on the terminal; a new key is shown once and kept only as a hash.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from qwen3tts_webui.cli.arguments import settings_from
from qwen3tts_webui.config import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The actions of `key`."""
    actions = parser.add_subparsers(metavar="ACTION", required=True, dest="action")
    new = actions.add_parser("new", help="make a key and show it, once", argument_default=argparse.SUPPRESS)
    new.add_argument("label", nargs="?", help="whose it is, for the list")
    actions.add_parser("list", help="the keys that are good now, without their secrets")
    revoke = actions.add_parser("revoke", help="a key is no longer good, from now on")
    revoke.add_argument("key_id", help="its id, from the list")


def run(args: argparse.Namespace) -> int:
    """Do one action. Raises `NotFound` for a key that there is not."""
    from qwen3tts_webui.server.auth import ApiKeyStore

    path = keys_file(settings_from(args))
    keys = ApiKeyStore(path)
    if args.action == "new":
        key, secret = keys.create(getattr(args, "label", ""))
        print(f"{secret}\n\nThis key ({key.id}) is shown once. From now on every caller needs one. Kept in {path}.")
    elif args.action == "revoke":
        keys.revoke(args.key_id)
        print(f"{args.key_id} is no longer good.")
    else:
        for key in keys.all():
            print(f"{key.id}  {time.strftime('%Y-%m-%d', time.localtime(key.created))}  {key.label}")
    return 0


def keys_file(settings: Settings) -> Path:
    """Where the hashes are: as the settings say, else in this user's configuration folder."""
    if settings.api_keys_file is not None:
        return settings.api_keys_file
    import platformdirs

    return Path(platformdirs.user_config_dir("qwen3tts-webui", appauthor=False)) / "keys.json"
