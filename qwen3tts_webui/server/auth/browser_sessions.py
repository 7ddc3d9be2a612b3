"""Sessions of browsers: after a key was shown once, a signed cookie stands for it.

In: the id of a key, later the cookie. Out: the cookie, later the id. Nothing is remembered: a token is signed with a
random secret that lies in a file of its own beside the keys, and with the key's hash. So neither file is enough to
forge one, a revoked key ends its sessions, and removing the secret's file ends all. Knows no HTTP.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import secrets
import time
from pathlib import Path

from qwen3tts_webui.server.auth.api_keys import Key, Keys

_MAX_LENGTH = 256
_SESSION_S = 30 * 86_400
_SECRET_BYTES = 32

log = logging.getLogger(__name__)


def secret_file(keys_file: Path) -> Path:
    """Where the secret for the keys in `keys_file` lies."""
    return keys_file.with_suffix(".sessions")


class Sessions:
    """Sessions of `keys`; servers that share `path` know each other's. Without a place to write, they end with the
    program."""

    def __init__(self, keys: Keys, path: Path | None) -> None:
        self._keys = keys
        self._path = path
        self._own = secrets.token_bytes(_SECRET_BYTES)

    def begin(self, key_id: str) -> str:
        """A token that is good for 30 days or until the key is revoked; "" for a key that there is not."""
        signed = f"{key_id}.{int(time.time()) + _SESSION_S}"
        secret = self._secret()
        return next((f"{signed}.{_signature(secret, key, signed)}" for key in self._keys.all() if key.id == key_id), "")

    def id_of(self, token: str) -> str | None:
        """The id of the key with which the session began."""
        signed, _, signature = token[:_MAX_LENGTH].rpartition(".")
        key_id, _, until = signed.partition(".")
        if not (until.isascii() and until.isdecimal() and time.time() < int(until)):
            return None
        secret = self._secret()
        given = signature.encode("utf-8", "replace")
        for key in self._keys.all():
            if key.id == key_id and hmac.compare_digest(_signature(secret, key, signed).encode(), given):
                return key_id
        return None

    def _secret(self) -> bytes:
        """As it is in the file now; made if there is none."""
        if self._path is None:
            return self._own
        try:
            if not self._path.exists():
                _make(self._path)
            secret = bytes.fromhex(self._path.read_text("ascii"))
        except (OSError, ValueError) as error:
            log.warning("the secret of the sessions cannot be read: %s", type(error).__name__)
            return self._own
        return secret if len(secret) == _SECRET_BYTES else self._own


def _make(path: Path) -> None:
    """A new secret at `path`, whole or not at all, for its owner only; if another was quicker, its secret stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(secrets.token_hex(_SECRET_BYTES))
    try:
        os.link(new, path)
    except FileExistsError:
        pass
    except OSError:  # a file system without links
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)


def _signature(secret: bytes, key: Key, signed: str) -> str:
    words = f"{signed}.{key.sha256}".encode("utf-8", "replace")
    return hmac.new(secret, words, hashlib.sha256).hexdigest()
