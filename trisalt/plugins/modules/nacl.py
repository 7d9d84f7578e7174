"""Boxes of NaCl: keys for them, and texts and files sealed and opened. `NACL[…]` is opened by the renderer `nacl`.

Keys are those of a call (`sk`, `sk_file`, `pk`, `pk_file`), or else of `nacl.config`, in options or pillar.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import Any

from trisalt.errors import CommandError


def __virtual__() -> Any:
    if find_spec("nacl") is not None:
        return True
    return False, "libnacl import error, perhaps missing python libnacl or should update."


def keygen(sk_file: str | None = None, pk_file: str | None = None, **kwargs: Any) -> Any:
    """
    Make a pair of keys: it is returned, or kept in files, of which the secret one is its owner's alone.

    CLI Example:

        salt-call nacl.keygen
        salt-call nacl.keygen sk_file=/etc/salt/pki/master/nacl
    """
    nacls = _nacls()
    secret, public = nacls.pair()
    if sk_file is None:
        return {"sk": secret.decode(), "pk": public.decode()}
    pk_file = pk_file or f"{sk_file}.pub"
    if os.path.exists(sk_file) and os.path.exists(pk_file):
        raise CommandError(f"sk_file:{sk_file} and pk_file:{pk_file} already exist.")
    try:
        if os.path.exists(sk_file):
            with open(sk_file, "rb") as file:
                _write(pk_file, nacls.public_of(file.read()), 0o644)
            return f"saved pk_file: {pk_file}"
        if os.path.exists(pk_file):
            raise CommandError(f"pk_file:{pk_file} already exists, and belongs to another key.")
        _write(sk_file, secret, 0o600)
        _write(pk_file, public, 0o644)
    except OSError as exc:
        raise CommandError(f"Unable to write keys: {exc.filename}: {exc.strerror or exc}") from exc
    return f"saved sk_file:{sk_file}  pk_file: {pk_file}"


def enc(data: Any, **kwargs: Any) -> str:
    """
    Put a text into a box: of the type that is configured, or that the call names (`box_type`).

    CLI Example:

        salt-call nacl.enc datatoenc pk_file=/etc/salt/pki/master/nacl.pub
    """
    raw = data if isinstance(data, bytes) else str(data).encode()
    return _nacls().encrypt(raw, _config(kwargs))


def dec(data: Any, **kwargs: Any) -> str | bytes:
    """
    Take out of a box what is in it.

    CLI Example:

        salt-call nacl.dec pEXHQM6cuaF7A= sk_file=/etc/salt/pki/master/nacl
    """
    made = _nacls().decrypt(data, _config(kwargs))
    try:
        return made.decode()
    except UnicodeDecodeError:
        return made


def enc_file(name: str, out: str | None = None, **kwargs: Any) -> str:
    """
    Put a file into a box, which is returned, or kept in another. The file may be `salt://…`.

    CLI Example:

        salt-call nacl.enc_file name=salt://crt/mycert out=/tmp/cert
    """
    return _given(_nacls().encrypt(_read(name), _config(kwargs)).encode(), out, 0o644)


def dec_file(name: str, out: str | None = None, **kwargs: Any) -> str | bytes:
    """
    Take out of a box in a file what is in it: it is returned, or kept in another, which is its owner's alone.

    CLI Example:

        salt-call nacl.dec_file name=salt://crt/mycert.nacl out=/tmp/id_rsa
    """
    return _given(_nacls().decrypt(_read(name), _config(kwargs)), out, 0o600)


def sealedbox_encrypt(data: Any, **kwargs: Any) -> str:
    """
    Seal a text for a public key: only who has the secret one can open it.

    CLI Example:

        salt-call nacl.sealedbox_encrypt datatoenc pk_file=/etc/salt/pki/master/nacl.pub
    """
    return enc(data, **{**kwargs, "box_type": "sealedbox"})


def sealedbox_decrypt(data: Any, **kwargs: Any) -> str | bytes:
    """
    Open what was sealed for a public key, by its secret one.

    CLI Example:

        salt-call nacl.sealedbox_decrypt data='pEXHQM6cuaF7A=' sk_file=/etc/salt/pki/master/nacl
    """
    return dec(data, **{**kwargs, "box_type": "sealedbox"})


def secretbox_encrypt(data: Any, **kwargs: Any) -> str:
    """
    Put a text into a box that is opened by the same secret key.

    CLI Example:

        salt-call nacl.secretbox_encrypt datatoenc sk_file=/etc/salt/pki/master/nacl
    """
    return enc(data, **{**kwargs, "box_type": "secretbox"})


def secretbox_decrypt(data: Any, **kwargs: Any) -> str | bytes:
    """
    Open a box by the secret key that it was made with.

    CLI Example:

        salt-call nacl.secretbox_decrypt data='pEXHQM6cuaF7A=' sk_file=/etc/salt/pki/master/nacl
    """
    return dec(data, **{**kwargs, "box_type": "secretbox"})


def _nacls() -> Any:
    from trisalt.sls import nacls  # its library may not be there

    return nacls


def _config(given: dict[str, Any]) -> dict[str, Any]:
    found = __salt__["config.get"]("nacl.config", {}) or {}
    wanted = {key: value for key, value in given.items() if not key.startswith("__")}
    return _nacls().configured({"pki_dir": __opts__.get("pki_dir"), "nacl.config": found}, wanted)


def _read(name: str) -> bytes:
    path = name if os.path.isabs(name) else __salt__["cp.cache_file"](name)
    if not path:
        raise CommandError(f"{name} cannot be fetched")
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as exc:
        raise CommandError(f"Unable to read {name}: {exc.strerror or exc}") from exc


def _given(data: bytes, out: str | None, mode: int) -> Any:
    """What was made: returned, or kept in a file."""
    if not out:
        try:
            return data.decode()
        except UnicodeDecodeError:
            return data
    try:
        _write(out, data, mode)
    except OSError as exc:
        raise CommandError(f"Unable to write {out}: {exc.strerror or exc}") from exc
    return f"Wrote: {out}"


def _write(path: str, data: bytes, mode: int) -> None:
    """A file that is whole and has its mode from the beginning."""
    part = f"{path}.part-{os.getpid()}"
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with open(handle, "wb") as file:
            file.write(data)
        os.chmod(part, mode)
        os.replace(part, path)
    except OSError:
        os.unlink(part)
        raise
