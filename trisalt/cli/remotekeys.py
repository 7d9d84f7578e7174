"""The minions' keys as the master's wheel functions show and move them: for who may not read its folders.

`salt-key` uses it in the place of a `Keyring` when it asks as somebody by `--auth` or a token. Each step is one wheel
function, which the master judges; it tells and rotates by itself.
"""

from __future__ import annotations

from collections.abc import Iterable

from trisalt.client.door import Door
from trisalt.client.operations import wheel
from trisalt.errors import CommandError
from trisalt.master.keyring import State

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing costs a command as much as reading its configuration
    from typing import Any

Ids = list[str]

# Seconds the master may be silent.
PATIENCE = 60.0


class RemoteKeys:
    """What `salt-key` needs of a `Keyring`, by wheel functions. Raises what the door raises, and CommandError."""

    def __init__(self, door: Door) -> None:
        self._door = door

    def list(self, state: State) -> Ids:
        """The ids in one state, sorted."""
        return list(self._ask("key.list_all").get(state.value) or ())

    def match(self, pattern: str, states: Iterable[State]) -> dict[State, Ids]:
        """The ids that a glob names, by state; states with none are left out."""
        found = self._ask("key.name_match", match=pattern)
        return {state: list(found[state.value]) for state in states if found.get(state.value)}

    def read(self, id: str, state: State) -> str | None:
        """A public key."""
        return self._one("key.print", id, state)

    def fingerprint(self, id: str, state: State) -> str | None:
        """The fingerprint of a key."""
        return self._one("key.finger", id, state)

    def local_fingerprints(self, _pattern: str) -> dict[str, str]:
        """The master's own keys are shown to who can read them."""
        return {}

    def accept_from(self, id: str, source: State) -> bool:
        """Accept the key that is in this state; whether it was there."""
        included = {"include_rejected": source is State.REJECTED, "include_denied": source is State.DENIED}
        return bool(self._ask("key.accept_dict", match={source.value: [id]}, **included))

    def move(self, id: str, _target: State, sources: Iterable[State]) -> State | None:
        """Reject the key that is in one of these states; the one it was in."""
        for source in sources:
            included = {"include_accepted": source is State.ACCEPTED, "include_denied": source is State.DENIED}
            if self._ask("key.reject_dict", match={source.value: [id]}, **included):
                return source
        return None

    def delete(self, id: str, states: Iterable[State]) -> tuple[State, ...]:
        """Delete the keys in these states."""
        gone = tuple(states)
        self._ask("key.delete_dict", match={state.value: [id] for state in gone})
        return gone

    def _one(self, fun: str, id: str, state: State) -> str | None:
        found: str | None = (self._ask(fun, match=id).get(state.value) or {}).get(id)
        return found

    def _ask(self, fun: str, **kwarg: Any) -> dict[str, Any]:
        with wheel(self._door, fun, kwarg=kwarg, timeout=PATIENCE) as run:
            result = run.wait()
        if not result.get("success") or not isinstance(result.get("return"), dict):
            raise CommandError(str(result.get("return")))
        return dict(result["return"])
