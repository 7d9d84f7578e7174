"""Run an execution function on this host, with its master or (`--local`) without: what `salt-call` does. Thin.

The plugin runs in this process, through the same `worker.child.run_call` as in a daemon's worker. Grains are gathered
and pillar is compiled when somebody looks at them; Trio, ZeroMQ and cryptography come in only with a master.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from trisalt.cli.show import show_for, write_out
from trisalt.config.read import read_minion
from trisalt.errors import AuthError, RequestTimeout, TrisaltError
from trisalt.levels import LEVELS
from trisalt.loader import facade
from trisalt.loader.dunders import Plugins
from trisalt.loader.passed import passed_to_pillars
from trisalt.loader.returner import returner_names
from trisalt.loader.words import condition_args, parse_value, parse_words
from trisalt.wire import jid as jids
from trisalt.worker import upcall
from trisalt.worker.child import run_call
from trisalt.worker.protocol import Call, Failure, Outcome

# Exit statuses. Source: stock Salt 3008.3.
FAILED, NOT_ACCEPTED, NO_USER, NOT_THERE = 1, 2, 67, 255

# Seconds that the master has, at least, for taking the return.
RETURN_TIMEOUT = 10.0


def run(options: Any, words: list[str]) -> int:
    """Do what the command line says; the exit status."""
    try:
        return _Command(options, words).run()
    except KeyboardInterrupt:
        sys.stderr.write("\nExiting gracefully on Ctrl-c\n")
        return FAILED
    except (AuthError, RequestTimeout) as exc:
        sys.stderr.write(f"{exc}\n")
        return NOT_ACCEPTED
    except TrisaltError as exc:
        sys.stderr.write(f"ERROR: {exc}\n")
        return FAILED


class _Command:
    """One run of `salt-call`."""

    def __init__(self, options: Any, words: list[str]) -> None:
        self.options = options
        self.words = words
        self.config = read_minion(options.config_dir, _overrides(options), asked=_id_asked)
        self.local = options.local or self.config.file_client == "local" or self.config.master_type == "disable"
        self.jid = jids.make(time.time())
        if self.config.use_master_when_local and not options.local:
            self.local = False
        opts = {**self.config.opts, "__cli": "salt-call", "__role": "minion", "local": self.local, "caller": True}
        if self.local:
            opts["file_client"] = "local"
        self.plugins = Plugins(opts, grains=self._grains, pillar=self._pillar)
        self.host: Any = None
        self.show = show_for(options, self.config.opts)

    def run(self) -> int:
        """Do what was asked for; the exit status."""
        if self.options.priv and not _become(self.options.priv):
            return NO_USER
        if self.local or self.options.grains or self.options.doc:
            _log_plainly(self.options, self.config)
        else:
            _log_as_daemons_do(self.options, self.config)
        facade.install()
        if self.options.grains:
            self.show({"local": dict(self.plugins.grains)}, "grains")
            return 0
        if self.options.doc:
            return self._print_docs()
        with self._hosted():
            return self._call()

    # -- where things come from -------------------------------------------------------------------------------

    def _grains(self) -> dict[str, Any]:
        if self.options.skip_grains:
            return {"id": self.config.id}
        from trisalt.loader.grains import gather

        return {**gather(self.config.opts, not self.options.refresh_grains_cache), "id": self.config.id}

    def _pillar(self) -> dict[str, Any]:
        if not self.local:
            pillar = dict(self.host.pillar())
            if self.config.minion_pillar_cache:
                self._keep(pillar)
            return pillar
        from trisalt.pillar.worker import compile_with_plugins

        compiled = compile_with_plugins(
            {
                "opts": dict(self.plugins.opts),
                "id": self.config.id,
                "grains": dict(self.plugins.grains),
                "saltenv": self.config.saltenv,
                "pillarenv": self.config.pillarenv,
                "extra_minion_data": passed_to_pillars(self.config.opts),
            }
        )
        for problem in compiled["problems"]:
            logging.getLogger(__name__).error("%s", " ".join(str(value) for value in problem.values()))
        return dict(compiled["pillar"])

    def _keep(self, pillar: dict[str, Any]) -> None:
        from trisalt.cli import pillarcache  # few minions keep it

        folder = os.path.join(self.config.cachedir, "pillar")
        saltenv = self.config.pillarenv or self.config.saltenv or "base"
        pillarcache.keep(folder, self.config.id, pillar, saltenv=saltenv)

    @contextmanager
    def _hosted(self) -> Iterator[None]:
        """Somebody answers what the plugin asks."""
        if self.local:
            from trisalt.cli.call_host import CallHost

            self.host = CallHost(self.config)
            before = upcall.install(self.host)
            try:
                yield
            finally:
                upcall.install(before)
            return
        from trisalt.cli.call_master import open_master

        masters = self._masters_given() if self.config.master_type == "func" else None
        with open_master(self.config, self.plugins.grains, masters=masters, patience=self.options.timeout) as self.host:
            before = upcall.install(self.host)
            try:
                yield
            finally:
                upcall.install(before)

    def _masters_given(self) -> list[Any]:
        from trisalt.minion.masters import given

        return given(run_call(Call(fun=self.config.master[0], jid=self.jid), self.plugins), self.config)

    # -- the call ---------------------------------------------------------------------------------------------

    def _call(self) -> int:
        options = self.options
        fun, words = self.words[0], self.words[1:]
        if self.config.minion_pillar_cache and not self.local:
            len(self.plugins.pillar)  # it is asked for, and kept, whether or not the function looks at it
        no_parse = [name for name in (options.no_parse or os.environ.get("SALT_NO_PARSE", "")).split(",") if name]
        call = Call(
            fun=fun,
            jid=self.jid,
            arg=condition_args(*parse_words(words, no_parse=no_parse)),
            pub={"fun": fun, "pid": os.getpid(), "jid": self.jid, "tgt": "salt-call"},
            executors=_listed(options.module_executors) or _listed(self.config.opts.get("module_executors")),
            executor_opts=parse_value(options.executor_opts) or {},
        )
        outcome = self._run(call)
        if outcome.failure is not None:
            status = self._print_failure(fun, outcome)
            if outcome.failure != Failure.MISSING:
                self._send(call, outcome)
            return status
        self._print(outcome)
        self._send(call, outcome)
        if outcome.retcode and not options.retcode_passthrough:
            return FAILED
        return int(outcome.retcode) & 255

    def _run(self, call: Call) -> Outcome:
        if not self.options.enable_profiling:
            return run_call(call, self.plugins)
        from trisalt.cli.profiling import profiled  # few measure

        return profiled(lambda: run_call(call, self.plugins), self.options.profiling_path, f"{call.fun}-{call.jid}")

    def _print(self, outcome: Outcome) -> None:
        result = outcome.result
        if self.options.print_metadata:
            result = {
                "fun": self.words[0],
                "fun_args": self.words[1:],
                "id": self.config.id,
                "jid": self.jid,
                "retcode": outcome.retcode,
                "return": result,
            }
            if outcome.out:
                result["out"] = outcome.out
        self.show({"local": result}, outcome.out, retcode=outcome.retcode)

    def _print_failure(self, fun: str, outcome: Outcome) -> int:
        """Say why there is no result, in stock's words; the exit status."""
        text, retcode = str(outcome.result), outcome.retcode if self.options.retcode_passthrough else FAILED
        match outcome.failure:
            case Failure.MISSING:
                sys.stderr.write(f"{text}\n")
                return NOT_THERE
            case Failure.ARGUMENTS:
                complaint, _, doc = text.removeprefix(f"Passed invalid arguments to {fun}: ").partition("\n")
                self._print_usage(complaint, doc)
            case Failure.INVOCATION:
                complaint = text.removeprefix(f"ERROR executing '{fun}': ")
                if complaint.startswith(("The following keyword arguments", "Executor ")):
                    sys.stderr.write(f"{complaint}\n")
                else:
                    from trisalt.loader.signature import docstring  # inspect, which few calls need

                    self._print_usage(complaint, docstring(self.plugins.loader("modules")[fun]))
            case Failure.COMMAND:
                sys.stderr.write(f"Error running '{fun}': {text.removeprefix('ERROR: ')}\n")
            case Failure.EXCEPTION:
                reason = text.rstrip().rpartition("\n")[2]
                if reason == KeyboardInterrupt.__name__:
                    sys.stderr.write("\nExiting gracefully on Ctrl-c\n")
                    return retcode & 255
                # The whole traceback is in the return that the master gets, and in a log that wants to know.
                logging.getLogger(__name__).debug("%s", text)
                from trisalt.cli.told import hard_crash  # few calls fail

                if hard_crash(self.options):
                    sys.stderr.write(f"{text.rstrip()}\n")
                    return retcode & 255
                sys.stderr.write(f"Error running '{fun}': {reason}\n")
            case _:
                sys.stderr.write(f"{text}\n")
        return retcode & 255

    def _print_usage(self, complaint: str, doc: str) -> None:
        sys.stderr.write(f"\nPassed invalid arguments: {complaint.rstrip('.')}.\n\nUsage:\n")
        sys.stderr.flush()
        write_out(f"{doc}\n")

    def _send(self, call: Call, outcome: Outcome) -> None:
        """The return to returners, and to the master under a jid that it makes."""
        load = {
            "cmd": "_return",
            "id": self.config.id,
            "jid": "req",
            "fun": call.fun,
            "fun_args": self.words[1:],
            "tgt": self.config.id,
            "tgt_type": "glob",
            "arg": call.arg,
            **outcome.to_load(),
        }
        if metadata := parse_value(self.options.set_metadata):
            load["metadata"] = metadata
        for name in returner_names(self.options.returner or self.config.return_):
            self._return_by(name, load)
        if self.local and self.config.cache_jobs:
            self._keep_return({"fun": call.fun, "fun_args": self.words[1:], **outcome.to_load()})
        if self.local or self.options.no_return_event:
            return
        from trisalt.worker.plain import plain

        # Nobody tries again when this command has ended, so each try has time.
        timeout = max(self.config.return_retry_timer_max, RETURN_TIMEOUT)
        try:
            answer = self.host.request(plain(load), timeout=timeout, tries=self.config.return_retry_tries)
        except TrisaltError as exc:
            sys.stderr.write(f"[ERROR   ] The return was not sent: {exc}\n")
            return
        if answer is False or answer == "":
            sys.stderr.write("[ERROR   ] The master did not take the return\n")

    def _keep_return(self, ret: dict[str, Any]) -> None:
        from trisalt.minion.kept import keep_return  # few minions keep them

        try:
            keep_return(self.config.cachedir, self.jid, {**ret, "id": self.config.id, "jid": self.jid})
        except (OSError, TrisaltError) as exc:
            sys.stderr.write(f"[ERROR   ] The return was not kept: {exc}\n")

    def _return_by(self, name: str, load: dict[str, Any]) -> None:
        returner = self.plugins.loader("returners").get(f"{name}.returner")
        if returner is None:
            reason = self.plugins.loader("returners").missing_reason(f"{name}.returner")
            sys.stderr.write(f"[ERROR   ] Returner {name}.returner could not be loaded: {reason}\n")
            return
        try:
            returner({key: value for key, value in load.items() if key != "cmd"} | {"jid": self.jid})
        except Exception as exc:  # a returner is somebody else's code, and the function has run
            sys.stderr.write(f"[ERROR   ] The return failed for returner {name}: {exc}\n")

    def _print_docs(self) -> int:
        from trisalt.cli.told import undocumented
        from trisalt.loader.signature import docstring  # inspect, which few calls need

        loader = self.plugins.loader("modules")
        wanted = self.words[0] if self.words else ""
        names = loader.names(wanted.partition(".")[0]) if wanted else list(loader)
        documented = [name for name in names if name == wanted or "." not in wanted]
        for name in documented:
            write_out(f"{name}:\n{docstring(loader[name])}\n\n")
        return 0 if documented else undocumented()


def _overrides(options: Any) -> dict[str, Any]:
    """What the command line says over the configuration."""
    named = {
        "id": options.id,
        "master": [options.master] if options.master else None,
        "module_dirs": options.module_dirs,
        "cachedir": options.cachedir,
        "file_roots": {"base": [os.path.abspath(options.file_root)]} if options.file_root else None,
        "pillar_roots": {"base": [os.path.abspath(options.pillar_root)]} if options.pillar_root else None,
        "states_dirs": [os.path.abspath(options.states_dir)] if options.states_dir else None,
        "log_level": options.log_level,
        "log_file": options.log_file,
        "log_level_logfile": options.log_level_logfile,
        "file_client": "local" if options.local else None,
    }
    return {key: value for key, value in named.items() if value is not None}


def _id_asked(opts: Any) -> str:
    from trisalt.loader.naming import id_by_function  # few minions have a function for it

    facade.install()
    return id_by_function(opts)


def _listed(value: Any) -> list[str]:
    found = parse_value(value) if isinstance(value, str) else value
    if isinstance(found, str):
        found = [name.strip() for name in found.split(",")] if found else []
    return [str(name) for name in found or ()]


def _become(user: str) -> bool:
    from trisalt.cli.daemonize import UserUnknown, drop_user

    try:
        drop_user(user)
    except UserUnknown:
        sys.stderr.write(f"Failed to run as user {user}: there is no such user\n")
        return False
    except OSError as exc:
        sys.stderr.write(f"Failed to run as user {user}: {exc.strerror}\n")
        return False
    return True


def _log_as_daemons_do(options: Any, config: Any) -> None:
    from trisalt import log

    log.configure(
        config.log_level,
        daemon="minion",
        log_file=options.log_file,
        log_level_logfile=options.log_level_logfile,
        fmt_console="json" if options.log_format == "json" else None,
        minion_id=config.id,
    )


def _log_plainly(options: Any, config: Any) -> None:
    """What plugins log goes to stderr, in stock's form; and to the log file when the command line names one.

    Without what the daemons' log costs: a local call has nothing else to say.
    """
    level = LEVELS.get(config.log_level, logging.WARNING)
    console = logging.StreamHandler()
    console.setFormatter(logging.Formatter("[%(levelname)-8s] %(message)s"))
    console.setLevel(level)
    root = logging.getLogger()
    root.handlers[:] = [console]
    root.setLevel(max(level, 1))
    if not options.log_file:
        return
    try:
        file = logging.FileHandler(options.log_file, delay=True)
    except OSError as exc:
        sys.stderr.write(f"[WARNING ] The log file {options.log_file} cannot be written: {exc}\n")
        return
    file.setFormatter(
        logging.Formatter("%(asctime)s [%(name)-17s:%(lineno)-4d][%(levelname)-8s][%(process)d] %(message)s")
    )
    file_level = LEVELS.get(options.log_level_logfile or config.log_level, level)
    file.setLevel(file_level)
    root.addHandler(file)
    root.setLevel(max(min(level, file_level), 1))
