"""The host of the plugins that `salt-call` runs, with a master: signed in once, asked, and told the return.

Trio runs in a thread of its own; the plugin has the command's. Signing in is one attempt with an end: only the daemon
waits for its key to be accepted. Requests and their seals are `minion/link`'s.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import trio

from trisalt.bus.bus import Bus
from trisalt.bus.requests import MasterRequest
from trisalt.cli.call_host import CallHost
from trisalt.config.minion import MasterAddress
from trisalt.config.paths import minion_paths
from trisalt.errors import AuthError, KeyChanged, LocalProtocolError, RemoteProtocolError, RequestTimeout, TrisaltError
from trisalt.loader.passed import passed_to_pillars
from trisalt.minion.asking import ask
from trisalt.minion.dial import Dial, resolve
from trisalt.minion.facts import Facts
from trisalt.minion.identity import Identity, open_identity
from trisalt.minion.link import Link, LinkOptions
from trisalt.minion.masters import Master, Rota, named, rotas
from trisalt.minion.signin import SignInOptions, prepare
from trisalt.minion.source import host_addresses, sourced
from trisalt.minion.upcalls import Upcalls
from trisalt.scheduler.scheduler import Schedule
from trisalt.transport.request import open_request_client
from trisalt.transport.zmq import KeepAlive, open_context, tcp_address
from trisalt.wire.handshake import Accepted
from trisalt.worker.protocol import Upcall

# A master that does not answer is given up after so many seconds, unless `-t` says otherwise.
PATIENCE = 15.0
NOT_ACCEPTED = "Minion failed to authenticate with the master, has the minion key been accepted?"


class NotAccepted(AuthError):
    """The master does not take our key, or not yet."""


class CallLink(Link):
    """A link that only asks: it hears no publications."""

    async def serve(self, client: Any, first: Accepted) -> None:
        """Answer by one sign-in, until cancelled; sign in again when the master has forgotten us."""
        self.client = client
        self._take(first)
        while True:
            await self._wanted.wait()
            self._take(await attempt(client, self.identity, self.options.sign_in, self._facts.grains))


async def attempt(client: Any, identity: Identity, options: SignInOptions, grains: Mapping[str, Any]) -> Accepted:
    """Sign in, once. Raises NotAccepted, KeyChanged, RemoteProtocolError."""
    handshake, hello = prepare(identity, options, grains)
    answer = handshake.accept(await client.request(hello))
    if not isinstance(answer, Accepted):
        raise NotAccepted(NOT_ACCEPTED)
    if answer.new_key:
        identity.pin(answer.master_pub_pem)
    return answer


class MasterHost(CallHost):
    """Answers plugins with the help of a master; `open_master` signs in and makes it usable."""

    def __init__(
        self, config: Any, grains: Mapping[str, Any], masters: Sequence[MasterAddress], *, patience: float
    ) -> None:
        super().__init__(config)
        self._masters = masters
        self._patience = patience
        self._facts = Facts(id=config.id, opts=config.opts, grains=grains)
        self._bus = Bus()
        self._upcalls = Upcalls(self._bus, self._facts, Schedule(path=Path(minion_paths(config).schedule)))
        self._token: trio.lowlevel.TrioToken | None = None
        self._ready = threading.Event()
        self._done: trio.Event | None = None
        self._error: BaseException | None = None

    # -- what plugins and the command ask, in their thread ------------------------------------------------------

    def call(self, kind: str, fields: dict[str, Any]) -> Any:
        """Answer one upcall. Raises TrisaltError."""
        match kind:
            case "fire_master" | "publish" | "command":
                return self._in_trio(self._upcalls, Upcall(kind=kind, fields=fields))
            case "ask_master":
                load = {**fields["load"], "cmd": fields["cmd"], "id": self.config.id}
                return self.request(load, timeout=float(fields.get("timeout") or 60))
        return super().call(kind, fields)

    def refresh(self, what: str) -> bool:
        """The running minion renews it."""
        return self.fire("module_refresh" if what == "modules" else f"{what}_refresh", {})

    def request(self, load: dict[str, Any], *, timeout: float, tries: int = 1) -> Any:
        """The master's answer. Raises TrisaltError."""
        return self._in_trio(self._bus.ask, MasterRequest(load=load, timeout=timeout, tries=tries))

    def pillar(self) -> Mapping[str, Any]:
        """The pillar of this minion, compiled by the master. Raises TrisaltError."""
        config = self.config
        load = {
            "cmd": "_pillar",
            "id": config.id,
            "grains": {**self._facts.grains, "id": config.id},
            "saltenv": config.saltenv,
            "pillarenv": config.pillarenv,
            "pillar_override": {},
            "extra_minion_data": passed_to_pillars(config.opts),
            "ver": "2",
        }
        pillar = self.request(load, timeout=config.request_channel_timeout, tries=config.request_channel_tries)
        if not isinstance(pillar, dict):
            raise RemoteProtocolError("the pillar is no mapping")
        return pillar

    def _in_trio(self, function: Any, *args: Any) -> Any:
        return trio.from_thread.run(function, *args, trio_token=self._token)

    # -- in the thread of Trio ----------------------------------------------------------------------------------

    def run(self) -> None:
        """The thread: sign in, answer until told to stop."""
        try:
            trio.run(self._main)
        except BaseException as exc:
            self._error = exc
        finally:
            self._ready.set()

    async def _main(self) -> None:
        config = self.config
        self._token = trio.lowlevel.current_trio_token()
        self._done = trio.Event()
        identity = await open_identity(config.id, Path(config.pki_dir), keysize=config.keysize)
        keepalive = KeepAlive(
            on=int(config.tcp_keepalive),
            idle=int(config.tcp_keepalive_idle),
            count=int(config.tcp_keepalive_cnt),
            interval=int(config.tcp_keepalive_intvl),
        )
        options = LinkOptions(
            sign_in=SignInOptions(
                auth_timeout=config.auth_timeout,
                encryption_algorithm=config.encryption_algorithm,
                signing_algorithm=config.signing_algorithm,
                hash_type=config.hash_type,
                master_finger=config.master_finger or None,
                verify_master_pubkey_sign=config.verify_master_pubkey_sign,
                autosign_grains=tuple(config.autosign_grains),
            ),
            minion_sign_messages=bool(config.opts.get("minion_sign_messages")),
        )
        masters = rotas(
            named(self._masters),
            # One at a time, whatever the daemon does with them.
            master_type="distributed" if config.master_type == "distributed" else "failover",
            id=config.id,
            shuffle=config.random_master,
        )[0].order
        async with open_context() as context:
            # From a port of its own: that of the configuration is the daemon's, which runs beside this.
            asks_from = sourced(config, 0, addresses=host_addresses)
            client = partial(open_request_client, context=context, keepalive=keepalive, ipv6=bool(config.ipv6))
            dial = Dial(
                client=lambda address: client(asks_from(address)),
                subscriber=partial(_nothing_published),
                resolve=partial(resolve, ipv6=bool(config.ipv6)),
            )
            await self._serve_by_one(masters, identity, options, dial)

    async def _serve_by_one(
        self, masters: Sequence[Master], identity: Identity, options: LinkOptions, dial: Dial
    ) -> None:
        """Serve by the first of the masters that takes us; all of them together have the time that was given."""
        missed: list[str] = []
        refused: TrisaltError | None = None
        deadline = trio.current_time() + self._patience
        for number, master in enumerate(masters):
            share = (deadline - trio.current_time()) / (len(masters) - number)
            try:
                with trio.fail_after(max(share, 0)):
                    if number + 1 < len(masters):
                        await _answers(master)
                    await self._serve(master, masters, identity, options, dial)
                return
            except (trio.TooSlowError, OSError) as exc:
                missed.append(f"{master.host}:{master.port}" + (f" ({exc})" if str(exc) else ""))
            except (TrisaltError, BaseExceptionGroup) as exc:
                error = _sole(exc) if isinstance(exc, BaseExceptionGroup) else exc
                last = number + 1 == len(masters)
                if self._ready.is_set() or last or not isinstance(error, AuthError | RemoteProtocolError):
                    raise
                refused = error
        raise refused or RequestTimeout(f"The master {' and '.join(missed)} does not answer.")

    async def _serve(
        self, master: Master, masters: Sequence[Master], identity: Identity, options: LinkOptions, dial: Dial
    ) -> None:
        """Sign in to one master within the deadline that is set; then answer, without one, until told to stop.

        What is for each of the `masters`, as an event is, goes to the others by a sign-in of its own.
        """
        address = (await dial.resolve(master.host, master.port))[0]
        async with dial.client(tcp_address(address, master.port)) as client:
            first = await self._first(client, identity, options.sign_in)
            link = CallLink(self._bus, Rota([master]), identity, self._facts, options, dial=dial)
            others = {other.name: other for other in masters if other is not master}
            if others:
                self._upcalls.standing = lambda: [master.name, *others]

            async def answer(request: MasterRequest) -> Any:
                if (other := others.get(request.master or "")) is not None:
                    return await self._ask_beside(other, request, identity, options, dial)
                return await ask(link, request.load, timeout=request.timeout, tries=request.tries, nonce=request.nonce)

            with trio.CancelScope(shield=True):
                try:
                    async with trio.open_nursery() as nursery:
                        nursery.start_soon(link.serve, client, first)
                        with self._bus.answering({MasterRequest: answer}):
                            self._ready.set()
                            assert self._done is not None
                            await self._done.wait()
                        nursery.cancel_scope.cancel()
                except* TrisaltError as group:
                    raise _sole(group) from None

    async def _ask_beside(
        self, master: Master, request: MasterRequest, identity: Identity, options: LinkOptions, dial: Dial
    ) -> Any:
        """Ask one master that does not serve us, with a sign-in for it alone. Raises TrisaltError."""
        with trio.move_on_after(request.timeout):
            try:
                await _answers(master)
                address = (await dial.resolve(master.host, master.port))[0]
            except OSError as exc:
                raise RequestTimeout(f"the master {master.name} does not answer: {exc}") from exc
            async with dial.client(tcp_address(address, master.port)) as client, trio.open_nursery() as nursery:
                link = CallLink(self._bus, Rota([master]), identity, self._facts, options, dial=dial)
                nursery.start_soon(link.serve, client, await self._first(client, identity, options.sign_in))
                answer = await ask(link, request.load, timeout=request.timeout, tries=1)
                nursery.cancel_scope.cancel()
            return answer
        raise RequestTimeout(f"the master {master.name} did not answer")

    async def _first(self, client: Any, identity: Identity, options: SignInOptions) -> Accepted:
        """A lost request is sent again; an answer is an answer."""
        while True:
            with trio.move_on_after(options.auth_timeout):
                return await attempt(client, identity, options, self._facts.grains)

    def stop(self) -> None:
        """Let the thread end."""
        if self._token is not None and self._done is not None:
            try:
                self._token.run_sync_soon(self._done.set)
            except trio.RunFinishedError:
                pass


@contextmanager
def open_master(
    config: Any,
    grains: Mapping[str, Any],
    *,
    masters: Sequence[MasterAddress] | None = None,
    patience: float | None = None,
) -> Iterator[MasterHost]:
    """Sign in to the first that answers of the masters, the configured ones or those that are given.

    Raises AuthError, RequestTimeout, TrisaltError.
    """
    host = MasterHost(config, grains, masters or config.masters, patience=patience or PATIENCE)
    thread = threading.Thread(target=host.run, daemon=True)
    thread.start()
    try:
        host._ready.wait()
        if host._error is not None:
            raise _plain(host._error, config)
        yield host
    finally:
        host.stop()
        thread.join(timeout=5)


async def _answers(master: Master) -> None:
    """Raise OSError at once when nobody listens, rather than wait as for one that may come: there is another one."""
    async with await trio.open_tcp_stream(master.host, master.port):
        pass


def _nothing_published(_address: str) -> Any:
    raise LocalProtocolError("a call hears no publications")


def _plain(error: BaseException, config: Any) -> BaseException:
    """What an operator is to know of an error that ended the thread."""
    if isinstance(error, BaseExceptionGroup):
        error = _sole(error)
    if isinstance(error, KeyChanged):
        pinned = Path(minion_paths(config).master_key)
        remedy = f". If it is the right master, remove {pinned}" if pinned.exists() else ""
        return NotAccepted(f"The master is not trusted: {error}{remedy}")
    return error


def _sole(group: BaseExceptionGroup[Any]) -> BaseException:
    leaf: BaseException = group
    while isinstance(leaf, BaseExceptionGroup):
        leaf = leaf.exceptions[0]
    return leaf
