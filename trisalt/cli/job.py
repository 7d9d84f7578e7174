"""Publish a job through the local door and print the returns as they come: what `salt` does. Thin: no Trio in here.

The master watches the job (find_job) and says when it is settled and why somebody is missing; this only prints.
"""

from __future__ import annotations

import os
import sys

from trisalt.cli.show import Show, display, write_out
from trisalt.cli.told import FAILED, NOTHING, told
from trisalt.client.door import Door
from trisalt.client.jobs import Job, Published, publish, publish_async
from trisalt.config.paths import master_paths
from trisalt.config.read import read_master
from trisalt.errors import TrisaltError

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing costs a command as much as reading its configuration
    from typing import Any, NoReturn

# Exit status of a command line that is not whole. Source: spec/cli.md section 1.
INCOMPLETE = 42

NO_MATCH = "No minions matched the target. No command was sent, no jid was assigned."
INTERRUPTED = """
Exiting gracefully on Ctrl-c
This job's jid is: {jid}
The minions may not have all finished running and any remaining minions will return upon completion. \
To look up the return data for this job later, run the following command:

salt-run jobs.lookup_jid {jid}
"""


def run(options: Any, words: list[str]) -> int:
    """Do what the command line says; the exit status."""
    try:
        return _Command(options, words).run()
    except KeyboardInterrupt:
        sys.stderr.write("\nExiting gracefully on Ctrl-c\n")
        return FAILED
    except TrisaltError as exc:
        return told(exc)


class _Command:
    """One run of `salt`."""

    def __init__(self, options: Any, words: list[str]) -> None:
        self.options = options
        self.config = read_master(options.config_dir)
        if options.config_dump:
            return
        if options.args_stdin:
            words = words + sys.stdin.read().splitlines()
        if options.doc:
            words = [*(words or ["*"])[:1], "sys.doc", *words[1:]]
        if len(words) < 2:
            said = "Cannot execute command without defining a target." if not words else "Incomplete options passed."
            _leave(said)
        self.tgt = _target(words[0], options.tgt_type)
        self.fun, self.arg = _call(words[1], words[2:], options)
        self.documents = options.output not in (None, "nested", "highstate")
        opts = {**self.config.opts, **display(options)}
        self.show = Show(
            opts,
            out=options.output or self.config.output,
            color=options.color,
            out_file=options.output_file,
            append=options.output_file_append,
        )
        self.retcodes: dict[str, int] = {}
        self.missing: dict[str, str] = {}

    def run(self) -> int:
        """Do what was asked for; the exit status."""
        if self.options.config_dump:
            import yaml

            write_out(yaml.safe_dump(self.config.opts, default_flow_style=False))
            return 0
        hint = os.environ.get("SUDO_USER", "") if os.geteuid() == 0 else ""
        door = Door(master_paths(self.config).local_door, user_hint=hint)
        kind, further, ret = self.options.tgt_type, self._further(), self.options.returner
        if self.options.detach:
            published = publish_async(door, self.tgt, self.fun, self.arg, tgt_type=kind, kwargs=further, ret=ret)
            if published.jid is None:
                return self._nobody()
            self._say(f"Executed command with job ID: {published.jid}")
            return 0
        with publish(
            door,
            self.tgt,
            self.fun,
            self.arg,
            tgt_type=kind,
            kwargs=further,
            ret=ret,
            timeout=_positive(self.options.timeout),
            gather_job_timeout=_positive(self.options.gather_job_timeout),
        ) as followed:
            published = followed.published or Published(None, [], [])
            if published.jid is None:
                return self._nobody()
            return self._follow(followed, published.jid)

    def _follow(self, job: Job, jid: str) -> int:
        self._announce(jid)
        try:
            if self.fun == "sys.doc":
                return self._print_docs(job)
            if self.options.static:
                self._print_once(job)
            else:
                self._print_each(job)
        except KeyboardInterrupt:
            sys.stderr.write(INTERRUPTED.format(jid=jid))
            return FAILED
        if self.options.summary or self.config.opts.get("cli_summary") is True:
            self._summarise()
        if not self.retcodes and (self.options.hide_timeout or not self.missing):
            return _nothing()
        if any(self.retcodes.values()) or self.missing:
            sys.stderr.write("ERROR: Minions returned with non-zero exit code\n")
            return FAILED
        return 0

    # -- printing -------------------------------------------------------------------------------------------------

    def _announce(self, jid: str) -> None:
        if self.options.verbose:
            line = f"Executing job with jid {jid}"
            self._say(f"{line}\n{'-' * len(line)}\n")
        elif self.options.show_jid:
            self._say(f"jid: {jid}")

    def _say(self, text: str) -> None:
        """For people: on stdout, unless that is for documents."""
        if self.documents:
            sys.stderr.write(text + "\n")
        elif not self.show.closed:
            self.show.closed = not write_out(text + "\n")

    def _print_each(self, job: Job) -> None:
        for body in job:
            self.retcodes[body["id"]] = retcode = _retcode(body)
            self.show({body["id"]: body["return"]}, body.get("out"), retcode=retcode)
        self.missing = job.missing or {}
        if not self.options.hide_timeout:
            for id, reason in sorted(self.missing.items()):
                self.show({id: reason}, "no_return", retcode=FAILED)

    def _print_once(self, job: Job) -> None:
        returns, outs = {}, set()
        for body in job:
            self.retcodes[body["id"]] = _retcode(body)
            returns[body["id"]] = body["return"]
            outs.add(body.get("out"))
        self.missing = job.missing or {}
        if not self.options.hide_timeout:
            returns |= self.missing
        if returns:
            out = outs.pop() if len(outs) == 1 else None
            self.show(dict(sorted(returns.items())), out, retcode=max(self.retcodes.values(), default=FAILED))

    def _print_docs(self, job: Job) -> int:
        docs: dict[str, str] = {}
        for body in job:
            if isinstance(body["return"], dict):
                docs = body["return"] | docs
        if not docs:
            sys.stderr.write("No minions found to gather docs from\n")
            return NOTHING
        documented = {fun: docs[fun] for fun in sorted(docs) if docs[fun]}
        if self.documents:
            self.show(documented)
        else:
            for fun, text in documented.items():
                self.show.write(f"{fun}:\n{text}\n\n")
        return 0

    def _summarise(self) -> None:
        failed = sorted(id for id, retcode in self.retcodes.items() if retcode)
        gone = sorted(id for id, reason in self.missing.items() if "[Not connected]" in reason)
        silent = sorted(id for id in self.missing if id not in gone)
        rule = "-" * 43
        lines = [
            *("", "", rule, "Summary", rule),
            f"# of minions targeted: {len(self.retcodes) + len(self.missing)}",
            f"# of minions returned: {len(self.retcodes)}",
            f"# of minions that did not return: {len(self.missing)}",
            f"# of minions with errors: {len(failed)}",
        ]
        if self.options.verbose:
            named = (("not connected", gone), ("not responding", silent), ("with failures", failed))
            lines += [f"Minions {how}: {' '.join(ids)}" for how, ids in named if ids]
        self._say("\n".join([*lines, rule]))

    def _nobody(self) -> int:
        self._say(NO_MATCH)
        return _nothing()

    def _further(self) -> dict[str, Any]:
        """The keys of the job beside target, function and arguments."""
        options = self.options
        further = {
            "ret_config": options.return_config,
            "ret_kwargs": _value(options.return_kwargs),
            "module_executors": _value(options.module_executors),
            "executor_opts": _value(options.executor_opts),
            "metadata": _value(options.metadata),
            "start_event": options.start_event,
            "delimiter": options.delimiter if options.delimiter != ":" else None,
        }
        return {key: value for key, value in further.items() if value}


def _leave(message: str) -> NoReturn:
    """End a command line that is not whole."""
    sys.stderr.write(f"Usage: salt [options] '<target>' <function> [arguments]\n\n{message}\n")
    sys.exit(INCOMPLETE)


def _nothing() -> int:
    sys.stderr.write("ERROR: No return received\n")
    return NOTHING


def _positive(seconds: int | None) -> int | None:
    """A time to wait; zero and less mean the configured one."""
    return seconds if seconds is not None and seconds > 0 else None


def _target(word: str, tgt_type: str) -> Any:
    if tgt_type == "list":
        return word.replace(",", " ").split()
    return word


def _call(word: str, words: list[str], options: Any) -> tuple[Any, list[Any]]:
    """Function and arguments as they travel; of several functions, two lists of the same length."""
    no_parse = [name for name in (options.no_parse or os.environ.get("SALT_NO_PARSE", "")).split(",") if name]
    if "," not in word:
        return word, _arguments(words, no_parse)
    funs = word.split(",")
    groups = _groups(words, options.args_separator, len(funs))
    if len(groups) < len(funs):
        _leave("Cannot execute compound command without defining all arguments.")
    if len(groups) > len(funs):
        _leave("Cannot execute compound command with more arguments than commands.")
    return funs, [_arguments(group, no_parse) for group in groups]


def _arguments(words: list[str], no_parse: list[str]) -> list[Any]:
    """The words after a function as they travel. Without any, what reads them need not be imported."""
    if not words:
        return []
    from trisalt.loader.words import condition_args, parse_words

    return condition_args(*parse_words(words, no_parse=no_parse))


def _value(word: str) -> Any:
    """What a flag's value means; None for a flag that was not given."""
    if not word:
        return None
    from trisalt.loader.words import parse_value

    return parse_value(word)


def _groups(words: list[str], separator: str, wanted: int) -> list[list[str]]:
    """The words of each function: between separators that stand alone, or, if their number does not fit, anywhere."""
    groups: list[list[str]] = [[]]
    alone = words.count(separator) == wanted - 1
    for word in words:
        if alone:
            if word == separator:
                groups.append([])
            else:
                groups[-1].append(word)
            continue
        first, *others = word.split(separator)
        for index, part in enumerate([first, *others]):
            if index:
                groups.append([])
            if part or not others:
                groups[-1].append(part)
    return groups


def _retcode(body: dict[str, Any]) -> int:
    """The worst retcode of a return: a compound job has one for each function."""
    retcode = body.get("retcode", 0)
    codes = list(retcode.values()) if isinstance(retcode, dict) else [retcode]
    return max((code if isinstance(code, int) else FAILED for code in codes if code), default=0)
