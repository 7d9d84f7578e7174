"""Second factors: one-time codes by time (RFC 6238), for whoever has set one up, whatever backend knows their password.

`login` asks here once a password is right, whichever door it came by. The secrets are in one file below `pki_dir`,
sealed under the master's key, mode 0600. A file that is there and cannot be opened lets nobody in by a password: who
reads it as "nobody has a second factor" is who would like that. The codes are `pyotp`'s, of the extra trisalt[totp].
"""

from __future__ import annotations

import hashlib
import hmac
import math
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import structlog
import trio

from trisalt.errors import ProtocolError, TrisaltError
from trisalt.master.sessions import write_private
from trisalt.wire import codec
from trisalt.wire.seal import Seal

log = structlog.get_logger()

NAME = "second factors"
FILE = "totp"
STEP_S, DIGITS = 30, 6
# A clock may be one step off, to either side.
SLACK = 1
BACKUP_CODES = 10
# What somebody has begun to set up is waited for so long, of so many people.
BEGUN_S, BEGUN = 600.0, 256
ISSUER = "trisalt"
_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


class FactorError(TrisaltError):
    """A second factor cannot be set up, or removed; the text says why."""


@attrs.define(kw_only=True)
class Factor:
    """What is known of one person. `used` is the step of the newest code that was taken: none before it is again.
    `backup` are digests of codes that are good once, `since` wall seconds."""

    secret: str = attrs.field(repr=False)
    since: float
    used: int = 0
    backup: list[str] = attrs.field(factory=list, repr=False)

    def told(self) -> dict[str, Any]:
        """What may be told of it."""
        return {"enrolled": True, "since": self.since, "backup": len(self.backup)}


class Factors:
    """The second factors of all, in the file `folder`/totp. `clock` is wall time. Keys are `eauth/user`."""

    def __init__(self, folder: Path, seal: Seal, *, clock: Callable[[], float] = time.time) -> None:
        self._path = folder / FILE
        self._seal = seal
        self._clock = clock
        self._lock = trio.Lock()
        self._begun: OrderedDict[str, tuple[float, str]] = OrderedDict()
        self._known: dict[str, Factor] | None = None
        self._read()

    # -- at a login ---------------------------------------------------------------------------------------------

    def wants(self, eauth: str, user: str) -> bool:
        """Whether a password is not enough for them. True for everybody while nobody can say."""
        return self._known is None or key_of(eauth, user) in self._known

    async def why_not(self, eauth: str, user: str, code: str) -> str:
        """Why this code is not good, empty when it is: then it is none any more, also after a restart."""
        async with self._lock:
            if self._known is None:
                return "second factors cannot be read"
            factor = self._known.get(key_of(eauth, user))
            if factor is None:
                return ""
            before = attrs.evolve(factor, backup=list(factor.backup))
            reason = self._take(factor, tidy(code))
            if reason:
                return reason
            try:
                await self._write()
            except OSError as exc:
                self._known[key_of(eauth, user)] = attrs.evolve(before, used=factor.used)
                return f"that the code was used could not be written down: {exc.strerror}"
            return ""

    def _take(self, factor: Factor, code: str) -> str:
        if not code:
            return "the second factor is missing"
        step = find_step(factor.secret, code, self._clock())
        if step is not None and step > factor.used:
            factor.used = step
            return ""
        if step is not None:
            return "the code was used already"
        digest = digest_of(code)
        found = next((kept for kept in factor.backup if hmac.compare_digest(kept, digest)), None)
        if found is None:
            return "the code is wrong"
        factor.backup.remove(found)
        return ""

    # -- setting up, and taking away ----------------------------------------------------------------------------

    def status(self, eauth: str, user: str) -> dict[str, Any]:
        """`{enrolled, since, backup}`: how many backup codes are left."""
        factor = self._table().get(key_of(eauth, user))
        return {"enrolled": False, "since": None, "backup": 0} if factor is None else factor.told()

    def list(self) -> dict[str, dict[str, Any]]:
        """The same of all who have one, by `eauth/user`."""
        return {key: factor.told() for key, factor in sorted(self._table().items())}

    def begin(self, eauth: str, user: str) -> dict[str, Any]:
        """`{secret, uri}` to put into an application; it counts once a code of it was shown. Raises FactorError."""
        totp, key, now = _pyotp(), key_of(eauth, user), self._clock()
        if key in self._table():
            raise FactorError("There is a second factor already: remove it first")
        secret = totp.random_base32()
        self._begun[key] = (now + BEGUN_S, secret)
        self._begun.move_to_end(key)
        while len(self._begun) > BEGUN:
            self._begun.popitem(last=False)
        uri = totp.TOTP(secret, digits=DIGITS, interval=STEP_S).provisioning_uri(name=user, issuer_name=ISSUER)
        return {"secret": secret, "uri": uri}

    async def confirm(self, eauth: str, user: str, code: str) -> dict[str, Any]:
        """The code is right, so it counts from now on: `{backup}`, told this once. Raises FactorError."""
        key, now = key_of(eauth, user), self._clock()
        until, secret = self._begun.get(key, (0.0, ""))
        if until < now:
            raise FactorError("Nothing has been begun that could be confirmed, or too long ago")
        step = find_step(secret, tidy(code), now)
        if step is None:
            raise FactorError("The code is wrong: is the clock of the device right?")
        codes = [backup_code() for _ in range(BACKUP_CODES)]
        async with self._lock:
            table = self._table()
            table[key] = Factor(secret=secret, since=now, used=step, backup=[digest_of(tidy(each)) for each in codes])
            try:
                await self._write()
            except OSError as exc:
                del table[key]
                raise FactorError(f"It could not be written down: {exc.strerror}") from exc
        self._begun.pop(key, None)
        log.info("factor.enrolled", user=user, eauth=eauth)
        return {"backup": codes}

    async def remove(self, eauth: str, user: str) -> bool:
        """Take it away: whether there was one. Whether somebody may is the caller's to know. Raises FactorError."""
        async with self._lock:
            table = self._table()
            factor = table.pop(key_of(eauth, user), None)
            if factor is None:
                return False
            try:
                await self._write()
            except OSError as exc:
                table[key_of(eauth, user)] = factor
                raise FactorError(f"It could not be written down: {exc.strerror}") from exc
        log.info("factor.removed", user=user, eauth=eauth)
        return True

    # -- the file -----------------------------------------------------------------------------------------------

    def _table(self) -> dict[str, Factor]:
        if self._known is None:
            raise FactorError(f"{self._path} cannot be read: the master's log says why")
        return self._known

    def _read(self) -> None:
        try:
            rows = codec.unpack(self._seal.open(self._path.read_bytes(), name=NAME))
            self._known = {str(key): Factor(**row) for key, row in rows.items()}
        except FileNotFoundError:
            self._known = {}
        except (OSError, ProtocolError, TypeError, AttributeError) as exc:
            log.error("factor.file_unread", path=str(self._path), reason=str(exc))

    async def _write(self) -> None:
        rows = {key: attrs.asdict(factor) for key, factor in self._table().items()}
        sealed = self._seal.seal(codec.pack_bin(rows), name=NAME)

        def write() -> None:
            write_private(self._path, sealed, durable=True)

        # What is half done at a cancellation would be done anyway: nobody is to think otherwise.
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(write)


# -- pure --------------------------------------------------------------------------------------------------------------


def key_of(eauth: str, user: str) -> str:
    """Names of one backend are other people's in the next; a backend's name holds no slash."""
    return f"{eauth}/{user}"


def tidy(code: str) -> str:
    """As people copy it: with spaces or dashes, in any case."""
    return "".join(code.split()).replace("-", "").lower()


def find_step(secret: str, code: str, now: float) -> int | None:
    """Which step a code is of, of those that it may be; None: of none."""
    if len(code) != DIGITS or not (code.isascii() and code.isdigit()):
        return None
    totp = _pyotp().TOTP(secret, digits=DIGITS, interval=STEP_S)
    here = math.floor(now / STEP_S)
    steps = range(here - SLACK, here + SLACK + 1)
    return next((step for step in steps if hmac.compare_digest(totp.generate_otp(step), code)), None)


def backup_code() -> str:
    """Ten characters that nobody mistakes for others: fifty bits."""
    text = "".join(secrets.choice(_ALPHABET) for _ in range(10))
    return f"{text[:5]}-{text[5:]}"


def digest_of(code: str) -> str:
    """What is kept of a backup code, in a file that is sealed besides."""
    return hashlib.sha256(f"backup {code}".encode()).hexdigest()


def split_code(password: str) -> tuple[str, str]:
    """For who has no field for a code: a password with the code right after it."""
    tail = password[-DIGITS:]
    if len(password) > DIGITS and tail.isascii() and tail.isdigit():
        return password[:-DIGITS], tail
    return password, ""


def _pyotp() -> Any:
    try:
        import pyotp
    except ImportError as exc:
        raise FactorError("Second factors need the extra trisalt[totp]") from exc
    return pyotp
