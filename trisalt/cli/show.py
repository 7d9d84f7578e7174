"""Choose an outputter, and print: what every command does with what came back.

Thin: the standard library and the outputter itself. Outputters are plugins, found by name: the ones an operator
brings (`outputter_dirs`, synced `output/`) before ours.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing costs a command as much as reading its configuration
    from typing import Any, NoReturn, TextIO

# What was to be printed could not be written.
EXIT_NOT_WRITTEN = 74

# The outputters of the house, and the file each stands in.
_SHELF = {
    "highstate": "highstate",
    "json": "json_out",
    "key": "key",
    "nested": "nested",
    "newline_values_only": "newline_values_only",
    "no_return": "no_return",
    "pprint": "pprint_out",
    "quiet": "quiet",
    "raw": "raw",
    "table": "table",
    "txt": "txt",
    "yaml": "yaml_out",
}

# `text` is another name of txt; `grains` was an outputter once, and old minions still name it.
_ALIASES = {"text": "txt", "grains": "nested"}


class Show:
    """How one command prints: outputter, colour, where to. Made once; called for each thing to print.

    `out` is what the operator asked for (`--out`), and wins over what a return names. `color` None: when stdout is
    a terminal and `NO_COLOR` is not set. Once stdout is `closed` by its reader, nothing more is written.
    """

    def __init__(
        self,
        opts: Mapping[str, Any],
        *,
        out: str | None = None,
        color: bool | None = None,
        out_file: str | None = None,
        append: bool = False,
    ) -> None:
        self.out = out or None
        self.closed = False
        self._opts = dict(opts)
        self._opts["color"] = wants_color() if color is None else color
        self._out_file = out_file
        self._outputters: dict[str, Callable[..., Any] | None] = {}
        if out_file and not append:
            _write_file(out_file, "", "w")

    def __call__(self, data: object, out: str | None = None, *, retcode: int = 0, **kwargs: Any) -> None:
        """Print `data` with the operator's outputter, else `out`, else nested. Prints nothing for an empty text."""
        text = self.render(data, out, retcode=retcode, **kwargs)
        if text:
            self.write(text + "\n")

    def render(self, data: object, out: str | None = None, *, retcode: int = 0, **kwargs: Any) -> str:
        """The text that would be printed, without its last newline.

        An outputter that cannot display `data` gives way to nested, and that to raw.
        """
        name = self._choose(out)
        for candidate in dict.fromkeys((name, "nested", "raw")):
            outputter = self._outputter(candidate)
            if outputter is None:
                sys.stderr.write(f"[ERROR   ] Invalid outputter {candidate} specified, fall back to nested\n")
                continue
            try:
                text = outputter(data, _retcode=retcode, **kwargs)
            except (LookupError, AttributeError, TypeError, ValueError):
                continue
            if isinstance(text, str):
                return text.rstrip()
        return str(data)

    def write(self, text: str) -> None:
        """Write text as it is, to the output file or to stdout, at once."""
        if self._out_file:
            _write_file(self._out_file, text, "a")
        elif not self.closed:
            self.closed = not write_out(text)

    @property
    def to_file(self) -> bool:
        """Whether what is printed goes to a file."""
        return bool(self._out_file)

    def _choose(self, out: str | None) -> str:
        # `--out highstate` leaves errors and missing minions to the outputter they name themselves.
        name = out if self.out is None or (self.out == "highstate" and out) else self.out
        name = name or "nested"
        return _ALIASES.get(name, name)

    def _outputter(self, name: str) -> Callable[..., Any] | None:
        if name not in self._outputters:
            self._outputters[name] = _find(name, self._opts)
        return self._outputters[name]


def wants_color(stream: TextIO | None = None) -> bool:
    """Whether to write colours: a terminal, and nobody said no by `NO_COLOR`."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    try:
        return (stream or sys.stdout).isatty()
    except (AttributeError, ValueError):
        return False


def show_for(options: Any, opts: Mapping[str, Any]) -> Show:
    """How a command prints, from its flags, and where they say nothing from the configuration."""
    names = ("output_indent", "state_output", "state_verbose")
    given = {name: value for name in names if (value := getattr(options, name)) is not None}
    if options.__dict__.get("state_output_diff"):
        given["state_output_diff"] = True
    color = options.color
    if color is None and opts.get("color") is False:
        color = False
    return Show(
        {**opts, **given},
        out=options.output or opts.get("output"),
        color=color,
        out_file=options.output_file or opts.get("output_file"),
        append=options.output_file_append,
    )


def write_out(text: str) -> bool:
    """Write to stdout and flush; False when nobody reads it any longer.

    A disk that is full, say, ends the command with one line on stderr and exit status 74.
    """
    try:
        try:
            sys.stdout.write(text)
        except UnicodeEncodeError:
            encoding = sys.stdout.encoding or "ascii"
            sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
        sys.stdout.flush()
    except OSError as exc:
        # The interpreter flushes stdout once more at its end: let that go nowhere.
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, sys.stdout.fileno())
        os.close(devnull)
        if isinstance(exc, BrokenPipeError):
            return False
        _not_written("stdout", exc)
    return True


def _write_file(path: str, text: str, mode: str) -> None:
    try:
        with open(path, mode, encoding="utf-8") as file:
            file.write(text)
    except OSError as exc:
        _not_written(path, exc)


def _not_written(where: str, exc: OSError) -> NoReturn:
    sys.stderr.write(f"ERROR: {where}: {exc.strerror}\n")
    raise SystemExit(EXIT_NOT_WRITTEN) from None


def _find(name: str, opts: Mapping[str, Any]) -> Callable[..., Any] | None:
    if _brought(opts):
        # The loader costs more than all else a command does: only for those who bring outputters.
        from trisalt.loader.dunders import Plugins

        found = Plugins(opts).loader("outputters").get(f"{name}.output")
        if found is not None:
            return found
    stem = _SHELF.get(name)
    if stem is None:
        return None
    try:
        module = import_module(f"trisalt.plugins.outputters.{stem}")
    except ModuleNotFoundError:
        return None
    module.__opts__ = opts  # type: ignore[attr-defined]
    output: Callable[..., Any] = module.output
    return output


def _brought(opts: Mapping[str, Any]) -> bool:
    """Whether the operator has outputters of their own."""
    if opts.get("outputter_dirs"):
        return True
    extensions = opts.get("extension_modules")
    return isinstance(extensions, str) and os.path.isdir(os.path.join(extensions, "output"))
