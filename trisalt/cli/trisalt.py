"""`trisalt`: our own command: `demo`, a master and minions in a temporary root at work; `status`; `completion`."""

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
    options = _parser().parse_args(words)
    # Each with what it needs: a shell asks for completions with every key.
    from trisalt.cli.show import write_out
    from trisalt.cli.told import told
    from trisalt.errors import TrisaltError

    if options.command == "completion":
        from trisalt.cli.completion import SCRIPTS

        write_out(SCRIPTS[options.shell])
        return 0
    try:
        if options.command == "status":
            return _print_status(options.config_dir)
        from trisalt.cli.demo import run_demo

        return run_demo(minions=options.minions, once=options.once, keep=options.keep)
    except TrisaltError as exc:
        return told(exc)


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
    told_status = commands.add_parser("status", help="What the master on this host says of itself.")
    told_status.add_argument("-c", "--config-dir", default=None, metavar="DIR", help="The configuration folder.")
    return parser


def _how_many(text: str) -> int:
    from trisalt.cli.demo import MOST_MINIONS

    count = int(text)
    if not 1 <= count <= MOST_MINIONS:
        raise argparse.ArgumentTypeError(f"between 1 and {MOST_MINIONS}")
    return count


def _print_status(config_dir: str | None) -> int:
    from trisalt.cli.show import Show
    from trisalt.client.door import Door
    from trisalt.client.operations import status
    from trisalt.config.paths import master_paths
    from trisalt.config.read import read_master

    config = read_master(config_dir)
    Show(config.opts)(status(Door(master_paths(config).local_door)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
