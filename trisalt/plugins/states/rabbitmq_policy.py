"""Policies of RabbitMQ.

rabbit_policy:
  rabbitmq_policy.present:
    - name: HA
    - pattern: '.*'
    - definition: '{"ha-mode": "all"}'
"""

from __future__ import annotations

import json
from typing import Any

from trisalt.errors import TrisaltError
from trisalt.state.result import returned


def __virtual__() -> Any:
    if "rabbitmq.list_policies" in __salt__:
        return True
    return False, "rabbitmq module could not be loaded"


def present(
    name: str,
    pattern: str,
    definition: Any,
    priority: Any = 0,
    vhost: str = "/",
    runas: str | None = None,
    apply_to: str | None = None,
) -> dict[str, Any]:
    """
    There is a policy in a virtual host. The `definition` is JSON, or a map.
    """
    try:
        told = json.loads(definition) if isinstance(definition, str) else definition
    except ValueError as exc:
        return returned(name, False, f"The definition is no JSON: {exc}")
    try:
        now = __salt__["rabbitmq.list_policies"](vhost=vhost, runas=runas).get(vhost, {}).get(name, {})
        differing = []
        if now:
            pairs = {
                "Pattern": (now["pattern"], str(pattern)),
                "Definition": (json.loads(now["definition"]), told),
                "Applyto": (now["apply_to"], apply_to or now["apply_to"]),
                "Priority": (str(now["priority"]), str(priority)),
            }
            differing = [what for what, (is_so, is_wanted) in pairs.items() if is_so != is_wanted]
            if not differing:
                return returned(name, True, f"Policy {vhost} {name} is already present")
        changes = {"old": now, "new": differing or name}
        if __opts__["test"]:
            return returned(
                name, None, f"Policy {vhost} {name} is set to be {'updated' if now else 'created'}", changes
            )
        how = {"priority": priority, "apply_to": apply_to, "runas": runas}
        done = __salt__["rabbitmq.set_policy"](vhost, name, pattern, definition, **how)
    except (TrisaltError, ValueError) as exc:
        return returned(name, False, f"Error: {exc}")
    return returned(name, True, done["Set"], changes)


def absent(name: str, vhost: str = "/", runas: str | None = None) -> dict[str, Any]:
    """
    There is no policy of this name in a virtual host.
    """
    try:
        if not __salt__["rabbitmq.policy_exists"](vhost, name, runas=runas):
            return returned(name, True, f"Policy '{vhost} {name}' is not present.")
        changes = {"old": name, "new": ""}
        if __opts__["test"]:
            return returned(name, None, f"Policy '{vhost} {name}' will be removed.", changes)
        return returned(name, True, __salt__["rabbitmq.delete_policy"](vhost, name, runas=runas)["Deleted"], changes)
    except TrisaltError as exc:
        return returned(name, False, f"Error: {exc}")
