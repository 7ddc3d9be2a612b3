"""Who may come in: the right host name, no foreign website, and a key where keys are needed.

In: ASGI requests and WebSockets, of the page as of the API. Out: the same with `qwen3tts.caller` in their scope, or a
refusal before any work. A browser shows its key once, at /login or as ?key=..., and then holds a cookie.
"""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from qwen3tts_webui.config import Settings
from qwen3tts_webui.errors import SpeechError, Unauthorized, ForbiddenHost, ForbiddenOrigin
from qwen3tts_webui.server.auth.api_keys import Keys
from qwen3tts_webui.server.auth.browser_sessions import Sessions
from qwen3tts_webui.server.http.error_responses import Problems
from qwen3tts_webui.server.middleware.rate_limits import Gate

COOKIE = "qwen3tts_session"
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_OPEN_PATHS = frozenset({"/health", "/ready", "/login"})
_HARMLESS = frozenset({"GET", "HEAD", "OPTIONS"})


class HostAndOrigin:
    """ASGI: refuses host names that are not this server's (DNS rebinding) and calls from other websites."""

    def __init__(self, app: ASGIApp, settings: Settings, problems: Problems) -> None:
        self._app = app
        self._problems = problems
        self._any_address = _is_unspecified(settings.host)
        self._hosts = _LOOPBACK | {settings.host.lower(), *(host.lower() for host in settings.allowed_hosts)}
        if self._any_address:
            self._hosts |= {socket.gethostname().lower()}
        self._origins = frozenset(origin.rstrip("/").lower() for origin in settings.cors_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        try:
            self._check(scope, Headers(scope=scope))
        except SpeechError as error:
            await refuse(error, self._problems, scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _check(self, scope: Scope, headers: Headers) -> None:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._is_ours(hosts[0]):
            raise ForbiddenHost()
        origins = headers.getlist("origin")
        changes = scope["type"] == "websocket" or scope["method"] not in _HARMLESS
        if not changes:
            return
        if len(origins) > 1 or not all(self._is_welcome(origin, hosts[0]) for origin in origins):
            raise ForbiddenOrigin()
        if not origins and headers.get("sec-fetch-site") in ("cross-site", "same-site"):
            raise ForbiddenOrigin()

    def _is_ours(self, host: str) -> bool:
        name = _name(host)
        if name in self._hosts:
            return True
        return self._any_address and _is_address(name)  # a rebound name is a name, never an address

    def _is_welcome(self, origin: str, host: str) -> bool:
        """From this very page, or from a website on the list."""
        if origin.lower() in self._origins:
            return True
        parts = urlsplit(origin)
        default = {"http": ":80", "https": ":443"}.get(parts.scheme)
        if default is None:
            return False
        return parts.netloc.lower().removesuffix(default) == host.lower().removesuffix(default)


class KeyCheck:
    """ASGI: where keys are needed, lets through who has one; the same for page, API and WebSocket."""

    def __init__(self, app: ASGIApp, keys: Keys, sessions: Sessions, gate: Gate, problems: Problems) -> None:
        self._app = app
        self._keys = keys
        self._sessions = sessions
        self._gate = gate
        self._problems = problems

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or not self._keys.needed:
            await self._app(scope, receive, send)
            return
        try:
            caller = self._caller(scope)
        except SpeechError as error:
            await refuse(error, self._problems, scope, receive, send)
            return
        if caller is not None:
            scope["qwen3tts.caller"] = caller
        if caller is not None and self._shown(scope):
            response: Response = RedirectResponse(str(HTTPConnection(scope).url.replace(query="")), 303)
            remember(response, self._sessions.begin(caller), scope)
            await response(scope, receive, send)
        elif caller is not None or scope["path"] in _OPEN_PATHS:
            await self._app(scope, receive, send)
        elif scope["type"] == "http" and scope["method"] == "GET" and _wants_page(scope):
            await RedirectResponse(scope.get("root_path", "") + "/login", 303)(scope, receive, send)
        else:
            await refuse(Unauthorized(), self._problems, scope, receive, send)

    def _caller(self, scope: Scope) -> str | None:
        """The id of the key. Raises `TooManyRequests` for who tries too many wrong ones."""
        connection = HTTPConnection(scope)
        found = self._sessions.id_of(connection.cookies.get(COOKIE, ""))
        shown = connection.headers.getlist("authorization")
        kind, _, secret = shown[0].partition(" ") if len(shown) == 1 else ("", "", "")
        if kind.lower() != "bearer":
            secret = self._shown(scope)
        if found is None and secret:
            found = self._keys.id_of(secret.strip())
            if found is None:
                self._gate.ask(str((scope.get("client") or "?")[0]), "wrong key")
        return found

    def _shown(self, scope: Scope) -> str:
        """The key in `?key=` of a page that a person opens; nowhere else, because addresses end up in logs."""
        if scope["type"] != "http" or scope["method"] != "GET" or not _wants_page(scope):
            return ""
        query: bytes = scope["query_string"]
        return parse_qs(query.decode("latin-1")).get("key", [""])[0]


async def refuse(error: SpeechError, problems: Problems, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with `error`, also where a WebSocket was asked for."""
    response = problems.at(scope["path"]).answer(error, Headers(scope=scope).get("accept-language", ""))
    if isinstance(error, Unauthorized):
        response.headers["WWW-Authenticate"] = "Bearer"
    if scope["type"] == "http":
        await response(scope, receive, send)
    elif "websocket.http.response" in scope.get("extensions", {}):
        start = {"type": "websocket.http.response.start", "status": error.status, "headers": response.raw_headers}
        await send(start)
        await send({"type": "websocket.http.response.body", "body": bytes(response.body)})
    else:
        await send({"type": "websocket.close", "code": 1008})


def remember(response: Response, session: str, scope: Scope) -> None:
    """Put the cookie of a session on `response`."""
    secure = scope.get("scheme") == "https"
    response.set_cookie(COOKIE, session, max_age=30 * 86_400, httponly=True, samesite="strict", secure=secure)
    response.headers["Cache-Control"] = "no-store"


def _wants_page(scope: Scope) -> bool:
    return "text/html" in Headers(scope=scope).get("accept", "")


def _name(host: str) -> str:
    """The host without its port, in small letters; an IPv6 address without brackets."""
    host = host.strip().lower()
    if host.startswith("["):
        name, closed, port = host[1:].partition("]")
        return name if closed and (not port or (port[0] == ":" and port[1:].isdecimal())) else ""
    name, _, port = host.partition(":")
    return name.removesuffix(".") if not port or port.isdecimal() else ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_unspecified(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return host == ""
