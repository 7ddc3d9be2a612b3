"""ModelScope, by its plain HTTP API. In: a model id. Out: its files.

`GET /api/v1/models/ID/repo/files` lists paths, sizes and SHA-256; `GET /api/v1/models/ID/repo?FilePath=` is one file.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import quote, urlencode

from qwen3tts_webui.errors import HubRefused, HubUnreachable
from qwen3tts_webui.models.http import Web
from qwen3tts_webui.models.source import Broken, Listing, Opened, RemoteFile, needed

ENDPOINT = "https://www.modelscope.cn"
_REVISION = "master"


class ModelScope:
    """`endpoint`: the site itself, or another one that speaks the same API."""

    def __init__(self, endpoint: str = ENDPOINT) -> None:
        self._endpoint = endpoint.rstrip("/")
        self._web = Web(self._endpoint)

    @property
    def host(self) -> str:
        return self._web.host

    def listing(self, model: str) -> Listing:
        wish = {"Revision": _REVISION, "Recursive": "true"}
        answer = self._web.get_json(model, self._address(model) + "/files", wish)
        files = [
            RemoteFile(path=str(entry["Path"]), size=_size(entry), sha256=str(entry.get("Sha256") or ""))
            for entry in self._entries(model, answer)
            if entry.get("Type") != "tree"
        ]
        return Listing(model=model, revision=_REVISION, files=needed(model, files))

    def open(self, listing: Listing, file: RemoteFile, start: int) -> AbstractContextManager[Opened]:
        wish = urlencode({"Revision": listing.revision, "FilePath": file.path})
        return self._web.open(file.path, f"{self._address(listing.model)}?{wish}", start)

    def _address(self, model: str) -> str:
        return f"{self._endpoint}/api/v1/models/{quote(model)}/repo"

    def _entries(self, model: str, answer: Any) -> list[dict[str, Any]]:
        """The entries of an answer, which says in its body, too, whether it is one."""
        if not isinstance(answer, dict):
            raise Broken(HubUnreachable(host=self.host))
        if answer.get("Code", 200) != 200:
            raise HubRefused(host=self.host, what=model, status=answer["Code"])
        data = answer.get("Data")
        entries = data.get("Files") if isinstance(data, dict) else None
        if not isinstance(entries, list) or not all(isinstance(entry, dict) and "Path" in entry for entry in entries):
            raise Broken(HubUnreachable(host=self.host))
        return entries


def _size(entry: dict[str, Any]) -> int:
    size = entry.get("Size")
    return size if isinstance(size, int) else -1
