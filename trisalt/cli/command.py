"""One run of `salt`: what its words ask for, and how what comes back is printed. Thin: no Trio in here.

The asking is done by `cli.job`, and by `cli.batch` and `cli.subset` where these are wanted.
"""

from __future__ import annotations

import os
import sys

from trisalt.cli.show import show_for, write_out
from trisalt.cli.told import FAILED, NOTHING, UNDOCUMENTED, undocumented
from trisalt.config.read import read_master

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing costs a command as much as reading its configuration
    from collections.abc import Iterable
    from typing import Any, NoReturn

    from trisalt.client.jobs import Batch, Job

# Of so many minions the reasons are told one by one while we wait.
MOST_NEWS = 10

# Exit status of a command line that is not whole. Source: stock Salt 3008.3.
INCOMPLETE = 42
# Nothing failed, and for some minions the job waits: what sysexits.h calls EX_TEMPFAIL, as of mail that is queued.
QUEUED = 75

NOBODY_DOCUMENTS = "No minions found to gather docs from"
NO_MATCH = "No minions matched the target. No command was sent, no jid was assigned."
WAITS = """The job waits for {whom} back. What waits, and how to cancel it:

salt-run jobs.queued {jid}
salt-run jobs.cancel {jid}
"""


class Command:
    """One run of `salt`."""

    def __init__(self, options: Any, words: list[str]) -> None:
        self.options = options
        self.config = read_master(options.config_dir)
        self.retcodes: dict[str, int] = {}
        self.missing: dict[str, str] = {}
        self.waiting: dict[str, float] = {}
        self.hide = not self.config.show_timeout if options.hide_timeout is None else options.hide_timeout
        self._progress: Any = None
        if options.config_dump:
            return
        if options.doc:
            words = [*(words or ["*"])[:1], "sys.doc", *words[1:]]
        if len(words) < (1 if options.preview_target else 2):
            said = "Cannot execute command without defining a target." if not words else "Incomplete options passed."
            _leave(said)
        self.tgt, self.tgt_type = _target(words[0], options.tgt_type), options.tgt_type
        self.fun: Any = ""
        self.arg: list[Any] = []
        if not options.preview_target:
            self.fun, self.arg = _call(words[1], words[2:], options)
        self.show = show_for(options, self.config.opts)
        self.documents = self.show.out not in (None, "nested", "highstate")

    # -- what is asked ----------------------------------------------------------------------------------------------

    def asked(self) -> dict[str, Any]:
        """What goes with target, function and arguments, as `client.jobs` takes it."""
        options = self.options
        further = {
            "ret_config": options.return_config,
            "ret_kwargs": options.return_kwargs,
            "module_executors": _value(options.module_executors),
            "executor_opts": options.executor_opts,
            "metadata": options.metadata,
            "start_event": options.start_event,
            "delimiter": options.delimiter if options.delimiter != ":" else None,
        }
        return {
            "tgt_type": self.tgt_type,
            "kwargs": {key: value for key, value in further.items() if value},
            "ret": options.returner or _named(self.config.opts.get("return") or ""),
            "timeout": _positive(options.timeout),
            "gather_job_timeout": _positive(options.gather_job_timeout),
        }

    # -- printing ---------------------------------------------------------------------------------------------------

    def expect(self, total: int) -> None:
        """So many are to return: where a bar was asked for, it is begun."""
        if self.options.progress:
            from trisalt.cli.progress import Progress

            self._progress = Progress(total, forced=self.options.color is True)

    def end_progress(self) -> None:
        """The bar stays as it is."""
        if self._progress is not None:
            self._progress.close()
            self._progress = None

    def note(self, body: dict[str, Any]) -> None:
        """A minion has returned."""
        self.retcodes[body["id"]] = _retcode(body)
        if self._progress is not None:
            self._progress.advance()

    def announce(self, jid: str) -> None:
        """The job id, for those who want it."""
        if self.options.verbose:
            line = f"Executing job with jid {jid}"
            self.say(f"{line}\n{'-' * len(line)}\n")
        elif self.options.show_jid or self.config.show_jid:
            self.say(f"jid: {jid}")

    def say(self, text: str) -> None:
        """For people: on stdout, unless that is for documents."""
        if self._progress is not None:
            self._progress.step_aside()
        if self.documents:
            sys.stderr.write(text + "\n")
        elif not self.show.closed:
            self.show.closed = not write_out(text + "\n")

    def print_return(self, body: dict[str, Any], beside: dict[str, Any] | None = None) -> None:
        """One return; `beside` are facts that only people get."""
        if self._progress is not None:
            self._progress.step_aside()
        data = {**({} if self.documents else beside or {}), body["id"]: body["return"]}
        self.show(data, body.get("out"), retcode=self.retcodes[body["id"]])

    def print_missing(self, missing: dict[str, str]) -> None:
        """Those who did not return, unless they are to be hidden."""
        if not self.hide:
            if self._progress is not None:
                self._progress.step_aside()
            for id, reason in sorted(missing.items()):
                self.show({id: reason}, "no_return", retcode=FAILED)

    def print_news(self, reasons: dict[str, str]) -> None:
        """Why somebody has not returned yet, while we wait: for people."""
        if self._progress is not None:
            self._progress.step_aside()
        if len(reasons) > MOST_NEWS:
            sys.stderr.write(f"# {len(reasons)} minions have not returned; of each the reason is told in the end.\n")
            return
        for id, reason in sorted(reasons.items()):
            sys.stderr.write(f"# {id}: {reason}\n")

    def explained(self, job: Job | Batch) -> dict[str, str]:
        """What is printed of those that are missing: stock's words, and below their first line why, for people."""
        missing = job.missing or {}
        if self.documents and not self.options.verbose:
            return missing
        told = {}
        for id, words in missing.items():
            first, _, rest = words.partition("\n")
            told[id] = "\n".join(part for part in (first, job.reasons.get(id, ""), rest) if part)
        return told

    def print_once(self, bodies: Iterable[dict[str, Any]], job: Job | Batch) -> None:
        """All of `bodies`, when they are there, with those that are missing of `job`."""
        returns, outs = {}, set()
        for body in bodies:
            returns[body["id"]] = body["return"]
            outs.add(body.get("out"))
        if not self.hide:
            returns |= self.explained(job)
        self.end_progress()
        if returns:
            out = outs.pop() if len(outs) == 1 else None
            self.show(dict(sorted(returns.items())), out, retcode=max(self.retcodes.values(), default=FAILED))

    def print_docs(self, bodies: Iterable[dict[str, Any]]) -> int:
        """What all minions say of functions, each of them once; the exit status."""
        docs: dict[str, str] = {}
        answered = False
        for body in bodies:
            answered = True
            if isinstance(body["return"], dict):
                docs = body["return"] | docs
        self.end_progress()
        if not docs:
            return undocumented(UNDOCUMENTED if answered else NOBODY_DOCUMENTS)
        documented = {fun: docs[fun] for fun in sorted(docs) if docs[fun]}
        if self.documents:
            self.show(documented)
        else:
            for fun, text in documented.items():
                self.show.write(f"{fun}:\n{text}\n\n")
        return 0

    def summarise_if_asked(self) -> None:
        """How many returned, and how."""
        if not self.options.summary and not self.config.cli_summary:
            return
        failed = sorted(id for id, retcode in self.retcodes.items() if retcode)
        gone = sorted(id for id, reason in self.missing.items() if "[Not connected]" in reason)
        silent = sorted(id for id in self.missing if id not in gone and id not in self.waiting)
        rule = "-" * 43
        lines = [
            *("", "", rule, "Summary", rule),
            f"# of minions targeted: {len(self.retcodes) + len(self.missing)}",
            f"# of minions returned: {len(self.retcodes)}",
            f"# of minions that did not return: {len(self.missing)}",
            f"# of minions with errors: {len(failed)}",
            *([f"# of minions the job waits for: {len(self.waiting)}"] if self.waiting else []),
        ]
        if self.options.verbose:
            named = (
                *(("not connected", gone), ("not responding", silent), ("with failures", failed)),
                ("waited for", sorted(self.waiting)),
            )
            lines += [f"Minions {how}: {' '.join(ids)}" for how, ids in named if ids]
        self.say("\n".join([*lines, rule]))

    def tell_waiting(self, jid: str) -> int:
        """Nothing failed; whether the job waits for somebody is said, and is the exit status."""
        if not self.waiting:
            return 0
        count = len(self.waiting)
        whom = "1 minion: it runs there when it is" if count == 1 else f"{count} minions: it runs there when they are"
        sys.stderr.write(WAITS.format(whom=whom, jid=jid))
        return QUEUED

    def nobody(self, hint: str = "") -> int:
        """The target names nobody; the exit status."""
        self.say(NO_MATCH)
        if hint:
            sys.stderr.write(f"{hint}\n")
        return nothing()


def _leave(message: str) -> NoReturn:
    """End a command line that is not whole."""
    sys.stderr.write(f"Usage: salt [options] '<target>' <function> [arguments]\n\n{message}\n")
    sys.exit(INCOMPLETE)


def nothing() -> int:
    """Nobody returned; the exit status."""
    sys.stderr.write("ERROR: No return received\n")
    return NOTHING


def _positive(seconds: int | None) -> int | None:
    """A time to wait; zero and less mean the configured one."""
    return seconds if seconds is not None and seconds > 0 else None


def _named(returners: object) -> str:
    """Returners of the configuration, as the command line names them."""
    return ",".join(map(str, returners)) if isinstance(returners, list) else str(returners)


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
    codes = list(retcode.values()) if isinstance(retcode, dict) else retcode if isinstance(retcode, list) else [retcode]
    return max((code if isinstance(code, int) else FAILED for code in codes if code), default=0)
