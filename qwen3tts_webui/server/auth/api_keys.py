"""API keys: made once, shown once, kept only as hashes.

In: what a caller sent. Out: the id of the key, or None. A key holds 256 random bits, so one SHA-256 is enough: there is
nothing to guess. The file is read again when it changes. Knows no HTTP.
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

from qwen3tts_webui.errors import NotFound

_PREFIX = "qtts_"
_MAX_LENGTH = 256


@dataclass(frozen=True, slots=True)
class Key:
    """One line of the file; `sha256` of the secret in hex, `created` in seconds since 1970."""

    id: str
    label: str
    sha256: str
    created: int


class Keys:
    """The keys in `path`; without such a file nobody needs one. A file that is empty or broken lets nobody in."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._read_at: tuple[int, int] | None = None
        self._keys: tuple[Key, ...] = ()
        self._broken = False
        self._needed = False

    @property
    def needed(self) -> bool:
        """Whether callers need one; once they do, also when the file goes away."""
        self.all()
        self._needed = self._needed or self._broken or self._read_at is not None
        return self._needed

    def all(self) -> tuple[Key, ...]:
        """The keys as they are in the file now."""
        if self._path is None:
            return ()
        try:
            stat = self._path.stat()
            if (stat.st_mtime_ns, stat.st_size) != self._read_at:
                self._keys = tuple(Key(**entry) for entry in json.loads(self._path.read_text("utf-8"))["keys"])
                self._read_at = (stat.st_mtime_ns, stat.st_size)
            self._broken = False
        except FileNotFoundError:
            self._keys, self._read_at = (), None
        except (OSError, ValueError, TypeError, KeyError):
            self._keys, self._read_at, self._broken = (), None, True
        return self._keys

    def id_of(self, secret: str) -> str | None:
        """The id of the key that `secret` is. Takes the same time whichever it is, and when it is none."""
        given = hashlib.sha256(secret[:_MAX_LENGTH].encode("utf-8", "replace")).hexdigest()
        found = None
        for key in self.all():
            if hmac.compare_digest(key.sha256, given):
                found = key.id
        return found

    def new(self, label: str = "") -> tuple[Key, str]:
        """Make a key, add it to the file; gives it with its secret, which is nowhere else."""
        secret = _PREFIX + secrets.token_urlsafe(32)
        sha256 = hashlib.sha256(secret.encode()).hexdigest()
        key = Key(id=secrets.token_hex(4), label=label, sha256=sha256, created=int(time.time()))
        self._write((*self.all(), key))
        return key, secret

    def revoke(self, key_id: str) -> None:
        """Raises `NotFound`."""
        left = tuple(key for key in self.all() if key.id != key_id)
        if len(left) == len(self.all()):
            raise NotFound(what="key", got=key_id[:40])
        self._write(left)

    def _write(self, keys: tuple[Key, ...]) -> None:
        assert self._path is not None, "there is no file for keys"
        self._path.parent.mkdir(parents=True, exist_ok=True)
        new = self._path.with_suffix(".new")
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            json.dump({"keys": [asdict(key) for key in keys]}, file, indent=1)
        new.replace(self._path)
