"""Hugging Face and its mirrors. In: a model id. Out: its files.

huggingface_hub provides the endpoint and the user's token. Listings and bytes come through `HubClient`, because the
library verifies no SHA-256 and cannot be cancelled within a file. `GET /api/models/ID?blobs=true` lists names, sizes
and checksums, `GET /ID/resolve/COMMIT/NAME` is one file.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import quote

from qwen3tts_webui.checkpoints.sources.base import ByteStream, Listing, RemoteFile, TransientError, required_files
from qwen3tts_webui.checkpoints.sources.http_client import HubClient
from qwen3tts_webui.errors import DownloadError, ErrorDetail, HubUnreachable


class HuggingFace:
    """A hub at `endpoint`; None is HF_ENDPOINT or huggingface.co. The user's token is never sent to another mirror."""

    def __init__(self, endpoint: str | None = None) -> None:
        from huggingface_hub import constants, get_token

        configured = constants.ENDPOINT.rstrip("/")
        self._endpoint = endpoint or configured
        self._offline = bool(constants.HF_HUB_OFFLINE)
        token = get_token() if self._endpoint == configured else None
        self._client = HubClient(self._endpoint, {"Authorization": f"Bearer {token}"} if token else {})

    @property
    def host(self) -> str:
        """Host name of the endpoint."""
        return self._client.host

    def listing(self, model: str) -> Listing:
        """List the required files of a model at its newest commit."""
        if self._offline:
            raise DownloadError(what=model, reason=ErrorDetail("offline", "HF_HUB_OFFLINE is set; unset it first"))
        answer = self._client.get_json(model, f"{self._endpoint}/api/models/{quote(model)}", {"blobs": "true"})
        try:
            revision, files = _parse_listing(answer)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise TransientError(HubUnreachable(host=self.host)) from error
        return Listing(model=model, revision=revision, files=required_files(model, files))

    def open(self, listing: Listing, file: RemoteFile, start: int) -> AbstractContextManager[ByteStream]:
        """Open a file at byte `start`."""
        path = f"{quote(listing.model)}/resolve/{quote(listing.revision)}/{quote(file.path)}"
        return self._client.open(file.path, f"{self._endpoint}/{path}", start)


def _parse_listing(answer: Any) -> tuple[str, list[RemoteFile]]:
    """Return the commit and its files. Large files have a SHA-256, small ones a Git blob hash."""
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
