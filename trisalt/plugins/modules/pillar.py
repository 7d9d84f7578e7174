"""Ask for pillar. Values under keys that name a secret are masked in what an operator is shown, and only there."""

from __future__ import annotations

import copy
import os
import re
from collections.abc import Mapping
from typing import Any

from trisalt.errors import CommandError
from trisalt.loader.passed import passed_to_pillars
from trisalt.loader.words import parse_value
from trisalt.target.data import traverse
from trisalt.worker import upcall

MASK = "**********"
SECRET_KEY = re.compile(r"passw|passphrase|secret|token|private|credential|api_?key|priv_?key", re.IGNORECASE)
MISSING = object()


def get(
    key: str,
    default: Any = MISSING,
    merge: bool = False,
    merge_nested_lists: bool | None = None,
    delimiter: str = ":",
    pillarenv: str | None = None,
    saltenv: str | None = None,
    unmask: bool | None = None,
    **kwargs: Any,
) -> Any:
    """
    One value of the pillar in memory, nested by the delimiter; the default (an empty string) when it is not there.
    `merge` lays a value that is a map or list over the default.

    CLI Example:

        salt '*' pillar.get pkg:apache
    """
    _only_published(kwargs)
    # A default that a template has left undefined is the template's mistake, whether or not it is needed.
    bool(default)
    found = traverse(_source(pillarenv, saltenv), key, MISSING, delimiter)
    if found is MISSING:
        if default is MISSING and __opts__.get("pillar_raise_on_missing"):
            raise KeyError(f"Pillar key not found: {key}")
        if default is MISSING:
            return ""
        return copy.deepcopy(default) if merge else default
    if merge and default is not MISSING:
        if merge_nested_lists is None:
            merge_nested_lists = bool(__opts__.get("pillar_merge_lists", False))
        found = _over_default(default, found, merge_nested_lists)
    return _shown(found, key, unmask, kwargs)


fetch = get


def item(
    *args: str, default: Any = "", delimiter: str = ":", pillarenv: str | None = None, saltenv: str | None = None,
    unmask: bool | None = None, **kwargs: Any,
) -> dict[str, Any]:  # fmt: skip
    """
    Several values: `{name: value}`.

    CLI Example:

        salt '*' pillar.item pkg:apache roles
    """
    _only_published(kwargs)
    source = _source(pillarenv, saltenv)
    return {name: _shown(traverse(source, name, default, delimiter), name, unmask, kwargs) for name in args}


def items(
    *args: str, pillar: Any = None, pillarenv: str | None = None, saltenv: str | None = None,
    unmask: bool | None = None, **kwargs: Any,
) -> dict[str, Any]:  # fmt: skip
    """
    The whole pillar, compiled anew, with `pillar` laid over it; with names what `item` says of those.

    CLI Example:

        salt '*' pillar.items
    """
    _only_published(kwargs)
    if pillar is not None and not isinstance(pillar, Mapping):
        raise CommandError("Pillar data must be formatted as a dictionary")
    if args:
        return item(*args, pillarenv=pillarenv, saltenv=saltenv, unmask=unmask, **kwargs)
    return _shown(_compiled(_environment(pillarenv, saltenv), dict(pillar or {})), "", unmask, kwargs)


data = items


def ext(external: Any, pillar: Any = None, unmask: bool | None = None, **kwargs: Any) -> dict[str, Any]:
    """
    The whole pillar, compiled anew, with external pillars beside the configured ones: `{name: configuration}`, as far
    as the master's option `on_demand_ext_pillar` names them.

    CLI Example:

        salt '*' pillar.ext '{libvirt: _}'
    """
    _only_published(kwargs)
    if isinstance(external, str):
        external = parse_value(external)
    if not isinstance(external, Mapping) or (pillar is not None and not isinstance(pillar, Mapping)):
        raise CommandError("External pillars, and pillar data, must be formatted as a dictionary")
    found = _compiled(_environment(None, None), dict(pillar or {}), ext=dict(external))
    return _shown(found, "", unmask, kwargs)


def raw(key: str | None = None, unmask: bool | None = None, **kwargs: Any) -> Any:
    """
    The pillar in memory as it is, or one top-level value of it; masked only with `unmask=False`.

    CLI Example:

        salt '*' pillar.raw
    """
    _only_published(kwargs)
    found = dict(__pillar__) if key is None else __pillar__.get(key, {})
    return _masked(found, key or "") if unmask is False else found


def ls(
    *args: str, pillar: Any = None, pillar_enc: str | None = None, pillarenv: str | None = None,
    saltenv: str | None = None, unmask: bool | None = None,
) -> list[str]:  # fmt: skip
    """
    The names at the top of the pillar in memory; of what `pillar.items` says where it is given something. `pillar_enc`
    is about values, which are not shown.

    CLI Example:

        salt '*' pillar.ls
    """
    if not (args or pillar or pillarenv or saltenv):
        return list(__pillar__)
    return list(items(*args, pillar=pillar, pillarenv=pillarenv, saltenv=saltenv, unmask=unmask))


def keys(key: str, delimiter: str = ":", unmask: bool | None = None) -> list[str]:
    """
    The names below a map in the pillar in memory, which are shown whatever `unmask` says.

    CLI Example:

        salt '*' pillar.keys web:sites
    """
    found = traverse(__pillar__, key, MISSING, delimiter)
    if found is MISSING:
        raise KeyError(f"Pillar key not found: {key}")
    if not isinstance(found, Mapping):
        raise ValueError(f"Pillar value in key {key} is not a dict")
    return list(found)


def obfuscate(*args: str, **kwargs: Any) -> Any:
    """
    The pillar with the types of its values in their place.

    CLI Example:

        salt '*' pillar.obfuscate
    """
    return _types(items(*args, **{**kwargs, "unmask": True}))


def file_exists(path: str, saltenv: str | None = None) -> bool:
    """
    Whether a file is in the pillar's roots: on a master, or a minion that has its own.

    CLI Example:

        salt '*' pillar.file_exists foo/bar.sls
    """
    roots = __opts__.get("pillar_roots")
    if not roots:
        raise CommandError("No pillar_roots found. Are you running this on the master?")
    environments = roots.values() if saltenv is None else [roots.get(saltenv, [])]
    return any(os.path.isfile(os.path.join(root, path)) for places in environments for root in places)


def filter_by(
    lookup_dict: Mapping[str, Any], pillar: str, merge: Mapping[str, Any] | None = None, default: str = "default",
    base: str | None = None,
) -> Any:  # fmt: skip
    """
    Choose from a map by a pillar value, as `grains.filter_by` does by a grain.

    CLI Example:

        salt '*' pillar.filter_by '{web: {port: 80}, db: {port: 5432}}' role
    """
    value = traverse(__pillar__, pillar, [])
    return __utils__["choose.filter_by"](lookup_dict, value, merge=merge, default=default, base=base)


def _source(pillarenv: str | None, saltenv: str | None) -> Mapping[str, Any]:
    """The pillar in memory, or that of an environment that was named."""
    if pillarenv is None and saltenv is None:
        return __pillar__
    return _compiled(_environment(pillarenv, saltenv), {})


def _environment(pillarenv: str | None, saltenv: str | None) -> str | None:
    if pillarenv is None and __opts__.get("pillarenv_from_saltenv"):
        pillarenv = saltenv or __opts__.get("saltenv")
    return pillarenv or __opts__.get("pillarenv")


def _compiled(pillarenv: str | None, override: dict[str, Any], *, ext: dict[str, Any] | None = None) -> dict[str, Any]:
    if __opts__.get("file_client") == "local":
        return {**__pillar__, **override}
    return upcall.ask_master(
        "_pillar",
        grains=dict(__grains__),
        saltenv=__opts__.get("saltenv"),
        pillarenv=pillarenv,
        pillar_override=override,
        extra_minion_data=passed_to_pillars(__opts__),
        ver="2",
        **({"ext": ext} if ext else {}),
    )


def _shown(value: Any, path: str, unmask: bool | None, kwargs: Mapping[str, Any]) -> Any:
    # Masked only where a person asked: a published function gets `__pub_…`, a call from a template or module does not.
    asked = any(key.startswith("__pub_") for key in kwargs)
    if not asked or unmask or (unmask is None and not __opts__.get("pillar_mask_output", True)):
        return value
    return _masked(value, path)


def _masked(value: Any, path: str) -> Any:
    """The value with every secret covered: what a key names one, and all that stands below it."""
    secret = bool(SECRET_KEY.search(path))
    if isinstance(value, Mapping):
        return {key: _masked(inner, path if secret else str(key)) for key, inner in value.items()}
    if isinstance(value, list):
        return [_masked(inner, path if secret else "") for inner in value]
    # That a secret is not set is none, and neither is a switch.
    return MASK if secret and value not in (None, "") and not isinstance(value, bool) else value


def _types(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _types(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_types(inner) for inner in value]
    return f"<{type(value).__name__}>"


def _over_default(default: Any, found: Any, lists: bool) -> Any:
    """A map over a default map, at every depth; a list after a default list, without what is there already.

    The default is left as it is, whatever a template does to what it gets.
    """
    if isinstance(default, list) and isinstance(found, list):
        return [*default, *(item for item in found if item not in default)]
    if not (isinstance(default, Mapping) and isinstance(found, Mapping)):
        return found
    return _merged(copy.deepcopy(default), found, lists)


def _merged(below: Mapping[str, Any], above: Mapping[str, Any], lists: bool) -> dict[str, Any]:
    joined = dict(below)
    for key, value in above.items():
        old = joined.get(key)
        if isinstance(old, Mapping) and isinstance(value, Mapping):
            joined[key] = _merged(old, value, lists)
        elif lists and isinstance(old, list) and isinstance(value, list):
            joined[key] = [*old, *(item for item in value if item not in old)]
        else:
            joined[key] = value
    return joined


def _only_published(kwargs: Mapping[str, Any]) -> None:
    unknown = [f"{key}={value}" for key, value in kwargs.items() if not key.startswith("__pub_")]
    if unknown:
        raise CommandError(f"The following keyword arguments are not valid: {', '.join(unknown)}")
