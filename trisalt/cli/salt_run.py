"""`salt-run`: its flags. What they ask for is done by `cli.run`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from trisalt.cli.options import Parser, add_auth_options, add_log_options, add_output_options

EXAMPLES = (
    ("salt-run jobs.list_jobs", "What was run, where, by whom?"),
    ("salt-run manage.up", "Which minions answer?"),
    ("salt-run state.event --since 1h", "What happened in the last hour, and what happens now?"),
    ("salt-run jobs.tail 20261122124940743908", "What becomes of this job?"),
    ("salt-run -d jobs", "What do these runners do?"),
)

_FOLLOWING = ("state.event", "jobs.tail")
# Where flags are of some functions only, and others have nothing to do with them.
_OF = {
    **dict.fromkeys(("since", "until", "cursor"), _FOLLOWING[:1]),
    **dict.fromkeys(("filter", "format"), _FOLLOWING),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit status."""
    parser = _parser()
    options, words = parser.parse(argv)
    if words and not options.doc:
        for flag, functions in _OF.items():
            # What a Saltfile says is for those runs that know it.
            if flag in options.given and words[0] not in functions:
                parser.error(f"{options.given[flag]} is of {' and '.join(functions)}, and not of {words[0]}")
    # Not before the flags are read: --version, --help and a wrong flag are answered without sockets and configuration.
    from trisalt.cli.run import run

    return run(options, words)


def _parser() -> Parser:
    parser = Parser("salt-run", "%prog [options] <function> [arguments]", examples=EXAMPLES)
    add = parser.add
    add("-t", "--timeout", type=int, metavar="SECONDS", help="state.event: end after so many seconds without an event.")
    add("--async", action="store_true", dest="detach", help="Tell the tag of the run, and do not wait.")
    add("--jid", default="", metavar="JID", help="The job id of the run.")
    add("-d", "--doc", "--documentation", action="store_true", help="The documentation of runners.")
    add("--quiet", action="store_true", help="Print nothing: the exit status speaks.")
    add("--args-stdin", action="store_true", help="Further arguments and flags are read from stdin, one a line.")
    add("--no-parse", default="", metavar="NAMES", help="Keyword arguments, with commas, that stay text.")
    add("--hard-crash", action="store_true", help="Let exceptions through as they are.")
    add("--skip-grains", action="store_true", help="Accepted; runners never waited for grains here.")
    for name in ("--enable-profiling", "--profiling-path"):
        add(name, action="unserved", help="Runners run in the master's workers, which this command cannot measure.")
    _add_event_options(parser)
    add_auth_options(parser)
    add_output_options(parser)
    add_log_options(parser)
    return parser


def _add_event_options(parser: Parser) -> None:
    """What `state.event` and `jobs.tail` know."""
    parser.group("Events")
    add = parser.add
    add(
        "--since",
        default="",
        metavar="WHEN",
        help="Of state.event: begin then. 30s, 15m, 1h, 7d, a time, or a job id.",
    )
    add("--until", default="", metavar="WHEN", help="Of state.event: end then.")
    add(
        "--cursor",
        default="",
        metavar="FILE",
        help="Of state.event: go on where the last run with this file stopped.",
    )
    add(
        "--filter",
        action="append",
        metavar="FIELD=GLOB",
        help="Only events whose data say so, as retcode!=0 or data.path=/etc/*; all of them when given several times.",
    )
    add(
        "--format",
        default="tab",
        choices=("tab", "pretty", "ndjson"),
        help="tab, pretty, or ndjson: a JSON object each.",
    )


if __name__ == "__main__":
    sys.exit(main())
