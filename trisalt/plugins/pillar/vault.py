"""
Secrets of HashiCorp Vault, or OpenBao, as pillar. The master reads them with a token of its own, or signs in for one.

Needs the library hvac: ``trisalt[vault]``.

.. code-block:: yaml

    vault:
      server: {url: https://vault.example.org:8200, namespace: ops, verify: /etc/ssl/vault.pem}
      auth: {method: token, token: hvs.secret}
      # or {method: approle, role_id: …, secret_id: …, approle_mount: approle}
      # or {method: userpass, username: salt, password: …, userpass_mount: userpass}

    ext_pillar:
      - vault: path=secret/salt
      - vault:
          conf: path=secret/minions/{minion}
          nesting_key: mine
      - vault: path=secret/roles/{pillar[roles]}

In a path ``{minion}``, ``{grains[name]}`` and ``{pillar[name]}`` stand for what the minion is and has; of a list, each
in its turn. Grains are the minion's own words: what is secret is given by its id.
"""

import hashlib
import json
import re
import time
from itertools import product
from urllib.parse import quote, urlsplit

from trisalt.errors import CommandError
from trisalt.fileserver import web
from trisalt.pillar.merge import merge
from trisalt.target.data import traverse

try:
    import hvac
    import requests
except ImportError:
    hvac = None

# Of the life of a token, how much it is used for.
_WORTH = 0.9
_NAMED = re.compile(r"\{(minion|(?:grains|pillar)(?:\[[^\]{}]+\])+)\}")


def __virtual__():
    if hvac is None:
        return False, "the library hvac is not there: trisalt[vault]"
    return True


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
    try:
        answer = _client().read(path)
    except (hvac.exceptions.VaultError, requests.RequestException) as exc:
        raise CommandError(f"vault: {exc}") from exc
    except ValueError:
        raise CommandError("vault: the answer is no JSON") from None
    return answer if isinstance(answer, dict) else None


def _client():
    """Who asks: signed in once, for as long as the token is good."""
    config = __opts__.get("vault") or {}
    server, auth = config.get("server") or config, config.get("auth") or {}
    url = str(server.get("url") or "")
    if not url:
        raise CommandError("vault: the option 'vault' names no url")
    key = hashlib.sha256(json.dumps(config, sort_keys=True, default=str).encode()).hexdigest()
    client, until = __context__.get("vault.client", {}).get(key, (None, 0.0))
    if client is None or time.monotonic() > until:
        client = hvac.Client(
            url=url.rstrip("/"),
            token="",  # none of the environment
            namespace=server.get("namespace"),
            verify=server.get("verify", __opts__.get("ca_bundle") or True),
            proxies=web.proxies(__opts__, urlsplit(url).hostname),
        )
        until = time.monotonic() + _sign_in(client, auth)
        __context__["vault.client"] = {key: (client, until)}
    return client


def _sign_in(client, auth):
    """Give the client its token: for how many seconds it is to be used."""
    method = auth.get("method") or "token"
    needed = {"token": ("token",), "approle": ("role_id",), "userpass": ("username", "password")}
    if method not in needed:
        raise CommandError(f"vault: there is no way to sign in that is called {method!r}")
    if missing := [name for name in needed[method] if not auth.get(name)]:
        raise CommandError(f"vault: {method} needs {' and '.join(missing)}")
    if method == "token":
        client.token = str(auth["token"])
        return float("inf")
    mount = auth.get(f"{method}_mount") or method
    if method == "approle":
        found = client.auth.approle.login(str(auth["role_id"]), auth.get("secret_id"), mount_point=mount)
    else:
        found = client.auth.userpass.login(str(auth["username"]), str(auth["password"]), mount_point=mount)
    return float((found.get("auth") or {}).get("lease_duration") or 0) * _WORTH or float("inf")
