"""`salt`: its flags. What they ask for is done by `cli.job`."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from trisalt.cli.options import Parser, add_log_options, add_output_options, add_target_options


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit status."""
    options, words = _parser().parse(argv)
    # Not before the flags are read: --version, --help and a wrong flag are answered without sockets and configuration.
    from trisalt.cli.job import run

    return run(options, words)


def _parser() -> Parser:
    parser = Parser("salt", "%prog [options] '<target>' <function> [arguments]")
    add = parser.add
    add("-t", "--timeout", type=int, metavar="SECONDS", help="Seconds before the minions are asked whether they run.")
    add("--gather-job-timeout", type=int, metavar="SECONDS", help="Seconds to wait for the answers to that.")
    add("-s", "--static", action="store_true", help="Print once, when all have returned.")
    add("-v", "--verbose", action="store_true", help="Tell the job id, and names in the summary.")
    add("--show-jid", action="store_true", help="Tell the job id.")
    add("--hide-timeout", action="store_true", help="Do not print the minions that did not return.")
    add("--show-timeout", action="store_false", dest="hide_timeout", help="Print them; this is the default.")
    add("--summary", action="store_true", help="End with how many returned, and how.")
    add("--async", action="store_true", dest="detach", help="Tell the job id, and do not wait.")
    add("-d", "--doc", "--documentation", action="store_true", help="The documentation of functions.")
    add("--return", dest="returner", default="", metavar="RETURNER", help="Returners the minions use as well.")
    add("--return_config", default="", metavar="NAME", help="An alternative configuration of the returner.")
    add("--return_kwargs", default="", metavar="MAP", help="Options of the returner: '{key: value}'.")
    add("--module-executors", default="", metavar="LIST", help="Executors to run the function with: '[direct_call]'.")
    add("--executor-opts", default="", metavar="MAP", help="Options of the executors: '{key: value}'.")
    add("--metadata", default="", metavar="MAP", help="Kept with the job, to be searched for: '{key: value}'.")
    add("--start-event", action="store_true", help="Minions tell when they begin.")
    add("--args-stdin", action="store_true", help="Further arguments are read from stdin, one a line.")
    add("--args-separator", default=",", metavar="TEXT", help="Between the arguments of several functions.")
    add("--no-parse", default="", metavar="NAMES", help="Keyword arguments, with commas, that stay text.")
    add("--config-dump", action="store_true", help="Print the master's configuration as YAML.")
    add_log_options(parser)
    add_target_options(parser)
    add_output_options(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
