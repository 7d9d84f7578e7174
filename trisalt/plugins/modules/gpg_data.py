"""Texts and files with keys of GnuPG: signed, verified, encrypted and decrypted."""

from __future__ import annotations

import logging
import os
import re
import shutil
from typing import Any

from trisalt.errors import CommandError
from trisalt.plugins.utils import gnupgs

log = logging.getLogger(__name__)

__virtualname__ = "gpg"

_TRUST_MODELS = ("pgp", "classic", "tofu", "tofu+pgp", "direct", "always", "auto")
_NO_INPUT = "filename or text must be passed."
# What gpg says of a signature, and how it is told.
_TOLD = {
    "GOODSIG": "signature valid",
    "EXPSIG": "signature expired",
    "EXPKEYSIG": "signing key has expired",
    "REVKEYSIG": "signing key was revoked",
    "BADSIG": "signature bad",
    "ERRSIG": "signature error",
}
# What gpg says when it could not encrypt or decrypt, the most telling first.
_FAILURES = {
    "INV_RECP": "invalid recipient",
    "NODATA": "no data was provided",
    "BAD_PASSPHRASE": "bad passphrase",
    "NO_SECKEY": "no secret key",
    "DECRYPTION_FAILED": "decryption failed",
    "INV_SGNR": "invalid signer",
}


def __virtual__() -> Any:
    if shutil.which("gpg"):
        return __virtualname__
    return False, "The gpg execution module cannot be loaded: gpg is not installed."


def sign(
    user: str | None = None,
    keyid: str | None = None,
    text: str | None = None,
    filename: str | None = None,
    output: str | None = None,
    use_passphrase: bool = False,
    gnupghome: str | None = None,
    keyring: str | None = None,
) -> str:
    """
    Sign a text or a file, which stays readable in what comes back; with `output` that is written to a file too.

    CLI Example:

        salt '*' gpg.sign filename='/path/to/important.file' keyid=3FAD9F1E
    """
    words = ["--local-user", _ident(keyid)] if keyid else []
    done = _run([*words, "--clearsign"], user, gnupghome, keyring, _input(text, filename), use_passphrase)
    if not done.said("SIG_CREATED"):
        raise CommandError(f"Unable to sign: {done.stderr}")
    if output:
        _write(output, done.stdout)
    return done.stdout.decode("utf-8", "surrogateescape")


def verify(
    text: str | None = None,
    user: str | None = None,
    filename: str | None = None,
    gnupghome: str | None = None,
    signature: str | None = None,
    trustmodel: str | None = None,
    signed_by_any: Any = None,
    signed_by_all: Any = None,
    keyring: str | None = None,
) -> dict[str, Any]:
    """
    Whether a text or a file is signed, in itself or by a file `signature`; and by whom, where fingerprints say so:
    by one of `signed_by_any`, and by all of `signed_by_all`.

    CLI Example:

        salt '*' gpg.verify filename='/path/to/important.file' signature='/path/to/important.file.sig'
    """
    failed = {"res": False, "message": "The signature could not be verified."}
    if trustmodel and trustmodel not in _TRUST_MODELS:
        told = f"Invalid trustmodel defined: {trustmodel}. Use one of: {', '.join(_TRUST_MODELS)}"
        return {"res": False, "message": told}
    if filename and not text and not os.path.exists(filename):
        return failed
    words = ["--trust-model", trustmodel] if trustmodel else []
    data = _input(text, filename)
    if signature and not text:
        done = _run(
            [*words, "--verify", "--", "{beside}", "-"], user, gnupghome, keyring, data, beside=_read(signature)
        )
    else:
        done = _run([*words, "--verify"], user, gnupghome, keyring, data)
    signatures = _signatures(done)
    valid = [each for each in signatures if each["status"] == _TOLD["GOODSIG"]]
    if signed_by_any or signed_by_all:
        told = _missing({each["fingerprint"] for each in valid}, _list(signed_by_any), _list(signed_by_all))
        message = told or "All required keys have provided a signature"
        return {"res": not told, "message": message, "signatures": [each for each in signatures if each["fingerprint"]]}
    if not valid or len(valid) != len(signatures) - _unknown(signatures):
        log.debug("gpg did not verify: %s", done.stderr)
        return failed
    last = valid[-1]
    shown = {"res": True, "username": last["username"], "key_id": last["key_id"], "trust_level": last["trust_level"]}
    return {**shown, "message": "The signature is verified."}


def encrypt(
    user: str | None = None,
    recipients: Any = None,
    text: str | None = None,
    filename: str | None = None,
    output: str | None = None,
    sign: Any = None,
    use_passphrase: bool = False,
    always_trust: bool = False,
    gnupghome: str | None = None,
    bare: bool = False,
    keyring: str | None = None,
) -> Any:
    """
    Encrypt a text or a file for who has one of the keys `recipients`; `sign` it by the default key, or the one named.

    CLI Example:

        salt '*' gpg.encrypt text='Hello there.' recipients=recipient@example.com
    """
    data = _input(text, filename)
    wanted = [_ident(each) for each in (recipients if isinstance(recipients, list | tuple) else [recipients or ""])]
    words = [word for each in wanted for word in ("--recipient", each)]
    words += ["--trust-model", "always"] if always_trust else []
    words += ["--sign"] if sign else []
    words += ["--local-user", _ident(sign)] if sign and sign is not True else []
    done = _run([*words, "--armor", "--encrypt"], user, gnupghome, keyring, data, use_passphrase)
    return _outcome(done, bool(done.said("END_ENCRYPTION")), "Encrypted", output, bare)


def decrypt(
    user: str | None = None,
    text: str | None = None,
    filename: str | None = None,
    output: str | None = None,
    use_passphrase: bool = False,
    gnupghome: str | None = None,
    bare: bool = False,
    keyring: str | None = None,
) -> Any:
    """
    Decrypt a text or a file.

    CLI Example:

        salt '*' gpg.decrypt filename='/path/to/important.file.gpg'
    """
    done = _run(["--decrypt"], user, gnupghome, keyring, _input(text, filename), use_passphrase)
    return _outcome(done, bool(done.said("DECRYPTION_OKAY")), "Decrypted", output, bare)


# -- inside ------------------------------------------------------------------------------------------------------------


def _run(
    words: list[str],
    user: str | None,
    gnupghome: str | None,
    keyring: str | None,
    data: bytes,
    use_passphrase: bool = False,
    beside: bytes | None = None,
) -> gnupgs.Done:
    passphrase = None
    if use_passphrase:
        passphrase = __salt__["pillar.get"]("gpg_passphrase")
        if not passphrase:
            raise CommandError("gpg_passphrase not available in pillar.")
    chain = gnupgs.keychain(user, gnupghome, keyring, __opts__.get("config_dir") or "/etc/salt")
    return gnupgs.run(chain, words, data, passphrase=passphrase, beside=beside)


def _outcome(done: gnupgs.Done, good: bool, what: str, output: str | None, bare: bool) -> Any:
    if not good:
        log.error("gpg failed: %s", done.stderr)
        words = {word for word, _ in done.status}
        told = next((text for word, text in _FAILURES.items() if word in words), "gpg failed")
        return False if bare else {"res": False, "comment": f"{told}.\nPlease check the salt-minion log."}
    if output:
        _write(output, done.stdout)
        return "" if bare else {"res": True, "comment": f"{what} data has been written to {output}"}
    content: Any = done.stdout
    try:
        content = done.stdout.decode()
    except UnicodeDecodeError:
        pass
    return content if bare else {"res": True, "comment": content}


def _signatures(done: gnupgs.Done) -> list[dict[str, Any]]:
    """Each signature that gpg has looked at, in its order."""
    found: list[dict[str, Any]] = []
    for word, rest in done.status:
        first, _, last = rest.partition(" ")
        if word in _TOLD:
            name = None if word == "ERRSIG" else last
            found.append(
                {"username": name, "key_id": first, "fingerprint": None, "trust_level": None, "status": _TOLD[word]}
            )
        elif word == "NO_PUBKEY" and found:
            found[-1]["status"] = "no public key"
        elif word == "VALIDSIG" and found:
            found[-1]["fingerprint"] = first
        elif word.startswith("TRUST_") and found:
            found[-1]["trust_level"] = word.removeprefix("TRUST_").capitalize()
    return found


def _unknown(signatures: list[dict[str, Any]]) -> int:
    """How many are by keys that are not here: they neither hold nor break anything."""
    return sum(each["status"] == "no public key" for each in signatures)


def _missing(signers: set[Any], any_of: list[str], all_of: list[str]) -> str:
    if any_of and not signers & set(any_of):
        return "None of the public keys listed in signed_by_any provided a valid signature"
    lacking = next((each for each in all_of if each not in signers), None)
    if lacking is not None:
        return f"Public key {lacking} has not provided a valid signature, but was listed in signed_by_all"
    return ""


def _list(marks: Any) -> list[str]:
    given = marks if isinstance(marks, list | tuple) else [marks] if marks else []
    return [str(mark).replace(" ", "").upper() for mark in given]


def _input(text: Any, filename: str | None) -> bytes:
    if text:
        return str(text).encode("utf-8", "surrogateescape")
    if not filename:
        raise CommandError(_NO_INPUT)
    return _read(filename)


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as exc:
        raise CommandError(f"Unable to read {path}: {exc.strerror}") from exc


def _write(path: str, data: bytes) -> None:
    __utils__["rewrite.replace"](path, data.decode("utf-8", "surrogateescape"), mode=0o600)


def _ident(given: Any) -> str:
    text = str(given).strip()
    if not text or text.startswith("-") or re.search(r"[\r\n]", text):
        raise CommandError(f"Invalid name of a key: {given!r}")
    return text
