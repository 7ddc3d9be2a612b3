"""The page on which a person shows the key once. In: a form. Out: a cookie that the door knows."""

from __future__ import annotations

from html import escape
from urllib.parse import parse_qs

from fastapi import APIRouter, Request, Response
from starlette.responses import HTMLResponse, RedirectResponse

from qwen3tts_webui.errors import BodyTooLarge
from qwen3tts_webui.server.auth.api_keys import Keys
from qwen3tts_webui.server.auth.browser_sessions import Sessions
from qwen3tts_webui.server.http.error_responses import Problems
from qwen3tts_webui.server.middleware.access_control import remember
from qwen3tts_webui.server.middleware.rate_limits import Gate, caller_of

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


def login_router(keys: Keys, sessions: Sessions, gate: Gate, problems: Problems) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    def page(request: Request, key: str = "", status: int = 200) -> Response:
        say = problems.catalog(request.headers.get("accept-language", ""))
        words = {name: escape(say(f"login.{name}")) for name in ("label", "button")}
        problem = escape(say(key)) if key else ""
        return HTMLResponse(
            _PAGE.format(language=say.language, problem=problem, **words), status, {"Cache-Control": "no-store"}
        )

    @router.get("/login")
    async def form(request: Request) -> Response:
        return page(request) if keys.needed else RedirectResponse("./", 303)

    @router.post("/login")
    async def login(request: Request) -> Response:
        body = b""
        async for piece in request.stream():
            body += piece
            if len(body) > _MAX_BYTES:
                raise BodyTooLarge(limit_kib=_MAX_BYTES // 1024)
        key_id = keys.id_of(parse_qs(body.decode("latin-1")).get("key", [""])[0].strip())
        if key_id is None:
            gate.ask(caller_of(request.scope), "wrong key")
            return page(request, "login.wrong", 401)
        response = RedirectResponse("./", 303)
        remember(response, sessions.begin(key_id), request.scope)
        return response

    return router
