"""The page: Gradio draws it, the modules in assets/web/ bring it to life.

In: `Speech` and settings. Out: routes and a page, mounted on an app.

One file a region; each has one function that draws the region and returns the components that events need, by name.
The page is a client of the HTTP routes: neither audio nor text passes through a Gradio event to Python.
"""

from qwen3tts_webui.ui.mount import mount_page
from qwen3tts_webui.ui.page import build_page

__all__ = ["build_page", "mount_page"]
