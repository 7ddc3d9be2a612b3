"""API keys: generated once, shown once, stored only as hashes.

In: the secret a client sent. Out: the id of its key, or None. A key has 256 random bits, so a plain SHA-256 suffices.
The file is read again whenever it changes. Knows no HTTP.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from qwen3tts_webui.errors import InvalidValue, NotFound, in_range

_PREFIX = "qtts_"
_MAX_LENGTH = 256
_MIN_WEIGHT, _MAX_WEIGHT = 0.1, 100.0


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One entry of the file: `sha256` of the secret in hex, `created` in seconds since 1970.

    While others wait, the key gets `weight` times the share of a key with weight 1.
    """

    id: str
    label: str
    sha256: str
    created: int
    weight: float = 1.0


class ApiKeyStore:
    """The keys stored in `path`. Without a file no key is required; an empty or broken file accepts no key."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._version: tuple[int, int] | None = None  # modification time in ns and size of the file that was read
        self._keys: tuple[ApiKey, ...] = ()
        self._broken = False
        self._required = False

    @property
    def required(self) -> bool:
        """Whether clients need a key. Stays true when the file disappears later."""
        self.all()
        self._required = self._required or self._broken or self._version is not None
        return self._required

    def all(self) -> tuple[ApiKey, ...]:
        """Return the keys currently in the file."""
        if self._path is None:
            return ()
        try:
            stat = self._path.stat()
            if (stat.st_mtime_ns, stat.st_size) != self._version:
                self._keys = tuple(_api_key(entry) for entry in json.loads(self._path.read_text("utf-8"))["keys"])
                self._version = (stat.st_mtime_ns, stat.st_size)
            self._broken = False
        except FileNotFoundError:
            self._keys, self._version = (), None
        except (OSError, ValueError, TypeError, KeyError):
            self._keys, self._version, self._broken = (), None, True
        return self._keys

    def find(self, key_id: str) -> ApiKey | None:
        """Return the key with this id."""
        return next((key for key in self.all() if key.id == key_id), None)

    def id_of(self, secret: str) -> str | None:
        """Return the id of the key with this secret, in constant time for a given number of keys."""
        digest = hashlib.sha256(secret[:_MAX_LENGTH].encode("utf-8", "replace")).hexdigest()
        found = None
        for key in self.all():
            if hmac.compare_digest(key.sha256, digest):
                found = key.id
        return found

    def weight_of(self, key_id: str) -> float:
        """Return the weight of the key with this id; 1.0 for clients without a key."""
        key = self.find(key_id)
        return 1.0 if key is None else key.weight

    def create(self, label: str = "", weight: float = 1.0) -> tuple[ApiKey, str]:
        """Add a key to the file and return it with its secret, which is stored nowhere.

        Raises `InvalidValue` for a weight outside 0.1 to 100.
        """
        if not _MIN_WEIGHT <= weight <= _MAX_WEIGHT:
            raise InvalidValue(field="weight", expected=in_range(_MIN_WEIGHT, _MAX_WEIGHT), got=str(weight)[:24])
        secret = _PREFIX + secrets.token_urlsafe(32)
        sha256 = hashlib.sha256(secret.encode()).hexdigest()
        key = ApiKey(id=secrets.token_hex(4), label=label, sha256=sha256, created=int(time.time()), weight=weight)
        self._write((*self.all(), key))
        return key, secret

    def revoke(self, key_id: str) -> None:
        """Remove a key from the file. Raises `NotFound`."""
        remaining = tuple(key for key in self.all() if key.id != key_id)
        if len(remaining) == len(self.all()):
            raise NotFound(what="key", got=key_id[:40])
        self._write(remaining)

    def _write(self, keys: tuple[ApiKey, ...]) -> None:
        assert self._path is not None, "there is no key file"
        self._path.parent.mkdir(parents=True, exist_ok=True)
        new = self._path.with_suffix(".new")
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            json.dump({"keys": [asdict(key) for key in keys]}, file, indent=1)
        new.replace(self._path)


def _api_key(entry: dict[str, Any]) -> ApiKey:
    """Return an entry of the file. Raises `ValueError` or `TypeError` if it is broken."""
    key = ApiKey(**entry)
    if not _MIN_WEIGHT <= key.weight <= _MAX_WEIGHT:
        raise ValueError("weight")
    return key
