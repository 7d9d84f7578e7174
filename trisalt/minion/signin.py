"""`_auth`: sign in to one master, wait where the master says wait, and say in the log what it said.

Called by `link`, which owns the connection and decides when to sign in again. Bytes and checks are
`wire/handshake`'s; here are the tries, the waits and the pinned key.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import attrs
import structlog
import trio

from trisalt.errors import ConfigError, KeyChanged, Rejected, RemoteProtocolError
from trisalt.minion.identity import Identity
from trisalt.wire.handshake import Accepted, MinionHandshake, Pending, Refused, TooMany

log = structlog.get_logger()

# Whatever a master says, a pending minion does not ask again sooner than after so many seconds.
SOONEST = 1.0


@attrs.frozen(kw_only=True)
class SignInOptions:
    """How to sign in; times are seconds. The names are stock's options, except where they are explained.

    `autosign_grains` are the names of the grains to send.
    """

    auth_timeout: float = 5
    auth_tries: int = 7
    acceptance_wait_time: float = 10
    acceptance_wait_time_max: float = 0
    rejected_retry: bool = False
    encryption_algorithm: str = "OAEP-SHA1"
    signing_algorithm: str = "PKCS1v15-SHA1"
    hash_type: str = "sha256"
    master_finger: str | None = None
    verify_master_pubkey_sign: bool = False
    autosign_grains: tuple[str, ...] = ()


async def sign_in(
    request: Callable[[bytes], Awaitable[bytes]],
    identity: Identity,
    options: SignInOptions,
    *,
    master: str,
    grains: Mapping[str, Any],
    elsewhere: bool = False,
    known: bool = False,
    last: bool = True,
) -> Accepted | None:
    """Ask until the master accepts us; None when it does not answer, `auth_tries` times in a row.

    `request` sends a payload and waits for its answer, without a deadline of its own. The master's key is pinned
    when its answer has been verified. `elsewhere`: there are other masters, so this one is asked once, and the end is
    None for any answer but acceptance; only while our key is pending it is asked again, unless we are `known` to
    another. Raises Rejected, unless `rejected_retry` is set or another has taken us; `last`: that ends this minion.
    """
    wait, pending, told = options.acceptance_wait_time, False, float("-inf")
    while True:
        answer: Accepted | Pending | Refused | TooMany | None = None
        try:
            tries = 1 if elsewhere else options.auth_tries
            answer = await _round(request, identity, options, grains, master=master, tries=tries, pending=pending)
        except KeyChanged:
            log.critical("auth.master_key_mismatch", master=master, path=str(identity.pinned_path))
        except (RemoteProtocolError, ConfigError) as exc:
            log.error("auth.failed", master=master, reason=str(exc))
        else:
            match answer:
                case Accepted() | None:
                    return answer
                case Pending(again=again):
                    pending = True
                    if 0 < again < wait and not (elsewhere and known):
                        # The master has time for us. Minions that were started together do not ask together.
                        soon = round(max(again, SOONEST) * random.uniform(0.75, 1.25), 1)  # noqa: S311 - no secret
                        # It says so as often as it would ask by itself.
                        if trio.current_time() - told < wait:
                            log.debug("auth.pending", master=master, wait_s=_plain(soon))
                        else:
                            told = trio.current_time()
                            log.error("auth.pending", master=master, wait_s=_plain(soon))
                        await trio.sleep(soon)
                        continue
                    # On a console these are three lines, the wait among them.
                    told = trio.current_time()
                    log.error("auth.pending", master=master, wait_s=_plain(wait))
                case Refused():
                    facts = {"master": master, "verified": answer.verified}
                    if options.rejected_retry or (elsewhere and known):
                        log.error("auth.rejected_for_now", **facts)
                    else:
                        if last:
                            log.critical("auth.rejected", **facts)
                        else:
                            log.critical("auth.rejected_by_one", **facts)
                        raise Rejected("the master has rejected this minion's public key")
                case TooMany():
                    log.error("auth.full", master=master)
        if elsewhere and (known or not isinstance(answer, Pending)):
            return None
        if not isinstance(answer, Pending):
            log.info("auth.retrying", wait_s=_plain(wait))
        await trio.sleep(wait)
        if options.acceptance_wait_time_max > wait:
            wait = min(wait * 2, options.acceptance_wait_time_max)


async def _round(
    request: Callable[[bytes], Awaitable[bytes]],
    identity: Identity,
    options: SignInOptions,
    grains: Mapping[str, Any],
    *,
    master: str,
    tries: int,
    pending: bool = False,
) -> Accepted | Pending | Refused | TooMany | None:
    for _ in range(max(tries, 1)):
        handshake, payload = await trio.to_thread.run_sync(prepare, identity, options, grains, pending)
        with trio.move_on_after(options.auth_timeout) as scope:
            answer = await request(payload)
        if scope.cancelled_caught:
            log.error("master.timeout", cmd="_auth", master=master)
            continue
        return await trio.to_thread.run_sync(_read, handshake, identity, answer)
    return None


async def would_accept(
    request: Callable[[bytes], Awaitable[bytes]],
    identity: Identity,
    options: SignInOptions,
    grains: Mapping[str, Any],
    *,
    master: str,
) -> bool:
    """Whether a master that may become ours lets us in, asked once. Raises TrisaltError."""
    return isinstance(await _round(request, identity, options, grains, master=master, tries=1), Accepted)


def prepare(
    identity: Identity, options: SignInOptions, grains: Mapping[str, Any], pending: bool = False
) -> tuple[MinionHandshake, bytes]:
    """One attempt: the handshake that reads its answer, and what to send; `pending`: the one before was. RSA and files:
    blocking."""
    pinned = identity.pinned()
    handshake = MinionHandshake(
        id=identity.id,
        key=identity.key,
        master_pub=pinned,
        enc_algo=options.encryption_algorithm,
        sig_algo=options.signing_algorithm,
        nonce=uuid.uuid4().hex,
        token=identity.token if pinned is not None else None,
        autosign_grains={name: grains.get(name) for name in options.autosign_grains} or None,
        master_finger=options.master_finger,
        hash_type=options.hash_type,
        sign_pub=identity.signing_key() if options.verify_master_pubkey_sign else None,
        takes_again=pending,
    )
    return handshake, handshake.request()


def _read(handshake: MinionHandshake, identity: Identity, answer: bytes) -> Accepted | Pending | Refused | TooMany:
    read = handshake.accept(answer)
    if isinstance(read, Accepted) and read.new_key:
        identity.pin(read.master_pub_pem)
    return read


def _plain(seconds: float) -> float | int:
    return int(seconds) if seconds == int(seconds) else seconds
