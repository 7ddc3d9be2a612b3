"""The folders of the user where this program keeps its files, by the rules of the operating system."""

from __future__ import annotations

from pathlib import Path

import platformdirs

_PROGRAM = "qwen3tts-webui"


def cache_folder(name: str) -> Path:
    """Return the folder of the cache `name`, which may be deleted at any time."""
    return platformdirs.user_cache_path(_PROGRAM, appauthor=False) / name


def data_folder(name: str) -> Path:
    """Return the folder for the data `name`."""
    return platformdirs.user_data_path(_PROGRAM, appauthor=False) / name


def config_folder() -> Path:
    """Return the folder for settings and secrets."""
    return platformdirs.user_config_path(_PROGRAM, appauthor=False)
