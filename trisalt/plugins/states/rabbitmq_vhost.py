"""Virtual hosts of RabbitMQ.

virtual_host:
  rabbitmq_vhost.present
"""

from __future__ import annotations

from typing import Any

from trisalt.errors import TrisaltError
from trisalt.state.result import returned


def __virtual__() -> Any:
    if "rabbitmq.list_vhosts" in __salt__:
        return True
    return False, "rabbitmq module could not be loaded"


def present(name: str) -> dict[str, Any]:
    """
    There is a virtual host.
    """
    try:
        if __salt__["rabbitmq.vhost_exists"](name):
            return returned(name, True, f"Virtual Host '{name}' already exists.")
        changes = {"old": "", "new": name}
        if __opts__["test"]:
            return returned(name, None, f"Virtual Host '{name}' will be created.", changes)
        return returned(name, True, __salt__["rabbitmq.add_vhost"](name)["Added"], changes)
    except TrisaltError as exc:
        return returned(name, False, f"Error: {exc}")


def absent(name: str) -> dict[str, Any]:
    """
    There is no virtual host of this name.
    """
    try:
        if not __salt__["rabbitmq.vhost_exists"](name):
            return returned(name, True, f"Virtual Host '{name}' is not present.")
        changes = {"old": name, "new": ""}
        if __opts__["test"]:
            return returned(name, None, f"Virtual Host '{name}' will be removed.", changes)
        return returned(name, True, __salt__["rabbitmq.delete_vhost"](name)["Deleted"], changes)
    except TrisaltError as exc:
        return returned(name, False, f"Error: {exc}")
