"""The page: Gradio draws it, the JavaScript modules in assets/web/ run it.

In: `Speech` and settings. Out: routes and a page, mounted on an app.

regions/ has one module per region, with one function that draws it and returns the components that events use.
The page is a client of the HTTP routes: neither audio nor text passes through a Gradio event to Python.
"""

from qwen3tts_webui.ui.mount import mount_page
from qwen3tts_webui.ui.page import build_page

__all__ = ["build_page", "mount_page"]
