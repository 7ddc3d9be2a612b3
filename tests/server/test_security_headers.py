"""Response headers: a page may run its own inline scripts and no others, an API response nothing."""

from __future__ import annotations

import base64
import gzip
import hashlib

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from qwen3tts_webui.server.middleware import DENY_ALL_CSP, SecurityHeaders

SCRIPT = "\n window.a = '<b>';\n"
PAGE = f"<html><script>{SCRIPT}</script><script type='module' src='x.js'></script><SCRIPT async>b()</SCRIPT></html>"


def page(request: Request) -> Response:
    return HTMLResponse(PAGE)


async def pieces(request: Request) -> Response:
    async def halves():  # type: ignore[no-untyped-def]
        yield PAGE[:30]
        yield PAGE[30:]

    return StreamingResponse(halves(), media_type="text/html")


def compressed(request: Request) -> Response:
    return HTMLResponse(gzip.compress(PAGE.encode()), headers={"Content-Encoding": "gzip"})


def script(request: Request) -> Response:
    return Response("a()", media_type="text/javascript")


def data(request: Request) -> Response:
    return JSONResponse({})


@pytest.fixture(scope="module")
def client() -> TestClient:
    routes = [Route(f"/{made.__name__}", made) for made in (page, pieces, compressed, script, data)]
    return TestClient(SecurityHeaders(Starlette(routes=routes)))


def sources(client: TestClient, path: str) -> list[str]:
    """What the answer's `script-src` allows."""
    policy = client.get(path).headers["content-security-policy"]
    (found,) = [rule for rule in policy.split("; ") if rule.startswith("script-src")]
    return found.split()[1:]


def hash_of(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@pytest.mark.parametrize("path", ["/page", "/pieces"])
def test_a_page_runs_its_own_inline_scripts_by_their_hashes(client: TestClient, path: str) -> None:
    assert sources(client, path) == ["'self'", hash_of(SCRIPT), hash_of("b()"), "'unsafe-eval'"]
    assert client.get(path).text == PAGE


def test_a_script_may_load_own_files_only(client: TestClient) -> None:
    assert sources(client, "/script") == ["'self'"]


@pytest.mark.parametrize("path", ["/data", "/compressed", "/no-such-path"])
def test_other_responses_load_nothing(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.headers["content-security-policy"] == DENY_ALL_CSP
    assert answer.headers["x-content-type-options"] == "nosniff"
