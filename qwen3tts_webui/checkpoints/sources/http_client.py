"""HTTP for the hubs: a list, and one file from any byte on.

In: an address. Out: bytes, `TransientError` for what may pass, a `DownloadError` for what will not. Proxies come from the
environment (HTTPS_PROXY, NO_PROXY), as httpx reads it; credentials stay with the host they are for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx

from qwen3tts_webui.checkpoints.sources.base import ByteStream, TransientError
from qwen3tts_webui.errors import ChecksumMismatch, HubError, HubUnreachable

_MAY_PASS = {408, 425, 429, 500, 502, 503, 504}
_LONGEST_WAIT_S = 60.0


class HubClient:
    """Whoever answers at `endpoint`; files may lie on other hosts. 20 s without a byte are a broken connection."""

    def __init__(self, endpoint: str, headers: Mapping[str, str] | None = None) -> None:
        self.host = urlsplit(endpoint).netloc
        self._headers = {"Accept-Encoding": "identity", "User-Agent": "qwen3tts-webui", **(headers or {})}
        self._tls = httpx.create_ssl_context()

    def get_json(self, what: str, url: str, params: Mapping[str, str]) -> object:
        """The JSON at `url`; `what` is the name of it that people know."""
        try:
            with self._client() as client:
                answer = client.get(url, params=dict(params))
            if not answer.is_success:
                raise self._refused(what, answer)
            return answer.json()
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise TransientError(HubUnreachable(host=self.host)) from error

    @contextmanager
    def open(self, what: str, url: str, start: int) -> Iterator[ByteStream]:
        """The file at `url` from byte `start` on; from 0 when the host cannot do that."""
        place = {"Range": f"bytes={start}-"} if start else {}
        try:
            with self._client() as client, client.stream("GET", url, headers=place) as answer:
                if answer.status_code == 416:
                    raise ChecksumMismatch(what=what, file=what, host=self.host)
                if not answer.is_success:
                    raise self._refused(what, answer)
                begins, total = _range(answer)
                yield ByteStream(begins, total, answer.iter_bytes())
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise TransientError(HubUnreachable(host=self.host)) from error

    def _client(self) -> httpx.Client:
        timeout = httpx.Timeout(20, connect=10)
        return httpx.Client(verify=self._tls, follow_redirects=True, timeout=timeout, headers=self._headers)

    def _refused(self, what: str, answer: httpx.Response) -> TransientError | HubError:
        """What an answer that is no success means."""
        error = HubError(host=self.host, what=what, status=answer.status_code)
        if answer.status_code not in _MAY_PASS:
            return error
        wish = answer.headers.get("retry-after", "")
        return TransientError(error, min(float(wish), _LONGEST_WAIT_S) if wish.isdecimal() else None)


def _range(answer: httpx.Response) -> tuple[int, int | None]:
    """Where the body starts in the file, and how long the whole file is."""
    if answer.status_code == 206:
        found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", answer.headers.get("content-range", ""))
        if found:
            return int(found[1]), None if found[2] == "*" else int(found[2])
    length = answer.headers.get("content-length", "")
    known = length.isdecimal() and "content-encoding" not in answer.headers
    return 0, int(length) if known else None
