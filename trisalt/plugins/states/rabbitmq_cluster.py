"""Clusters of RabbitMQ.

rabbit@rabbit.example.com:
  rabbitmq_cluster.joined:
    - user: rabbit
    - host: rabbit.example.com
"""

from __future__ import annotations

import re
from typing import Any

from trisalt.errors import TrisaltError
from trisalt.state.result import returned


def __virtual__() -> Any:
    if "rabbitmq.cluster_status" in __salt__:
        return True
    return False, "rabbitmq module could not be loaded"


def joined(
    name: str, host: str, user: str = "rabbit", ram_node: Any = None, runas: str | None = "root"
) -> dict[str, Any]:
    """
    This node is in the cluster of another, which may be itself.
    """
    node = f"{user}@{host}"
    try:
        status = __salt__["rabbitmq.cluster_status"](runas=runas)
        if re.search(rf"(?<![\w.@-]){re.escape(node)}(?![\w.-])", status):
            return returned(name, True, "Already in cluster")
        changes = {"old": "", "new": node}
        if __opts__["test"]:
            return returned(name, None, f"Node is set to join cluster {node}", changes)
        done = __salt__["rabbitmq.join_cluster"](host, user, ram_node, runas=runas)
    except TrisaltError as exc:
        return returned(name, False, f"Error: {exc}")
    return returned(name, True, done["Join"], changes)
