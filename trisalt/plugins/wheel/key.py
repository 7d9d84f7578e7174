"""The minions' keys: listed, accepted, rejected, deleted, printed, made.

Whatever changes is told on the bus, so that the master acts at once. Private keys go to the caller, never to the bus.
"""

import os
import tempfile

from trisalt.errors import CommandError, ConfigError, RemoteProtocolError
from trisalt.master.keyring import Keyring, State, fingerprint, make_pair
from trisalt.wire.handshake import public_key_signature
from trisalt.wire.keys import DEFAULT_SIGNING, PrivateKey, PublicKey
from trisalt.worker import upcall

__func_alias__ = {"list_": "list", "print_": "print"}

_LISTS = {
    "acc": State.ACCEPTED,
    "accepted": State.ACCEPTED,
    "pre": State.PENDING,
    "un": State.PENDING,
    "unacc": State.PENDING,
    "unaccepted": State.PENDING,
    "rej": State.REJECTED,
    "rejected": State.REJECTED,
    "den": State.DENIED,
    "denied": State.DENIED,
}


def list_(match):
    """
    The keys in one state: ``acc``, ``pre``, ``rej``, ``den``, or ``all``.

    CLI Example:

    .. code-block:: bash

        salt-call wheel key.list match=accepted
    """
    keyring = _keyring()
    if match == "all":
        return _named(keyring.list_all())
    if match not in _LISTS:
        raise CommandError(f"{match!r} is not a state of keys: acc, pre, rej, den or all")
    state = _LISTS[match]
    return {state.value: keyring.list(state)}


def list_all():
    """
    The keys in every state, and the master's own.

    CLI Example: ``key.list_all``
    """
    keyring = _keyring()
    return {**_named(keyring.list_all()), "local": sorted(keyring.local_keys())}


def glob_match(match):
    """
    The keys that a glob names, by state.

    CLI Example: ``key.glob_match 'web*'``
    """
    return _named(_keyring().match(match, tuple(State)))


def name_match(match):
    """
    The same as ``glob_match``.

    CLI Example: ``key.name_match 'web*'``
    """
    return glob_match(match)


def accept(match, include_rejected=False, include_denied=False):
    """
    Accept the pending keys that a glob names; all keys that it names, by state, as they are then.

    CLI Example: ``key.accept 'web*'``
    """
    states = [State.PENDING]
    states += [State.REJECTED] if include_rejected else []
    states += [State.DENIED] if include_denied else []
    _accept(_keyring().match(match, states))
    return glob_match(match)


def accept_dict(match, include_rejected=False, include_denied=False):
    """
    Accept the keys that stand in a dictionary of states and ids, as ``key.list_all`` gives it.

    CLI Example: ``key.accept_dict '{"minions_pre": ["m1", "m2"]}'``
    """
    states = {State.PENDING} | ({State.REJECTED} if include_rejected else set())
    states |= {State.DENIED} if include_denied else set()
    return _accept({state: ids for state, ids in _by_state(match).items() if state in states})


def reject(match, include_accepted=False, include_denied=False):
    """
    Reject the pending keys that a glob names; all keys that it names, by state, as they are then.

    CLI Example: ``key.reject 'web*'``
    """
    states = [State.PENDING]
    states += [State.ACCEPTED] if include_accepted else []
    states += [State.DENIED] if include_denied else []
    _reject(_keyring().match(match, states))
    return glob_match(match)


def reject_dict(match, include_accepted=False, include_denied=False):
    """
    Reject the keys that stand in a dictionary of states and ids.

    CLI Example: ``key.reject_dict '{"minions_pre": ["m1"]}'``
    """
    states = {State.PENDING} | ({State.ACCEPTED} if include_accepted else set())
    states |= {State.DENIED} if include_denied else set()
    return _reject({state: ids for state, ids in _by_state(match).items() if state in states})


def delete(match):
    """
    Delete the keys that a glob names, in every state.

    CLI Example: ``key.delete 'web*'``
    """
    return _delete(_keyring().match(match, tuple(State)))


def delete_dict(match):
    """
    Delete the keys that stand in a dictionary of states and ids.

    CLI Example: ``key.delete_dict '{"minions": ["m1"]}'``
    """
    return _delete(_by_state(match))


def finger(match, hash_type=None):
    """
    The fingerprints of the keys that a glob names.

    CLI Example: ``key.finger 'web*'``
    """
    keyring = _keyring(hash_type)
    return {
        state.value: {id: keyring.fingerprint(id, state) for id in ids}
        for state, ids in keyring.match(match, tuple(State)).items()
    }


def print_(match):
    """
    The public keys that a glob names.

    CLI Example: ``key.print 'web*'``
    """
    keyring = _keyring()
    return {
        state.value: {id: keyring.read(id, state) for id in ids}
        for state, ids in keyring.match(match, tuple(State)).items()
    }


def key_str(match):
    """
    The same as ``key.print``.

    CLI Example: ``key.key_str 'web*'``
    """
    return print_(match)


def master_key_str():
    """
    The master's own public keys.

    CLI Example: ``key.master_key_str``
    """
    return {"local": _keyring().local_keys()}


def finger_master(hash_type=None):
    """
    The fingerprint of the master's public key, which minions are shown.

    CLI Example: ``key.finger_master``
    """
    name = "master.pub"
    pem = _keyring().local_keys().get(name)
    if pem is None:
        raise CommandError(f"There is no {name} in {__opts__['pki_dir']}")
    return {"local": {name: fingerprint(pem, hash_type or __opts__.get("hash_type") or "sha256")}}


def gen_signature(priv="", pub="", signature_path="", auto_create=False, keysize=None):
    """
    Sign the master's public key with the key of ``master_sign_key_name``; the signature is a file in
    ``signature_path``. Names that are not given are the master's own; ``auto_create`` makes the signing key.

    CLI Example: ``key.gen_signature auto_create=True``
    """
    folder, name = __opts__["pki_dir"], __opts__.get("master_sign_key_name") or "master_sign"
    public, private = pub or os.path.join(folder, "master.pub"), priv or os.path.join(folder, f"{name}.pem")
    target = os.path.join(
        signature_path or folder, __opts__.get("master_pubkey_signature") or f"{__opts__['id']}_pubkey_signature"
    )
    if not os.path.isfile(public):
        raise CommandError(f"Public-key {public} does not exist")
    if not os.path.isfile(private):
        if priv or not auto_create:
            raise CommandError(f"Private-key {private} does not exist")
        make_pair(folder, name, keysize=_keysize(keysize or 2048), user=__opts__.get("user"))
    if os.path.lexists(target):
        raise CommandError(f"{target} is there already: nothing was signed")
    try:
        with open(public, "rb") as public_file, open(private, "rb") as private_file:
            pem = PublicKey.from_pem(public_file.read()).pem
            key = PrivateKey.from_pem(private_file.read(), __opts__.get("signing_key_pass"))
        algo = __opts__.get("publish_signing_algorithm") or DEFAULT_SIGNING
        signature = public_key_signature(key, pem, algo)
        os.makedirs(os.path.dirname(target), mode=0o700, exist_ok=True)
        with open(target, "x", encoding="ascii") as file:
            file.write(signature)
    except (OSError, ConfigError, RemoteProtocolError) as exc:
        raise CommandError(f"Nothing was signed: {exc}") from exc
    return True


def gen(id_=None, keysize=2048):
    """
    A new pair, kept nowhere: ``{"priv", "pub"}``.

    CLI Example: ``key.gen``
    """
    with tempfile.TemporaryDirectory() as folder:
        private, public = make_pair(folder, "pair", keysize=_keysize(keysize))
        with open(private, encoding="ascii") as private_file, open(public, encoding="ascii") as public_file:
            return {"priv": private_file.read(), "pub": public_file.read()}


def gen_keys(keydir, keyname, keysize=2048, user=None):
    """
    A new pair, as files ``<keyname>.pem`` and ``<keyname>.pub`` in a folder of the master.

    CLI Example: ``key.gen_keys keydir=/etc/salt/pki/new keyname=m1``
    """
    return list(make_pair(keydir, keyname, keysize=_keysize(keysize), user=user))


def gen_accept(id_, keysize=2048, force=False):
    """
    A new pair whose public key is accepted as ``id_``; nothing, and ``{}``, when there is an accepted one already.

    CLI Example: ``key.gen_accept m9``
    """
    keyring = _keyring()
    if keyring.state(id_) is State.ACCEPTED and not force:
        return {}
    pair = gen(keysize=keysize)
    keyring.store(id_, pair["pub"], State.ACCEPTED)
    _tell("accepted", id_, pair["pub"])
    return pair


def _keyring(hash_type=None):
    return Keyring(__opts__["pki_dir"], hash_type=hash_type or __opts__.get("hash_type") or "sha256")


def _keysize(keysize):
    if not isinstance(keysize, int) or not 2048 <= keysize <= 32768:
        raise CommandError("A key has between 2048 and 32768 bits")
    return keysize


def _named(found):
    return {state.value: ids for state, ids in found.items()}


def _by_state(match):
    if not isinstance(match, dict):
        raise CommandError("match is a dictionary of states and ids")
    known = {state.value: state for state in State}
    return {known[name]: list(ids) for name, ids in match.items() if name in known}


def _accept(found):
    keyring, done = _keyring(), []
    for state, ids in found.items():
        for id in ids:
            included = {"include_rejected": state is State.REJECTED, "include_denied": state is State.DENIED}
            if keyring.accept(id, **included) is not None:
                done.append(id)
                _tell("accepted", id, keyring.read(id, State.ACCEPTED))
    return {State.ACCEPTED.value: sorted(done)} if done else {}


def _reject(found):
    keyring, done = _keyring(), []
    for state, ids in found.items():
        for id in ids:
            included = {"include_accepted": state is State.ACCEPTED, "include_denied": state is State.DENIED}
            if keyring.reject(id, **included) is not None:
                done.append(id)
                _tell("rejected", id, keyring.read(id, State.REJECTED))
    _rotate(done)
    return {State.REJECTED.value: sorted(done)} if done else {}


def _delete(found):
    keyring, done = _keyring(), []
    for state, ids in found.items():
        for id in ids:
            if keyring.delete(id, [state]):
                done.append(id)
                _tell("delete", id)
    _rotate(done)
    return {}


def _tell(act, id, pub=None):
    upcall.fire_event("salt/key", {"result": True, "act": act, "id": id, **({"pub": pub} if pub else {})})


def _rotate(changed):
    """A key that is out must not read on: a new shared key, as for `salt-key`."""
    if changed and __opts__.get("rotate_aes_key", True):
        upcall.fire_event("key", {"rotate_aes_key": True})
