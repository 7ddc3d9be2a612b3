"""The same app on several GPUs and machines: `serve run qwen3tts_webui.cluster:app` (Ray Serve, the extra `cluster`).

Each replica is a complete program with its own page, API and engine. Ray's proxy is in front of them; its router picks
the replica of each request. In: the settings of the environment and `DeploymentOptions`. Out: a Serve application.
"""

from __future__ import annotations


def __getattr__(name: str) -> object:
    """Import `app` on first use, so that the modules without Ray can be imported without it."""
    if name != "app":
        raise AttributeError(name)
    from qwen3tts_webui.cluster.deployment import app

    return app
