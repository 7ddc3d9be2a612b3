"""ASGI middleware: security headers, access log, access control and rate limits."""

from qwen3tts_webui.server.middleware.access_control import reject, set_session_cookie
from qwen3tts_webui.server.middleware.rate_limits import (
    MAX_HEADER_BYTES,
    MAX_HEADERS,
    MAX_URL_BYTES,
    RateLimiter,
    caller_of,
)
from qwen3tts_webui.server.middleware.security_headers import DENY_ALL_CSP, SecurityHeaders
from qwen3tts_webui.server.middleware.stack import SecuredApp

__all__ = [
    "DENY_ALL_CSP",
    "MAX_HEADERS",
    "MAX_HEADER_BYTES",
    "MAX_URL_BYTES",
    "RateLimiter",
    "SecuredApp",
    "SecurityHeaders",
    "caller_of",
    "reject",
    "set_session_cookie",
]
