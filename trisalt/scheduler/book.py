"""Which entries a schedule has, and whose they are: the configuration's, the pillar's, operators', the daemon's own.

`scheduler` plans by them. An entry of the pillar stands in the place of any other of its name, an operator's in that
of the configuration's.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import structlog

from trisalt.errors import ConfigError
from trisalt.scheduler.entry import WHOLE, Entry, Source, Window, stands_alone, whole_splay, whole_window
from trisalt.scheduler.persist import read_schedule

log = structlog.get_logger()


@attrs.frozen(kw_only=True)
class Whole:
    """What is said of all entries: their splay, what runs in place of a run that is skipped, when all are skipped."""

    splay: tuple[float, float] | None = None
    skip_function: str | None = None
    skip_during_range: Window | None = None


class Book:
    """The entries. `path` is where operators' are kept; None keeps none."""

    def __init__(self, path: Path | None = None) -> None:
        self.enabled = True
        # What an operator said of `enabled`; None when nobody has.
        self.wish: bool | None = None
        self.path = path
        self._entries: dict[str, Entry] = {}
        # Entries in whose place one of the pillar stands.
        self._hidden: dict[str, Entry] = {}
        # Entries that could not be obeyed, by name, for when there are other named times.
        self._refused: dict[str, tuple[object, Source]] = {}
        # Names that the configuration has, and of those the ones that an operator has deleted.
        self._configured: set[str] = set()
        self._deleted: set[str] = set()
        self._whens: Mapping[str, Any] = {}
        self._wholes: dict[Source, Whole] = {}

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All entries, by name."""
        return tuple(self._entries[name] for name in sorted(self._entries))

    @property
    def whole(self) -> Whole:
        """What is said of all of them: by the pillar, else by the configuration."""
        said = [self._wholes[source] for source in (Source.PILLAR, Source.CONFIG) if source in self._wholes]
        return Whole(
            splay=next((one.splay for one in said if one.splay), None),
            skip_function=next((one.skip_function for one in said if one.skip_function), None),
            skip_during_range=next((one.skip_during_range for one in said if one.skip_during_range), None),
        )

    @property
    def all_entries(self) -> tuple[Entry, ...]:
        """The same, and those in whose place one of the pillar stands."""
        return (*self.entries, *self._hidden.values())

    def get(self, name: str) -> Entry | None:
        """One entry."""
        return self._entries.get(name)

    def read(self, name: str, mapping: object, *, source: Source) -> Entry:
        """Check an entry, with the named times there are. Raises ConfigError."""
        return Entry.from_config(name, mapping, source=source, whens=self._whens)

    def put(self, entry: Entry) -> None:
        """Add an entry, or replace the one of that name; it keeps its beat while its times are the same.

        One of the pillar stands in the place of any other, as long as the pillar has it.
        """
        if entry.source is Source.OPERATOR:
            self._deleted.discard(entry.name)
        old = self._entries.get(entry.name)
        if old is not None and old.source is Source.PILLAR and entry.source is not Source.PILLAR:
            self._hidden[entry.name] = entry
            return
        if old is not None and old.source is not Source.PILLAR and entry.source is Source.PILLAR:
            self._hidden[entry.name] = old
        self._entries[entry.name] = entry
        if old is None:
            log.info("scheduler.job_added", name=entry.name)
        elif old == entry:
            return
        else:
            log.info("scheduler.job_updated", name=entry.name)
        if entry.unknown:
            log.warning("scheduler.keys_unknown", name=entry.name, keys=list(entry.unknown))
        self._was_put(entry, old)

    def drop(self, name: str) -> None:
        """Take an entry out. One that it stood in the place of comes back."""
        del self._entries[name]
        self._was_dropped(name)
        if name in self._hidden:
            self.put(self._hidden.pop(name))

    def delete(self, name: str) -> None:
        """Take an entry out for an operator: it stays out, though the configuration has it."""
        self.drop(name)
        self._deleted |= {name} & self._configured

    @property
    def deleted(self) -> tuple[str, ...]:
        """The entries of the configuration that operators have deleted, by name."""
        return tuple(sorted(self._deleted))

    def load(self, mapping: object, *, source: Source) -> None:
        """Take the entries of one source from a `schedule:` mapping, and drop those of it that are gone.

        An entry that cannot be obeyed is a warning, and the others go on. What an operator made of an entry of the
        configuration goes before it.
        """
        if mapping is None:
            mapping = {}
        if not isinstance(mapping, Mapping):
            log.warning("scheduler.not_a_mapping", source=source.value)
            return
        self._take_whole(mapping, source)
        if source is Source.OPERATOR:
            self._deleted = {str(name) for name, item in mapping.items() if item is None}
        if source is Source.CONFIG:
            self._configured = {str(name) for name in mapping}
        wanted = {}
        self._refused = {name: refused for name, refused in self._refused.items() if refused[1] is not source}
        for key, item in mapping.items():
            name = str(key)
            if stands_alone(name, item):
                continue
            # What the daemon itself schedules is not taken from a file that kept it.
            if name.startswith("__") and source is not Source.INTERNAL:
                continue
            if source is Source.CONFIG and (name in self._deleted or self._is_operators(name)):
                continue
            if source is Source.OPERATOR and item is None:
                continue
            try:
                wanted[name] = self.read(name, item, source=source)
            except ConfigError as exc:
                self._refused[name] = (item, source)
                log.warning("scheduler.entry_refused", name=name, reason=str(exc))
        for entry in self.entries:
            if entry.source is source and entry.name not in wanted:
                self.drop(entry.name)
        for entry in list(self._hidden.values()):
            if entry.source is source and entry.name not in wanted:
                del self._hidden[entry.name]
        for entry in wanted.values():
            self.put(entry)

    def take_kept(self) -> None:
        """Take what operators made of the schedule before this daemon was started. Blocking, and short."""
        if self.path is None:
            return
        try:
            kept = read_schedule(self.path)
        except ConfigError as exc:
            log.warning("scheduler.not_read", reason=str(exc))
            return
        if isinstance(kept.get("enabled"), bool):
            self.wish = kept["enabled"]
        self.load(kept, source=Source.OPERATOR)

    def name_times(self, whens: Mapping[str, Any]) -> None:
        """Take the named times (`whens`) of pillar and grains; entries that use them are read anew."""
        if whens == self._whens:
            return
        self._whens = dict(whens)
        for entry in self.entries:
            if entry.when:
                self._reread(entry.name, entry.mapping, entry.source)
        for name, (mapping, source) in list(self._refused.items()):
            self._reread(name, mapping, source)

    def _reread(self, name: str, mapping: object, source: Source) -> None:
        try:
            self.put(self.read(name, mapping, source=source))
        except ConfigError as exc:
            if name in self._entries:
                self.drop(name)
                log.warning("scheduler.entry_refused", name=name, reason=str(exc))
            self._refused[name] = (mapping, source)
        else:
            self._refused.pop(name, None)

    def _is_operators(self, name: str) -> bool:
        return any(
            name in entries and entries[name].source is Source.OPERATOR for entries in (self._entries, self._hidden)
        )

    def _take_whole(self, mapping: Mapping[str, Any], source: Source) -> None:
        """Take what stands beside the entries, and is about all of them."""
        if isinstance(mapping.get("enabled"), bool):
            self.switch(mapping["enabled"])
        said = {key: mapping[key] for key in WHOLE if key in mapping and stands_alone(key, mapping[key])}
        found, function = Whole(), said.get("skip_function")
        try:
            found = Whole(skip_function=function if isinstance(function, str) else None)
            found = attrs.evolve(found, splay=whole_splay(said.get("splay")))
            found = attrs.evolve(found, skip_during_range=whole_window(said.get("skip_during_range")))
        except ConfigError as exc:
            log.warning("scheduler.entry_refused", name="schedule", reason=str(exc))
        self._wholes[source] = found

    def switch(self, enabled: bool) -> None:
        """Turn the whole schedule on or off."""
        was, self.enabled = self.enabled, enabled
        self._was_switched(was)

    # -- for whom plans by them ---------------------------------------------------------------------------------

    def _was_put(self, entry: Entry, old: Entry | None) -> None:
        """An entry is new, or another than it was."""

    def _was_dropped(self, name: str) -> None:
        """An entry is gone."""

    def _was_switched(self, was: bool) -> None:
        """The whole schedule was turned on or off."""
