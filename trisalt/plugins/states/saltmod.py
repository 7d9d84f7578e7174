"""
States of an orchestration: what a master has its minions, its runners and its wheel functions do.

.. code-block:: yaml

    databases:
      salt.state:
        - tgt: 'role:db'
        - tgt_type: grain
        - sls: postgres

    webservers:
      salt.state:
        - tgt: 'web*'
        - highstate: True
        - require:
          - salt: databases
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from fnmatch import fnmatch
from typing import Any

from trisalt.errors import InvocationError, TrisaltError
from trisalt.state.result import returned, succeeded
from trisalt.worker import upcall

__virtualname__ = "salt"

# Seconds between two looks at the clock while an event is waited for.
LOOK_AGAIN = 1.0


def __virtual__():
    return __virtualname__


# -- minions ----------------------------------------------------------------------------------------------------------


def state(
    name: str, tgt: Any, ssh: bool = False, tgt_type: str = "glob", ret: str = "", ret_config: Any = None,
    ret_kwargs: Any = None, highstate: Any = None, sls: Any = None, top: Any = None, saltenv: Any = None,
    test: Any = None, pillar: Any = None, pillarenv: Any = None, expect_minions: bool = True, exclude: Any = None,
    fail_minions: Any = None, allow_fail: Any = 0, concurrent: Any = False, timeout: Any = None, batch: Any = None,
    queue: Any = False, subset: Any = None, orchestration_jid: Any = None, failhard: Any = None, **kwargs: Any,
) -> dict[str, Any]:  # fmt: skip
    """
    Apply states on minions

    tgt, tgt_type
        Which minions.

    sls, highstate, top
        What they apply: SLS files, what their top file gives them, or what another top file does.

    test, pillar, pillarenv, saltenv, exclude, concurrent, queue
        Given to ``state.sls`` and its kin.

    expect_minions
        A minion that does not return is a failure.

    fail_minions
        Minions that may fail.

    allow_fail
        How many others may.

    batch, subset, timeout, ret
        As of ``salt``.
    """
    try:
        allowed = int(allow_fail)
    except (TypeError, ValueError):
        return returned(name, False, "Passed invalid value for 'allow_fail', must be an int")
    if highstate:
        fun, arg = "state.highstate", []
    elif top:
        fun, arg = "state.top", [top]
    elif sls:
        fun, arg = "state.sls", [",".join(sls) if isinstance(sls, list) else sls]
    else:
        return returned(name, False, "No highstate or sls specified, no execution made")
    if not isinstance(concurrent, bool):
        return returned(name, False, "Must pass in boolean for value of 'concurrent'")
    if ssh:
        return returned(name, False, "There is no salt-ssh here")
    # Not said at all, it is for each minion's own configuration to say.
    if test is None and __opts__.get("test"):
        test = True
    given = {
        key: value
        for key, value in {
            "test": test, "pillar": pillar or None, "pillarenv": pillarenv, "saltenv": saltenv, "exclude": exclude,
            "queue": queue, "concurrent": concurrent,
        }.items()
        if value is not None
    }  # fmt: skip
    try:
        asked = _Asked(tgt, tgt_type, fun, arg, given, ret=ret, timeout=timeout, batch=batch, subset=subset)
        _tell({"type": "state", "tgt": tgt, "name": name, "args": asked.told()})
        answers = asked.answers(expect=expect_minions)
    except TrisaltError as exc:
        return returned(name, False, str(exc))
    made = _judged(name, answers, allowed, fail_minions, expect_minions)
    if test and made["changes"] and made["result"] is True:
        made["result"] = None
    return made


def _judged(
    name: str, answers: dict[str, dict[str, Any]], allowed: int, fail_minions: Any, expect_minions: bool
) -> dict[str, Any]:
    """What the returns of states mean."""
    made = returned(name, True)
    excused = _excused(fail_minions, made)
    if not answers and expect_minions:
        return returned(name, False, "No minions returned")
    if jids := [answer["jid"] for answer in answers.values() if answer.get("jid")]:
        made["__jid__"] = jids[0]
    changes, failed, unchanged, details = {}, [], [], []
    for id, answer in answers.items():
        states = answer.get("ret", False)
        if answer.get("failed") or not succeeded_deeply(states):
            if id not in excused:
                failed.append(id)
                details += _detail(id, answer)
            changes[id] = False if answer.get("failed") else states
        elif any(isinstance(each, dict) and each.get("changes") for each in states.values()):
            changes[id] = states
        else:
            unchanged.append(id)
    if changes:
        made["changes"] = {"out": "highstate", "ret": changes}
    if len(failed) > allowed:
        made["result"] = False
        made["comment"] = "\n".join([f"Run failed on minions: {', '.join(failed)}", *details])
        return made
    made["comment"] = "States ran successfully."
    if changes:
        made["comment"] += f" Updating {', '.join(changes)}."
    if unchanged:
        made["comment"] += f" No changes made to {', '.join(unchanged)}."
    return made


def succeeded_deeply(states: Any) -> bool:
    """Whether a minion's states ended well; a return that is none has not."""
    return isinstance(states, dict) and succeeded(states, inner=True)


def _detail(id: str, answer: dict[str, Any]) -> list[str]:
    """Why a minion failed, where its states do not tell."""
    if answer.get("failed"):
        return [f"Minion {id} did not return a state result."]
    found = answer.get("ret")
    if isinstance(found, dict):
        return []
    if isinstance(found, list):
        told = "; ".join(str(each) for each in found if each)
        return [f"Minion {id} returned errors: {told}" if told else f"Minion {id} returned an empty error list."]
    return [f"Minion {id} returned {found!r} instead of a state result."]


def _excused(fail_minions: Any, made: dict[str, Any]) -> list[str]:
    """The minions that may fail."""
    if isinstance(fail_minions, str):
        return [minion.strip() for minion in fail_minions.split(",")]
    if fail_minions is not None and not isinstance(fail_minions, list):
        made["warnings"] = ["'fail_minions' needs to be a list or a comma separated string. Ignored."]
        return []
    return list(fail_minions or ())


def function(
    name: str, tgt: Any, ssh: bool = False, tgt_type: str = "glob", ret: str = "", ret_config: Any = None,
    ret_kwargs: Any = None, expect_minions: bool = False, fail_minions: Any = None, fail_function: Any = None,
    arg: Any = None, kwarg: Any = None, timeout: Any = None, batch: Any = None, subset: Any = None,
    failhard: Any = None, **kwargs: Any,
) -> dict[str, Any]:  # fmt: skip
    """
    Run an execution function on minions

    name
        The function.

    tgt, tgt_type, arg, kwarg
        Which minions, and what it is called with.

    fail_function
        A function of this host that is given each return, and says whether it is one of success.

    expect_minions, fail_minions, batch, subset, timeout, ret
        As of ``salt.state``.
    """
    made = returned(name, True)
    if isinstance(arg, str):
        made["warnings"] = ["Please specify 'arg' as a list of arguments."]
        arg = arg.split()
    if ssh:
        return {**made, "result": False, "comment": "There is no salt-ssh here"}
    if __opts__["test"]:
        return {**made, "result": None, "comment": f"Function {name} would be executed on target {tgt}"}
    given = {"ret": ret, "timeout": timeout, "batch": batch, "subset": subset}
    try:
        asked = _Asked(tgt, tgt_type, name, arg or [], kwarg or {}, **given)
        _tell({"type": "function", "tgt": tgt, "name": name, "args": asked.told()})
        answers = asked.answers(expect=expect_minions)
    except TrisaltError as exc:
        return {**made, "result": False, "comment": str(exc)}
    if not answers:
        return {**made, "result": False, "comment": "No minions responded"}
    if jids := [answer["jid"] for answer in answers.values() if answer.get("jid")]:
        made["__jid__"] = jids[0]
    excused = _excused(fail_minions, made)
    judge: Callable[[Any], Any] = __salt__[fail_function] if fail_function else lambda value: value is not False
    changes, failed = {}, []
    for id, answer in answers.items():
        value = changes[id] = False if answer.get("failed") else answer.get("ret")
        bad = answer.get("failed") or value is False or not judge(value)
        if answer.get("retcode") or (bad and id not in excused):
            failed.append(id)
    made["changes"] = {"ret": changes}
    if failed:
        made["result"] = False
        made["comment"] = f"Running function {name} failed on minions: {', '.join(failed)}"
    else:
        made["comment"] = "Function ran successfully."
    made["comment"] += f" Function {name} ran on {', '.join(changes)}."
    return made


class _Asked:
    """A job for minions, and what they answer: `{id: {"ret", "retcode", "jid"} or {"failed": True}}`."""

    def __init__(
        self, tgt: Any, tgt_type: str, fun: str, arg: list[Any], kwarg: dict[str, Any], *, ret: str, timeout: Any,
        batch: Any, subset: Any,
    ) -> None:  # fmt: skip
        self._tgt, self._tgt_type, self._fun, self._arg, self._kwarg = tgt, tgt_type, fun, arg, kwarg
        self._ret, self._timeout, self._batch, self._subset = ret, _seconds(timeout), batch, subset

    def told(self) -> dict[str, Any]:
        """What the bus is told of it; a pillar is nobody's business."""
        kwarg = {key: value for key, value in self._kwarg.items() if key != "pillar"}
        return {
            "arg": self._arg,
            "kwarg": kwarg,
            "tgt_type": self._tgt_type,
            "ret": self._ret,
            "timeout": self._timeout,
        }

    def answers(self, *, expect: bool) -> dict[str, dict[str, Any]]:
        """With `expect`, those that did not answer are there too."""
        if __opts__.get("__role") == "minion" and __opts__.get("file_client") == "local":
            return {__opts__["id"]: {"ret": __salt__[self._fun](*self._arg, **self._kwarg)}}
        if self._batch is not None or self._subset is not None:
            answers = __salt__["saltutil.cmd"](
                self._tgt, self._fun, self._arg, timeout=self._timeout, tgt_type=self._tgt_type, ret=self._ret,
                kwarg=self._kwarg, batch=None if self._batch is None else str(self._batch), subset=self._subset,
            )  # fmt: skip
            return {id: dict(answer) for id, answer in answers.items()}
        done = upcall.publish(
            self._tgt, self._fun, self._arg, tgt_type=self._tgt_type, kwarg=self._kwarg, ret=self._ret,
            timeout=self._timeout,
        )  # fmt: skip
        answers = {
            id: {"ret": load.get("return"), "retcode": load.get("retcode", 0), "jid": done.get("jid")}
            for id, load in sorted((done.get("returns") or {}).items())
        }
        wanted = (*(done.get("minions") or ()), *(done.get("missing") or ())) if expect else ()
        absent = [id for id in wanted if id not in answers]
        return {**answers, **{id: {"failed": True, "jid": done.get("jid")} for id in absent}}


def _seconds(timeout: Any) -> float | None:
    try:
        return None if timeout is None else float(timeout)
    except (TypeError, ValueError):
        raise InvocationError(f"'timeout' must be a number of seconds, not {timeout!r}") from None


def _tell(data: dict[str, Any]) -> None:
    """Tell the bus what the orchestration is about to do."""
    if __orchestration_jid__:
        upcall.fire_event(f"salt/run/{__orchestration_jid__}/args", data)


# -- the master -------------------------------------------------------------------------------------------------------


def runner(name, arg=None, kwarg=None, **kwargs):
    """
    Run a runner; keywords go to it

    name
        The function.

    arg, kwarg
        A list of what it is given by position, and a map of further keywords.
    """
    if __opts__.get("test"):
        return returned(name, None, f"Runner function '{name}' would be executed.")
    if not isinstance(arg, (list, tuple, type(None))):
        return returned(name, False, "arg must be formatted as a list/tuple")
    if not isinstance(kwarg, (dict, type(None))):
        return returned(name, False, "kwarg must be formatted as a dictionary")
    return _ran("Runner", name, _command("runner", name, {**(kwarg or {}), **kwargs}, arg or ()))


def wheel(name, **kwargs):
    """
    Run a wheel function; keywords go to it

    name
        The function.
    """
    if __opts__.get("test"):
        return returned(name, None, f"Wheel function '{name}' would be executed.")
    return _ran("Wheel", name, _command("wheel", name, kwargs))


def _command(kind: str, name: str, kwargs: dict[str, Any], arg: Sequence[Any] = ()) -> dict[str, Any]:
    given = {key: value for key, value in kwargs.items() if not key.startswith("__")}
    try:
        if __opts__.get("__role") == "master":
            return upcall.command(kind, name, arg, given)
        more = {"arg": arg, "full_return": True} if kind == "runner" else {}
        return dict(__salt__[f"saltutil.{kind}"](name, **more, **given))
    except TrisaltError as exc:
        return {"return": str(exc), "success": False}


def _ran(what: str, name: str, outcome: dict[str, Any]) -> dict[str, Any]:
    value = outcome.get("return")
    success = bool(outcome.get("success", True)) and not (isinstance(value, dict) and "Error" in value)
    made = returned(
        name, success, f"{what} function '{name}' {'executed' if success else 'failed'}.", {"return": value}
    )
    if "jid" in outcome:
        made["__jid__"] = outcome["jid"]
    return made


def parallel_runners(name, runners, **kwargs):
    """
    Run several runners at the same time

    runners
        By a name of one's own: ``[{name: state.orchestrate}, {kwarg: {mods: web}}]``.
    """
    if isinstance(runners, str):
        runners = {runners: [{"name": runners}]}
    if not isinstance(runners, dict):
        return returned(name, False, "The runners parameter must be a string or dict.")
    wanted = {}
    for id, said in runners.items():
        options: dict[str, Any] = {}
        for each in said or ():
            options.update(each)
        wanted[id] = (options.get("name", id), options.get("kwarg") or {})
    with ThreadPoolExecutor(max_workers=max(len(wanted), 1)) as pool:
        outcomes = dict(zip(wanted, pool.map(lambda one: _command("runner", *one), wanted.values()), strict=True))
    values = {id: outcome.get("return") for id, outcome in outcomes.items()}
    states = all(isinstance(each, dict) and each.get("outputter") == "highstate" for each in values.values())
    failed = [id for id, outcome in outcomes.items() if not _is_well(outcome, values[id])]
    if not failed:
        comment = "All runner functions executed successfully."
    elif len(failed) == 1:
        comment = f"Runner {failed[0]} failed."
    else:
        comment = f"Runners {', '.join(failed)} failed."
    changes: dict[str, Any] = {"ret": values}
    if states:
        changes = {id: found for id, value in values.items() if (found := _changes_in(value["data"]))}
    return returned(name, not failed, comment, changes)


def _is_well(outcome: dict[str, Any], value: Any) -> bool:
    """Whether a runner succeeded, and what it returns says so."""
    said = [value.get("retcode"), value.get("exit_code")] if isinstance(value, dict) else []
    return bool(outcome.get("success", True)) and not any(said)


def _changes_in(value: Any) -> Any:
    """What changed within returns of states, however deep."""
    if not isinstance(value, dict):
        return {}
    if "changes" in value:
        changes = value["changes"]
        inner = isinstance(changes, dict) and changes.get("out") == "highstate" and "ret" in changes
        return changes["ret"] if inner else changes
    return {key: found for key, item in value.items() if (found := _changes_in(item))}


def wait_for_event(name, id_list, event_id="id", timeout=300, node="master"):
    """
    Wait until an event has come for each of some ids

    name
        The tag; a pattern.

    id_list
        The ids that are waited for.

    event_id
        The key of an event's data in which its id is.

    timeout
        Seconds after which it fails.
    """
    if __opts__.get("test"):
        return returned(name, None, f"Orchestration would wait for event '{name}'")
    import salt.utils.event  # what modules import; it is there where plugins run

    waiting, seen, began = list(id_list), [], time.monotonic()
    with salt.utils.event.get_event(node, __opts__["sock_dir"], opts=__opts__, listen=True) as events:
        while waiting and time.monotonic() - began < timeout:
            event = events.get_event(wait=LOOK_AGAIN, full=True)
            if event is None or not fnmatch(event["tag"], name):
                continue
            for id in _ids_in(event["data"], event_id):
                if id in waiting:
                    waiting.remove(id)
                    seen.append(id)
    changes = {"minions_seen": seen} if seen else {}
    if waiting:
        return returned(name, False, "Timeout value reached.", changes)
    return returned(name, True, f"All events seen in {time.monotonic() - began} seconds.", changes)


def _ids_in(data: dict[str, Any], key: str) -> list[Any]:
    found = data.get(key)
    if found is None and isinstance(data.get("data"), dict):
        found = data["data"].get(key)
    return found if isinstance(found, list) else [found]
