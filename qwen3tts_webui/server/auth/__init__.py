"""API keys and the browser sessions created from them. Knows no HTTP."""

from qwen3tts_webui.server.auth.api_keys import ApiKey, ApiKeyStore
from qwen3tts_webui.server.auth.browser_sessions import SESSION_S, TOKEN_S, BrowserSessions, secret_file

__all__ = ["SESSION_S", "TOKEN_S", "ApiKey", "ApiKeyStore", "BrowserSessions", "secret_file"]
