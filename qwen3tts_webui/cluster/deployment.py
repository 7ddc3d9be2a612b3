"""Number and resources of the replicas. In: the arguments of `serve run` and our settings. Out: the application.

serve run qwen3tts_webui.cluster:app                                one replica per GPU, scaled by load
serve run qwen3tts_webui.cluster:app replicas=2 max_replicas=2      always two replicas
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
_MAX_ONGOING_REQUESTS = 1_000  # open requests per replica; the replica itself decides which of them it answers with 429


class DeploymentOptions(BaseModel):
    """The arguments of `serve run`. Unknown arguments are rejected."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    replicas: int = Field(default=1, ge=1, description="minimum number of replicas")
    max_replicas: int = Field(default=0, ge=0, description="maximum; 0 = one per GPU, or `replicas` without GPUs")
    streams: float = Field(default=0, ge=0, description="open streams per replica that start another one; 0 = auto")
    num_gpus: float = Field(default=-1, ge=-1, description="GPUs per replica; -1 = 1 if there is one, else 0")
    num_cpus: float = Field(default=1, ge=0, description="CPUs reserved per replica")


def app(args: DeploymentOptions) -> serve.Application:
    """Return the application for the cluster that Ray is connected to."""
    settings = Settings()
    gpus = 0 if settings.device == "cpu" or settings.preview else int(ray.cluster_resources().get("GPU", 0))  # type: ignore[no-untyped-call]
    return application(settings, args, gpus)


def application(settings: Settings, options: DeploymentOptions, gpus: int) -> serve.Application:
    """Return the application for a cluster with `gpus` GPUs. All replicas share the folder `settings.outputs`."""
    gpus_per_replica = (1.0 if gpus else 0.0) if options.num_gpus < 0 else options.num_gpus
    max_replicas = options.max_replicas or (int(gpus // gpus_per_replica) if gpus_per_replica else 0)
    device = {"device": "auto"} if gpus_per_replica else {}  # Ray shows each replica only its own GPU
    shared = settings.model_copy(update={"outputs": settings.outputs.absolute(), **device})
    deployment: Any = serve.deployment(
        serve.ingress()(Replica),
        name="Replica",
        ray_actor_options={"num_gpus": gpus_per_replica, "num_cpus": options.num_cpus},
        max_ongoing_requests=_MAX_ONGOING_REQUESTS,
        autoscaling_config=AutoscalingConfig(
            min_replicas=options.replicas,
            initial_replicas=options.replicas,
            max_replicas=max(options.replicas, max_replicas),
            target_ongoing_requests=options.streams or (16.0 if gpus_per_replica else 2.0),
        ),
        request_router_config=RequestRouterConfig.model_validate({"request_router_class": _ROUTER}),
        graceful_shutdown_timeout_s=60,
    )
    bound: serve.Application = deployment.bind(shared)
    return bound
