"""`trisalt`: our own command: `demo`, a master and minions in a temporary root at work; `status`, `health`; `factor`,
second factors of people; `completion`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from trisalt import __version__

USAGE = 64


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["complete"]:
        # Asked by shells, while somebody types: the words are another command's, and whatever they are.
        from trisalt.cli.complete import main as complete

        return complete(words[1:])
    from trisalt.cli.options import own_stdio

    own_stdio()
    parser = _parser()
    options = parser.parse_args(words)
    if options.config_dir is not None and options.command in ("demo", "completion"):
        parser.error(f"{options.command} reads no configuration: it takes no -c")
    # Each with what it needs: a shell asks for completions with every key.
    from trisalt.cli.show import write_out
    from trisalt.cli.told import told
    from trisalt.errors import TrisaltError

    if options.command == "completion":
        from trisalt.cli.completion import SCRIPTS

        write_out(SCRIPTS[options.shell])
        return 0
    try:
        if options.command in ("status", "health"):
            from trisalt.cli import status

            if options.command == "health":
                return status.health(options.daemon, options.config_dir, options.timeout)
            return status.status(options.daemon, options.config_dir, options.out, options.timeout)
        if options.command == "factor":
            from trisalt.cli.factor import factor

            return factor(options.act, options.eauth, options.user, options.config_dir)
        from trisalt.cli.demo import run_demo

        return run_demo(minions=options.minions, once=options.once, keep=options.keep)
    except TrisaltError as exc:
        return told(exc)


FOLDER = "The configuration folder."


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: error: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="trisalt", description="What Salt's own commands do not have.")
    parser.add_argument("--version", action="version", version=f"trisalt {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    demo = commands.add_parser("demo", help="A master and minions in a temporary folder, at work.")
    demo.add_argument("--once", action="store_true", help="End after the tour; the exit status says how it went.")
    demo.add_argument("--minions", type=_how_many, default=3, metavar="N", help="How many minions; 3.")
    demo.add_argument("--keep", action="store_true", help="Leave the folder with configurations and logs behind.")
    completion = commands.add_parser("completion", help="Completion of all commands, for a shell to source.")
    completion.add_argument("shell", choices=("bash", "fish", "zsh"), metavar="SHELL", help="bash, fish or zsh.")
    shown = commands.add_parser("status", help="How the master or minion on this host is, on one screen.")
    shown.add_argument("--out", default=None, metavar="OUTPUTTER", help="json, yaml, …: all of it, for programs.")
    probed = commands.add_parser("health", help="One line for probes; exit status 0: well, 1: not well, 2: no answer.")
    factor = commands.add_parser("factor", help="Second factors of people: one-time codes at logins.")
    acts = factor.add_subparsers(dest="act", required=True, metavar="ACT")
    listed = acts.add_parser("list", help="Who has one.")
    listed.set_defaults(eauth="", user="")
    changed = [
        acts.add_parser("enroll", help="Set one up for somebody; a code of it is asked for."),
        acts.add_parser("remove", help="Take somebody's away: their password is enough again."),
    ]
    for one in changed:
        one.add_argument("eauth", metavar="EAUTH", help="The backend that knows them: pam, ldap, …")
        one.add_argument("user", metavar="USER", help="Their name.")
    for one in (shown, probed):
        one.add_argument(
            "--timeout", type=_seconds, default=5.0, metavar="S", help="How long it may take to answer, in seconds; 5."
        )
        one.add_argument(
            "daemon",
            nargs="?",
            choices=("master", "minion"),
            metavar="DAEMON",
            help="master or minion; the master, where it is configured.",
        )
    # Before the command too, as with Salt's own: that one is the default of the one behind it.
    parser.add_argument("-c", "--config-dir", default=None, metavar="DIR", help=FOLDER)
    for one in (shown, probed, listed, *changed):
        one.add_argument("-c", "--config-dir", default=argparse.SUPPRESS, metavar="DIR", help=FOLDER)
    return parser


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds <= 3600:
        raise argparse.ArgumentTypeError("between 0 and 3600")
    return seconds


def _how_many(text: str) -> int:
    from trisalt.cli.demo import MOST_MINIONS

    count = int(text)
    if not 1 <= count <= MOST_MINIONS:
        raise argparse.ArgumentTypeError(f"between 1 and {MOST_MINIONS}")
    return count


if __name__ == "__main__":
    sys.exit(main())
