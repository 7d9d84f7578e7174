"""The key files: accepted, pending, rejected, denied. Plain synchronous file code, so `salt-key` works with the master down.

The files are the truth, and tools move them behind our back: everything is read anew, nothing is cached. No RSA in
here but `make_pair`: fingerprints are hashes of the PEM's body.
Source of the layout and of the modes: salt-wire.md section 17.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping
from os import PathLike


class State(enum.Enum):
    """Where a key is. The value is the folder's name; in this order the commands print them."""

    ACCEPTED = "minions"
    DENIED = "minions_denied"
    PENDING = "minions_pre"
    REJECTED = "minions_rejected"


class Keyring:
    """The minions' keys below one PKI folder. `hash_type` is that of the fingerprints."""

    def __init__(self, pki_dir: str | PathLike[str], *, hash_type: str = "sha256", permissive: bool = False) -> None:
        raise NotImplementedError

    def prepare(self) -> None:
        """Make the folders that are missing, and give them their modes (0700; 0750 when `permissive`)."""
        raise NotImplementedError

    # -- reading ---------------------------------------------------------------------------------------------

    def state(self, id: str) -> State | None:
        """Where the key of `id` counts: accepted, else rejected, else pending, else denied only; None: unknown."""
        raise NotImplementedError

    def read(self, id: str, state: State) -> str | None:
        """The stored PEM, stripped; None if there is none."""
        raise NotImplementedError

    def list(self, state: State) -> list[str]:
        """The ids in one state, sorted; hidden files and names that are no ids are not there."""
        raise NotImplementedError

    def list_all(self) -> dict[State, list[str]]:
        """The ids by state."""
        raise NotImplementedError

    def match(self, pattern: str, states: Iterable[State]) -> dict[State, list[str]]:
        """The ids that a glob (or a comma separated list of globs) names, by state; states without any are left out."""
        raise NotImplementedError

    def fingerprint(self, id: str, state: State) -> str | None:
        """Colon-separated hex of the hash over the PEM's body."""
        raise NotImplementedError

    def local_keys(self) -> dict[str, str]:
        """The master's own public key files: name to PEM."""
        raise NotImplementedError

    # -- changing --------------------------------------------------------------------------------------------

    def store(self, id: str, pem: str, state: State) -> None:
        """Write a key in one state; `DENIED` leaves other states alone, all others make it the only one but denied."""
        raise NotImplementedError

    def move(self, id: str, target: State, sources: Iterable[State]) -> State | None:
        """Move a key from the first of `sources` that has it; where it came from, or None."""
        raise NotImplementedError

    def accept(self, id: str, *, include_rejected: bool = False, include_denied: bool = False) -> State | None:
        """Accept a pending key (or a rejected, or a denied one, when included); where it came from, or None.

        Raises RemoteProtocolError when the file does not hold a public key in PEM: such a file is never accepted.
        """
        raise NotImplementedError

    def reject(self, id: str, *, include_accepted: bool = False, include_denied: bool = False) -> State | None:
        """Reject a pending key (or an accepted, or a denied one, when included); where it came from, or None."""
        raise NotImplementedError

    def delete(self, id: str, states: Iterable[State] = tuple(State)) -> list[State]:
        """Remove a key from these states; those it was in."""
        raise NotImplementedError

    # -- signing on by rule ----------------------------------------------------------------------------------

    def autorejected(self, id: str, autoreject_file: str | None) -> bool:
        """Whether a line of `autoreject_file` names `id`."""
        raise NotImplementedError

    def autosigned(
        self,
        id: str,
        *,
        now: float,
        autosign_file: str | None = None,
        autosign_timeout: float = 120,
        autosign_grains_dir: str | None = None,
        grains: Mapping[str, object] | None = None,
    ) -> bool:
        """Whether a rule signs `id` on: a line of `autosign_file`, a stub in `minions_autosign/` (consumed; it lives
        `autosign_timeout` minutes of wall time `now`), or a grain whose value stands in `autosign_grains_dir/<grain>`.

        Files that others may write are ignored, and said so once.
        """
        raise NotImplementedError


def fingerprint(pem: str, hash_type: str = "sha256") -> str:
    """Colon-separated hex of the hash over the PEM's body: its lines between the first and the last, with line ends."""
    raise NotImplementedError


def make_pair(folder: str | PathLike[str], name: str, *, keysize: int = 2048, user: str | None = None) -> tuple[str, str]:
    """Write a new RSA pair `<name>.pem` (0400) and `<name>.pub` (0644); their paths."""
    raise NotImplementedError


def request_rotation(cachedir: str | PathLike[str], master_id: str) -> None:
    """Leave stock's drop file `.dfn` (mode 0400, content = the master's id): the master makes a new shared key."""
    raise NotImplementedError
