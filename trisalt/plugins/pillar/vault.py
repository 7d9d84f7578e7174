"""
Secrets of HashiCorp Vault, or OpenBao, as pillar. The master reads them with a token of its own.

.. code-block:: yaml

    vault:
      server: {url: https://vault.example.org:8200, namespace: ops}
      auth: {method: token, token: hvs.secret}

    ext_pillar:
      - vault: path=secret/salt
      - vault:
          conf: path=secret/minions/{minion}
          nesting_key: mine
      - vault: path=secret/roles/{pillar[roles]}

In a path ``{minion}``, ``{grains[name]}`` and ``{pillar[name]}`` stand for what the minion is and has; of a list, each
in its turn. Grains are the minion's own words: what is secret is given by its id.
"""

import json
import re
from itertools import product
from urllib.parse import quote

from trisalt.errors import CommandError
from trisalt.fileserver import web
from trisalt.pillar.merge import merge
from trisalt.target.data import traverse

_NAMED = re.compile(r"\{(minion|(?:grains|pillar)(?:\[[^\]{}]+\])+)\}")


def ext_pillar(minion_id, pillar, conf, nesting_key=None, merge_strategy=None, merge_lists=False):
    """
    What is at the path; a secret that is not there says nothing, a Vault that cannot be asked is an error
    """
    words = dict(word.partition("=")[::2] for word in str(conf).split())
    if not words.get("path"):
        raise CommandError("vault needs a path: 'path=secret/salt'")
    made = {}
    for path in _paths(words["path"].strip("/"), minion_id, pillar):
        made = merge(made, _secret(path), merge_strategy or "smart", merge_lists=bool(merge_lists))
    return {nesting_key: made} if nesting_key and made else made


def _paths(pattern, minion_id, pillar):
    """The paths that a pattern stands for."""
    names = list(dict.fromkeys(_NAMED.findall(pattern)))
    values = [_values(name, minion_id, pillar) for name in names]
    for chosen in product(*values):
        parts = dict(zip(names, chosen, strict=True))
        yield _NAMED.sub(lambda found, parts=parts: parts[found[1]], pattern)


def _values(name, minion_id, pillar):
    """What a name in braces stands for, each a single part of a path."""
    if name == "minion":
        found = [minion_id]
    else:
        where, _, keys = name.partition("[")
        data = dict(__grains__) if where == "grains" else pillar
        found = traverse(data, keys.rstrip("]").replace("][", "\0"), [], "\0")
        found = found if isinstance(found, list) else [found]
    texts = [str(value) for value in found]
    return [quote(text, safe="") for text in texts if text not in ("", ".", "..")]


def _secret(path):
    """The data of a secret of either kind of store."""
    mount, version = _mount(path)
    rest = path.removeprefix(mount)
    answer = _ask(f"{mount}data/{rest}" if version == "2" else path)
    data = answer.get("data") if answer else None
    if version == "2" and isinstance(data, dict):
        data = data.get("data")
    return data if isinstance(data, dict) else {}


def _mount(path):
    """Where the store of a path begins, and of which version it is."""
    mounts = __context__.setdefault("vault.mounts", {})
    known = next((mount for mount in mounts if path.startswith(mount)), None)
    if known is not None:
        return known, mounts[known]
    answer = _ask(f"sys/internal/ui/mounts/{path}") or {}
    data = answer.get("data") or {}
    mount, options = str(data.get("path") or f"{path.partition('/')[0]}/"), data.get("options") or {}
    mounts[mount] = str(options.get("version") or "1")
    return mount, mounts[mount]


def _ask(path):
    """What Vault answers; None for what is not there."""
    config = __opts__.get("vault") or {}
    server = config.get("server") or config
    auth = config.get("auth") or {}
    url, token = server.get("url"), auth.get("token")
    if not url or not token or auth.get("method", "token") != "token":
        raise CommandError("vault: the option 'vault' names a url, and a token to sign in with")
    headers = {"X-Vault-Token": str(token), "X-Vault-Request": "true"}
    if server.get("namespace"):
        headers["X-Vault-Namespace"] = str(server["namespace"])
    try:
        page = web.read(
            f"{str(url).rstrip('/')}/v1/{path}", __opts__, headers=headers, verify_ssl=server.get("verify") is not False
        )
        answer = json.loads(page)
    except CommandError as exc:
        if str(exc).startswith("Error: HTTP 404"):
            return None
        raise
    except ValueError:
        raise CommandError("vault: the answer is no JSON") from None
    return answer if isinstance(answer, dict) else None
