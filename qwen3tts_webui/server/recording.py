"""The finished sound on disk: written by a thread of its own while the client already listens.

In: s16le pieces of a run, then its account. Out: an entry of the library, and the file again in any format. Without a
library nothing is kept.
"""

from __future__ import annotations

from ..audio.encode import FormatInfo
from ..errors import NotFound
from .runs import JsonObject, Run


class Recording:
    def push(self, piece: bytes) -> None: ...

    def end(self, account: JsonObject) -> None: ...


class Recorder:
    def __init__(self, library: object) -> None: ...

    def begin(self, run: Run) -> Recording:
        return Recording()

    async def file(self, run: Run, format: str) -> tuple[bytes, FormatInfo]:
        raise NotFound(what="recording", got=run.id)

    async def close(self) -> None: ...
