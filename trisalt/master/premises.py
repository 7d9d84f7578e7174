"""What there is of a master before anything runs: folders, keys, the options and the rules that follow from them.

`daemon` prepares it, in a thread; `services` and `doors` are opened with it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import structlog
import trio

from trisalt.bus.bus import Bus
from trisalt.config.master import MasterConfig
from trisalt.config.paths import MasterPaths, master_paths
from trisalt.errors import ConfigError
from trisalt.fileserver.backends import Backends, unknown
from trisalt.master.acl import Acl
from trisalt.master.api import ApiProcess
from trisalt.master.auth import KeyRules
from trisalt.master.clock import SteadyClock
from trisalt.master.commands import Runs
from trisalt.master.conformity import ConformityRules
from trisalt.master.factors import Factors
from trisalt.master.identity import Identity, open_identity, open_user_keys
from trisalt.master.keyring import Keyring, State
from trisalt.master.login import LoginRules
from trisalt.master.presence import PresenceDesk
from trisalt.master.publisher import PublishRules
from trisalt.master.reactor import ReactorDesk, ReactorRules
from trisalt.master.request_server import RequestRules
from trisalt.master.sessions import AcceptedKeys, Sessions
from trisalt.master.shared import KeptKey
from trisalt.scheduler.scheduler import Schedule
from trisalt.worker.protocol import Context

log = structlog.get_logger()

# Options that are asked for each time, so that a configuration that is read again takes effect.
RELOADED = frozenset(
    {
        field.name
        for rules in (KeyRules, PublishRules, RequestRules, LoginRules, ConformityRules)
        for field in attrs.fields(rules)
    }
    - {"publish_port", "request_server_ttl", "request_max_size", "zmq_filtering"}
) | {
    *("nodegroups", "schedule", "log_level", "log_level_logfile", "log_granular_levels"),
    *("publisher_acl", "publisher_acl_blacklist", "sudo_acl", "permissive_acl", "peer", "peer_run"),
    *("sharedsecret", "auth.pam.service", "event_visibility", "masked_arguments"),
    "reactor",
    *("console_minion_down_seconds", "console_job_runs_seconds", "console_advisories"),
}
# Folders of the cache that stock's commands write to without making them.
STOCK_FOLDERS = ("jobs", "proc", "syndics", "tokens")


class Live:
    """The options as they are now, and the rules that follow from them. SIGHUP has them read again.

    `opts` and `acl` stay one object each, which services look into; `version` counts the changes, and `context` is what
    workers are given.
    """

    def __init__(self, opts: dict[str, Any], acl: Acl | None = None) -> None:
        self.opts = opts
        self.acl = acl or Acl()
        self.version = 0
        self.context = Context(opts=self.opts)
        self._follow()

    def _follow(self) -> None:
        self.keys = KeyRules.from_opts(self.opts)
        self.publish = PublishRules.from_opts(self.opts)
        self.requests = RequestRules.from_opts(self.opts)
        self.logins = LoginRules.from_opts(self.opts)
        self.conformity = ConformityRules.from_opts(self.opts)
        self.acl.grant(self.opts)
        for problem in self.acl.problems():
            log.warning("acl.row_grants_nothing", row=problem)

    def reload(self, opts: Mapping[str, Any]) -> tuple[list[str], list[str]]:
        """Take what may change while the master runs: the names that took effect, and those that wait for a restart."""
        changed = {name for name in {*opts, *self.opts} if opts.get(name) != self.opts.get(name)}
        taken = sorted(changed & RELOADED)
        self.opts.update({name: opts.get(name) for name in taken})
        self.version += 1
        self.context = Context(opts=self.opts, version=self.version)
        self._follow()
        return taken, sorted(changed - RELOADED)


@attrs.frozen(kw_only=True)
class Premises:
    """What is there before anything runs: configuration, keys, who may what, and the bus."""

    config: MasterConfig
    live: Live
    paths: MasterPaths
    keyring: Keyring
    accepted: AcceptedKeys
    identity: Identity
    user_keys: dict[str, str]
    sessions: Sessions
    schedule: Schedule
    presence: PresenceDesk
    files: Backends
    factors: Factors
    reactor: ReactorDesk
    clock: SteadyClock = attrs.field(factory=SteadyClock)
    api: ApiProcess = attrs.field(factory=ApiProcess)
    bus: Bus = attrs.field(factory=Bus)
    runs: Runs = attrs.field(factory=Runs)

    @property
    def pki_dir(self) -> Path:
        """The folder of the keys."""
        return Path(self.config.pki_dir)

    def nodegroups(self) -> Mapping[str, Any]:
        """Names for compound targets, as they are now."""
        return self.live.opts.get("nodegroups") or {}

    async def hand_out_keys(self, acl_users: Iterable[str]) -> None:
        """Keys of stock's commands for the accounts that `publisher_acl` names now, and for nobody else.

        Raises ConfigError when one cannot be written: those of before stay as they are.
        """
        keys = await trio.to_thread.run_sync(
            partial(
                open_user_keys,
                Path(self.config.cachedir),
                user=self.config.user,
                acl_users=acl_users,
                verify=self.config.client_acl_verify,
            )
        )
        self.user_keys.clear()
        self.user_keys.update(keys)


def prepare(config: MasterConfig) -> Premises:
    """Folders, keys and rules. Blocking; the first start makes an RSA pair."""
    folders = [(config.pki_dir, 0o700), (config.cachedir, 0o755), (config.sock_dir, 0o755)]
    for folder, mode in folders + [(os.path.join(config.cachedir, name), 0o700) for name in ("sealed", *STOCK_FOLDERS)]:
        try:
            os.makedirs(folder, mode, exist_ok=True)
        except OSError as exc:
            raise ConfigError(f"{folder}: {exc.strerror}") from exc
    files = Backends.from_opts(config.opts)
    for name in unknown(config.opts):
        log.warning("fileserver.no_such_backend", backend=name)
    paths = master_paths(config)
    keyring = Keyring(config.pki_dir, hash_type=config.hash_type, permissive=config.permissive_pki_access)
    keyring.prepare()
    identity = _identity(config)
    sessions = _take_up(config, paths, identity)
    user_keys = open_user_keys(
        Path(config.cachedir),
        user=config.user,
        acl_users=config.publisher_acl,
        verify=config.client_acl_verify,
    )
    log.info("master.root_key.prepared")
    live = Live(config.opts, Acl(master_user=config.user))
    return Premises(
        config=config,
        live=live,
        presence=PresenceDesk(heartbeat=lambda: live.keys.presence_heartbeat, key_state=partial(_key_state, keyring)),
        paths=paths,
        keyring=keyring,
        accepted=AcceptedKeys(Path(config.pki_dir) / State.ACCEPTED.value),
        identity=identity,
        user_keys=user_keys,
        sessions=sessions,
        schedule=Schedule(state=Path(paths.schedule_state)),
        files=files,
        factors=Factors(Path(config.pki_dir), identity.seal),
        reactor=ReactorDesk(
            config.reactor,
            ReactorRules(
                worker_threads=max(config.reactor_worker_threads, 1),
                worker_hwm=max(config.reactor_worker_hwm, 1),
                max_depth=config.reactor_max_depth,
                renderers=max(config.worker_threads // 2, 1),
            ),
        ),
    )


def _take_up(config: MasterConfig, paths: MasterPaths, identity: Identity) -> Sessions:
    """The sessions of the run before, and its shared key: nobody who stayed has to sign in again.

    Whose key went while no master ran is out now, and what they knew of the shared key is worth nothing.
    """
    lifetime = config.publish_session
    sessions = Sessions(Path(paths.sessions), identity.seal, lifetime=lifetime)
    sessions.take_over(Path(paths.stock_sessions))
    departed = sessions.forget_departed(Path(config.pki_dir) / State.ACCEPTED.value)
    if departed:
        log.info("session.departed", ids=departed[:10], count=len(departed))
    kept = KeptKey(Path(paths.shared_key), identity.seal, lifetime=lifetime)
    identity.keep_shared_key(kept, fresh=bool(departed) or os.path.lexists(paths.drop_file))
    return sessions


def _identity(config: MasterConfig) -> Identity:
    opts = config.opts
    signed = config.master_sign_pubkey
    made_elsewhere = signed and opts.get("master_use_pubkey_signature")
    signature = opts.get("master_pubkey_signature") or f"{config.id}_pubkey_signature"
    return open_identity(
        Path(config.pki_dir),
        id=config.id,
        keysize=config.keysize,
        sign_key_name=config.master_sign_key_name if signed else None,
        signature_name=signature if made_elsewhere else None,
        key_pass=config.key_pass,
        signing_key_pass=config.signing_key_pass,
    )


def _key_state(keyring: Keyring, id: str) -> str | None:
    """In which state the key of an id is; None for none."""
    state = keyring.state(id)
    return state.name.lower() if state is not None else None
