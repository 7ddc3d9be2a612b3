"""HTTP requests to the hubs: JSON, and files from any byte on.

In: a URL. Out: bytes, a `TransientError` for failures worth a retry, a `DownloadError` for others. Proxies come from
the environment (HTTPS_PROXY, NO_PROXY), as httpx reads it; credentials are sent to their own host only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx

from qwen3tts_webui.checkpoints.sources.base import ByteStream, TransientError
from qwen3tts_webui.errors import ChecksumMismatch, HubError, HubUnreachable

_TRANSIENT_STATUS_CODES = {408, 425, 429, 500, 502, 503, 504}
_MAX_RETRY_AFTER_S = 60.0


class HubClient:
    """Talks to `endpoint`; files may be on other hosts. A connection without a byte for 20 s counts as broken."""

    def __init__(self, endpoint: str, headers: Mapping[str, str] | None = None) -> None:
        self.host = urlsplit(endpoint).netloc
        self._headers = {"Accept-Encoding": "identity", "User-Agent": "qwen3tts-webui", **(headers or {})}
        self._tls = httpx.create_ssl_context()

    def get_json(self, what: str, url: str, params: Mapping[str, str]) -> object:
        """Return the JSON at `url`. `what` is its name in errors."""
        try:
            with self._client() as client:
                response = client.get(url, params=dict(params))
            if not response.is_success:
                raise self._error(what, response)
            return response.json()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise TransientError(HubUnreachable(host=self.host)) from error

    @contextmanager
    def open(self, what: str, url: str, start: int) -> Iterator[ByteStream]:
        """Open the file at `url` at byte `start`, or at 0 if the host does not support ranges."""
        headers = {"Range": f"bytes={start}-"} if start else {}
        try:
            with self._client() as client, client.stream("GET", url, headers=headers) as response:
                if response.status_code == 416:
                    raise ChecksumMismatch(what=what, file=what, host=self.host)
                if not response.is_success:
                    raise self._error(what, response)
                first, total = _content_range(response)
                yield ByteStream(first, total, response.iter_bytes())
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise TransientError(HubUnreachable(host=self.host)) from error

    def _client(self) -> httpx.Client:
        timeout = httpx.Timeout(20, connect=10)
        return httpx.Client(verify=self._tls, follow_redirects=True, timeout=timeout, headers=self._headers)

    def _error(self, what: str, response: httpx.Response) -> TransientError | HubError:
        """Return the error for a response that is not successful."""
        error = HubError(host=self.host, what=what, status=response.status_code)
        if response.status_code not in _TRANSIENT_STATUS_CODES:
            return error
        retry_after = response.headers.get("retry-after", "")
        wait_s = min(float(retry_after), _MAX_RETRY_AFTER_S) if retry_after.isdecimal() else None
        return TransientError(error, wait_s)


def _content_range(response: httpx.Response) -> tuple[int, int | None]:
    """Return where the body starts in the file, and the length of the whole file."""
    if response.status_code == 206:
        found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("content-range", ""))
        if found:
            return int(found[1]), None if found[2] == "*" else int(found[2])
    length = response.headers.get("content-length", "")
    is_file_length = length.isdecimal() and "content-encoding" not in response.headers
    return 0, int(length) if is_file_length else None
