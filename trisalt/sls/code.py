"""SLS files that are Python: what they raise is told with the line of the file."""

from __future__ import annotations

from typing import Any

from trisalt.loader.stains import stain
from trisalt.sls.failure import SlsError


def run_code(
    source: str, path: str, names: dict[str, Any], *, shown: str | None = None, imported: bool = False
) -> None:
    """Run a text as a module of these names. Raises SlsError for whatever it raises.

    `shown` is the text that errors are shown in, when `source` is not what stands in the file, line by line.
    """
    stain("a template that is Python was run")
    try:
        exec(compile(source, path, "exec"), names)  # noqa: S102 - the operator named the renderer for that
    except SlsError:
        raise
    except (Exception, SystemExit) as exc:
        raise failure(exc, source if shown is None else shown, path, imported=imported) from exc


def failure(exc: BaseException, source: str, path: str, *, imported: bool = False) -> SlsError:
    """What code of a file raised, with its place."""
    line = exc.lineno if isinstance(exc, SyntaxError) else _last_line(exc, path)
    text = exc.msg if isinstance(exc, SyntaxError) else exc
    return SlsError(f"{type(exc).__name__}: {text}", line=line, source=source, path=path, imported=imported)


def _last_line(exc: BaseException, path: str) -> int | None:
    line, trace = None, exc.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == path:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
