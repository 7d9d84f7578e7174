"""
Keys of Consul as pillar: a key's parts are nested maps, and its value is read as YAML.

Needs the library py-consul: ``trisalt[consul]``.

.. code-block:: yaml

    my_consul:
      consul.host: 127.0.0.1
      consul.port: 8500
      consul.token: secret

    ext_pillar:
      - consul: my_consul root=salt/common
      - consul: my_consul root=salt/minions/%(minion_id)s pillar_root=site
      - consul: my_consul root=salt/debian target="G@os_family:Debian" expand_keys=false

``%(minion_id)s`` is the minion's id, ``%(environment)s`` the pillar environment. With a target, the keys are for those
minions alone.
"""

import shlex
from urllib.parse import quote

from trisalt.errors import CommandError
from trisalt.sls import yaml
from trisalt.sls.failure import SlsError
from trisalt.target.match import matches

try:
    import consul
    import requests
except ImportError:
    consul = None

__virtualname__ = "consul"

_TAKEN = ("host", "port", "token", "scheme", "consistency", "dc", "verify")


def __virtual__():
    if consul is None:
        return False, "the library py-consul is not there: trisalt[consul]"
    return __virtualname__


def ext_pillar(minion_id, pillar, conf):
    """
    What is below the root; a root that is not there says nothing, a Consul that cannot be asked is an error
    """
    profile, *words = shlex.split(str(conf)) or [""]
    said = dict(word.partition("=")[::2] for word in words)
    if unknown := set(said) - {"root", "pillar_root", "expand_keys", "target"}:
        raise CommandError(f"consul: unknown options: {', '.join(sorted(unknown))}")
    if said.get("target") and not matches(
        said["target"], "compound", id=minion_id, grains=dict(__grains__), pillar=pillar,
        nodegroups=__opts__.get("nodegroups") or {},
    ):  # fmt: skip
        return {}
    root = said.get("root", "").strip("/")
    for name, value in (("minion_id", minion_id), ("environment", __opts__.get("pillarenv") or "base")):
        if f"%({name})s" in root:
            if str(value) in ("", ".", "..") or "/" in str(value):
                raise CommandError(f"consul: {value!r} cannot be a part of a key")
            root = root.replace(f"%({name})s", str(value))
    expand = said.get("expand_keys", "true").lower() not in ("false", "no", "0")
    made = {}
    for key, value in _keys(profile, root):
        _put(made, key.split("/") if expand else [key], value)
    for part in reversed(said.get("pillar_root", "").strip("/").split("/")):
        made = {part: made} if part and made else made
    return made


def _keys(profile, root):
    """The keys below a root, by their names below it, and their values."""
    config = {str(name).removeprefix("consul."): value for name, value in (__opts__.get(profile) or {}).items()}
    if not config.get("host"):
        raise CommandError(f"consul: the option {profile!r} names no consul.host")
    client = consul.Consul(**{name: config[name] for name in _TAKEN if config.get(name) is not None})
    try:
        _index, rows = client.kv.get(f"{quote(root)}/" if root else "", recurse=True)
    except (consul.ConsulException, requests.RequestException) as exc:
        raise CommandError(f"consul: {exc}") from exc
    except ValueError:
        raise CommandError("consul: the answer is no JSON") from None
    for row in rows or ():
        key = str(row.get("Key") or "").removeprefix(f"{root}/" if root else "").strip("/")
        if key and row.get("Value") is not None:
            yield key, _read(row["Value"])


def _read(value):
    """A value as YAML, or the text that it is."""
    text = value.decode(errors="replace")
    try:
        return yaml.load(text)
    except SlsError:
        return text.rstrip("\n")


def _put(made, parts, value):
    """Put a value into nested maps; a key that is both a value and a folder is the folder."""
    *above, last = parts
    for part in above:
        if not isinstance(made.get(part), dict):
            made[part] = {}
        made = made[part]
    if isinstance(made.get(last), dict) and not isinstance(value, dict):
        return
    made[last] = value
