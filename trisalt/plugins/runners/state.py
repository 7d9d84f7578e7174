"""States on the master itself: orchestrations, and what they would do. Events are followed by the command."""

from __future__ import annotations

import socket
import time
from copy import deepcopy
from typing import Any

from trisalt.errors import CommandError, InvocationError
from trisalt.loader.dunders import Plugins
from trisalt.loader.grains import gather
from trisalt.state.result import succeeded
from trisalt.worker import upcall

# What runs that share a process have in common: plugins that are loaded, and for so many seconds the grains.
_kept: dict[str, Any] = {}
GRAINS_FRESH = 30.0


def orchestrate(
    mods, saltenv="base", test=None, exclude=None, pillar=None, pillarenv=None, pillar_enc=None, orchestration_jid=None
):
    """
    Apply SLS files on the master: states that have minions, runners and wheel functions do something, in order.

    mods
        The SLS files, from the master's ``file_roots``.

    saltenv, pillarenv
        The environments of states and of pillar.

    test
        Say what would be done.

    pillar
        Pillar laid over the master's own for this run.

    exclude
        SLS files, or ``{id: …}``, that are not applied.

    CLI Example:

    .. code-block:: bash

        salt-run state.orchestrate webserver
        salt-run state.orchestrate webserver saltenv=dev test=True pillar='{"nodes": 3}'
    """
    # Its own jid: it is paused and ended by the one that the operator sees.
    jid = orchestration_jid or getattr(__jid_event__, "jid", "")
    functions, id = _here(pillar)
    found = functions["state.sls"](
        mods, test, exclude, pillar=pillar, saltenv=saltenv or __opts__.get("saltenv"),
        pillarenv=pillarenv or __opts__.get("pillarenv"), pillar_enc=pillar_enc, concurrent=True, __pub_jid=jid,
        orchestration_jid=jid,
    )  # fmt: skip
    good = isinstance(found, dict) and succeeded({id: found})
    return {"data": {id: found}, "outputter": "highstate", "retcode": 0 if good else 1}


orch = orchestrate
sls = orchestrate


def orchestrate_single(fun, name, test=None, queue=False, pillar=None, **kwargs):
    """
    Apply one state on the master

    CLI Example:

    .. code-block:: bash

        salt-run state.orchestrate_single fun=salt.wheel name=key.list_all
    """
    functions, id = _here(pillar)
    given = {key: value for key, value in kwargs.items() if not key.startswith("__")}
    if pillar is not None:
        given["pillar"] = pillar
    return {id: functions["state.single"](fun, name, test=test, concurrent=True, **given)}


def orchestrate_high(data, test=None, queue=False, pillar=None, **kwargs):
    """
    Apply high data on the master

    CLI Example:

    .. code-block:: bash

        salt-run state.orchestrate_high '{stage_one: {salt.state: [{tgt: "db*"}, {sls: postgres}]}}'
    """
    functions, id = _here(pillar)
    given = {key: value for key, value in kwargs.items() if not key.startswith("__")}
    return {id: functions["state.high"](data, test=test, pillar=pillar, concurrent=True, **given)}


def orchestrate_show_sls(mods, saltenv="base", test=None, queue=False, pillar=None, pillarenv=None, pillar_enc=None):
    """
    The high data of SLS files, as an orchestration would have it

    CLI Example:

    .. code-block:: bash

        salt-run state.orch_show_sls my-orch 'pillar={nodegroup: ng1}'
    """
    functions, id = _here(pillar)
    found = functions["state.show_sls"](
        mods, test, pillar=pillar, pillarenv=pillarenv, pillar_enc=pillar_enc, saltenv=saltenv, concurrent=True
    )
    return {id: found}


orch_show_sls = orchestrate_show_sls


def graph(
    mods, tgt=None, tgt_type="glob", saltenv="base", test=None, pillar=None, pillarenv=None, pillar_enc=None,
    timeout=None,
):  # fmt: skip
    """
    What the states of SLS files require of each other, as a graph in the language DOT: of an orchestration, or, with
    a target, of each minion

    CLI Example:

    .. code-block:: bash

        salt-run state.graph webserver
        salt-run state.graph webserver tgt='*'
    """
    given = {"test": test, "pillar": pillar, "saltenv": saltenv, "pillarenv": pillarenv, "pillar_enc": pillar_enc}
    return _graph("state.graph", [mods], given, tgt, tgt_type, timeout)


def graph_highstate(tgt=None, tgt_type="glob", pillar=None, pillarenv=None, pillar_enc=None, timeout=None):
    """
    The same of what the top file gives

    CLI Example:

    .. code-block:: bash

        salt-run state.graph_highstate tgt='*'
    """
    given = {"pillar": pillar, "pillarenv": pillarenv, "pillar_enc": pillar_enc}
    return _graph("state.graph_highstate", [], given, tgt, tgt_type, timeout)


def _graph(fun: str, arg: list[Any], given: dict[str, Any], tgt: Any, tgt_type: str, timeout: Any) -> Any:
    functions, _id = _here(given["pillar"])
    if not tgt:
        return functions[fun](*arg, **given, concurrent=True)
    done = upcall.publish(tgt, fun, arg, tgt_type=tgt_type, kwarg=given, timeout=timeout)
    return {id: load.get("return") for id, load in sorted(done["returns"].items())}


def pause(jid, state_id=None, duration=None):
    """
    Have an orchestration wait before the state of an ID, or before its next one; for so many seconds

    CLI Example:

    .. code-block:: bash

        salt-run state.pause 20171130110407769519 deploy 20
    """
    _here(None)[0]["state.pause"](jid, state_id, duration)


set_pause = pause


def resume(jid, state_id=None):
    """
    Let an orchestration that waits go on

    CLI Example:

    .. code-block:: bash

        salt-run state.resume 20171130110407769519
    """
    _here(None)[0]["state.resume"](jid, state_id)


rm_pause = resume


def soft_kill(jid, state_id=None):
    """
    End an orchestration before the state of an ID, or before its next one

    CLI Example:

    .. code-block:: bash

        salt-run state.soft_kill 20171130110407769519
    """
    _here(None)[0]["state.soft_kill"](jid, state_id)


def _here(pillar: Any) -> tuple[Any, str]:
    """The execution functions of this host, as a minion's whose files and pillar are the master's own; and its id."""
    if pillar is not None and not isinstance(pillar, dict):
        raise InvocationError("Pillar data must be formatted as a dictionary")
    opts = dict(__opts__)
    id = str(opts.get("id") or f"{socket.getfqdn()}_master")
    opts.update(id=id, minion_id=id, file_client="local", autoload_dynamic_modules=False)

    def grains() -> dict[str, Any]:
        return {**_grains(opts), "id": id}

    if "plugins" not in _kept:
        _kept["plugins"] = Plugins(opts, grains=grains, pillar={})
    else:
        _kept["plugins"].begin(opts=opts, grains=grains, pillar={})
        _kept["plugins"].notice()
    return _kept["plugins"].loader("modules"), id


def _grains(opts: dict[str, Any]) -> dict[str, Any]:
    """The grains of this host, a copy for each run."""
    now = time.monotonic()
    if "grains" not in _kept or now - _kept["grains"][0] > GRAINS_FRESH:
        _kept["grains"] = now, gather(opts)
    return deepcopy(_kept["grains"][1])


def event(tagmatch="*", count=-1, quiet=False, sock_dir=None, pretty=False, node="master"):
    """
    Follow the events of the master: a line each, tag, tab and JSON.

    ``salt-run`` follows by itself; nothing else can, because this never ends.

    tagmatch
        A glob or regular expression over the whole tag.

    count
        End after so many events that match.

    quiet
        Do not print them.

    pretty
        JSON over several lines, sorted.

    CLI Example:

    .. code-block:: bash

        salt-run state.event 'salt/job/*/ret/*' count=3 pretty=True
    """
    raise CommandError("Events are followed by the salt-run command itself, or through the API's /events")
