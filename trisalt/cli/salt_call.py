"""`salt-call`: its flags. What they ask for is done by `cli.call`."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence

from trisalt.cli.options import OUTPUT_DIFF, Parser, add_log_options, add_output_options

EXAMPLES = (
    ("salt-call test.ping", "Run a function here, and tell the master what it returned."),
    ("salt-call --local grains.item os", "Without a master."),
    ("salt-call state.apply nginx test=True", "What would that state change here?"),
)
# A command of one call: what it makes goes with it, and looking for circles in thousands of states takes longer.
COLLECT_AFTER = (100_000, 20, 50)
_RESOURCES = "A minion manages no resources here; run the function without it."
UNSERVED = (
    (("--proxyid",), "There are no proxy minions here."),
    (("-r", "--resources"), _RESOURCES),
    (("--tgt",), _RESOURCES),
    (("--tgt-type",), _RESOURCES),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit status."""
    parser = _parser()
    options, words = parser.parse(argv)
    if not (words or options.grains or options.doc):
        parser.print_help()
        parser.error("Requires function, --grains or --doc")
    gc.set_threshold(*COLLECT_AFTER)
    # Not before the flags are read: --version, --help and a wrong flag are answered without loader and configuration.
    from trisalt.cli.call import run

    return run(options, words)


def _parser() -> Parser:
    parser = Parser(
        "salt-call",
        "%prog [options] <function> [arguments]",
        description="salt-call is used to execute module functions locally on a Salt Minion",
        examples=EXAMPLES,
    )
    folders: list[str] = []

    def folder(path: str) -> list[str]:
        folders.append(os.path.abspath(path))
        return folders

    add = parser.add
    add("-g", "--grains", action="store_true", help="Print the grains.")
    add("-d", "--doc", "--documentation", action="store_true", help="Print the documentation of functions.")
    add("--priv", metavar="USER", help="The system user to run as.")
    add("--hard-crash", action="store_true", help="Tell where a function failed, all of it.")
    parser.group("Minion Options")
    add("--local", action="store_true", help="Without a master.")
    add("--master", help="The master to ask, instead of the configured ones.")
    add("--id", help="The minion id, instead of the configured one.")
    add("-m", "--module-dirs", type=folder, metavar="PATH", help="A further folder of modules; may be repeated.")
    add("--file-root", metavar="PATH", help="The folder that is the file root of `base`.")
    add("--pillar-root", metavar="PATH", help="The folder that is the pillar root of `base`.")
    add("--states-dir", metavar="PATH", help="A further folder of state modules.")
    add("--cachedir", metavar="PATH", help="The cache folder.")
    add("--skip-grains", action="store_true", help="Gather no grains.")
    add("--refresh-grains-cache", action="store_true", help="Gather the grains, whatever is kept of them.")
    add("-t", "--timeout", type=int, metavar="SECONDS", help="Seconds to wait for the master's first answer.")
    for names, help in UNSERVED:
        add(*names, action="unserved", help=help)
    parser.group("Return Options")
    add("--retcode-passthrough", action="store_true", help="Exit with the function's own retcode.")
    add("--metadata", action="store_true", dest="print_metadata", help="Print what else is known of the run.")
    add("--set-metadata", default="", metavar="MAP", help="Kept with the job, to be searched for: '{key: value}'.")
    add("--return", dest="returner", default="", metavar="RETURNER", help="Returners that get the return as well.")
    add("--no-return-event", action="store_true", help="Do not send the return to the master.")
    parser.group("Function Options")
    add("--module-executors", default="", metavar="LIST", help="Executors to run the function with: '[direct_call]'.")
    add("--executor-opts", default="", metavar="MAP", help="Options of the executors: '{key: value}'.")
    add("--args-stdin", action="store_true", help="Further arguments and flags are read from stdin, one a line.")
    add("--no-parse", default="", metavar="NAMES", help="Keyword arguments, with commas, that stay text.")
    add_output_options(parser)
    add("--output-diff", "--state-output-diff", dest="state_output_diff", action="store_true", help=OUTPUT_DIFF)
    parser.group("Profiling Options")
    add("--enable-profiling", action="store_true", help="Measure what the function spends its time on.")
    add("--profiling-path", default="/tmp/stats", metavar="DIR", help="Where to write that; /tmp/stats by default.")  # noqa: S108
    add_log_options(parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
