"""The flags every command shares: configuration folder, log, output, target; usage errors as stock gives them.

Thin: argparse, and nothing more. Each command makes a `Parser`, adds what it needs, and parses.

    parser = Parser("salt", "%prog [options] '<target>' <function> [arguments]")
    add_target_options(parser)
    add_output_options(parser)
    options, words = parser.parse(argv)
"""

from __future__ import annotations

import argparse
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing these costs a thin command milliseconds
    from collections.abc import Sequence
    from typing import Any, NoReturn

USAGE = 64

LOG_LEVELS = ("all", "garbage", "trace", "debug", "profile", "info", "warning", "error", "critical", "quiet")

# Flag, long flag, stock's word for the kind, help.
TARGETS = (
    ("E", "pcre", "pcre", "The target is a regular expression over minion ids"),
    ("L", "list", "list", "The target is a comma separated list of minion ids"),
    ("G", "grain", "grain", "The target is a grain: <name>:<glob>"),
    ("P", "grain-pcre", "grain_pcre", "The target is a grain: <name>:<regular expression>"),
    ("I", "pillar", "pillar", "The target is a pillar value: <name>:<glob>"),
    ("J", "pillar-pcre", "pillar_pcre", "The target is a pillar value: <name>:<regular expression>"),
    ("S", "ipcidr", "ipcidr", "The target is an address or a subnet"),
    ("R", "range", "range", "The target is a range expression"),
    ("N", "nodegroup", "nodegroup", "The target is a nodegroup of the master's configuration"),
    ("C", "compound", "compound", "The target is several of these, joined by and, or, not and parentheses"),
)


class _ArgumentParser(argparse.ArgumentParser):
    """argparse with Salt's usage error: two lines and exit status 64."""

    def error(self, message: str) -> NoReturn:
        sys.stderr.write(f"Usage: {self.usage}\n\n{self.prog}: error: {message}\n")
        raise SystemExit(USAGE)

    def format_usage(self) -> str:
        return f"Usage: {self.usage}\n"


class _Help(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=32, width=100)


class Parser:
    """One command's flags. Words and flags may be mixed, up to `--`; an error is two lines and exit status 64.

    Every parser has `--version`, `-V/--versions-report`, `-h/--help`, `-c/--config-dir`, `--saltfile`.
    """

    def __init__(self, prog: str, usage: str, *, description: str = "") -> None:
        self.prog = prog
        self._target_kinds = False
        self._top = _ArgumentParser(
            prog=prog,
            usage=usage.replace("%prog", prog),
            description=description,
            formatter_class=_Help,
            add_help=False,
            allow_abbrev=False,
        )
        self._into: Any = self._top
        self.add("-h", "--help", action="store_true", dest="help_", help="Show this help and exit")
        self.add("--version", action="store_true", dest="version_", help="Show the version and exit")
        self.add("-V", "--versions-report", action="store_true", dest="versions_", help="Show all versions and exit")
        self.add("-c", "--config-dir", metavar="DIR", help="The configuration folder [/etc/salt]")
        self.add("--saltfile", metavar="FILE", help="A file with defaults for these flags, by command")

    def add(self, *flags: str, **how: Any) -> None:
        """Add a flag; `how` is argparse's `add_argument`."""
        self._into.add_argument(*flags, **how)

    def group(self, title: str) -> Parser:
        """Flags added to what this gives stand under their own heading in the help."""
        other = object.__new__(Parser)
        other.__dict__.update(self.__dict__, _into=self._top.add_argument_group(title))
        return other

    def parse(self, argv: Sequence[str] | None = None) -> tuple[Any, list[str]]:
        """The flags, and the words that are none. `--help`, `--version` and errors end the command here."""
        given = list(sys.argv[1:] if argv is None else argv)
        self._set_defaults(given)
        options, words = self._split(given)
        if options.help_:
            print(f"{self._top.format_help()}")
            raise SystemExit(0)
        if options.version_:
            from trisalt import SALT_VERSION, __version__

            print(f"{self.prog} {__version__} (trisalt; Salt {SALT_VERSION})")
            raise SystemExit(0)
        if options.versions_:
            from trisalt.cli.versions import report

            print(report())
            raise SystemExit(0)
        if options.config_dir is not None:
            options.config_dir = os.path.abspath(options.config_dir)
            if not os.path.isdir(options.config_dir):
                sys.stderr.write(f"WARNING: CONFIG '{options.config_dir}' directory does not exist.\n")
        if self._target_kinds:
            self._choose_target(options)
        return options, words

    def error(self, message: str) -> NoReturn:
        """`Usage: …`, blank, `<prog>: error: <message>` on stderr; exit 64."""
        self._top.error(message)

    def print_help(self) -> None:
        """The whole help, on standard output."""
        print(self._top.format_help())

    def _split(self, given: list[str]) -> tuple[Any, list[str]]:
        """Flags wherever they stand before `--`; everything else is a word, in its order.

        argparse takes a word that looks like a negative number for one, and so do we.
        """
        at = given.index("--") if "--" in given else len(given)
        options, rest = self._top.parse_known_args(given[:at])
        unknown = [word for word in rest if word.startswith("-") and word != "-" and not _is_number(word)]
        if unknown:
            self.error(f"no such option: {unknown[0].partition('=')[0]}")
        return options, [*rest, *given[at + 1 :]]

    def _set_defaults(self, given: list[str]) -> None:
        """Defaults from a Saltfile: `--saltfile`, `SALT_SALTFILE`, `./Saltfile`, `~/.salt/Saltfile`; the first."""
        named = next(
            (word.partition("=")[2] or (given[n + 1] if n + 1 < len(given) else "") for n, word in enumerate(given)
             if word == "--saltfile" or word.startswith("--saltfile=")),
            None,
        )  # fmt: skip
        path = named or os.environ.get("SALT_SALTFILE")
        if path and not os.path.isfile(path):
            self.error(f"'{path}' file does not exist.")
        if not path:
            places = ("Saltfile", os.path.expanduser("~/.salt/Saltfile"))
            path = next((place for place in places if os.path.isfile(place)), None)
        if path:
            self._top.set_defaults(**_saltfile(self, path))

    def _choose_target(self, options: Any) -> None:
        chosen = [(long, kind) for _short, long, kind, _help in TARGETS if getattr(options, f"tgt_{kind}", False)]
        if len(chosen) > 1:
            flags = "/".join(f"--{long}" for long, _kind in chosen)
            self.error(f"The options {flags} are mutually exclusive. Please only choose one of them")
        options.tgt_type = chosen[0][1] if chosen else "glob"


def _saltfile(parser: Parser, path: str) -> dict[str, Any]:
    import yaml

    try:
        with open(path, encoding="utf-8") as file:
            content = yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (OSError, yaml.YAMLError) as exc:
        parser.error(f"'{path}' cannot be read: {' '.join(str(exc).split())}")
    section = content.get(parser.prog) if isinstance(content, dict) else None
    return {str(key): value for key, value in section.items()} if isinstance(section, dict) else {}


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def add_log_options(parser: Parser, *, logfile: bool = True) -> None:
    """`-l/--log-level`, `--log-file`, `--log-file-level`, and ours: `--log-format`."""
    group = parser.group("Logging")
    group.add("-l", "--log-level", metavar="LEVEL", type=_level, help=f"Console level: {', '.join(LOG_LEVELS)}")
    if logfile:
        group.add("--log-file", metavar="PATH", help="The log file")
        group.add("--log-file-level", dest="log_level_logfile", metavar="LEVEL", type=_level, help="Its level")
        group.add("--log-format", choices=("text", "json"), help="How console lines are written [text]")


def _level(text: str) -> str:
    level = text.lower()
    if level not in LOG_LEVELS:
        raise argparse.ArgumentTypeError(f"invalid level: {text!r} (choose from {', '.join(LOG_LEVELS)})")
    return level


def add_daemon_options(parser: Parser) -> None:
    """`-d/--daemon`, `--pid-file`, `-u/--user`, `--disable-keepalive` (accepted)."""
    parser.add("-d", "--daemon", action="store_true", help="Run in the background")
    parser.add("--pid-file", metavar="PATH", help="The pidfile")
    parser.add("-u", "--user", metavar="USER", help="The user to run as")
    parser.add("--disable-keepalive", action="store_true", help=argparse.SUPPRESS)


def add_output_options(parser: Parser) -> None:
    """`--out/--output`, `--out-indent`, `--out-file`, `--out-file-append`, `--no-color`, `--force-color`,
    `--state-output`, `--state-verbose`: `options.output`, `.output_indent`, `.output_file`, `.output_file_append`,
    `.color` (None, True or False), `.state_output`, `.state_verbose`."""
    group = parser.group("Output")
    group.add("--out", "--output", dest="output", metavar="NAME", help="nested, json, yaml, txt, raw, quiet, …")
    group.add("--out-indent", "--output-indent", dest="output_indent", metavar="N", type=int, help="Spaces per level")
    group.add("--out-file", "--output-file", dest="output_file", metavar="PATH", help="Write to a file")
    group.add("--out-file-append", "--output-file-append", dest="output_file_append", action="store_true",
              help="Append to that file")  # fmt: skip
    group.add("--no-color", "--no-colour", dest="color", action="store_false", default=None, help="Without colours")
    group.add("--force-color", "--force-colour", dest="color", action="store_true", help="With colours, always")
    group.add("--state-output", "--state_output", dest="state_output", metavar="MODE", help="How states are shown")
    group.add("--state-verbose", "--state_verbose", dest="state_verbose", metavar="BOOL", help="Unchanged states too")


def add_target_options(parser: Parser, *, kinds: str = "ELGPIJSRNC") -> None:
    """`-E -L -G -P -I -J -S -R -N -C` (those in `kinds`) and `--delimiter`.

    After parsing, `options.tgt_type` is stock's word (`glob`, `pcre`, `list`, `grain`, `grain_pcre`, `pillar`,
    `pillar_pcre`, `ipcidr`, `range`, `nodegroup`, `compound`).
    """
    parser._target_kinds = True
    group = parser.group("Target")
    for short, long, kind, text in TARGETS:
        if short in kinds:
            names = dict.fromkeys((f"--{long}", f"--{kind}"))
            group.add(f"-{short}", *names, dest=f"tgt_{kind}", action="store_true", help=text)
    group.add("--delimiter", metavar="CHAR", default=":", help="What parts the levels of a grain or pillar [:]")


def add_eauth_options(parser: Parser) -> None:
    """`-a/--auth/--eauth`, `-T/--make-token`, `--username`, `--password`."""
    group = parser.group("External authentication")
    group.add("-a", "--auth", "--eauth", dest="eauth", metavar="BACKEND", help="Which backend says who you are")
    group.add("-T", "--make-token", dest="mktoken", action="store_true", help="Keep a token for later commands")
    group.add("--username", metavar="NAME", help="Who you are")
    group.add("--password", metavar="WORD", help="Asked for when it is not given")


def color_wanted(choice: bool | None, stream: Any) -> bool:
    """Whether to colour what goes to `stream`: as chosen, else on a terminal, unless `NO_COLOR` is set."""
    if choice is not None:
        return choice
    return not os.environ.get("NO_COLOR") and bool(getattr(stream, "isatty", bool)())
