"""The flags every command shares: configuration folder, log, output, target; usage errors as stock gives them.

Thin: argparse, and nothing more. Each command makes a `Parser`, adds what it needs, and parses.

    parser = Parser("salt", "%prog [options] '<target>' <function> [arguments]")
    add_target_options(parser)
    add_output_options(parser)
    options, words = parser.parse(argv)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

USAGE = 64


class Parser:
    """One command's flags. Words and flags may be mixed, up to `--`; an error is two lines and exit status 64.

    Every parser has `--version`, `-V/--versions-report`, `-h/--help`, `-c/--config-dir`, `--saltfile`.
    """

    def __init__(self, prog: str, usage: str, *, description: str = "") -> None:
        raise NotImplementedError

    def add(self, *flags: str, **how: Any) -> None:
        """Add a flag; `how` is argparse's `add_argument`."""
        raise NotImplementedError

    def group(self, title: str) -> Parser:
        """Flags added to what this gives stand under their own heading in the help."""
        raise NotImplementedError

    def parse(self, argv: Sequence[str] | None = None) -> tuple[Any, list[str]]:
        """The flags, and the words that are none. `--help`, `--version` and errors end the command here."""
        raise NotImplementedError

    def error(self, message: str) -> NoReturn:
        """`Usage: …`, blank, `<prog>: error: <message>` on stderr; exit 64."""
        raise NotImplementedError


def add_log_options(parser: Parser, *, logfile: bool = True) -> None:
    """`-l/--log-level`, `--log-file`, `--log-file-level`, and ours: `--log-format`."""
    raise NotImplementedError


def add_daemon_options(parser: Parser) -> None:
    """`-d/--daemon`, `--pid-file`, `-u/--user`, `--disable-keepalive` (accepted)."""
    raise NotImplementedError


def add_output_options(parser: Parser) -> None:
    """`--out/--output`, `--out-indent`, `--out-file`, `--out-file-append`, `--no-color`, `--force-color`,
    `--state-output`, `--state-verbose`: `options.output`, `.output_indent`, `.output_file`, `.output_file_append`,
    `.color` (None, True or False), `.state_output`, `.state_verbose`."""
    raise NotImplementedError


def add_target_options(parser: Parser, *, kinds: str = "ELGPIJSRNC") -> None:
    """`-E -L -G -P -I -J -S -R -N -C` (those in `kinds`) and `--delimiter`. After parsing, `options.tgt_type` is stock's word
    (`glob`, `pcre`, `list`, `grain`, `grain_pcre`, `pillar`, `pillar_pcre`, `ipcidr`, `range`, `nodegroup`, `compound`)."""
    raise NotImplementedError


def add_eauth_options(parser: Parser) -> None:
    """`-a/--auth/--eauth`, `-T/--make-token`, `--username`, `--password`."""
    raise NotImplementedError


def color_wanted(choice: bool | None, stream: Any) -> bool:
    """Whether to colour what goes to `stream`: as chosen, else on a terminal, unless `NO_COLOR` is set."""
    raise NotImplementedError
