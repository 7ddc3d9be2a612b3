"""Hugging Face and every mirror that speaks its language. In: a model id. Out: its files.

huggingface_hub knows the endpoint and the person's token; list and bytes come through `HubClient`, because the library checks
no SHA-256 and cannot be stopped within a file. `GET /api/models/ID?blobs=true` lists names, sizes and checksums,
`GET /ID/resolve/COMMIT/NAME` is one file.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import quote

from qwen3tts_webui.checkpoints.sources.base import ByteStream, Listing, RemoteFile, TransientError, required_files
from qwen3tts_webui.checkpoints.sources.http_client import HubClient
from qwen3tts_webui.errors import DownloadError, ErrorDetail, HubUnreachable


class HuggingFace:
    """`endpoint` None: huggingface.co, or what HF_ENDPOINT says. A person's token is not shown to any other mirror."""

    def __init__(self, endpoint: str | None = None) -> None:
        from huggingface_hub import constants, get_token

        own = constants.ENDPOINT.rstrip("/")
        self._endpoint = endpoint or own
        self._offline = bool(constants.HF_HUB_OFFLINE)
        token = get_token() if self._endpoint == own else None
        self._web = HubClient(self._endpoint, {"Authorization": f"Bearer {token}"} if token else {})

    @property
    def host(self) -> str:
        return self._web.host

    def listing(self, model: str) -> Listing:
        if self._offline:
            raise DownloadError(what=model, reason=ErrorDetail("offline", "HF_HUB_OFFLINE is set; unset it first"))
        answer = self._web.get_json(model, f"{self._endpoint}/api/models/{quote(model)}", {"blobs": "true"})
        try:
            revision, files = _read(answer)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise TransientError(HubUnreachable(host=self.host)) from error
        return Listing(model=model, revision=revision, files=required_files(model, files))

    def open(self, listing: Listing, file: RemoteFile, start: int) -> AbstractContextManager[ByteStream]:
        path = f"{quote(listing.model)}/resolve/{quote(listing.revision)}/{quote(file.path)}"
        return self._web.open(file.path, f"{self._endpoint}/{path}", start)


def _read(answer: Any) -> tuple[str, list[RemoteFile]]:
    """The commit, and its files: big ones have a SHA-256, small ones Git's own checksum."""
    files = []
    for entry in answer["siblings"]:
        lfs = entry.get("lfs")
        files.append(
            RemoteFile(
                path=str(entry["rfilename"]),
                size=int(entry.get("size", -1)),
                sha256=str(lfs["sha256"]) if lfs else "",
                git_sha1="" if lfs else str(entry.get("blobId") or ""),
            )
        )
    return str(answer["sha"]), files
