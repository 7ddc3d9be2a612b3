"""The login page: a form for the API key. In: the key. Out: a session cookie; or a short-lived token for a page."""

from __future__ import annotations

from html import escape
from typing import Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Request, Response
from starlette.responses import HTMLResponse, RedirectResponse

from qwen3tts_webui.server.auth import TOKEN_S
from qwen3tts_webui.server.context import ServerContext
from qwen3tts_webui.server.http import BodyTooLarge, new_router
from qwen3tts_webui.server.middleware import caller_of, set_session_cookie

_MAX_BYTES = 4_096
_PAGE = """<!doctype html><html lang="{language}"><meta charset="utf-8"><title>Qwen3-TTS</title>
<meta name="viewport" content="width=device-width"><style>
:root{{color-scheme:light dark}}
body{{font:16px/1.5 system-ui,sans-serif;display:grid;place-content:center;min-height:90vh;margin:0}}
form{{display:grid;gap:.8rem;width:20rem}}input,button{{font:inherit;padding:.6rem .8rem;border-radius:.5rem}}
p{{margin:0;color:#b3261e}}</style>
<form method="post" action="login"><label for="key">{label}</label>
<input id="key" name="key" type="password" autocomplete="current-password" required autofocus>
<button>{button}</button><p role="alert">{problem}</p></form></html>"""


def token_router(server: ServerContext) -> APIRouter:
    router = new_router()

    @router.post("/api/token")
    async def token(request: Request) -> dict[str, Any]:
        """A token that replaces the API key for five minutes, e.g. in a page of another origin.

        Send it like a key. null if this server requires no keys.
        """
        if not server.api_keys.required:
            return {"token": None, "expires_in_s": None}
        return {"token": server.sessions.create_token(caller_of(request.scope)), "expires_in_s": TOKEN_S}

    return router


def login_router(server: ServerContext) -> APIRouter:
    router = new_router(include_in_schema=False)

    def page(request: Request, error_key: str = "", status: int = 200) -> Response:
        t = server.errors.catalog(request.headers.get("accept-language", ""))
        html = _PAGE.format(
            language=t.language,
            label=escape(t("login.label")),
            button=escape(t("login.button")),
            problem=escape(t(error_key)) if error_key else "",
        )
        return HTMLResponse(html, status, {"Cache-Control": "no-store"})

    @router.get("/login")
    async def form(request: Request) -> Response:
        return page(request) if server.api_keys.required else RedirectResponse("./", 303)

    @router.post("/login")
    async def login(request: Request) -> Response:
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > _MAX_BYTES:
                raise BodyTooLarge(limit_kib=_MAX_BYTES // 1024)
        key_id = server.api_keys.id_of(parse_qs(body.decode("latin-1")).get("key", [""])[0].strip())
        if key_id is None:
            server.rate_limiter.hit(caller_of(request.scope), "wrong key")
            return page(request, "login.wrong", 401)
        response = RedirectResponse("./", 303)
        set_session_cookie(response, server.sessions.create(key_id), request.scope)
        return response

    return router
