"""A model folder of this machine, named by a browser on it: who may do that, and which folder is meant.

In: a request, and a path as a person types or pastes it. Out: a folder, or an error that does not tell which files
exist.
"""

from __future__ import annotations

import ipaddress
from pathlib import Path

from fastapi import Request

from qwen3tts_webui.config import Settings
from qwen3tts_webui.errors import FILE_MISSING
from qwen3tts_webui.server.http import NotAModelFolder

_CONFIG = "config.json"
_PROXY_HEADERS = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")


def is_on_this_machine(request: Request, settings: Settings) -> bool:
    """Whether the client runs on the server's machine, as far as that is certain.

    Behind a proxy it is not: its clients seem to be local. So a server that is set up for other host names or origins,
    a request with a proxy's headers, and one for another host name than localhost all count as remote.
    """
    if settings.allowed_hosts or settings.cors_origins or any(name in request.headers for name in _PROXY_HEADERS):
        return False
    client = request.client.host if request.client else ""
    return _is_loopback(client) and _is_loopback(request.url.hostname or "")


def model_folder(path: str) -> Path:
    """Return the folder that a person means by `path`: without quotes, "~" expanded, or that of a file in it.

    Raises `NotAModelFolder`, the same for all paths without a model: it does not tell which exist.
    """
    try:
        folder = Path(path.strip().strip("\"'")).expanduser()
        folder = folder.parent if folder.is_file() else folder
        if folder.is_absolute() and (folder / _CONFIG).is_file():
            return folder
    except (OSError, RuntimeError, ValueError):  # no permission, an unknown user, an impossible name
        pass
    raise NotAModelFolder(file=_CONFIG, problem=FILE_MISSING)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
