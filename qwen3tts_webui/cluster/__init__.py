"""The same app on many GPUs and machines: `serve run qwen3tts_webui.cluster:app` (Ray Serve, the extra `cluster`).

Each replica is a whole program with a page, an API and an engine of its own; Ray's proxy stands in front and its router
sends each request on. In: the settings of the environment, and how many. Out: a Serve application. Start with scale.py.
"""

from __future__ import annotations


def __getattr__(name: str) -> object:
    """`app`, once somebody asks for it: what needs no Ray can be imported without."""
    if name != "app":
        raise AttributeError(name)
    from qwen3tts_webui.cluster.deployment import app

    return app
