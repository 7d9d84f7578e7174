"""RabbitMQ, by its own programs: users, virtual hosts, permissions, policies, federation, plugins and clusters."""

from __future__ import annotations

import json
import re
import shutil
from typing import Any

from trisalt.errors import CommandError

# What an upstream may be told, by the arguments that say it. Source: stock Salt 3008.3.
_UPSTREAM = (
    *("prefetch_count", "reconnect_delay", "ack_mode", "trust_user_id", "exchange", "max_hops", "expires"),
    *("message_ttl", "ha_policy", "queue"),
)
_HEADS = {"user", "name", "vhost", "component"}


def __virtual__() -> Any:
    if shutil.which("rabbitmqctl"):
        return True
    return False, "The rabbitmq execution module cannot be loaded: the rabbitmqctl binary is not in the path."


def list_users(runas: str | None = None) -> dict[str, list[str]]:
    """
    The users, and the tags of each.

    CLI Example:

        salt '*' rabbitmq.list_users
    """
    rows = _rows(["list_users", "-q"], runas)
    return {row[0]: re.split(r",\s*", row[-1].strip("[]")) for row in rows}


def list_vhosts(runas: str | None = None) -> list[str]:
    """
    The virtual hosts.

    CLI Example:

        salt '*' rabbitmq.list_vhosts
    """
    return [row[0] for row in _rows(["list_vhosts", "-q"], runas)]


def list_upstreams(runas: str | None = None) -> dict[str, str]:
    """
    The upstreams of the federation, each with what it is told, as JSON.

    CLI Example:

        salt '*' rabbitmq.list_upstreams
    """
    rows = _rows(["list_parameters", "-q"], runas)
    return {row[1]: row[2] for row in rows if len(row) == 3 and row[0] == "federation-upstream"}


def user_exists(name: str, runas: str | None = None) -> bool:
    """
    Whether there is a user.

    CLI Example:

        salt '*' rabbitmq.user_exists rabbit_user
    """
    return name in list_users(runas)


def vhost_exists(name: str, runas: str | None = None) -> bool:
    """
    Whether there is a virtual host.

    CLI Example:

        salt '*' rabbitmq.vhost_exists rabbit_host
    """
    return name in list_vhosts(runas)


def upstream_exists(name: str, runas: str | None = None) -> bool:
    """
    Whether there is an upstream of the federation.

    CLI Example:

        salt '*' rabbitmq.upstream_exists rabbit_upstream
    """
    return name in list_upstreams(runas)


def add_user(name: str, password: str | None = None, runas: str | None = None) -> dict[str, str]:
    """
    Add a user. Without a password there is none by which they could come in.

    CLI Example:

        salt '*' rabbitmq.add_user rabbit_user password
    """
    given = password if password is not None else __salt__["random.get_str"](20)
    said = _ctl(["add_user", _word(name)], runas, secret=str(given))
    if password is None:
        clear_password(name, runas)
    return {"Added": said}


def delete_user(name: str, runas: str | None = None) -> dict[str, str]:
    """
    Delete a user.

    CLI Example:

        salt '*' rabbitmq.delete_user rabbit_user
    """
    return {"Deleted": _ctl(["delete_user", _word(name)], runas)}


def change_password(name: str, password: str, runas: str | None = None) -> dict[str, str]:
    """
    Give a user another password.

    CLI Example:

        salt '*' rabbitmq.change_password rabbit_user password
    """
    return {"Password Changed": _ctl(["change_password", _word(name)], runas, secret=str(password))}


def clear_password(name: str, runas: str | None = None) -> dict[str, str]:
    """
    Take a user's password away.

    CLI Example:

        salt '*' rabbitmq.clear_password rabbit_user
    """
    return {"Password Cleared": _ctl(["clear_password", _word(name)], runas)}


def check_password(name: str, password: str, runas: str | None = None) -> bool:
    """
    Whether this is a user's password.

    CLI Example:

        salt '*' rabbitmq.check_password rabbit_user password
    """
    done = _run(["rabbitmqctl", "authenticate_user", _word(name)], runas, secret=str(password))
    return done["retcode"] == 0


def add_vhost(vhost: str, runas: str | None = None) -> dict[str, str]:
    """
    Add a virtual host.

    CLI Example:

        salt '*' rabbitmq.add_vhost rabbit_host
    """
    return {"Added": _ctl(["add_vhost", _word(vhost)], runas)}


def delete_vhost(vhost: str, runas: str | None = None) -> dict[str, str]:
    """
    Delete a virtual host, with all that is in it.

    CLI Example:

        salt '*' rabbitmq.delete_vhost rabbit_host
    """
    return {"Deleted": _ctl(["delete_vhost", _word(vhost)], runas)}


def set_permissions(
    vhost: str, user: str, conf: str = ".*", write: str = ".*", read: str = ".*", runas: str | None = None
) -> dict[str, str]:
    """
    What a user may do in a virtual host, as three patterns of names.

    CLI Example:

        salt '*' rabbitmq.set_permissions myvhost myuser
    """
    words = ["set_permissions", "-p", _word(vhost), _word(user), str(conf), str(write), str(read)]
    return {"Permissions Set": _ctl(words, runas)}


def list_permissions(vhost: str, runas: str | None = None) -> dict[str, dict[str, str]]:
    """
    What users may do in a virtual host.

    CLI Example:

        salt '*' rabbitmq.list_permissions /myvhost
    """
    return _by("user", _ctl(["list_permissions", "--formatter=json", "-p", _word(vhost)], runas))


def list_user_permissions(name: str, runas: str | None = None) -> dict[str, dict[str, str]]:
    """
    What a user may do, by virtual host.

    CLI Example:

        salt '*' rabbitmq.list_user_permissions user
    """
    return _by("vhost", _ctl(["list_user_permissions", _word(name), "--formatter=json"], runas))


def set_user_tags(name: str, tags: Any, runas: str | None = None) -> dict[str, str]:
    """
    Give a user these tags, and no others.

    CLI Example:

        salt '*' rabbitmq.set_user_tags myadmin administrator
    """
    given = [_word(tag) for tag in (tags if isinstance(tags, list | tuple) else [tags])]
    return {"Tag(s) set": _ctl(["set_user_tags", _word(name), *given], runas)}


def status(runas: str | None = None) -> str:
    """
    How the node is, as it says itself.

    CLI Example:

        salt '*' rabbitmq.status
    """
    return _ctl(["status"], runas)


def cluster_status(runas: str | None = None) -> str:
    """
    How the cluster is, as the node says.

    CLI Example:

        salt '*' rabbitmq.cluster_status
    """
    return _ctl(["cluster_status"], runas)


def join_cluster(host: str, user: str = "rabbit", ram_node: Any = None, runas: str | None = None) -> dict[str, str]:
    """
    Have this node join another's cluster, with `ram_node` without keeping its tables on disk.

    CLI Example:

        salt '*' rabbitmq.join_cluster rabbit.example.com rabbit
    """
    words = ["join_cluster", *(["--ram"] if ram_node else []), f"{_word(user)}@{_word(host)}"]
    stop_app(runas)
    try:
        said = _ctl(words, runas)
    finally:
        # Whatever came of it, the node is to serve again.
        start_app(runas)
    return {"Join": said}


def stop_app(runas: str | None = None) -> str:
    """
    Stop RabbitMQ; its node runs on.

    CLI Example:

        salt '*' rabbitmq.stop_app
    """
    return _ctl(["stop_app"], runas)


def start_app(runas: str | None = None) -> str:
    """
    Start RabbitMQ on its node.

    CLI Example:

        salt '*' rabbitmq.start_app
    """
    return _ctl(["start_app"], runas)


def reset(runas: str | None = None) -> str:
    """
    Have a node be as it was in the beginning: out of its cluster, and empty.

    CLI Example:

        salt '*' rabbitmq.reset
    """
    return _ctl(["reset"], runas)


def force_reset(runas: str | None = None) -> str:
    """
    Have a node be as it was in the beginning, whatever state its cluster is in.

    CLI Example:

        salt '*' rabbitmq.force_reset
    """
    return _ctl(["force_reset"], runas)


def list_queues(runas: str | None = None, *args: str) -> dict[str, list[str]]:
    """
    The queues, each with how many messages are in it, or with what is asked for.

    CLI Example:

        salt '*' rabbitmq.list_queues messages consumers
    """
    return {row[0]: row[1:] for row in _rows(["list_queues", "-q", *map(_word, args)], runas)}


def list_queues_vhost(vhost: str, runas: str | None = None, *args: str) -> dict[str, list[str]]:
    """
    The queues of a virtual host, each with how many messages are in it, or with what is asked for.

    CLI Example:

        salt '*' rabbitmq.list_queues_vhost myvhost messages consumers
    """
    rows = _rows(["list_queues", "-q", "-p", _word(vhost), *map(_word, args)], runas)
    return {row[0]: row[1:] for row in rows}


def list_policies(vhost: str = "/", runas: str | None = None) -> dict[str, dict[str, dict[str, str]]]:
    """
    The policies of a virtual host.

    CLI Example:

        salt '*' rabbitmq.list_policies
    """
    found: dict[str, dict[str, dict[str, str]]] = {}
    for row in _rows(["list_policies", "-q", "-p", _word(vhost)], runas):
        if len(row) == 6:
            fields = dict(zip(("pattern", "apply_to", "definition", "priority"), row[2:], strict=True))
            found.setdefault(row[0], {})[row[1]] = fields
    return found


def set_policy(
    vhost: str,
    name: str,
    pattern: str,
    definition: Any,
    priority: Any = None,
    runas: str | None = None,
    apply_to: str | None = None,
) -> dict[str, str]:
    """
    Set a policy: what is so of queues and exchanges whose names a pattern fits.

    CLI Example:

        salt '*' rabbitmq.set_policy / HA '.*' '{"ha-mode":"all"}'
    """
    told = definition if isinstance(definition, str) else json.dumps(definition)
    words = ["set_policy", "-p", _word(vhost)]
    words += ["--priority", str(priority)] if priority else []
    words += ["--apply-to", _word(apply_to)] if apply_to else []
    return {"Set": _ctl([*words, _word(name), str(pattern), told], runas)}


def delete_policy(vhost: str, name: str, runas: str | None = None) -> dict[str, str]:
    """
    Delete a policy.

    CLI Example:

        salt '*' rabbitmq.delete_policy / HA
    """
    return {"Deleted": _ctl(["clear_policy", "-p", _word(vhost), _word(name)], runas)}


def policy_exists(vhost: str, name: str, runas: str | None = None) -> bool:
    """
    Whether there is a policy.

    CLI Example:

        salt '*' rabbitmq.policy_exists / HA
    """
    return name in list_policies(vhost, runas).get(vhost, {})


def list_available_plugins(runas: str | None = None) -> list[str]:
    """
    The plugins that could be enabled.

    CLI Example:

        salt '*' rabbitmq.list_available_plugins
    """
    return _listed_plugins(["list", "-m"], runas)


def list_enabled_plugins(runas: str | None = None) -> list[str]:
    """
    The plugins that are enabled.

    CLI Example:

        salt '*' rabbitmq.list_enabled_plugins
    """
    return _listed_plugins(["list", "-m", "-e"], runas)


def plugin_is_enabled(name: str, runas: str | None = None) -> bool:
    """
    Whether a plugin is enabled.

    CLI Example:

        salt '*' rabbitmq.plugin_is_enabled rabbitmq_federation
    """
    return name in list_enabled_plugins(runas)


def enable_plugin(name: str, runas: str | None = None) -> dict[str, str]:
    """
    Enable a plugin.

    CLI Example:

        salt '*' rabbitmq.enable_plugin rabbitmq_federation
    """
    return {"Enabled": _plugins(["enable", _word(name)], runas)}


def disable_plugin(name: str, runas: str | None = None) -> dict[str, str]:
    """
    Disable a plugin.

    CLI Example:

        salt '*' rabbitmq.disable_plugin rabbitmq_federation
    """
    return {"Disabled": _plugins(["disable", _word(name)], runas)}


def set_upstream(
    name: str,
    uri: str,
    prefetch_count: Any = None,
    reconnect_delay: Any = None,
    ack_mode: str | None = None,
    trust_user_id: bool | None = None,
    exchange: str | None = None,
    max_hops: Any = None,
    expires: Any = None,
    message_ttl: Any = None,
    ha_policy: str | None = None,
    queue: str | None = None,
    runas: str | None = None,
) -> bool:
    """
    Set an upstream of the federation.

    CLI Example:

        salt '*' rabbitmq.set_upstream upstream_name ack_mode=on-confirm max_hops=1 uri=amqp://hostname
    """
    given = locals()
    told = {"uri": uri, **{key.replace("_", "-"): given[key] for key in _UPSTREAM if given[key] is not None}}
    _ctl(["set_parameter", "federation-upstream", _word(name), json.dumps(told)], runas)
    return True


def delete_upstream(name: str, runas: str | None = None) -> bool:
    """
    Delete an upstream of the federation.

    CLI Example:

        salt '*' rabbitmq.delete_upstream upstream_name
    """
    _ctl(["clear_parameter", "federation-upstream", _word(name)], runas)
    return True


# -- inside ------------------------------------------------------------------------------------------------------------


def _run(argv: list[str], runas: str | None, secret: str | None = None) -> dict[str, Any]:
    """What a program answered. A secret is read where no other user of this host can see it, unlike an argument."""
    options = {"runas": runas, "ignore_retcode": True, "output_loglevel": "quiet"}
    if secret is not None:
        if re.search(r"[\r\n]", secret):
            raise CommandError("A password is one line")
        options["stdin"] = secret
    return __utils__["tool.run"](argv, **options)


def _checked(argv: list[str], runas: str | None, secret: str | None = None) -> str:
    done = _run(argv, runas, secret)
    if done["retcode"]:
        raise CommandError(f"RabbitMQ command failed: {done['stderr'] or done['stdout']}")
    return str(done["stdout"])


def _ctl(words: list[str], runas: str | None, secret: str | None = None) -> str:
    said = _checked(["rabbitmqctl", *words], runas, secret)
    return said.replace("Password: \n", "") if secret is not None else said


def _plugins(words: list[str], runas: str | None) -> str:
    return _checked(["rabbitmq-plugins", *words], runas)


def _listed_plugins(words: list[str], runas: str | None) -> list[str]:
    return [line.strip() for line in _plugins(words, runas).splitlines() if re.fullmatch(r"\s*\w+\s*", line)]


def _rows(words: list[str], runas: str | None) -> list[list[str]]:
    """The rows of a table, without its heads, which older versions do not print."""
    lines = [line for line in _ctl(words, runas).splitlines() if line.strip() and not line.endswith("...")]
    rows = [line.split("\t") for line in lines]
    return rows[1:] if rows and rows[0][0] in _HEADS else rows


def _by(key: str, said: str) -> dict[str, dict[str, str]]:
    try:
        rows = json.loads(said[said.index("[") :])
    except ValueError as exc:
        raise CommandError(f"RabbitMQ did not answer in JSON: {said}") from exc
    return {row[key]: {name: value for name, value in row.items() if name != key} for row in rows}


def _word(name: Any) -> str:
    text = str(name)
    if not text or text.startswith("-") or re.search(r"[\r\n]", text):
        raise CommandError(f"Invalid name: {name!r}")
    return text
