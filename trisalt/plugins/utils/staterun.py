"""What the functions of `state` share: the session of one job, what keeps a run from beginning, and how it ended.

What a session does is `trisalt/state`'s; here is where files, pillar and events of this minion come from.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from trisalt.errors import CommandError, InvocationError
from trisalt.fileserver.client import FileClient
from trisalt.fileserver.manifest import Manifest, expect
from trisalt.loader.passed import passed_to_pillars
from trisalt.state.result import succeeded
from trisalt.state.session import Session
from trisalt.state.settled import Settled
from trisalt.worker import upcall
from trisalt.worker.plain import plain

# Exit statuses. Source: stock Salt 3008.3.
OK, COMPILER_ERROR, STATE_FAILURE, PILLAR_FAILURE = 0, 1, 2, 5

# What a master says about states, to its minions.
MASTER_SAYS = (
    *("renderer", "failhard", "state_top", "state_top_saltenv", "nodegroups", "state_auto_order", "file_roots"),
    *("top_file_merging_strategy", "env_order", "default_top"),
    *("jinja_env", "jinja_sls_env", "jinja_lstrip_blocks", "jinja_trim_blocks"),
)
TRUE = ("true", "yes", "on", "1", "t", "y")

# Seconds between two looks at the runs that are waited for.
LOOK_AGAIN = 0.2
# Seconds that a state runs before the daemon is told that it is the one.
MOMENT = 0.25

_settled = Settled()
# What the run before wanted to know of files, by what it was asked for: the same run is told of them at once.
_wanted_before: dict[str, Collection[str]] = {}


def open_session(kwargs: dict[str, Any], *, saltenv: str | None = None, **options: Any) -> Session:
    """A session as the arguments of a function say. `saltenv` is the environment when they name none.

    Raises InvocationError for a pillar that is none, CommandError for an environment that may not be chosen.
    """
    override = kwargs.get("pillar")
    if override is not None and not isinstance(override, Mapping) and kwargs.get("pillar_enc") is None:
        raise InvocationError("Pillar data must be formatted as a dictionary, unless pillar_enc is specified.")
    environments = _environments(kwargs, saltenv)
    env, run = str(environments["saltenv"] or "base"), repr((kwargs.get("__pub_fun"), kwargs.get("__pub_arg")))
    said = _masters_options(env, _wanted_before.get(run, ()))
    told = said.pop("manifest", False)
    options = {**said, **_local_options(kwargs), **environments, **options}
    manifest = Manifest(_environments_of(said))
    manifest.take(env, told)
    if told:
        _wanted_before.clear()
        _wanted_before[run] = manifest.wanted.setdefault(env, {})
    renewed = override is not None or options.get("pillarenv") != __opts__.get("pillarenv") or not _is_command()
    return Session(
        __plugins__,
        FileClient({**__opts__, **options}, manifest=manifest),
        options=options,
        host=_Told(str(kwargs.get("__pub_jid") or ""), options),
        pillar=(lambda: _pillar(options, override, kwargs.get("pillar_enc"))) if renewed else None,
        master_tops=_master_tops,
        expect=partial(_expect, manifest) if told else lambda _chunks: None,
        jid=str(kwargs.get("__pub_jid") or ""),
        mock=bool(kwargs.get("mock")),
        settled=None if _is_command() else _settled,
    )


def applying(
    kwargs: dict[str, Any], test: Any, state_events: Any = None, *, saltenv: str | None = None, **options: Any
) -> Session:
    """A session of a function that applies states: in test mode or not, and telling of each state or not."""
    options["test"] = test_of(test, kwargs)
    if state_events is not None:
        options["state_events"] = state_events
    return open_session(kwargs, saltenv=saltenv, **options)


def _is_command() -> bool:
    """Whether this is `salt-call`, whose pillar is as new as can be."""
    return __opts__.get("__cli") == "salt-call"


def _is_local() -> bool:
    return __opts__.get("file_client") == "local"


def _masters_options(saltenv: str, files: Collection[str]) -> dict[str, Any]:
    """What the master says about states, and of files, if it is one of ours; on a host without one, what its own
    configuration says.
    """
    if _is_local():
        return {"nodegroups": __opts__.get("nodegroups") or {}}
    asked = {"saltenv": saltenv, "paths": list(files)} if files else True
    said = upcall.ask_master("_master_opts", manifest=asked)
    if not isinstance(said, Mapping):
        return {"renderer": "jinja|yaml", "failhard": False, "state_top": "salt://top.sls", "nodegroups": {}}
    options = {name: said[name] for name in MASTER_SAYS if name in said}
    options["manifest"] = said.get("manifest") or False
    options.setdefault("failhard", False)
    options.setdefault("nodegroups", {})
    for name in ("state_events", "state_aggregate"):
        options[name] = __opts__.get(name) or said.get(name) or False
    return options


def _environments_of(said: Mapping[str, Any]) -> list[str] | None:
    """The environments that a master told with its options; None where they have to be asked for."""
    roots = said.get("file_roots")
    return sorted(map(str, roots)) if roots and isinstance(roots, Mapping) else None


def _expect(manifest: Manifest, chunks: Sequence[Mapping[str, Any]]) -> None:
    """Ask the master for all files of a run at once; `cp` and `file` look there first, until a state changes something.

    What is changed may be what a master on this host serves. What runs in parallel says too late that it has.
    """
    if not any(chunk.get("parallel") for chunk in chunks):
        __context__["cp.manifest"] = manifest
        expect(manifest, chunks)


def _local_options(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The options of another file (`localconfig`), over this minion's."""
    if not kwargs.get("localconfig"):
        return {}
    from trisalt.sls import yaml  # few runs have a configuration of their own

    path = str(kwargs["localconfig"])
    try:
        with open(path, encoding="utf-8") as file:
            found = yaml.load(file.read())
    except OSError as exc:
        raise CommandError(f"{path} cannot be read: {exc.strerror}") from exc
    return dict(found) if isinstance(found, Mapping) else {}


def _environments(kwargs: Mapping[str, Any], saltenv: str | None) -> dict[str, Any]:
    options: dict[str, Any] = {"saltenv": __opts__.get("saltenv")}
    if kwargs.get("saltenv") is not None:
        wanted = str(kwargs["saltenv"])
        if __opts__.get("lock_saltenv") and wanted != options["saltenv"]:
            raise CommandError("lock_saltenv is enabled, saltenv cannot be changed")
        options["saltenv"] = wanted
    if "pillarenv" in kwargs:
        options["pillarenv"] = None if kwargs["pillarenv"] is None else str(kwargs["pillarenv"])
    elif __opts__.get("pillarenv_from_saltenv") and "saltenv" in kwargs:
        options["pillarenv"] = options["saltenv"]
    else:
        options["pillarenv"] = __opts__.get("pillarenv")
    if options["saltenv"] is None and saltenv is not None:
        options["saltenv"] = saltenv
    return options


def _pillar(options: Mapping[str, Any], override: Any, encrypted: str | None) -> dict[str, Any]:
    """This minion's pillar, compiled anew."""
    given = _decrypted(override, encrypted) if encrypted else dict(override or {})
    request = {
        "grains": dict(__grains__),
        "saltenv": options.get("saltenv"),
        "pillarenv": options.get("pillarenv"),
        "pillar_override": given,
        "extra_minion_data": passed_to_pillars(__opts__),
    }
    if not _is_local():
        return dict(upcall.ask_master("_pillar", ver="2", **request))
    from trisalt.pillar.worker import compile_with_plugins  # only where there is no master to do it

    opts = {key: value for key, value in __opts__.items() if key not in ("pillar", "grains")}
    compiled = compile_with_plugins({**request, "opts": {**opts, **options}, "id": __opts__["id"]})
    return dict(compiled["pillar"])


def _decrypted(override: Any, encrypted: str) -> dict[str, Any]:
    from trisalt.pillar.compile import gpg_keydir
    from trisalt.sls import yaml
    from trisalt.sls.gpg import decrypt

    if encrypted != "gpg":
        raise CommandError(f"Pillar data encrypted with {encrypted} cannot be read: only gpg can")
    plain = decrypt(override, keydir=gpg_keydir(__opts__))
    found = yaml.load(plain) if isinstance(plain, str) else plain
    if not isinstance(found, Mapping):
        raise InvocationError("Pillar data must be formatted as a dictionary")
    return dict(found)


def _master_tops() -> Mapping[str, Any]:
    """What the master's tops assign to this minion."""
    if not _is_local():
        # A top may look at any option of a minion's; its pillar is the master's already.
        opts = {key: value for key, value in __opts__.items() if key != "pillar"}
        found = upcall.ask_master("_master_tops", opts=plain({**opts, "grains": dict(__grains__)}))
        return found if isinstance(found, Mapping) else {}
    if not __opts__.get("master_tops"):
        return {}
    from trisalt.pillar.merge import merge

    tops = __plugins__.loader("tops")
    merged: dict[str, Any] = {}
    for name in __opts__["master_tops"]:
        if (top := tops.get(f"{name}.top")) is not None:
            merged = merge(merged, top(opts=__opts__, grains=dict(__grains__)), "recurse", merge_lists=True)
    return merged


class _Told:
    """Who is told how far a run is: the daemon what runs right now, and the master, if the options or the state want
    it, what has run.
    """

    def __init__(self, jid: str, options: Mapping[str, Any]) -> None:
        self._jid = jid
        self._local = {**__opts__, **options}.get("file_client") == "local"
        self._events = bool({**__opts__, **options}.get("state_events"))
        self._now = ""
        self._over = threading.Event()
        self._teller: threading.Thread | None = None

    def begin(self, chunk: Mapping[str, Any]) -> None:
        """A state is about to run. Who asks for the job is told of it, if it takes longer than a moment."""
        self._now = f"state {chunk['__id__']} ({chunk['state']}.{chunk['fun']})"
        if self._teller is None and not self._local:
            self._teller = threading.Thread(target=self._keep_telling, daemon=True)
            self._teller.start()

    def _keep_telling(self) -> None:
        told: tuple[int | None, str] | None = None
        while not self._over.wait(MOMENT):
            # A state may run through several daemons: each is told of it.
            if (upcall.hearer(), self._now) != told and upcall.doing(now := self._now):
                told = (upcall.hearer(), now)

    def close(self) -> None:
        """The run is over."""
        self._over.set()
        if self._teller is not None:
            self._teller.join()

    def tell(self, result: dict[str, Any], count: int, fire_event: bool | str) -> None:
        """A state has run."""
        if result.get("changes"):
            __context__.pop("cp.manifest", None)
        if self._local or not (self._events or fire_event):
            return
        if not fire_event:
            upcall.progress({"ret": result, "len": count}, number=result["__run_num__"])
            return
        last = result["name"] if fire_event is True else fire_event
        tag = f"salt/state_result/{self._jid}/{__opts__['id']}/{last}"
        upcall.fire_master(tag, {"ret": result, "jid": self._jid})


# -- before a run -----------------------------------------------------------------------------------------------------


def conflict(queue: Any, kwargs: Mapping[str, Any]) -> list[str] | None:
    """What keeps this job from running: the functions of `state` that run already. None when nothing does.

    With a `queue` it waits for those that began before; a number is how many there may be before it.
    """
    if queue is None:
        queue = __opts__.get("state_queue", False)
    jid = str(kwargs.get("__pub_jid") or "")
    if queue:
        before = _running_before(jid)
        if queue is True or len(before) < int(queue):
            while before:
                time.sleep(LOOK_AGAIN)
                before = _running_before(jid)
            return None
    if kwargs.get("concurrent"):
        return None
    there = others(jid)
    if there:
        __context__["retcode"] = COMPILER_ERROR
    return there or None


def others(jid: str) -> list[str]:
    """The functions of `state` that run, but for the job `jid`, as they are told."""
    return [_told(job) for job in _running() if str(job.get("jid")) != jid]


def _running() -> list[dict[str, Any]]:
    return [
        job
        for job in upcall.running()
        if any(str(fun).startswith("state.") for fun in (job["fun"] if isinstance(job["fun"], list) else [job["fun"]]))
    ]


def _running_before(jid: str) -> list[dict[str, Any]]:
    return [job for job in _running() if not jid or str(job.get("jid")) < jid]


def _told(job: Mapping[str, Any]) -> str:
    """A function of `state` that runs, as it is told."""
    jid = str(job["jid"])
    try:
        began = datetime.strptime(jid[:20], "%Y%m%d%H%M%S%f").strftime("%Y, %b %d %H:%M:%S.%f")
    except ValueError:
        began = ""
    return f'The function "{job["fun"]}" is running as PID {job["pid"]} and was started at {began} with jid {jid}'


def disabled(names: list[str]) -> list[str]:
    """What is told of those SLS files that are disabled."""
    patterns = __grains__.get("state_runs_disabled")
    found = []
    for name in names:
        for pattern in patterns if isinstance(patterns, list) else ():
            if ".*" in pattern:
                if name.startswith(f"{pattern.partition('.')[0]}."):
                    found.append(
                        f'The state file "{name}" is currently disabled by "{pattern}", '
                        f"to re-enable, run state.enable {pattern}."
                    )
            elif pattern == name:
                found.append(f'The state file "{name}" is currently disabled, to re-enable, run state.enable {name}.')
    return found


def test_of(test: Any, kwargs: Mapping[str, Any]) -> Any:
    """Whether this is a test run: what the call says, or else the option `test`."""
    if test is not None:
        return test is not False  # whoever says something else wants to be careful
    for key, value in kwargs.items():
        if str(key).lower() == "test" and (value is True or str(value).lower() in TRUE):
            return True
    return __opts__.get("test")


def split(value: Any) -> list[Any]:
    """A list, or a text with commas, as a list."""
    return list(value) if isinstance(value, list) else [part.strip() for part in str(value).split(",")]


# -- after it ---------------------------------------------------------------------------------------------------------


def finish(result: Any) -> None:
    """Say in `__context__` how a run ended."""
    if isinstance(result, list):
        __context__["retcode"] = COMPILER_ERROR
    else:
        __context__["retcode"] = OK if succeeded(result) else STATE_FAILURE


def pillar_failed(session: Session, kwargs: Mapping[str, Any]) -> list[str]:
    """What is wrong with the pillar, unless it is forced; `__context__` knows then."""
    errors = [] if kwargs.get("force") else session.pillar_errors
    if errors:
        __context__["retcode"] = PILLAR_FAILURE
    return errors


def pillar_refusal(session: Session, kwargs: Mapping[str, Any]) -> list[str]:
    """What a run that a broken pillar keeps from beginning returns; nothing when it may begin."""
    errors = pillar_failed(session, kwargs)
    return ["Pillar failed to render with the following messages:", *errors] if errors else []


def terse(result: Any, kwargs: Mapping[str, Any]) -> Any:
    """Only what changed or failed, where the call or the option `state_data` wants that."""
    if not isinstance(result, dict) or not (kwargs.get("terse") or __opts__.get("state_data") == "terse"):
        return result
    return {name: value for name, value in result.items() if not value["result"] or value["changes"]}
