"""
Apply states on a minion: what the top file gives it, SLS files, single states. `state_show` shows what would be
applied, `state_control` steers what runs.
"""

from __future__ import annotations

import json
import logging
import os
import tarfile
import tempfile
from typing import Any

from trisalt.errors import CommandError, InvocationError, RenderError
from trisalt.fileserver.replace import replacing
from trisalt.state.arguments import complaints
from trisalt.state.high import pad_functions
from trisalt.state.words import tag
from trisalt.wire.codec import pack_bin, unpack_bin

log = logging.getLogger(__name__)

__func_alias__ = {"apply_": "apply"}
__outputter__ = {
    name: "highstate"
    for name in ("sls", "sls_id", "pkg", "top", "single", "highstate", "template", "template_str", "apply_", "test",
                 "high")
}  # fmt: skip

NO_STATES = "no_|-states_|-states_|-None"
NO_MATCH = "No Top file or master_tops data matches found. Please see master log for details."


def apply_(mods=None, **kwargs):
    """
    Apply states: the SLS files that are named, or without any what the top file gives this minion.

    It takes what ``state.sls`` and ``state.highstate`` take.

    CLI Example:

    .. code-block:: bash

        salt '*' state.apply
        salt '*' state.apply core,edit.vim test=True pillar='{"foo": "bar"}'
    """
    return sls(mods, **kwargs) if mods else highstate(**kwargs)


def test(*args, **kwargs):
    """
    What ``state.apply`` would do: the same with ``test=True``

    CLI Example:

    .. code-block:: bash

        salt '*' state.test
        salt '*' state.test core
    """
    return apply_(*args, **{**kwargs, "test": True})


def highstate(test=None, queue=None, state_events=None, **kwargs):
    """
    Apply what the top file gives this minion.

    test
        Say what would be done, and do nothing.

    queue
        Wait for runs that began before instead of refusing; a number is how many there may be before this one.

    concurrent
        Run beside others. What they do to each other is for whoever asks to know.

    saltenv, pillarenv
        The environments of states and of pillar.

    pillar
        Pillar laid over the minion's own for this run.

    exclude
        SLS files, or ``{id: …}`` and ``{sls: …}``, that are not applied.

    whitelist
        Of what the top file gives only these SLS files.

    cache, cache_name
        Apply what was applied last and kept, without asking for files.

    force
        Apply it in spite of errors in the pillar.

    mock
        Call no state; say so of each.

    terse
        Return only what changed or failed.

    state_events
        Tell the master of each state as it ends.

    localconfig
        A file of options for this run, over the minion's own.

    CLI Example:

    .. code-block:: bash

        salt '*' state.highstate test=True
        salt '*' state.highstate exclude="[{'id': 'vim'}, {'sls': 'edit'}]"
    """
    if __utils__["staterun.disabled"](["highstate"]):
        text = "Salt highstate run is disabled. To re-enable, run state.enable highstate"
        return {"name": text, "result": "False", "comment": "Disabled"}
    conflict = __utils__["staterun.conflict"](queue, kwargs)
    if conflict is not None:
        return conflict
    with _session(kwargs, test, state_events) as session:
        if errors := __utils__["staterun.pillar_failed"](session, kwargs):
            return _pillar_failed(errors)
        result = __utils__["staterun.terse"](_highstate(session, kwargs), kwargs)
    __utils__["staterun.finish"](result)
    return result


def top(topfn, test=None, queue=None, **kwargs):
    """
    Apply what another top file gives this minion

    CLI Example:

    .. code-block:: bash

        salt '*' state.top reverse_top.sls
        salt '*' state.top dev_top.sls exclude=edit
    """
    conflict = __utils__["staterun.conflict"](queue, kwargs)
    if conflict is not None:
        return conflict
    options = {"state_top": f"salt://{str(topfn).removeprefix('salt://').lstrip('/')}"}
    if "saltenv" in kwargs:
        options["state_top_saltenv"] = kwargs["saltenv"]
    with _session(kwargs, test, **options) as session:
        if errors := __utils__["staterun.pillar_failed"](session, kwargs):
            return _pillar_failed(errors)
        result = _highstate(session, kwargs)
    __utils__["staterun.finish"](result)
    return result


def _highstate(session: Any, kwargs: dict[str, Any]) -> Any:
    """What the top file gives this minion, applied; or what is wrong; or the entry that says that it is nothing."""
    cache = _cache_file(kwargs)
    if kwargs.get("cache") and os.path.isfile(cache):
        return session.run_high(_read_cache(cache), orchestration_jid=kwargs.get("orchestration_jid"))
    try:
        data = session.top()
    except RenderError as exc:
        return _nothing(f"Unable to render top file: {exc}")
    wrong = session.verify_top(data)
    assigned = session.assigned(data)
    if not assigned:
        return _nothing(NO_MATCH)
    if kwargs.get("whitelist"):
        wanted = __utils__["staterun.split"](kwargs["whitelist"])
        assigned = {env: [name for name in names if name in wanted] for env, names in assigned.items()}
        assigned = {env: names for env, names in assigned.items() if names}
    if __opts__.get("autoload_dynamic_modules", True):
        session.sync(list(assigned))
    high, errors = session.high(assigned)
    _add_exclude(high, kwargs.get("exclude"))
    if wrong or errors:
        return wrong + errors
    if not high:
        return _nothing("No states found for this minion")
    _keep(cache, high)
    return session.run_high(high, orchestration_jid=kwargs.get("orchestration_jid"))


def _nothing(comment: str) -> dict[str, Any]:
    entry = {"result": False, "comment": comment, "name": "No States", "changes": {}, "__run_num__": 0}
    return {NO_STATES: entry}


def sls(mods, test=None, exclude=None, queue=None, sync_mods=None, state_events=None, **kwargs):
    """
    Apply SLS files: one name, several with commas, or a list.

    sync_mods
        Kinds of plugins to sync before (``states,modules``), or ``all``.

    The others are those of ``state.highstate``.

    CLI Example:

    .. code-block:: bash

        salt '*' state.sls core,edit.vim
        salt '*' state.sls core exclude="[{'id': 'vim'}]" pillar="{foo: 'Foo!'}"
    """
    kwargs.pop("env", None)
    conflict = __utils__["staterun.conflict"](queue, kwargs)
    if conflict is not None:
        return conflict
    if disabled := __utils__["staterun.disabled"](mods if isinstance(mods, list) else [mods]):
        __context__["retcode"] = 1
        return disabled
    with _session(kwargs, test, state_events, saltenv="base") as session:
        _sync(sync_mods, session.opts["saltenv"])
        if errors := __utils__["staterun.pillar_failed"](session, kwargs):
            return _pillar_failed(errors)
        jid, cache = kwargs.get("orchestration_jid"), _cache_file(kwargs)
        if kwargs.get("cache") and os.path.isfile(cache):
            result = session.run_high(_read_cache(cache), orchestration_jid=jid)
            __utils__["staterun.finish"](result)
            return result
        high, errors = session.high({session.opts["saltenv"]: __utils__["staterun.split"](mods)})
        if errors:
            __context__["retcode"] = 1
            return errors
        _add_exclude(high, exclude)
        kept = pack_bin(_plain(high))
        result = __utils__["staterun.terse"](session.run_high(high, orchestration_jid=jid), kwargs)
    __utils__["staterun.finish"](result)
    _write(os.path.join(__opts__["cachedir"], "sls.p"), pack_bin(_plain(result)))
    _write(cache, kept)
    return result


def sls_id(id_, mods, test=None, queue=None, state_events=None, **kwargs):
    """
    Apply one ID of SLS files, and what it requires

    CLI Example:

    .. code-block:: bash

        salt '*' state.sls_id my_state my_module
    """
    conflict = __utils__["staterun.conflict"](queue, kwargs)
    if conflict is not None:
        return conflict
    with _session(kwargs, test, state_events, saltenv="base") as session:
        if errors := __utils__["staterun.pillar_failed"](session, kwargs):
            return _pillar_failed(errors)
        saltenv = session.opts["saltenv"]
        high, errors = session.high({saltenv: __utils__["staterun.split"](mods)})
        result = errors or session.run_ids(high, id_)
    __utils__["staterun.finish"](result)
    if not result:
        raise InvocationError(f"No matches for ID '{id_}' found in SLS '{mods}' within saltenv '{saltenv}'")
    return result


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
    with _session(kwargs, test) as session:
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
    with _session(kwargs, None) as session:
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
    with _session(kwargs, test) as session:
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
                packed.extractall(root, filter="data")  # nothing outside of it
            chunks = _read_json(root, "lowstate.json")
            pillar = _read_json(root, "pillar.json") if os.path.exists(os.path.join(root, "pillar.json")) else None
        except (tarfile.TarError, OSError, ValueError) as exc:
            raise CommandError(f"{pkg_path} is no packed tree of states: {exc}") from exc
        if not all(isinstance(chunk, dict) for chunk in chunks):
            return chunks
        environments = [entry.name for entry in os.scandir(root) if entry.is_dir()]
        options = {"file_client": "local", "file_roots": {env: [os.path.join(root, env)] for env in environments}}
        with _session({**kwargs, "pillar": pillar}, test, **options) as session:
            result = session.run_chunks(chunks)
    __utils__["staterun.finish"](result)
    return result


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
    with _session(kwargs, None) as session:
        if errors := __utils__["staterun.pillar_failed"](session, kwargs):
            return _pillar_failed(errors)
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
    with _session(kwargs, None) as session:
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


# -- what they share ---------------------------------------------------------------------------------------------------


def _session(
    kwargs: dict[str, Any], test: Any, state_events: Any = None, *, saltenv: str | None = None, **options: Any
) -> Any:
    options["test"] = __utils__["staterun.test_of"](test, kwargs)
    if state_events is not None:
        options["state_events"] = state_events
    return __utils__["staterun.open_session"](kwargs, saltenv=saltenv, **options)


def _pillar_failed(errors: list[str]) -> list[str]:
    return ["Pillar failed to render with the following messages:", *errors]


def _add_exclude(data: dict[str, Any], exclude: Any) -> None:
    if exclude:
        data.setdefault("__exclude__", []).extend(__utils__["staterun.split"](exclude))


def _sync(kinds: Any, saltenv: str) -> None:
    wanted = ["all"] if kinds is True else __utils__["staterun.split"](kinds) if kinds is not None else []
    for kind in ["all"] if "all" in wanted else wanted:
        try:
            sync = __salt__[f"saltutil.sync_{kind}"]
        except KeyError:
            log.warning("Invalid custom module type '%s', ignoring", kind)
        else:
            sync(saltenv=saltenv)


def _cache_file(kwargs: dict[str, Any]) -> str:
    name = os.path.basename(str(kwargs.get("cache_name") or "highstate"))
    return os.path.join(__opts__["cachedir"], f"{name}.cache.p")


def _read_cache(path: str) -> Any:
    with open(path, "rb") as file:
        return unpack_bin(file.read())


def _keep(path: str, data: Any) -> None:
    _write(path, pack_bin(_plain(data)))


def _write(path: str, data: bytes) -> None:
    """Keep what was applied, for `cache` and for whoever looks."""
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with replacing(path, mode=0o600, anew=True) as file:
            file.write(data)
    except OSError as exc:
        log.error("%s cannot be written: %s", path, exc.strerror)


def _plain(data: Any) -> Any:
    from trisalt.worker.plain import plain

    return plain(data)
