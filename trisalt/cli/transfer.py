"""Send files to minions by jobs: what `salt-cp` does. Thin: no Trio in here.

Small texts travel in one job (`cp.recv`). With `--chunked` each file travels in pieces, one job each
(`cp.recv_chunked`); a minion that fails one piece gets no more of that file, and all others go on.
"""

from __future__ import annotations

import os
import stat
import sys

from trisalt.cli.command import NO_MATCH, nothing
from trisalt.cli.show import show_for, write_out
from trisalt.cli.told import FAILED, USAGE, ended
from trisalt.client.credentials import open_door
from trisalt.client.jobs import preview, publish
from trisalt.config.paths import master_paths
from trisalt.config.read import read_master
from trisalt.errors import CommandError

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing costs a command as much as reading its configuration
    from collections.abc import Iterator
    from typing import Any

# All that may travel in one job, in bytes.
SMALL = 16 << 20
ONLY_FILES = '{} is a directory, only files are supported in non-chunked mode. Use "--chunked" command line argument.'
ONLY_TEXT = '{} is no text, only texts are supported in non-chunked mode. Use "--chunked" command line argument.'
ONLY_SMALL = 'That is too much for one job. Use "--chunked" command line argument.'


def run(options: Any, words: list[str]) -> int:
    """Do what the command line says; the exit status: 1 when not every minion has everything."""
    return ended(options, lambda: _Transfer(options, words).run())


class _Transfer:
    """One run of `salt-cp`."""

    def __init__(self, options: Any, words: list[str]) -> None:
        self.options = options
        self.config = read_master(options.config_dir)
        self.tgt: Any = words[0].replace(",", " ").split() if options.tgt_type == "list" else words[0]
        self.sources, self.dest = words[1:-1], words[-1]
        self.results: dict[str, Any] = {}

    def run(self) -> int:
        # All is looked at before anything is sent.
        missing = next((source for source in self.sources if not os.path.exists(source)), None)
        if missing is not None:
            sys.stderr.write(f"{missing} does not exist\n")
            return FAILED
        try:
            parts = list(self._parts()) if self.options.chunked else []
            texts = {} if self.options.chunked else self._texts()
        except OSError as exc:
            raise CommandError(f"{exc.filename} cannot be read: {exc.strerror}") from exc
        twice = [place for place, found in _counted(place for place, *_rest in parts).items() if found > 1]
        if twice:
            sys.stderr.write(f"Several of the sources would become {twice[0]}\n")
            return USAGE
        self.show = show_for(self.options, self.config.opts)
        self.door = open_door(master_paths(self.config).local_door, self.options, self.config.opts)
        if not (self._send_parts(parts) if self.options.chunked else self._send(texts)):
            (sys.stderr.write if self.show.out else write_out)(f"{NO_MATCH}\n")
            return nothing()
        self.show(dict(sorted(self.results.items())))
        return 0 if all(_is_whole(result) for result in self.results.values()) else FAILED

    # -- in one job -------------------------------------------------------------------------------------------------

    def _texts(self) -> dict[str, str]:
        """What each source holds. Raises CommandError for what cannot travel in one job."""
        texts, size = {}, 0
        for source in self.sources:
            if os.path.isdir(source):
                raise CommandError(ONLY_FILES.format(source))
            size += os.stat(source).st_size
            if size > SMALL:
                raise CommandError(ONLY_SMALL)
            with open(source, "rb") as file:
                try:
                    texts[source] = file.read().decode()
                except UnicodeDecodeError:
                    raise CommandError(ONLY_TEXT.format(source)) from None
        return texts

    def _send(self, texts: dict[str, str]) -> bool:
        """Whether there was anybody to send to."""
        for id, answer in self._job(self.tgt, self.options.tgt_type, "cp.recv", [texts, self.dest]):
            self.results[id] = answer
        return bool(self.results)

    # -- in pieces --------------------------------------------------------------------------------------------------

    def _parts(self) -> Iterator[tuple[str, str | None, int]]:
        """Where each file goes there, where it is here (None: a directory that holds nothing), and its mode."""
        for source in self.sources:
            name = os.path.basename(os.path.abspath(source))
            if not os.path.isdir(source):
                alone = len(self.sources) == 1 and not self.dest.endswith("/")
                yield self.dest if alone else _joined(self.dest, name), source, _mode(source)
                continue
            for top, folders, files in os.walk(source):
                folders.sort()
                inside = os.path.relpath(top, source)
                place = _joined(self.dest, name if inside == "." else f"{name}/{inside}")
                if not folders and not files:
                    yield place, None, 0
                for file in sorted(files):
                    path = os.path.join(top, file)
                    yield _joined(place, file), path, _mode(path)

    def _send_parts(self, parts: list[tuple[str, str | None, int]]) -> bool:
        """Whether there was anybody to send to."""
        minions, unknown = preview(self.door, self.tgt, self.options.tgt_type, delimiter=self.options.delimiter)
        if not minions:
            return False
        self.results = {id: {} for id in [*minions, *unknown]}
        gone: set[str] = set()
        for place, source, mode in parts:
            waiting = [id for id in self.results if id not in gone]
            for number, chunk in enumerate(self._chunks(source)):
                if not waiting:
                    break
                arg = [place, chunk, number > 0, not self.options.no_compression, mode]
                answers = dict(self._job(waiting, "list", "cp.recv_chunked", arg, gone))
                for id in waiting:
                    self.results[id][place] = answers.get(id, "The minion is not known")
                # Who has not taken this piece can make nothing of the next one.
                waiting = [id for id in waiting if answers.get(id) is True]
        return True

    def _chunks(self, source: str | None) -> Iterator[str | None]:
        """The pieces of a file, as they travel; one for an empty file, and None for a directory."""
        if source is None:
            yield None
            return
        import gzip
        from base64 import b64encode

        size = int(self.config.opts.get("file_buffer_size") or 1 << 20)
        with open(source, "rb") as file:
            data = file.read(size)
            while True:
                packed = data if self.options.no_compression else gzip.compress(data, mtime=0)
                # What ends with one `=` would be a keyword to a minion, if it did not begin with what no name does.
                yield "\n" + b64encode(packed).decode()
                if not (data := file.read(size)):
                    return

    # -- both -------------------------------------------------------------------------------------------------------

    def _job(
        self, tgt: Any, tgt_type: str, fun: str, arg: list[Any], gone: set[str] | None = None
    ) -> Iterator[tuple[str, Any]]:
        """What each minion answers; for those that do not, why, and they are `gone`."""
        delimiter = self.options.delimiter
        further = {"delimiter": delimiter} if delimiter != ":" and tgt_type != "list" else {}
        timeout = self.options.timeout if self.options.timeout and self.options.timeout > 0 else None
        with publish(self.door, tgt, fun, arg, tgt_type=tgt_type, kwargs=further, timeout=timeout) as job:
            if job.published is None or job.published.jid is None:
                return
            for body in job:
                yield body["id"], body["return"]
            for id, reason in (job.missing or {}).items():
                if gone is not None:
                    gone.add(id)
                yield id, reason


def _joined(folder: str, name: str) -> str:
    return f"{folder.rstrip('/')}/{name}"


def _mode(path: str) -> int:
    """The permissions of a file. Raises CommandError when it is none that could be sent."""
    mode = os.stat(path).st_mode
    if not stat.S_ISREG(mode):
        raise CommandError(f"{path} is not a regular file")
    return stat.S_IMODE(mode)


def _counted(places: Iterator[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for place in places:
        found[place] = found.get(place, 0) + 1
    return found


def _is_whole(result: Any) -> bool:
    """Whether a minion has taken everything."""
    return isinstance(result, dict) and all(taken is True for taken in result.values())
