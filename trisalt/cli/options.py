"""The flags every command shares: configuration folder, log, output, target; usage errors as stock gives them.

A parser of our own, small and quick: it reads a command line as stock's does (flags anywhere up to `--`, `-abc`,
`-lVALUE`, `--long=value`, any unambiguous beginning of a long flag), and says in stock's words what is wrong with one.

    parser = Parser("salt", "%prog [options] '<target>' <function> [arguments]")
    add_target_options(parser)
    add_output_options(parser)
    options, words = parser.parse(argv)
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Sequence

from trisalt import __version__
from trisalt.levels import LEVELS

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing costs a command as much as reading its configuration
    from typing import Any, NoReturn

USAGE = 64
OUTPUTTERS = "json, yaml, nested, table, raw, txt, pprint, highstate, key, quiet, newline_values_only"

OUTPUT_DIFF = "Print only the states that change something."

# Letter, long flags, stock's word for the kind, help.
TARGET_KINDS = (
    ("E", "pcre", "pcre", "Minions whose id a regular expression matches."),
    ("L", "list", "list", "A list of ids, with commas or blanks between."),
    ("G", "grain", "grain", "Minions with a grain: 'os:Debian'; globs."),
    ("P", "grain-pcre", "grain_pcre", "The same with a regular expression."),
    ("I", "pillar", "pillar", "Minions with a pillar value: 'role:web'; globs."),
    ("J", "pillar-pcre", "pillar_pcre", "The same with a regular expression."),
    ("S", "ipcidr", "ipcidr", "Minions with an address, or one in a subnet."),
    ("R", "range", "range", "A range expression."),
    ("N", "nodegroup", "nodegroup", "A named group of the master's configuration."),
    ("C", "compound", "compound", "Several kinds, with and, or, not: 'G@os:Debian and web*'."),
)


class Unfit(ValueError):
    """A flag's value is not as it should be; the text is the whole message."""


class Options:
    """What a command line says: an attribute for each flag; `given` are those that it has, by where their value goes,
    as they are written in full."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"no flag sets {name}")


class Flag:
    """One flag: its names, where its value goes, and what it does with it."""

    __slots__ = ("action", "choices", "const", "default", "dest", "help", "metavar", "names", "type")

    def __init__(
        self,
        *names: str,
        dest: str | None = None,
        action: str = "store",
        type: Callable[[str], Any] = str,
        choices: Sequence[str] | None = None,
        default: Any = None,
        const: Any = None,
        metavar: str | None = None,
        help: str = "",
    ) -> None:
        long = next((name for name in names if name.startswith("--")), names[0])
        self.names, self.action, self.type, self.choices, self.const, self.help = (
            names,
            action,
            type,
            choices,
            const,
            help,
        )
        self.dest = dest or long.lstrip("-").replace("-", "_")
        self.metavar = metavar or self.dest.upper()
        self.default = {"store_true": False, "store_false": True}.get(action, default) if default is None else default

    @property
    def takes_value(self) -> bool:
        return self.action in ("store", "append")


class Parser:
    """One command's flags. Words and flags may be mixed, up to `--`; an error is two lines and exit status 64.

    Every parser has `--version`, `-V/--versions-report`, `-h/--help`, `-c/--config-dir`, `--saltfile`.
    """

    def __init__(
        self, prog: str, usage: str, *, description: str = "", examples: Sequence[tuple[str, str]] = ()
    ) -> None:
        """`examples`, of the help, are command lines, each with what it does."""
        self.prog = prog
        self._examples = examples
        self._usage = f"Usage: {usage.replace('%prog', prog)}\n"
        self._description = description
        self._groups: list[tuple[str, list[Flag]]] = [("", [])]
        self._flags: dict[str, Flag] = {}
        self.add("--version", action="version", help="Print the version and leave.")
        self.add("-V", "--versions-report", action="report", help="Print the versions of all that is used, and leave.")
        self.add("-h", "--help", action="help", help="Print this and leave.")
        self.add("-c", "--config-dir", help="Folder of the configuration; /etc/salt by default.")
        self.add("--saltfile", help="File with flags of its own for each command; ./Saltfile by default.")

    def add(self, *flags: str, **how: Any) -> None:
        """Add a flag. `how` is dest, action (store, append, store_true, store_false, store_const, maybe, exclusive,
        unserved), type, choices, default, const, metavar, help. `append` makes a list of all that are given. `maybe`
        takes a value after `=` only, and stores its const without one. `exclusive` stores its const; two of one dest
        are an error. `unserved` is stock's and not ours: whoever uses it is told by its help, in one line."""
        flag = Flag(*flags, **how)
        self._groups[-1][1].append(flag)
        for name in flags:
            self._flags[name] = flag

    def group(self, title: str) -> None:
        """Flags added from here on stand under this heading in the help."""
        self._groups.append((title, []))

    def parse(self, argv: Sequence[str] | None = None) -> tuple[Any, list[str]]:
        """The flags, and the words that are none. `--help`, `--version` and errors end the command here."""
        own_stdio()
        options = Options()
        flags = {id(flag): flag for flag in self._flags.values()}.values()
        for flag in flags:
            if flag.action in ("store", "store_true", "store_false", "store_const", "maybe", "exclusive"):
                options.__dict__.setdefault(flag.dest, flag.default)
            elif flag.action == "append":
                options.__dict__[flag.dest] = []
        given: dict[str, str] = {}
        rest = list(sys.argv[1:] if argv is None else argv)
        words, ended = self._read(options, given, rest)
        if options.__dict__.get("args_stdin"):
            # What is read goes on where the command line ended: flags too, unless it had said `--`.
            lines = sys.stdin.read().splitlines()
            words += lines if ended else self._read(options, given, lines)[0]
        self._read_saltfile(options, given)
        options.__dict__["given"] = given
        if options.config_dir is not None and not os.path.isdir(options.config_dir):
            sys.stderr.write(f"WARNING: CONFIG '{options.config_dir}' directory does not exist.\n")
        return options, words

    def _read(self, options: Options, given: dict[str, str], rest: list[str]) -> tuple[list[str], bool]:
        """The words of a command line, and whether they ended with what is behind a `--`."""
        words: list[str] = []
        while rest:
            word = rest.pop(0)
            if word == "--":
                return words + rest, True
            if word.startswith("--"):
                name, equals, value = word.partition("=")
                name = self._long(name)
                flag = self._flags[name]
                if equals and not flag.takes_value and flag.action not in ("maybe", "unserved"):
                    self.error(f"{name} option does not take a value")
                self._take(options, given, name, flag, rest, value if equals else None)
            elif word.startswith("-") and len(word) > 1:
                letters = word[1:]
                while letters:
                    name, letters = f"-{letters[0]}", letters[1:]
                    short = self._flags.get(name)
                    if short is None:
                        self.error(f"no such option: {name}")
                    attached = letters if short.takes_value and letters else None
                    if attached is not None:
                        letters = ""
                    self._take(options, given, name, short, rest, attached)
            else:
                words.append(word)
        return words, False

    def error(self, message: str) -> NoReturn:
        """`Usage: …`, a blank line, `<prog>: error: <message>` on stderr; exit 64."""
        sys.stderr.write(f"{self._usage}\n{self.prog}: error: {message}\n")
        raise SystemExit(USAGE)

    def print_help(self, stream: Any = None) -> None:
        """All flags, with what they do, as wide as the terminal is."""
        import shutil  # only a help needs these
        import textwrap

        width = min(max(shutil.get_terminal_size((80, 24)).columns, 40), 110)
        column = 28 if width >= 70 else 16

        def told(text: str) -> list[str]:
            return textwrap.wrap(text, width - column - 1) or [""]

        lines = [self._usage]
        lines += [*textwrap.wrap(self._description, width), ""] if self._description else []
        for title, flags in self._groups:
            if not flags:
                continue
            lines += [f"  {title}:" if title else "Options:"]
            inset = "    " if title else "  "
            for flag in flags:
                names = textwrap.wrap(", ".join(self._spelt(flag, name) for name in flag.names), width - len(inset))
                texts = told(flag.help)
                lines += [inset + line for line in names[:-1]]
                if len(inset + names[-1]) > column - 2:
                    lines.append(inset + names[-1])
                else:
                    lines.append(f"{inset + names[-1]:<{column}}{texts.pop(0)}".rstrip())
                lines += [f"{'':{column}}{line}" for line in texts if line]
            lines.append("")
        if self._examples:
            lines.append("Examples:")
            for command, text in self._examples:
                lines += [f"  {command}", *(f"      {line}" for line in textwrap.wrap(text, width - 7))]
            lines.append("")
        whole = "\n".join(lines[:-1]) + "\n"
        if stream is None:
            _print(whole)
        else:
            stream.write(whole)

    def flags(self) -> list[Flag]:
        """Every flag, in the order of the help."""
        return [flag for _title, flags in self._groups for flag in flags]

    # -- inside ----------------------------------------------------------------------------------------------

    @staticmethod
    def _spelt(flag: Flag, name: str) -> str:
        if flag.action == "maybe" and name.startswith("--"):
            return f"{name}[={flag.metavar}]"
        if not flag.takes_value:
            return name
        return f"{name}={flag.metavar}" if name.startswith("--") else f"{name} {flag.metavar}"

    def _long(self, name: str) -> str:
        if name in self._flags:
            return name
        near = sorted(known for known in self._flags if known.startswith(name))
        if not near:
            self.error(f"no such option: {name}")
        if len({id(self._flags[known]) for known in near}) > 1:
            self.error(f"ambiguous option: {name} ({', '.join(near)}?)")
        return near[0]

    def _take(
        self, options: Options, given: dict[str, str], name: str, flag: Flag, rest: list[str], value: str | None
    ) -> None:
        match flag.action:
            case "unserved":
                self.error(f"{name}: {flag.help}")
            case "help":
                self.print_help()
                raise SystemExit(0)
            case "version":
                _print(f"{self.prog} {__version__} (trisalt)\n")
                raise SystemExit(0)
            case "report":
                _print(versions_report())
                raise SystemExit(0)
        result: Any = flag.const
        if flag.takes_value:
            if value is None:
                if not rest:
                    self.error(f"{name} option requires 1 argument")
                value = rest.pop(0)
            result = self._converted(name, flag, value)
        elif flag.action == "maybe" and value is not None:
            result = self._converted(name, flag, value)
        elif flag.action in ("store_true", "store_false"):
            result = flag.action == "store_true"
        elif flag.action == "exclusive" and flag.dest in given and given[flag.dest] != flag.names[-1]:
            both = f"{given[flag.dest]}/{flag.names[-1]}"
            self.error(f"The options {both} are mutually exclusive. Please only choose one of them")
        given[flag.dest] = flag.names[-1]
        if flag.action == "append":
            options.__dict__[flag.dest].append(result)
        else:
            options.__dict__[flag.dest] = result

    def _converted(self, name: str, flag: Flag, value: str) -> Any:
        if flag.choices is not None and value not in flag.choices:
            known = ", ".join(map(repr, flag.choices))
            self.error(f"option {name}: invalid choice: {value!r} (choose from {known})")
        try:
            return flag.type(value)
        except Unfit as exc:
            self.error(str(exc))
        except ValueError:
            word = {"int": "integer", "float": "floating-point"}.get(getattr(flag.type, "__name__", ""), "")
            self.error(f"option {name}: invalid {word} value: {value!r}".replace("  ", " "))

    def _read_saltfile(self, options: Options, given: Iterable[str]) -> None:
        """What a Saltfile says for this command, where the command line says nothing."""
        named = options.saltfile or os.environ.get("SALT_SALTFILE")
        if named and not os.path.isfile(named):
            self.error(f"'{named}' file does not exist.\n")
        path = named or next(filter(_is_ours, ("Saltfile", os.path.expanduser("~/.salt/Saltfile"))), None)
        if not path:
            return
        from trisalt.config.read import parse  # few have such a file
        from trisalt.errors import ConfigError

        try:
            with open(path, "rb") as file:
                section = parse(file.read(), path).get(self.prog)
        except (OSError, ConfigError) as exc:
            self.error(str(exc))
        for key, value in section.items() if isinstance(section, dict) else ():
            if key in options.__dict__ and key not in given:
                options.__dict__[key] = value


def own_stdio() -> None:
    """Put the null device where whoever started us closed stdin, stdout or stderr: what is printed there goes nowhere,
    and no socket or file gets its number.
    """
    while (fd := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(fd, True)
    os.close(fd)
    for fd, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            # Open for as long as the program lives.
            setattr(sys, name, open(fd, "r" if fd == 0 else "w", closefd=False))  # noqa: SIM115


def _print(text: str) -> None:
    """Write to stdout, which may have been closed meanwhile."""
    from trisalt.cli.show import write_out  # what a command prints in the end costs the others nothing

    write_out(text)


def _is_ours(path: str) -> bool:
    """Whether this file is there, and nobody but root and this user can have written it.

    A Saltfile is found by the folder one stands in, and says where the configuration is: one that somebody else left
    in a shared folder is not for us.
    """
    try:
        info = os.stat(path)
    except OSError:
        return False
    return info.st_uid in (0, os.geteuid()) and not info.st_mode & 0o022


# -- groups of flags ---------------------------------------------------------------------------------------------


def add_log_options(parser: Parser, *, short: bool = True, file_key: str = "log_file") -> None:
    """`-l/--log-level`, `--log-file`, `--log-file-level`, and ours: `--log-format`.

    They set `log_level`, `file_key`, `log_level_logfile`, `log_format`, as the configuration's keys are called; None
    where the configuration is to decide.
    """
    parser.group("Logging Options")
    names = ("-l", "--log-level") if short else ("--log-level",)
    parser.add(*names, choices=LEVELS, help=f"What the console shows: {', '.join(LEVELS)}.")
    parser.add("--log-file", dest=file_key, metavar="PATH", help="The log file.")
    parser.add("--log-file-level", dest="log_level_logfile", choices=LEVELS, help="What the log file holds.")
    parser.add("--log-format", choices=("text", "json"), help="What the console shows: text, or JSON lines.")


def add_daemon_options(parser: Parser) -> None:
    """`-d/--daemon`, `--pid-file`, `-u/--user`, `--disable-keepalive` (accepted)."""
    parser.add("-u", "--user", help="The system user to run as.")
    parser.add("-d", "--daemon", action="store_true", help="Run in the background.")
    parser.add("--pid-file", dest="pidfile", metavar="PATH", help="The file for the process id.")
    parser.add("--disable-keepalive", action="store_true", help="Accepted: the init system is who restarts a daemon.")


def add_output_options(parser: Parser) -> None:
    """`--out`, `--out-indent`, `--out-file`, `--out-file-append`, `--no-color`, `--force-color`, `--state-output`,
    `--state-verbose`: `options.output`, `.output_indent`, `.output_file`, `.output_file_append`, `.color` (None, True
    or False), `.state_output`, `.state_verbose`."""
    parser.group("Output Options")
    add = parser.add
    add("--out", "--output", dest="output", metavar="NAME", help=f"The outputter: {OUTPUTTERS}.")
    add(
        "--out-indent",
        "--output-indent",
        dest="output_indent",
        type=int,
        metavar="N",
        help="Blanks per level; negative: all on one line.",
    )
    add("--out-file", "--output-file", dest="output_file", metavar="PATH", help="Write to this file, emptied first.")
    add(
        "--out-file-append",
        "--output-file-append",
        dest="output_file_append",
        action="store_true",
        help="Do not empty it.",
    )
    add("--no-color", "--no-colour", dest="color", action="store_const", const=False, help="No colours.")
    add("--force-color", "--force-colour", dest="color", action="store_const", const=True, help="Colours always.")
    add("--state-output", "--state_output", metavar="NAME", help="full, terse, mixed, changes or filter.")
    add("--state-verbose", "--state_verbose", type=truth, metavar="BOOL", help="Print states without changes too.")


def add_target_options(parser: Parser, *, kinds: str = "ELGPIJSRNC") -> None:
    """`-E -L -G -P -I -J -S -R -N -C` (those in `kinds`) and `--delimiter`. `options.tgt_type` is stock's word: `glob`,
    `pcre`, `list`, `grain`, `grain_pcre`, `pillar`, `pillar_pcre`, `ipcidr`, `range`, `nodegroup` or `compound`."""
    parser.group("Target Options")
    for letter, long, kind, text in TARGET_KINDS:
        if letter in kinds:
            parser.add(
                f"-{letter}", f"--{long}", dest="tgt_type", action="exclusive", const=kind, default="glob", help=text
            )
    parser.add("--delimiter", default=":", metavar="TEXT", help="Between the levels of grains and pillar in a target.")


def add_auth_options(parser: Parser, *, short: bool = True) -> None:
    """`-a/--auth/--eauth`, `-T/--make-token`, `--username`, `--password`: `options.eauth`, `.make_token`, `.username`,
    `.password`, which `client.credentials` reads. `short` says whether the letters are free."""
    parser.group("External Authentication")
    add = parser.add
    names = ("--auth", "--eauth", "--external-auth")
    add(*(("-a", *names) if short else names), dest="eauth", metavar="BACKEND", help="Ask as a user of pam, file, …")
    add(*(("-T", "--make-token") if short else ("--make-token",)), action="store_true", help="Keep a token of it.")
    add("--username", default="", metavar="NAME", help="Asked for on the terminal when it is not given.")
    add("--password", metavar="TEXT", help="Likewise; on a command line others may read it.")


def truth(text: str) -> bool:
    """A truth value on the command line. Raises ValueError."""
    match text.lower():
        case "true" | "yes" | "on" | "1":
            return True
        case "false" | "no" | "off" | "0":
            return False
    raise ValueError(text)


def versions_report() -> str:
    """The versions of trisalt, of Python, of what is used, and of the system."""
    import platform  # only a report needs these
    from importlib.metadata import PackageNotFoundError, version

    def found(name: str) -> str:
        try:
            return version(name)
        except PackageNotFoundError:
            return "Not Installed"

    used = (
        *("attrs", "cryptography", "hypercorn", "Jinja2", "msgpack", "psutil"),
        *("PyYAML", "pyzmq", "starlette", "structlog", "tqdm", "trio"),
    )
    sections = {
        "Salt Version": {"trisalt": __version__},
        "Python Version": {"Python": sys.version.replace("\n", "")},
        "Dependency Versions": {name: found(name) for name in used},
        "System Versions": {
            "locale": sys.getfilesystemencoding(),
            "machine": platform.machine(),
            "release": platform.release(),
            "system": platform.system(),
        },
    }
    width = max(len(name) for rows in sections.values() for name in rows) + 2
    texts = (
        f"{title}:\n" + "".join(f"{name:>{width}}: {value}\n" for name, value in rows.items())
        for title, rows in sections.items()
    )
    return " \n".join(texts)
