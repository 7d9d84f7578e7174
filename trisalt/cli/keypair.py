"""What `salt-key` makes with RSA: pairs of keys, and the signature of the master's public key."""

from __future__ import annotations

import os
import sys

from trisalt.cli.show import write_out
from trisalt.config.read import read_master
from trisalt.errors import ConfigError, RemoteProtocolError
from trisalt.master.keyring import fingerprint, make_pair
from trisalt.wire.handshake import public_key_signature
from trisalt.wire.ids import valid_minion_id
from trisalt.wire.keys import DEFAULT_SIGNING, PrivateKey, PublicKey

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def signature_name(config: Any) -> str:
    """The file a master with `master_use_pubkey_signature` takes its signature from."""
    return str(config.opts.get("master_pubkey_signature") or f"{config.id}_pubkey_signature")


def generate(options: Any) -> int:
    """`--gen-keys`: a new pair, and its fingerprint; a pair that is there already stays. The exit status."""
    name, folder = options.gen_keys, options.gen_keys_dir
    if not valid_minion_id(name):
        raise ConfigError(f"--gen-keys: {name!r} cannot be the name of a file")
    if options.user and os.geteuid() != 0 and options.user != _own_name():
        raise ConfigError(f"--user: only root can make keys for {options.user}")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    paths = [os.path.join(folder, f"{name}{suffix}") for suffix in (".pem", ".pub")]
    present = [path for path in paths if os.path.lexists(path)]
    if present == paths:
        sys.stderr.write(f"{paths[0]} and {paths[1]} are there already: they stay as they are.\n")
    elif present:
        raise ConfigError(f"{present[0]} is there already, without its other half: nothing was made")
    else:
        make_pair(folder, name, keysize=options.keysize, user=options.user)
    if not options.quiet:
        with open(paths[1], encoding="utf-8") as file:
            write_out(f"{name}.pub:  {fingerprint(file.read(), _hash_type(options))}\n")
    return 0


def sign_master(options: Any) -> int:
    """`--gen-signature`: write the signing key's word for the master's public key. The exit status."""
    config = read_master(options.config_dir)
    public = options.pub or os.path.join(config.pki_dir, "master.pub")
    private = options.priv or os.path.join(config.pki_dir, f"{config.master_sign_key_name}.pem")
    target = os.path.join(options.signature_path or config.pki_dir, signature_name(config))
    if os.path.lexists(target):
        raise ConfigError(f"{target} is there already: nothing was signed")
    try:
        pem = PublicKey.from_pem(_read(public, "public-key")).pem
    except RemoteProtocolError as exc:
        raise ConfigError(f"{public}: {exc}") from exc
    if not options.priv and not os.path.exists(private):
        if not options.auto_create:
            raise ConfigError(f"No usable private-key found: {private} is not there; --auto-create makes one")
        make_pair(config.pki_dir, config.master_sign_key_name, keysize=options.keysize, user=config.user)
    data = _read(private, "private-key")
    try:
        key = PrivateKey.from_pem(data, config.signing_key_pass)
    except ConfigError as exc:
        raise ConfigError(f"{private}: {exc}") from exc
    # Minions are told the algorithm of the master's other signatures, and check this one by it.
    algo = config.opts.get("publish_signing_algorithm") or DEFAULT_SIGNING
    try:
        signature = public_key_signature(key, pem, algo)
    except RemoteProtocolError as exc:
        raise ConfigError(f"publish_signing_algorithm: {exc}") from exc
    os.makedirs(os.path.dirname(target) or ".", mode=0o700, exist_ok=True)
    with open(target, "x", encoding="ascii") as file:
        file.write(signature)
    if not options.quiet:
        write_out(f"{target}\n")
    return 0


def _read(path: str, what: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        raise ConfigError(f"No usable {what} found: {path} is not there") from None


def _hash_type(options: Any) -> str:
    """As the master's configuration has it, where one can be read: pairs are made on other hosts too."""
    try:
        return str(read_master(options.config_dir).hash_type)
    except (OSError, ConfigError):
        return "sha256"


def _own_name() -> str:
    import pwd  # only for who is not root

    return pwd.getpwuid(os.geteuid()).pw_name
