"""`salt`: its flags. What they ask for is done by `cli.job`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from trisalt.cli.options import (
    OUTPUT_DIFF,
    Parser,
    Unfit,
    add_auth_options,
    add_log_options,
    add_output_options,
    add_target_options,
)

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing costs a command as much as reading its configuration
    from typing import Any

EXAMPLES = (
    ("salt '*' test.ping", "Which minions are there?"),
    ("salt -G 'os:Debian' pkg.install nginx", "Install a package on every Debian."),
    ("salt -C 'web* and not web1' cmd.run 'uptime' -b 25%", "A quarter of them at a time; the batch is the master's."),
    ("salt -L web1,web2 state.apply nginx test=True", "What would that state change on these two?"),
    ("salt 'web1' sys.doc pkg.install", "What does a function do?"),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit status."""
    options, words = _parser().parse(argv)
    # Not before the flags are read: --version, --help and a wrong flag are answered without sockets and configuration.
    from trisalt.cli.job import run

    return run(options, words)


def _parser() -> Parser:
    parser = Parser("salt", "%prog [options] '<target>' <function> [arguments]", examples=EXAMPLES)
    add = parser.add
    add("-d", "--doc", "--documentation", action="store_true", help="The documentation of functions.")
    add("--preview-target", action="store_true", help="Print whom the target names, and send nothing.")
    add("--config-dump", action="store_true", help="Print the master's configuration as YAML.")
    add("--hard-crash", action="store_true", help="Let exceptions through as they are.")
    parser.group("Waiting Options")
    add("-t", "--timeout", type=int, metavar="SECONDS", help="Seconds before the minions are asked whether they run.")
    add("--gather-job-timeout", type=int, metavar="SECONDS", help="Seconds to wait for the answers to that.")
    add("--async", action="store_true", dest="detach", help="Tell the job id, and do not wait.")
    add(
        "--durable",
        action="maybe",
        type=_duration,
        const=True,
        metavar="TIME",
        help="The job waits for minions that are away, for a day or so long: 2h, 7d.",
    )
    add("-s", "--static", action="store_true", help="Print once, when all have returned.")
    add("--hide-timeout", action="store_const", const=True, help="Do not print the minions that did not return.")
    add(
        "--show-timeout",
        action="store_const",
        const=False,
        dest="hide_timeout",
        help="Print them; this is the default.",
    )
    add("-p", "--progress", action="store_true", help="A bar on stderr, when that is a terminal, or --force-color.")
    add("-v", "--verbose", action="store_true", help="Tell the job id, and names in the summary.")
    add("--show-jid", action="store_true", help="Tell the job id.")
    add("--summary", action="store_true", help="End with how many returned, and how.")
    parser.group("Batch Options")
    add("-b", "--batch", "--batch-size", type=_size, metavar="N", help="So many minions at a time: 10, or 25%.")
    add("--batch-wait", type=_seconds, default=0.0, metavar="SECONDS", help="Between a return and the next minion.")
    add("--batch-safe-limit", type=int, metavar="N", help="Make a batch of what is for so many minions.")
    add("--batch-safe-size", type=_size, metavar="N", help="How many at a time then; 8 by default.")
    add("--failhard", action="store_true", help="End a batch after the first minion that fails.")
    add("--subset", type=_count, metavar="N", help="So many of the target, by chance, of those that have the function.")
    parser.group("Function Options")
    add("--args-stdin", action="store_true", help="Further arguments and flags are read from stdin, one a line.")
    add("--args-separator", default=",", metavar="TEXT", help="Between the arguments of several functions.")
    add("--no-parse", default="", metavar="NAMES", help="Keyword arguments, with commas, that stay text.")
    add(
        "--metadata",
        type=_map("--metadata"),
        metavar="MAP",
        help="Kept with the job, to be searched for: '{key: value}'.",
    )
    add("--return", dest="returner", default="", metavar="RETURNER", help="Returners the minions use as well.")
    add("--return_config", default="", metavar="NAME", help="An alternative configuration of the returner.")
    add(
        "--return_kwargs",
        type=_map("--return_kwargs"),
        metavar="MAP",
        help="Options of the returner: '{key: value}'.",
    )
    add("--module-executors", default="", metavar="LIST", help="Executors to run the function with: '[direct_call]'.")
    add(
        "--executor-opts",
        type=_map("--executor-opts"),
        metavar="MAP",
        help="Options of the executors: '{key: value}'.",
    )
    add("--start-event", action="store_true", help="Minions tell when they begin.")
    add_target_options(parser)
    add("-H", "--hosts", action="unserved", help="There is no roster here; -L '*' --preview-target lists the minions.")
    add_auth_options(parser)
    add_output_options(parser)
    add("--output-diff", "--state-output-diff", dest="state_output_diff", action="store_true", help=OUTPUT_DIFF)
    add_log_options(parser)
    return parser


def _size(text: str) -> str:
    """How many minions at a time; the master works out what it comes to. Raises Unfit."""
    number, percent = text.strip().removesuffix("%"), text.strip().endswith("%")
    if (
        text.isascii()
        and number.replace(".", "", percent).isdecimal()
        and 0 < float(number) <= (100 if percent else float("inf"))
    ):
        return text
    raise Unfit(
        f"Invalid batch specification {text!r}: must be an integer or percentage string like '10' or '25%', "
        "of at least 1 and at most 100%."
    )


def _map(name: str) -> Callable[[str], dict[str, Any]]:
    """What reads the flag `name`, whose value is a map. It raises Unfit."""

    def read(text: str) -> dict[str, Any]:
        from trisalt.loader.words import parse_value

        value = parse_value(text)
        if isinstance(value, dict):
            return value
        raise Unfit(f"option {name}: a map, as '{{key: value}}', not {text!r}")

    return read


def _duration(text: str) -> float:
    from trisalt.config.duration import duration

    try:
        return duration(text)
    except ValueError as exc:
        raise Unfit(f"option --durable: {exc}") from None


def _count(text: str) -> int:
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise Unfit(f"option --subset: a number of at least 1, not {text!r}")


def _seconds(text: str) -> float:
    seconds = float(text)
    if 0 <= seconds < float("inf"):
        return seconds
    raise Unfit(f"option --batch-wait: a number of seconds, not {text!r}")


if __name__ == "__main__":
    sys.exit(main())
