"""The API: routes, their JSON, and the sound as HTTP. The only package that imports FastAPI."""

from qwen3tts_webui.server.app import create_app

__all__ = ["create_app"]
