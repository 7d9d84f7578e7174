"""
Steer state runs: the part of the shelf `state` that tells of those that run, pauses and ends them, disables states,
and keeps requests for runs until an operator of the host agrees.
"""

from __future__ import annotations

import os
from typing import Any

from trisalt.errors import CommandError, InvocationError
from trisalt.fileserver.replace import replacing
from trisalt.state.pause import ALL, Pause
from trisalt.wire.codec import pack_bin, unpack_bin
from trisalt.worker.plain import plain

__virtualname__ = "state"
__outputter__ = {"request": "highstate", "run_request": "highstate"}


def __virtual__():
    return __virtualname__


# -- what runs --------------------------------------------------------------------------------------------------------


def running(concurrent=False):
    """
    The functions of ``state`` that run on this minion, as they are told to whoever would run another

    CLI Example:

    .. code-block:: bash

        salt '*' state.running
    """
    return [] if concurrent else __utils__["staterun.others"]("")


def pause(jid, state_id=None, duration=None):
    """
    Have a run wait before the state of an ID, or before its next one

    duration
        For so many seconds, or until ``state.resume``.

    CLI Example:

    .. code-block:: bash

        salt '*' state.pause 20171130110407769519
        salt '*' state.pause 20171130110407769519 vim 20
    """
    said: dict[str, Any] = {}
    if duration:
        try:
            said["duration"] = int(duration)
        except (TypeError, ValueError):
            raise InvocationError(f"{duration} is no number of seconds") from None
    _say(jid, lambda data: data.setdefault(state_id or ALL, {}).update(said))


def soft_kill(jid, state_id=None):
    """
    End a run before the state of an ID, or before its next one: what has begun ends as ever

    CLI Example:

    .. code-block:: bash

        salt '*' state.soft_kill 20171130110407769519
        salt '*' state.soft_kill 20171130110407769519 vim
    """
    _say(jid, lambda data: data.setdefault(state_id or ALL, {}).update(kill=True))


def resume(jid, state_id=None):
    """
    Let a run that waits go on: at the state of an ID, or wherever it waits

    CLI Example:

    .. code-block:: bash

        salt '*' state.resume 20171130110407769519
        salt '*' state.resume 20171130110407769519 vim
    """
    _say(jid, lambda data: data.clear() if state_id is None else data.pop(state_id, None))


def get_pauses(jid=None):
    """
    What is said of the runs that are to wait, by jid; what is said of runs that are over is forgotten

    CLI Example:

    .. code-block:: bash

        salt '*' state.get_pauses
    """
    folder = os.path.join(__opts__["cachedir"], "state_pause")
    there = os.listdir(folder) if os.path.isdir(folder) else []
    if jid is not None:
        wanted = [str(each) for each in (jid if isinstance(jid, list) else [jid])]
        there = [name for name in there if name in wanted]
    active = {str(job["jid"]) for job in __salt__["saltutil.is_running"]("state.*")}
    found = {}
    for name in there:
        said = Pause(__opts__["cachedir"], name)
        if name in active:
            found[name] = said.read()
        else:
            said.forget()
    return found


def _say(jid: Any, change: Any) -> None:
    jid = str(jid)
    if not jid.replace("_", "").isalnum():
        raise InvocationError(f"{jid} is no job id")
    said = Pause(__opts__["cachedir"], jid)
    data = said.read()
    change(data)
    os.makedirs(os.path.dirname(said.path), mode=0o700, exist_ok=True)
    with replacing(said.path, mode=0o600) as file:
        file.write(pack_bin(data))


# -- disabled states --------------------------------------------------------------------------------------------------


def disable(states):
    """
    Disable ``highstate``, SLS files or state functions (patterns) on this minion, until they are enabled

    CLI Example:

    .. code-block:: bash

        salt '*' state.disable highstate
        salt '*' state.disable bind.config,test.succeed_without_changes
    """
    disabled = _disabled()
    told = []
    for state in __utils__["staterun.split"](states):
        known = state in disabled
        told.append(f"Info: {state} state {'already ' if known else ''}disabled.")
        if not known:
            disabled.append(state)
    return _set_disabled(disabled, told)


def enable(states):
    """
    Enable what ``state.disable`` disabled

    CLI Example:

    .. code-block:: bash

        salt '*' state.enable highstate
    """
    disabled = _disabled()
    told = []
    for state in __utils__["staterun.split"](states):
        known = state in disabled
        told.append(f"Info: {state} state {'' if known else 'already '}enabled.")
        if known:
            disabled.remove(state)
    return _set_disabled(disabled, told)


def list_disabled():
    """
    What is disabled on this minion

    CLI Example:

    .. code-block:: bash

        salt '*' state.list_disabled
    """
    return __salt__["grains.get"]("state_runs_disabled")


def _disabled() -> list[Any]:
    found = __salt__["grains.get"]("state_runs_disabled")
    return list(found) if isinstance(found, list) else []


def _set_disabled(disabled: list[Any], told: list[str]) -> dict[str, Any]:
    if disabled != _disabled():
        __salt__["grains.setval"]("state_runs_disabled", disabled)
    __salt__["saltutil.refresh_modules"]()
    return {"res": True, "msg": "\n".join(told)}


# -- requests ---------------------------------------------------------------------------------------------------------


def request(mods=None, **kwargs):
    """
    Ask the operator of this host for a run: tried with ``test=True`` now, and run by ``salt-call state.run_request``.

    It takes what ``state.apply`` takes; ``name`` names the request.

    CLI Example:

    .. code-block:: bash

        salt '*' state.request
        salt '*' state.request stuff,pkgs
    """
    kwargs["test"] = True
    result = __salt__["state.apply"](mods, **kwargs)
    requests = check_request()
    kept = {key: value for key, value in kwargs.items() if not key.startswith("__pub_")}
    requests[str(kwargs.get("name", "default"))] = {"test_run": result, "mods": mods, "kwargs": kept}
    _keep_requests(requests)
    return result


def check_request(name=None):
    """
    The requests that wait, or one of them

    CLI Example:

    .. code-block:: bash

        salt '*' state.check_request
    """
    try:
        with open(_requests_file(), "rb") as file:
            requests = unpack_bin(file.read())
    except FileNotFoundError:
        return {}
    except OSError as exc:
        raise CommandError(f"{_requests_file()} cannot be read: {exc.strerror}") from exc
    if name:
        if name not in requests:
            raise CommandError(f"There is no request {name}")
        return requests[name]
    return requests


def clear_request(name=None):
    """
    Forget the requests that wait, or one of them

    CLI Example:

    .. code-block:: bash

        salt '*' state.clear_request
    """
    requests = check_request()
    if name and name not in requests:
        return not os.path.exists(_requests_file())
    rest = {key: value for key, value in requests.items() if name and key != name}
    if rest or (name and requests):
        _keep_requests(rest)
    elif os.path.exists(_requests_file()):
        os.unlink(_requests_file())
    return True


def run_request(name="default", **kwargs):
    """
    Run a request that waits. Arguments are laid over those it was made with.

    CLI Example:

    .. code-block:: bash

        salt-call state.run_request
    """
    requested = check_request().get(name)
    if not isinstance(requested, dict) or not {"mods", "kwargs"} <= requested.keys():
        return {}
    given = {**requested["kwargs"], **kwargs}
    given.pop("test", None)
    result = __salt__["state.apply"](requested["mods"], **given)
    if os.path.exists(_requests_file()):
        os.unlink(_requests_file())
    return result


def _requests_file() -> str:
    return os.path.join(__opts__["cachedir"], "req_state.p")


def _keep_requests(requests: dict[str, Any]) -> None:
    os.makedirs(__opts__["cachedir"], mode=0o700, exist_ok=True)
    with replacing(_requests_file(), mode=0o600) as file:
        file.write(pack_bin(plain(requests)))


# -- what is kept -----------------------------------------------------------------------------------------------------


def clear_cache():
    """
    Forget the high data of earlier runs (``cache``); the files that are forgotten

    CLI Example:

    .. code-block:: bash

        salt '*' state.clear_cache
    """
    forgotten = []
    folder = __opts__["cachedir"]
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else ():
        if name.endswith(".cache.p"):
            os.unlink(os.path.join(folder, name))
            forgotten.append(name)
    return forgotten
