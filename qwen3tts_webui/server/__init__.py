"""The HTTP and WebSocket API. The only package that imports FastAPI, besides `ui/mount.py`.

http, auth, observability, schemas, middleware, delivery and routes build on each other in this order; app.py combines
them.
"""

from qwen3tts_webui.server.app import create_app
from qwen3tts_webui.server.context import GpuReading
from qwen3tts_webui.server.uvicorn_server import make_server

__all__ = ["GpuReading", "create_app", "make_server"]
