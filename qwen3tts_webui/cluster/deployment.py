"""How many replicas, and on what. In: the arguments of `serve run` and our settings. Out: the application.

serve run qwen3tts_webui.cluster:app                                one replica a GPU, as many as there are streams for
serve run qwen3tts_webui.cluster:app replicas=2 max_replicas=2      always two
"""

from typing import Any

import ray
from pydantic import BaseModel, ConfigDict, Field
from ray import serve
from ray.serve.config import AutoscalingConfig, RequestRouterConfig

from qwen3tts_webui.cluster.replica import Replica
from qwen3tts_webui.cluster.router import Router
from qwen3tts_webui.config import Settings

_ROUTER = f"{Router.__module__}.{Router.__name__}"
_ONGOING = 1_000  # what one replica may have open; how much of that is spoken or refused with 429 is its own matter


class DeploymentOptions(BaseModel):
    """The arguments of `serve run`; an unknown one is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    replicas: int = Field(default=1, ge=1, description="how many there are at least")
    max_replicas: int = Field(default=0, ge=0, description="at most; 0 = one a GPU, or `replicas` without GPUs")
    streams: float = Field(default=0, ge=0, description="open streams a replica before one more is started; 0 = auto")
    num_gpus: float = Field(default=-1, ge=-1, description="GPUs a replica; -1 = 1 where there is one, else 0")
    num_cpus: float = Field(default=1, ge=0, description="processors that are reserved for a replica")


def app(args: DeploymentOptions) -> serve.Application:
    """The application for the cluster that Ray is connected to."""
    settings = Settings()
    gpus = 0 if settings.device == "cpu" or settings.preview else int(ray.cluster_resources().get("GPU", 0))  # type: ignore[no-untyped-call]
    return application(settings, args, gpus)


def application(settings: Settings, scale: DeploymentOptions, gpus: int) -> serve.Application:
    """`gpus`: how many the cluster has for us. All replicas share `settings.outputs`, as an absolute path."""
    each = (1.0 if gpus else 0.0) if scale.num_gpus < 0 else scale.num_gpus
    most = scale.max_replicas or (int(gpus // each) if each else 0)
    here = {"device": "auto"} if each else {}  # Ray shows each replica its own GPU alone
    shared = settings.model_copy(update={"outputs": settings.outputs.absolute(), **here})
    deployment: Any = serve.deployment(
        serve.ingress()(Replica),
        name="Replica",
        ray_actor_options={"num_gpus": each, "num_cpus": scale.num_cpus},
        max_ongoing_requests=_ONGOING,
        autoscaling_config=AutoscalingConfig(
            min_replicas=scale.replicas,
            initial_replicas=scale.replicas,
            max_replicas=max(scale.replicas, most),
            target_ongoing_requests=scale.streams or (16.0 if each else 2.0),
        ),
        request_router_config=RequestRouterConfig.model_validate({"request_router_class": _ROUTER}),
        graceful_shutdown_timeout_s=60,
    )
    bound: serve.Application = deployment.bind(shared)
    return bound
