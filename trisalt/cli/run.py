"""Run a runner through the local door and print what it returns; `cli.events` follows events: what `salt-run` does.

Thin: no Trio in here.
"""

from __future__ import annotations

import os
import sys

from trisalt.cli.show import Show, show_for
from trisalt.cli.told import FAILED, ended, undocumented
from trisalt.client.credentials import open_door
from trisalt.client.operations import Run, runner
from trisalt.config.paths import master_paths
from trisalt.config.read import read_master
from trisalt.jsontext import dumps
from trisalt.loader.words import parse_words

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing costs a command as much as reading its configuration
    from typing import Any

# Seconds the master may take to answer that a runner has been started.
PATIENCE = 30.0

# What only follows events is no run of the master's.
FOLLOWED = ("state.event", "jobs.tail")

DETACHED = (
    "[WARNING ] Running in asynchronous mode. Results of this execution may be collected by attaching to the master "
    "event bus or by examining the master job cache, if configured. This execution is running under tag {tag}\n"
)


def run(options: Any, words: list[str]) -> int:
    """Do what the command line says; the exit status."""
    return ended(options, lambda: _run(options, words))


def _run(options: Any, words: list[str]) -> int:
    config = read_master(options.config_dir)
    door = open_door(master_paths(config).local_door, options, config.opts)
    no_parse = [name for name in (options.no_parse or os.environ.get("SALT_NO_PARSE", "")).split(",") if name]
    if options.doc or not words:
        args: list[Any] = words[:1]
        kwargs: dict[str, Any] = {}
        fun = "doc.runner"
    else:
        fun = words[0]
        args, kwargs = parse_words(words[1:], no_parse=no_parse)
    if fun in FOLLOWED:
        # Not on the road of a runner that is asked for.
        from trisalt.cli.events import follow_events

        return follow_events(door, fun, args, kwargs, options)
    show = show_for(options, config.opts)
    with runner(door, fun, args, kwargs, jid=options.jid, timeout=PATIENCE) as run:
        if options.detach:
            sys.stderr.write(DETACHED.format(tag=run.tag))
            return 0
        result = _await(run, show, quiet=options.quiet, documents=show.out not in (None, "nested", "highstate"))
    if fun == "doc.runner" and not options.output and isinstance(result["return"], dict):
        for name, text in sorted(result["return"].items()):
            show.write(f"{name}:\n{text}\n\n")
        return 0 if result["return"] else undocumented()
    return _print(result, show, quiet=options.quiet)


def _await(run: Run, show: Show, *, quiet: bool, documents: bool) -> dict[str, Any]:
    """The result; what the runner tells on its way is printed, beside the document if there is one."""
    for progress in run:
        if quiet or progress.get("tag") == f"{run.tag}/args":
            continue
        if progress.get("tag") == f"{run.tag}/print":
            text = str(progress.get("message"))
            if documents:
                sys.stderr.write(text)
            else:
                show.write(text)
        elif documents:
            sys.stderr.write(dumps(progress) + "\n")
        else:
            show(_told(progress, run.tag))
    assert run.result is not None
    return run.result


def _told(progress: dict[str, Any], tag: str) -> dict[str, Any]:
    """What a runner tells on its way, as operators read it: what was said, and under which tag of the run."""
    event = dict(progress)
    return {"suffix": str(event.pop("tag", "")).removeprefix(f"{tag}/"), "event": event}


def _print(result: dict[str, Any], show: Show, *, quiet: bool) -> int:
    """Print what came back, unless nobody wants to hear; the exit status says how it went."""
    data, retcode = result.get("return"), result.get("retcode", 0)
    out = result.get("out")
    if isinstance(data, dict):
        if "outputter" in data:
            out = data["outputter"]
        if data.keys() == {"data", "outputter"}:
            data = data["data"]
    status = retcode if isinstance(retcode, int) else FAILED
    if not status and result.get("success") is False:
        status = FAILED
    if not quiet:
        show(data, out, retcode=status)
    return status if 0 <= status < 256 else FAILED
