"""Route requests: synthesis to the less busy of two replicas, queries about a request to the replica that handles it.

In: requests from Ray's proxy. Out: replicas. Each proxy, and so each machine, has a router; one small actor knows what
the others have routed. A query about a request of a lost replica goes to any replica, which answers that it does
not know it.
"""

from __future__ import annotations

import logging
import pickle
import random
from typing import Any

import ray
from ray.serve.experimental.consistent_hash_router import ConsistentHashRouter
from ray.serve.request_router import PendingRequest, ReplicaID, RunningReplica

from qwen3tts_webui.cluster.request_affinity import RequestAffinity, request_id_of_query, request_id_of_start

log = logging.getLogger(__name__)

_ACTOR = {"name": "qwen3tts-request-affinity", "namespace": "qwen3tts", "get_if_exists": True, "lifetime": "detached"}


class Router(ConsistentHashRouter):
    """Ray's router that never reassigns a pending request, with our choice of replicas."""

    def initialize_state(self, **kwargs: Any) -> None:
        super().initialize_state(**kwargs)
        self._affinity = RequestAffinity()
        self._shared: Any = ray.remote(RequestAffinity).options(**_ACTOR, num_cpus=0).remote()

    async def choose_replicas(
        self, candidate_replicas: list[RunningReplica], pending_request: PendingRequest | None = None
    ) -> list[list[RunningReplica]]:
        if pending_request is not None:
            pending_request.routing_context.should_backoff = True  # wait longer each time that all replicas are full
        replica_name = await self._replica_of(_scope(pending_request))
        matching = [replica for replica in candidate_replicas if replica.replica_id.unique_id == replica_name]
        candidates = random.sample(candidate_replicas, min(2, len(candidate_replicas)))
        return [matching or candidates] if candidate_replicas else []

    def on_request_routed(self, pending_request: PendingRequest, replica_id: ReplicaID, result: Any) -> None:
        """Record the replica: here immediately, for the other machines a moment later."""
        request_id = request_id_of_start(_scope(pending_request))
        if request_id is not None:
            self._affinity.set(request_id, replica_id.unique_id)
            self._shared.set.remote(request_id, replica_id.unique_id)

    async def _replica_of(self, scope: dict[str, Any]) -> str | None:
        queried = request_id_of_query(scope)
        if queried is None:
            request_id = request_id_of_start(scope)
            return None if request_id is None else self._affinity.of(request_id)
        known = self._affinity.of(queried)
        if known is not None:
            return known
        try:
            replica: str | None = await self._shared.of.remote(queried)
        except ray.exceptions.RayActorError as error:
            log.warning("the replica of %s is not known: %s", queried, error)
            return None
        return replica


def _scope(pending_request: PendingRequest | None) -> dict[str, Any]:
    """The ASGI scope of a request as Ray's proxy packs it; {} for anything else."""
    packed = pending_request.args[0] if pending_request is not None and pending_request.args else None
    request = pickle.loads(packed) if isinstance(packed, bytes) else packed  # packed by the proxy, in this process
    scope = getattr(request, "asgi_scope", None)
    return scope if isinstance(scope, dict) else {}
