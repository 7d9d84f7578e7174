"""`decrypt_pillar`: paths of the pillar whose values are encrypted. Source: stock Salt 3008.3."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from trisalt.sls.failure import SlsError
from trisalt.sls.gpg import decrypt
from trisalt.target.data import traverse


def decrypt_paths(pillar: dict[str, Any], opts: Mapping[str, Any], *, keydir: str) -> tuple[dict[str, Any], list[str]]:
    """The pillar with the values at the configured paths decrypted, and a text for each that failed."""
    paths = _paths(opts.get("decrypt_pillar") or [])
    if paths is None:
        return pillar, ["decrypt_pillar config option is malformed"]
    delimiter = opts.get("decrypt_pillar_delimiter") or ":"
    allowed = opts.get("decrypt_pillar_renderers") or ["gpg"]
    errors = []
    for path, named in paths.items():
        value = traverse(pillar, path, None, delimiter)
        if value is None:
            continue
        renderer = named or opts.get("decrypt_pillar_default") or "gpg"
        try:
            if renderer not in allowed or renderer not in _RENDERERS:
                raise SlsError(
                    f"'{renderer}' is not a valid decryption renderer. Valid choices are: {', '.join(allowed)}"
                )
            made = _RENDERERS[renderer](value, opts, keydir)
            pillar = _replaced(pillar, path.split(delimiter), made)
        except SlsError as exc:
            errors.append(f"Failed to decrypt pillar key '{path}': {exc}")
    return pillar, errors


def _gpg(value: Any, opts: Mapping[str, Any], keydir: str) -> Any:
    return decrypt(value, keydir=keydir, must_succeed=opts.get("gpg_decrypt_must_succeed", True))


def _nacl(value: Any, opts: Mapping[str, Any], _keydir: str) -> Any:
    if find_spec("nacl") is None:
        raise SlsError("the renderer 'nacl' needs the library PyNaCl")
    from trisalt.sls import nacls  # its library may not be there

    return nacls.decrypt_values(value, nacls.configured(opts))


_RENDERERS = {"gpg": _gpg, "nacl": _nacl}


def _paths(configured: Any) -> dict[str, str | None] | None:
    """Path to renderer: from a map, or from a list of texts and of maps of one."""
    if isinstance(configured, Mapping):
        return dict(configured)
    if not isinstance(configured, list):
        return None
    paths: dict[str, str | None] = {}
    for item in configured:
        if isinstance(item, Mapping):
            paths.update(item)
        elif isinstance(item, str):
            paths[item] = None
        else:
            return None
    return paths


def _replaced(data: Any, path: list[str], value: Any) -> Any:
    """`data` with another value at a path that is known to be there."""
    if not path:
        return value
    key = path[0]
    if isinstance(data, list):
        return [_replaced(each, path[1:], value) if str(n) == key else each for n, each in enumerate(data)]
    if isinstance(data, dict):
        return {each: _replaced(inner, path[1:], value) if each == key else inner for each, inner in data.items()}
    return data
