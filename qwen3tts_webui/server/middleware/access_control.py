"""Host, Origin and API-key checks, for the page, the API and WebSockets.

In: ASGI requests. Out: the same with `qwen3tts.caller` in their scope, or an error before any work. A browser sends its
key once, at /login or as ?key=..., and holds a session cookie from then on. A page of another origin sends a key or a
short-lived token as a bearer, or as a subprotocol of its WebSocket.
"""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from qwen3tts_webui.errors import SpeechError
from qwen3tts_webui.server.auth import SESSION_S
from qwen3tts_webui.server.context import ServerContext
from qwen3tts_webui.server.http import ErrorRenderer, ForbiddenHost, ForbiddenOrigin, Unauthorized

COOKIE = "qwen3tts_session"
_KEY_SUBPROTOCOL = "key."
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_OPEN_PATHS = frozenset({"/health", "/ready", "/login"})
_TOKENS = "/api/token"
_STREAM_LINKS = "/api/stream/"  # the link itself is the secret
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class HostOriginMiddleware:
    """ASGI: rejects host names that are not this server's (DNS rebinding) and requests from other websites."""

    def __init__(self, app: ASGIApp, context: ServerContext) -> None:
        settings = context.settings
        self._app = app
        self._errors = context.errors
        self._accepts_any_address = _is_unspecified(settings.host)
        self._hosts = _LOOPBACK | {settings.host.lower(), *(host.lower() for host in settings.allowed_hosts)}
        if self._accepts_any_address:
            self._hosts |= {socket.gethostname().lower()}
        self._origins = frozenset(origin.rstrip("/").lower() for origin in settings.cors_origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        try:
            self._check(scope, Headers(scope=scope))
        except SpeechError as error:
            await reject(error, self._errors, scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _check(self, scope: Scope, headers: Headers) -> None:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or not self._is_own_host(hosts[0]):
            raise ForbiddenHost()
        origins = headers.getlist("origin")
        is_unsafe = scope["type"] == "websocket" or scope["method"] not in _SAFE_METHODS
        if not is_unsafe:
            return
        if len(origins) > 1 or not all(self._is_allowed_origin(origin, hosts[0]) for origin in origins):
            raise ForbiddenOrigin()
        if not origins and headers.get("sec-fetch-site") in ("cross-site", "same-site"):
            raise ForbiddenOrigin()

    def _is_own_host(self, host: str) -> bool:
        name = _host_name(host)
        if name in self._hosts:
            return True
        return self._accepts_any_address and _is_address(name)  # DNS rebinding needs a name

    def _is_allowed_origin(self, origin: str, host: str) -> bool:
        """Accept this server's own page and the configured origins."""
        if origin.lower() in self._origins:
            return True
        parts = urlsplit(origin)
        default = {"http": ":80", "https": ":443"}.get(parts.scheme)
        if default is None:
            return False
        return parts.netloc.lower().removesuffix(default) == host.lower().removesuffix(default)


class ApiKeyMiddleware:
    """ASGI: if keys are required, rejects requests without a valid key or session cookie."""

    def __init__(self, app: ASGIApp, context: ServerContext) -> None:
        self._app = app
        self._keys = context.api_keys
        self._sessions = context.sessions
        self._limiter = context.rate_limiter
        self._errors = context.errors

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or not self._keys.required:
            await self._app(scope, receive, send)
            return
        try:
            caller = self._caller(scope)
        except SpeechError as error:
            await reject(error, self._errors, scope, receive, send)
            return
        if caller is not None:
            scope["qwen3tts.caller"] = caller
        if caller is not None and self._key_in_query(scope):
            response: Response = RedirectResponse(str(HTTPConnection(scope).url.replace(query="")), 303)
            set_session_cookie(response, self._sessions.create(caller), scope)
            await response(scope, receive, send)
        elif caller is not None or scope["path"] in _OPEN_PATHS or scope["path"].startswith(_STREAM_LINKS):
            await self._app(scope, receive, send)
        elif scope["type"] == "http" and scope["method"] == "GET" and _accepts_html(scope):
            await RedirectResponse(scope.get("root_path", "") + "/login", 303)(scope, receive, send)
        else:
            await reject(Unauthorized(), self._errors, scope, receive, send)

    def _caller(self, scope: Scope) -> str | None:
        """Return the id of the client's key. Raises `TooManyRequests` after too many wrong keys."""
        connection = HTTPConnection(scope)
        found = self._sessions.id_of(connection.cookies.get(COOKIE, ""))
        authorization = connection.headers.getlist("authorization")
        scheme, _, secret = authorization[0].partition(" ") if len(authorization) == 1 else ("", "", "")
        if scheme.lower() != "bearer":
            secret = self._key_in_query(scope) or _key_in_subprotocols(scope)
        if found is None and secret:
            found = self._keys.id_of(secret.strip())
            if found is None and not self._creates_access(scope):
                found = self._sessions.id_of_token(secret.strip())
            if found is None:
                self._limiter.hit(str((scope.get("client") or "?")[0]), "wrong key")
        return found

    def _creates_access(self, scope: Scope) -> bool:
        """Return whether the answer is a new token or session: a token must not extend its own five minutes."""
        return scope["path"] == _TOKENS or bool(self._key_in_query(scope))

    def _key_in_query(self, scope: Scope) -> str:
        """Return the key in `?key=` of a page opened in a browser; nowhere else, because URLs end up in logs."""
        if scope["type"] != "http" or scope["method"] != "GET" or not _accepts_html(scope):
            return ""
        query: bytes = scope["query_string"]
        return parse_qs(query.decode("latin-1")).get("key", [""])[0]


async def reject(error: SpeechError, errors: ErrorRenderer, scope: Scope, receive: Receive, send: Send) -> None:
    """Respond with `error`, to a WebSocket handshake as well."""
    response = errors.for_path(scope["path"]).response(error, Headers(scope=scope).get("accept-language", ""))
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


def _key_in_subprotocols(scope: Scope) -> str:
    """Return the key among the subprotocols of a WebSocket: a page in a browser cannot set other headers."""
    for name in scope.get("subprotocols", ()):
        if name.startswith(_KEY_SUBPROTOCOL):
            return str(name[len(_KEY_SUBPROTOCOL) :])
    return ""


def set_session_cookie(response: Response, session: str, scope: Scope) -> None:
    """Add the session cookie to `response`."""
    secure = scope.get("scheme") == "https"
    response.set_cookie(COOKIE, session, max_age=SESSION_S, httponly=True, samesite="strict", secure=secure)
    response.headers["Cache-Control"] = "no-store"


def _accepts_html(scope: Scope) -> bool:
    return "text/html" in Headers(scope=scope).get("accept", "")


def _host_name(host: str) -> str:
    """Return the host in lower case without its port; an IPv6 address without brackets."""
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
