"""ModelScope, through its HTTP API. In: a model id. Out: its files.

`GET /api/v1/models/ID/repo/files` lists paths, sizes and SHA-256; `GET /api/v1/models/ID/repo?FilePath=` is one file.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import quote, urlencode

from qwen3tts_webui.checkpoints.sources.base import ByteStream, Listing, RemoteFile, TransientError, required_files
from qwen3tts_webui.checkpoints.sources.http_client import HubClient
from qwen3tts_webui.errors import HubError, HubUnreachable

ENDPOINT = "https://www.modelscope.cn"
_REVISION = "master"


class ModelScope:
    """The hub at `endpoint`: modelscope.cn, or a mirror with the same API."""

    def __init__(self, endpoint: str = ENDPOINT) -> None:
        self._endpoint = endpoint.rstrip("/")
        self._client = HubClient(self._endpoint)

    @property
    def host(self) -> str:
        """Host name of the endpoint."""
        return self._client.host

    def listing(self, model: str) -> Listing:
        """List the required files of a model."""
        query = {"Revision": _REVISION, "Recursive": "true"}
        answer = self._client.get_json(model, self._repo_url(model) + "/files", query)
        files = [
            RemoteFile(path=str(entry["Path"]), size=_size(entry), sha256=str(entry.get("Sha256") or ""))
            for entry in self._entries(model, answer)
            if entry.get("Type") != "tree"
        ]
        return Listing(model=model, revision=_REVISION, files=required_files(model, files))

    def open(self, listing: Listing, file: RemoteFile, start: int) -> AbstractContextManager[ByteStream]:
        """Open a file at byte `start`."""
        query = urlencode({"Revision": listing.revision, "FilePath": file.path})
        return self._client.open(file.path, f"{self._repo_url(listing.model)}?{query}", start)

    def _repo_url(self, model: str) -> str:
        return f"{self._endpoint}/api/v1/models/{quote(model)}/repo"

    def _entries(self, model: str, answer: Any) -> list[dict[str, Any]]:
        """Return the entries of a listing. Errors have a code in the body as well."""
        if not isinstance(answer, dict):
            raise TransientError(HubUnreachable(host=self.host))
        if answer.get("Code", 200) != 200:
            raise HubError(host=self.host, what=model, status=answer["Code"])
        data = answer.get("Data")
        entries = data.get("Files") if isinstance(data, dict) else None
        if not isinstance(entries, list) or not all(isinstance(entry, dict) and "Path" in entry for entry in entries):
            raise TransientError(HubUnreachable(host=self.host))
        return entries


def _size(entry: dict[str, Any]) -> int:
    size = entry.get("Size")
    return size if isinstance(size, int) else -1
