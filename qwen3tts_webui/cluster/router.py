"""Where a request goes: speech to the less busy of two replicas, a question about a request to whoever speaks it.

In: what Ray's proxy hands on. Out: replicas. There is a router in each proxy, that is on each machine; what the others
have routed is asked from one small actor. A question about a request whose replica is gone goes to any of them, which
knows nothing of it and says so.
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

_ACTOR = {"name": "qwen3tts-owners", "namespace": "qwen3tts", "get_if_exists": True, "lifetime": "detached"}


class Router(ConsistentHashRouter):
    """Ray's router that never gives one request's place to another, with our choice of replicas."""

    def initialize_state(self, **kwargs: Any) -> None:
        super().initialize_state(**kwargs)
        self._owners = RequestAffinity()
        self._shared: Any = ray.remote(RequestAffinity).options(**_ACTOR, num_cpus=0).remote()

    async def choose_replicas(
        self, candidate_replicas: list[RunningReplica], pending_request: PendingRequest | None = None
    ) -> list[list[RunningReplica]]:
        if pending_request is not None:
            pending_request.routing_context.should_backoff = True  # wait longer each time that all are full
        owner = await self._owner(_scope(pending_request))
        owned = [replica for replica in candidate_replicas if replica.replica_id.unique_id == owner]
        fewest = random.sample(candidate_replicas, min(2, len(candidate_replicas)))
        return [owned or fewest] if candidate_replicas else []

    def on_request_routed(self, pending_request: PendingRequest, replica_id: ReplicaID, result: Any) -> None:
        """Remember who speaks, here at once and for the other machines a moment later."""
        begun = request_id_of_start(_scope(pending_request))
        if begun is not None:
            self._owners.set(begun, replica_id.unique_id)
            self._shared.set.remote(begun, replica_id.unique_id)

    async def _owner(self, scope: dict[str, Any]) -> str | None:
        question = request_id_of_query(scope)
        if question is None:
            begun = request_id_of_start(scope)
            return None if begun is None else self._owners.of(begun)
        known = self._owners.of(question)
        if known is not None:
            return known
        try:
            told: str | None = await self._shared.of.remote(question)
        except ray.exceptions.RayActorError as error:
            log.warning("nobody can say who speaks %s: %s", question, error)
            return None
        return told


def _scope(pending_request: PendingRequest | None) -> dict[str, Any]:
    """The ASGI scope of a request as Ray's proxy packs it; {} for anything else."""
    packed = pending_request.args[0] if pending_request is not None and pending_request.args else None
    request = pickle.loads(packed) if isinstance(packed, bytes) else packed  # packed by the proxy, in this process
    scope = getattr(request, "asgi_scope", None)
    return scope if isinstance(scope, dict) else {}
