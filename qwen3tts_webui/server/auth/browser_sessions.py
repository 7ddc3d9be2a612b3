"""Browser sessions: a signed cookie that replaces the API key after it was entered once; and short-lived tokens.

In: the id of a key, later the cookie or token. Out: the cookie or token, later the id. The server stores no sessions:
both are signed (itsdangerous) with a random secret from a file next to the keys, salted with the key's hash. Neither
file alone suffices to forge one, revoking a key ends its sessions, and deleting the secret ends all. Knows no HTTP.
"""

from __future__ import annotations

import hashlib
import logging
import os
import secrets
from pathlib import Path

from itsdangerous import BadSignature, TimestampSigner

from qwen3tts_webui.server.auth.api_keys import ApiKey, ApiKeyStore

SESSION_S = 30 * 86_400
TOKEN_S = 300
_MAX_LENGTH = 256
_SECRET_BYTES = 32
_TOKEN_SALT = "token"

log = logging.getLogger(__name__)


def secret_file(keys_file: Path) -> Path:
    """Return where the signing secret for the keys in `keys_file` is stored."""
    return keys_file.with_suffix(".sessions")


class BrowserSessions:
    """Sessions for `keys`. Servers that share `path` accept each other's; without a writable path they end with the
    process."""

    def __init__(self, keys: ApiKeyStore, path: Path | None) -> None:
        self._keys = keys
        self._path = path
        self._fallback_secret = secrets.token_bytes(_SECRET_BYTES)

    def create(self, key_id: str) -> str:
        """Return a session that is valid for `SESSION_S` or until the key is revoked; "" for an unknown key."""
        return self._sign(key_id, "")

    def id_of(self, session: str) -> str | None:
        """Return the id of the key that the session was created with, None if the session is invalid."""
        return self._unsign(session, "", SESSION_S)

    def create_token(self, key_id: str) -> str:
        """Return a token that replaces the key for `TOKEN_S`, for pages that must not see it; "" for an unknown key."""
        return self._sign(key_id, _TOKEN_SALT)

    def id_of_token(self, token: str) -> str | None:
        """Return the id of the key that the token was created with, None if the token is invalid."""
        return self._unsign(token, _TOKEN_SALT, TOKEN_S)

    def _sign(self, key_id: str, salt: str) -> str:
        key = self._keys.find(key_id)
        return "" if key is None else self._signer(key, salt).sign(key_id).decode()

    def _unsign(self, signed: str, salt: str, max_age_s: int) -> str | None:
        signed = signed[:_MAX_LENGTH]
        key = self._keys.find(signed.partition(".")[0])
        if key is None:
            return None
        try:
            return self._signer(key, salt).unsign(signed.encode("utf-8", "replace"), max_age=max_age_s).decode()
        except BadSignature:  # expired ones included
            return None

    def _signer(self, key: ApiKey, salt: str) -> TimestampSigner:
        salt_bytes = (key.sha256 + salt).encode("utf-8", "replace")
        return TimestampSigner(self._secret(), salt=salt_bytes, digest_method=hashlib.sha256)

    def _secret(self) -> bytes:
        """Return the secret currently in the file, which is created if missing."""
        if self._path is None:
            return self._fallback_secret
        try:
            if not self._path.exists():
                _create_secret(self._path)
            secret = bytes.fromhex(self._path.read_text("ascii"))
        except (OSError, ValueError) as error:
            log.warning("cannot read the session secret: %s", type(error).__name__)
            return self._fallback_secret
        return secret if len(secret) == _SECRET_BYTES else self._fallback_secret


def _create_secret(path: Path) -> None:
    """Write a new secret atomically, readable by its owner only. If another process was first, its secret stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(secrets.token_hex(_SECRET_BYTES))
    try:
        os.link(new, path)
    except FileExistsError:
        pass
    except OSError:  # a file system without hard links
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
