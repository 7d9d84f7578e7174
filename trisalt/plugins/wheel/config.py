"""What the master is configured with, and drop-in files that change it.

What is written is read at the master's next start, or on SIGHUP. The main file is left as its operator wrote it.
"""

import os
import re

import yaml

from trisalt.errors import CommandError

# The drop-in of `apply`.
_APPLIED = "zz_applied"
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")


def values():
    """
    Every key with its value.

    CLI Example: ``config.values``
    """
    return {key: value for key, value in __opts__.items() if not key.startswith("__")}


def apply(key, value):
    """
    Set one key, in a drop-in file of its own.

    CLI Example: ``config.apply timeout 10``
    """
    if not isinstance(key, str) or not key:
        raise CommandError("A key has a name")
    path = _path(_APPLIED)
    _write(path, {**_read(path), key: value})


def update_config(file_name, yaml_contents):
    """
    Write the drop-in file ``<file_name>.conf``: ``yaml_contents`` is a map, a list of maps, or YAML that is one.

    CLI Example: ``config.update_config timeouts '[{"timeout": 10}]'``
    """
    if not isinstance(file_name, str) or not _NAME.fullmatch(file_name):
        raise CommandError(f"{file_name!r} cannot name a file of configuration")
    _write(_path(file_name), _mapping(yaml_contents))
    return f"Wrote {file_name}.conf"


def _mapping(contents):
    if isinstance(contents, str):
        try:
            contents = yaml.safe_load(contents)
        except yaml.YAMLError as exc:
            raise CommandError(f"This is no YAML: {exc}") from exc
    parts = contents if isinstance(contents, list) else [contents]
    found = {}
    for part in parts:
        part = _mapping(part) if isinstance(part, str) and part is not contents else part
        if not isinstance(part, dict) or not all(isinstance(key, str) for key in part):
            raise CommandError("A configuration is a map of names to values")
        found |= part
    if not found:
        raise CommandError("A configuration that says nothing is not written")
    return found


def _path(name):
    folder = os.path.dirname(__opts__["conf_file"])
    return os.path.join(folder, os.path.dirname(__opts__.get("default_include") or "master.d/*.conf"), f"{name}.conf")


def _read(path):
    try:
        with open(path, encoding="utf-8") as file:
            found = yaml.safe_load(file)
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as exc:
        raise CommandError(f"{path} cannot be read: {exc}") from exc
    return found if isinstance(found, dict) else {}


def _write(path, mapping):
    try:
        text = yaml.safe_dump(mapping, default_flow_style=False)
        os.makedirs(os.path.dirname(path), exist_ok=True)
    except (yaml.YAMLError, OSError) as exc:
        raise CommandError(f"{path} cannot be written: {exc}") from exc
    # It may hold a password.
    mode = None if os.path.exists(path) else 0o600
    __utils__["rewrite.replace"](path, text, mode=mode)
