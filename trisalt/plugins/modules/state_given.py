"""
Apply what is given, and not looked for: one state, chunks, high data, templates, packed trees. The part of the shelf
`state` that needs no SLS file.
"""

from __future__ import annotations

import json
import os
import shutil
import tarfile
import tempfile
from typing import Any

from trisalt.errors import CommandError
from trisalt.state.arguments import complaints
from trisalt.state.high import pad_functions
from trisalt.state.words import tag

__virtualname__ = "state"
__outputter__ = {name: "highstate" for name in ("single", "high", "pkg", "template", "template_str")}


def __virtual__():
    return __virtualname__


def single(fun, name, test=None, queue=None, **kwargs):
    """
    Apply one state, its arguments as keywords

    CLI Example:

    .. code-block:: bash

        salt '*' state.single pkg.installed name=vim
    """
    conflict = __utils__["staterun.conflict"](queue, kwargs)
    if conflict is not None:
        return conflict
    module, dot, function = str(fun).partition(".")
    if not dot:
        __context__["retcode"] = 1
        return "Invalid function passed"
    chunk = {**kwargs, "state": module, "fun": function.partition(".")[0], "__id__": name, "name": name}
    with __utils__["staterun.applying"](kwargs, test) as session:
        if errors := complaints(chunk, __states__):
            __context__["retcode"] = 1
            return errors
        caller = session.caller()
        caller.start_module(chunk)
        result = {tag(chunk): caller.call(chunk)}
    __utils__["staterun.finish"](result)
    return result


def low(data, queue=None, **kwargs):
    """
    Apply one chunk of low data. For trying out the state system.

    CLI Example:

    .. code-block:: bash

        salt '*' state.low '{"state": "test", "fun": "nop", "name": "vi", "__id__": "vi"}'
    """
    conflict = __utils__["staterun.conflict"](queue, kwargs)
    if conflict is not None:
        return conflict
    with __utils__["staterun.applying"](kwargs, None) as session:
        if errors := complaints(data, __states__):
            __context__["retcode"] = 1
            return errors
        result = session.caller().call(data)
    __utils__["staterun.finish"](result)
    return result


def high(data, test=None, queue=None, **kwargs):
    """
    Apply high data. For trying out the state system.

    CLI Example:

    .. code-block:: bash

        salt '*' state.high '{"vim": {"pkg": ["installed"]}}'
    """
    conflict = __utils__["staterun.conflict"](queue, kwargs)
    if conflict is not None:
        return conflict
    with __utils__["staterun.applying"](kwargs, test) as session:
        result = session.run_high(data)
    __utils__["staterun.finish"](result)
    return result


def pkg(pkg_path, pkg_sum, hash_type, test=None, **kwargs):
    """
    Apply a packed tree of states: a tar file with ``lowstate.json``, and beside it ``pillar.json`` and the files of
    each environment. It is not read unless its hash is the one that is told.

    CLI Example:

    .. code-block:: bash

        salt '*' state.pkg /tmp/salt_state.tgz 760a9353810e36f6d81416366fc426dc md5
    """
    if not os.path.isfile(pkg_path) or __salt__["file.get_hash"](pkg_path, hash_type) != pkg_sum:
        return {}
    with tempfile.TemporaryDirectory() as root:
        try:
            with tarfile.open(pkg_path, "r:gz") as packed:
                _unpack(packed, root)
            chunks = _read_json(root, "lowstate.json")
            pillar = _read_json(root, "pillar.json") if os.path.exists(os.path.join(root, "pillar.json")) else None
        except (tarfile.TarError, OSError, ValueError) as exc:
            raise CommandError(f"{pkg_path} is no packed tree of states: {exc}") from exc
        if not all(isinstance(chunk, dict) for chunk in chunks):
            return chunks
        environments = [entry.name for entry in os.scandir(root) if entry.is_dir()]
        options = {"file_client": "local", "file_roots": {env: [os.path.join(root, env)] for env in environments}}
        with __utils__["staterun.applying"]({**kwargs, "pillar": pillar}, test, **options) as session:
            result = session.run_chunks(chunks)
    __utils__["staterun.finish"](result)
    return result


def _unpack(packed: tarfile.TarFile, root: str) -> None:
    """Write the folders and files of `packed` below `root`, and nothing elsewhere. Raises tarfile.TarError.

    By hand: the filters of `tarfile` are not there in the first Pythons of each series, which distributions have.
    """
    for member in packed:
        parts = member.name.split("/")
        if member.name.startswith("/") or ".." in parts or not (member.isdir() or member.isreg()):
            raise tarfile.TarError(f"{member.name!r} is no file or folder of it")
        path = os.path.join(root, *parts)
        if member.isdir():
            os.makedirs(path, exist_ok=True)
            continue
        os.makedirs(os.path.dirname(path), exist_ok=True)
        content = packed.extractfile(member)
        assert content is not None  # it is a file
        with content, open(path, "xb") as file:
            shutil.copyfileobj(content, file)
            os.fchmod(file.fileno(), 0o700 if member.mode & 0o100 else 0o600)


def _read_json(root: str, name: str) -> Any:
    with open(os.path.join(root, name), encoding="utf-8") as file:
        return json.load(file)


def template(tem, queue=None, **kwargs):
    """
    Apply a file of this host, without asking a file server

    CLI Example:

    .. code-block:: bash

        salt '*' state.template /srv/local.sls
    """
    kwargs.pop("env", None)
    conflict = __utils__["staterun.conflict"](queue, kwargs)
    if conflict is not None:
        return conflict
    path = str(tem) if str(tem).endswith(".sls") else f"{tem}.sls"
    with __utils__["staterun.applying"](kwargs, None) as session:
        if refusal := __utils__["staterun.pillar_refusal"](session, kwargs):
            return refusal
        if not os.path.isfile(path):
            __context__["retcode"] = 1
            return [f"Specified SLS {path} on local filesystem cannot be found."]
        data, errors = session.high_of_file(path, kwargs.get("saltenv", ""))
        result = errors or session.run_high(data)
    __utils__["staterun.finish"](result)
    return result


def template_str(tem, queue=None, **kwargs):
    """
    Apply a text, as if it were a file's

    CLI Example:

    .. code-block:: bash

        salt '*' state.template_str 'vim: pkg.installed'
    """
    conflict = __utils__["staterun.conflict"](queue, kwargs)
    if conflict is not None:
        return conflict
    with __utils__["staterun.applying"](kwargs, None) as session:
        data = session.templates.text(tem, path="<template-str>", name="")
        errors = _pad_template(data, "<template-str>")
        result = errors or (session.run_high(data) if data else data)
    __utils__["staterun.finish"](result)
    return result


def _pad_template(data: Any, name: str) -> list[str]:
    """Bring what a template says into the form of high data; what is wrong with it."""
    if not data:
        return []
    if not isinstance(data, dict):
        return [f"Template {name} does not render to a dictionary"]
    for word in ("include", "exclude", "extends"):
        if word in data:
            return [f"The '{word}' declaration found on '{name}' is invalid when rendering single templates"]
    errors = []
    for id, body in data.items():
        if isinstance(body, str) and "." in body:
            module, function = body.split(".")[:2]
            data[id] = {module: [function]}
        elif not isinstance(body, dict):
            errors.append(f"ID {id} in template {name} is not a dictionary")
        else:
            errors += [
                f"ID '{id}' in template {name} contains a short declaration ({key}) with a trailing colon. "
                "When not passing any arguments to a state, the colon must be omitted."
                for key, value in body.items()
                if value is None
            ]
            if pad_functions(body):
                errors.append(f"ID '{id}' in template '{name}' contains multiple state declarations of the same type")
    return errors
