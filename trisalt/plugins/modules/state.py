"""
Apply states on a minion: what the top file gives it, or SLS files. `state_given` applies what is given as such,
`state_show` shows what would be applied, `state_control` steers what runs.
"""

from __future__ import annotations

import logging
import os
from typing import Any

from trisalt.errors import InvocationError, LocalProtocolError, RenderError
from trisalt.fileserver.replace import replacing
from trisalt.state.result import succeeded
from trisalt.wire.codec import pack_bin, unpack_bin
from trisalt.worker.plain import packed

log = logging.getLogger(__name__)

__func_alias__ = {"apply_": "apply"}
__outputter__ = {name: "highstate" for name in ("sls", "sls_id", "top", "highstate", "apply_", "test")}

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
    with __utils__["staterun.applying"](kwargs, test, state_events) as session:
        if refusal := __utils__["staterun.pillar_refusal"](session, kwargs):
            return refusal
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
    with __utils__["staterun.applying"](kwargs, test, **options) as session:
        if refusal := __utils__["staterun.pillar_refusal"](session, kwargs):
            return refusal
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
    with __utils__["staterun.applying"](kwargs, test, state_events, saltenv="base") as session:
        _sync(sync_mods, session.opts["saltenv"])
        if refusal := __utils__["staterun.pillar_refusal"](session, kwargs):
            return refusal
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
        kept = _packed(high)
        result = __utils__["staterun.terse"](session.run_high(high, orchestration_jid=jid), kwargs)
    __utils__["staterun.finish"](result)
    told = os.path.join(__opts__["cachedir"], "sls.p")
    if not session.repeated or not os.path.exists(told):
        _write(told, _packed(result))
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
    with __utils__["staterun.applying"](kwargs, test, state_events, saltenv="base") as session:
        if refusal := __utils__["staterun.pillar_refusal"](session, kwargs):
            return refusal
        saltenv = session.opts["saltenv"]
        high, errors = session.high({saltenv: __utils__["staterun.split"](mods)})
        result = errors or session.run_ids(high, id_)
    __utils__["staterun.finish"](result)
    if not result:
        raise InvocationError(f"No matches for ID '{id_}' found in SLS '{mods}' within saltenv '{saltenv}'")
    return result


def orchestrate(mods, saltenv="base", test=None, exclude=None, pillar=None, pillarenv=None):
    """
    Apply SLS files as an orchestration does, on a host that is its own master: ``{data: {id: …}, retcode}``

    CLI Example:

    .. code-block:: bash

        salt-call --local state.orchestrate webserver
        salt-call --local state.orchestrate webserver saltenv=dev pillarenv=aws
    """
    found = sls(mods, test, exclude, saltenv=saltenv, pillar=pillar, pillarenv=pillarenv, concurrent=True)
    good = succeeded(found)
    return {"data": {__opts__["id"]: found}, "outputter": "highstate", "retcode": 0 if good else 1}


# -- what they share ---------------------------------------------------------------------------------------------------


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
    _write(path, _packed(data))


def _packed(data: Any) -> bytes:
    """What is kept, packed: mostly it is plain."""
    try:
        return pack_bin(data)
    except LocalProtocolError:
        return packed(data)


def _is_there(path: str, data: bytes) -> bool:
    """Whether a file holds these bytes already, for its owner alone."""
    try:
        with open(path, "rb") as file:
            info = os.fstat(file.fileno())
            return info.st_mode & 0o777 == 0o600 and info.st_size == len(data) and file.read() == data
    except OSError:
        return False


def _write(path: str, data: bytes) -> None:
    """Keep what was applied, for `cache` and for whoever looks."""
    if _is_there(path, data):
        return
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        with replacing(path, mode=0o600, anew=True) as file:
            file.write(data)
    except OSError as exc:
        log.error("%s cannot be written: %s", path, exc.strerror)
