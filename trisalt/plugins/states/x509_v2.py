"""X.509: private keys, certificates, requests and revocation lists in files.

/etc/pki/www.key:
  x509.private_key_managed:
    - algo: ec

/etc/pki/www.crt:
  x509.certificate_managed:
    - signing_private_key: /etc/pki/ca.key
    - signing_cert: /etc/pki/ca.crt
    - private_key: /etc/pki/www.key
    - CN: www.example.com
    - subjectAltName: DNS:www.example.com
    - days_valid: 90
    - days_remaining: 30
"""

from __future__ import annotations

import datetime
import os
import tempfile
from collections.abc import Callable, Mapping
from typing import Any

from trisalt.errors import CommandError, InvocationError, TrisaltError
from trisalt.plugins.utils import certdrafts, certfiles, certnames
from trisalt.state.result import returned

__virtualname__ = "x509"

# What is `file.managed`'s. Source: stock Salt 3008.3.
_FILE = (
    *("user", "group", "mode", "attrs", "makedirs", "dir_mode", "backup", "create", "follow_symlinks", "check_cmd"),
    *("tmp_dir", "tmp_ext", "selinux", "encoding_errors", "show_changes"),
)
_KINDS = {
    "certificate": "The certificate",
    "csr": "The certificate signing request",
    "crl": "The certificate revocation list",
    "key": "The private key",
}


def __virtual__() -> str:
    return __virtualname__


def private_key_managed(
    name: str,
    algo: str = "rsa",
    keysize: int | None = None,
    passphrase: Any = None,
    encoding: str = "pem",
    new: bool = False,
    overwrite: bool = False,
    pkcs12_encryption_compat: bool = False,
    **kwargs: Any,
) -> dict[str, Any]:
    """
    A file holds a private key of this kind, `mode` 0400 unless it is said. One that cannot be read with the passphrase
    is replaced with `overwrite` alone; `new` makes another one each time. Other arguments are `file.managed`'s.
    """
    given, file = _parted(kwargs)
    certfiles.refuse(key for key in given if key not in ("verbose", "text", "cipher"))
    file.setdefault("mode", "0400")

    def look(there: bytes | None) -> tuple[dict[str, Any], bool]:
        if algo in ("ed25519", "ed448") and keysize is not None:
            raise CommandError(f"keysize is an invalid parameter for {algo}")
        if there is None:
            return {"created": name}, False
        if new:
            return {"replaced": name}, True
        hint = "Pass overwrite: true to force regeneration"
        try:
            key, encoded = certfiles.private_key(there, passphrase)
        except certfiles.Locked:
            key = _open(there)
            if key is not None:
                encoded = certfiles.private_key(there)[1]
                return {"passphrase": True, **_differences(key, encoded)}, True
            if not overwrite:
                if passphrase is None:
                    raise CommandError(f"The existing file is encrypted. {hint} without passphrase") from None
                raise CommandError(f"The provided passphrase cannot decrypt the private key. {hint}") from None
            return {"passphrase": True, "created": name}, True
        except CommandError:
            if not overwrite:
                raise CommandError(
                    "The existing file does not seem to be a private key formatted as DER, PEM or embedded in PKCS12."
                    f" {hint}"
                ) from None
            return {"replaced": name}, True
        return _differences(key, encoded), True

    def _differences(key: Any, encoded: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if certfiles.key_type(key) != algo:
            found["algo"] = algo
        size = keysize or {"rsa": 2048, "ec": 256}.get(algo)
        if size is not None and "algo" not in found and certfiles.key_size(key) != size:
            found["keysize"] = size
        if encoded != encoding:
            found["encoding"] = encoding
        return found

    def make() -> bytes:
        key = certfiles.new_key(algo, keysize)
        return certfiles.encoded_key(key, encoding, passphrase, compat=pkcs12_encryption_compat)

    return _managed(name, "key", file, look, make)


def certificate_managed(
    name: str,
    days_remaining: int | None = None,
    ca_server: str | None = None,
    signing_policy: str | None = None,
    encoding: str = "pem",
    append_certs: Any = None,
    digest: str = "sha256",
    pkcs12_passphrase: Any = None,
    pkcs12_encryption_compat: bool = False,
    pkcs12_friendlyname: str | None = None,
    **kwargs: Any,
) -> dict[str, Any]:
    """
    A file holds a certificate that is as these arguments of `x509.create_certificate` say, and is good for
    `days_remaining` days (90). With `ca_server` that minion signs it, by its `signing_policy`. Other arguments are
    `file.managed`'s (`file_encoding` for its `encoding`).
    """
    given, file = _parted(kwargs)
    given["digest"] = digest
    remaining = 90 if days_remaining is None else int(days_remaining)
    others = [append_certs] if isinstance(append_certs, str) else list(append_certs or ())

    def wanted() -> dict[str, Any]:
        if ca_server:
            fields = __salt__["x509.get_signing_policy"](signing_policy, ca_server)
            return certdrafts.with_policy(fields, {k: v for k, v in given.items() if not k.startswith("signing_p")})
        if not signing_policy:
            return given
        policies = __salt__["config.get"]("x509_signing_policies", {})
        fields = certdrafts.policy(policies, signing_policy)
        if not fields:
            raise CommandError(f"There is no signing policy {signing_policy}")
        return certdrafts.with_policy(fields, given)

    def look(there: bytes | None) -> tuple[dict[str, Any], bool]:
        if there is None:
            # What it is made with may be what another state would make, in a preview.
            return {"created": name}, False
        draft, signer = certdrafts.certificate(wanted())
        try:
            (cert, *chain), encoded = certfiles.certificates(there, pkcs12_passphrase)
        except certfiles.Locked:
            return {"pkcs12_passphrase": True}, True
        except CommandError:
            return {"replaced": name}, True
        found: dict[str, Any] = {}
        if encoded != encoding:
            found["encoding"] = encoding
        end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=remaining)
        if remaining and cert.not_valid_after_utc < end:
            found["expiration"] = True
        if chain != [certfiles.certificate(each) for each in others]:
            found["additional_certs"] = True
        asked = str(wanted().get("digest") or digest)
        now = cert.signature_hash_algorithm
        if now is not None and now.name.replace("-", "_") != asked.replace("-", "_"):
            found["digest"] = asked
        if signer is not None and not certfiles.is_signed(cert, signer.public_key()):
            found["signing_private_key"] = True
        changes = certdrafts.certificate_changes(draft, cert, given)
        if not given.get("signing_cert") and "private_key" in changes:
            # It signs itself: another key is another signature.
            del changes["private_key"]
        return found | changes, True

    def make() -> bytes:
        data: bytes = __salt__["x509.create_certificate"](
            ca_server=ca_server, signing_policy=signing_policy, encoding=encoding, append_certs=others,
            pkcs12_passphrase=pkcs12_passphrase, pkcs12_encryption_compat=pkcs12_encryption_compat,
            pkcs12_friendlyname=pkcs12_friendlyname, raw=True, **given,
        )  # fmt: skip
        return data

    return _managed(name, "certificate", file, look, make)


def csr_managed(
    name: str,
    private_key: Any,
    private_key_passphrase: Any = None,
    digest: str = "sha256",
    encoding: str = "pem",
    subject: Any = None,
    **kwargs: Any,
) -> dict[str, Any]:
    """
    A file holds a certificate signing request that is as these arguments of `x509.create_csr` say. Other arguments are
    `file.managed`'s.
    """
    given, file = _parted(kwargs)
    given |= {"private_key": private_key, "private_key_passphrase": private_key_passphrase, "subject": subject}

    def look(there: bytes | None) -> tuple[dict[str, Any], bool]:
        if there is None:
            return {"created": name}, False
        key, subject_name, extensions = certdrafts.request(given)
        try:
            csr, encoded = certfiles.request(there)
        except CommandError:
            return {"replaced": name}, True
        found: dict[str, Any] = {}
        if encoded != encoding:
            found["encoding"] = encoding
        now = csr.signature_hash_algorithm
        if now is not None and now.name.replace("-", "_") != digest:
            found["digest"] = digest
        if not certfiles.same_key(csr.public_key(), key.public_key()):
            found["private_key"] = True
        if csr.subject != subject_name:
            found["subject_name"] = subject_name.rfc4514_string()
        return found | certdrafts.extension_changes(csr.extensions, extensions), True

    def make() -> bytes:
        key, subject_name, extensions = certdrafts.request(given)
        return certfiles.encoded(certdrafts.signed_request(key, subject_name, extensions, digest), encoding)

    return _managed(name, "csr", file, look, make)


def crl_managed(
    name: str,
    signing_private_key: Any,
    revoked: Any,
    days_remaining: int | None = None,
    signing_cert: Any = None,
    signing_private_key_passphrase: Any = None,
    include_expired: bool = False,
    days_valid: int | None = None,
    digest: str = "sha256",
    encoding: str = "pem",
    extensions: Mapping[str, Any] | None = None,
    **kwargs: Any,
) -> dict[str, Any]:
    """
    A file holds a certificate revocation list with these entries, and is good for `days_remaining` days (30). The
    extension `cRLNumber: auto` counts up with each new list. Other arguments are `file.managed`'s.
    """
    given, file = _parted(kwargs)
    certfiles.refuse(key for key in given if key != "text")
    remaining = 30 if days_remaining is None else int(days_remaining)
    valid = 100 if days_valid is None else int(days_valid)
    asked = dict(extensions or {})
    automatic = asked.get("cRLNumber") == "auto"

    def draft(number: int) -> Any:
        key = certfiles.private_key(signing_private_key, signing_private_key_passphrase)[0]
        words = {**asked, "cRLNumber": number} if automatic else asked
        return certdrafts.revocation_list(
            signing_cert,
            key,
            revoked,
            include_expired=include_expired,
            days_valid=valid,
            digest=digest,
            extensions=words,
        )

    def look(there: bytes | None) -> tuple[dict[str, Any], bool]:
        number[0] = 1
        if there is None:
            return {"created": name}, False
        try:
            crl, encoded = certfiles.revocations(there)
        except CommandError:
            return {"replaced": name}, True
        counted = certnames.shown_extensions(crl.extensions).get("cRLNumber", {}).get("value")
        wanted = draft(1 if counted is None else counted)
        number[0] = (counted or 0) + 1
        found: dict[str, Any] = {}
        if encoded != encoding:
            found["encoding"] = encoding
        end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=remaining)
        if remaining and (crl.next_update_utc is None or crl.next_update_utc < end):
            found["expiration"] = True
        now = crl.signature_hash_algorithm
        if now is not None and now.name.replace("-", "_") != digest:
            found["digest"] = digest
        if not crl.is_signature_valid(certfiles.certificate(signing_cert).public_key()):  # type: ignore[arg-type]
            found["public_key"] = True
        return found | certdrafts.revocation_changes(crl, wanted, revoked), True

    number = [1]
    return _managed(name, "crl", file, look, lambda: certfiles.encoded(draft(number[0]), encoding))


def pem_managed(name: str, text: Any, **kwargs: Any) -> dict[str, Any]:
    """
    A file holds the PEM block of a text, or of another file, its lines as they should be. Other arguments are
    `file.managed`'s.
    """
    given, file = _parted(kwargs)
    certfiles.refuse(given)
    try:
        entry = __salt__["x509.get_pem_entry"](text)
    except TrisaltError as exc:
        return returned(name, False, str(exc))
    done: dict[str, Any] = __states__["file.managed"](name, contents=entry, **file)
    return done


# -- inside ------------------------------------------------------------------------------------------------------------


def _parted(kwargs: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is said of the thing, and what of its file."""
    given = {key: value for key, value in kwargs.items() if not key.startswith("__")}
    file = {key: given.pop(key) for key in _FILE if key in given}
    if "file_encoding" in given:
        file["encoding"] = given.pop("file_encoding")
    return given, file


def _open(data: bytes) -> Any:
    """A private key that needs no passphrase; None for one that does."""
    try:
        return certfiles.private_key(data)[0]
    except CommandError:
        return None


def _managed(
    name: str,
    kind: str,
    file: dict[str, Any],
    look: Callable[[bytes | None], tuple[dict[str, Any], bool]],
    make: Callable[[], bytes],
) -> dict[str, Any]:
    """Have a file hold a thing: `look` says what is other than it should be, `make` makes it anew."""
    what = _KINDS[kind]
    correct = f"{what} is in the correct state"
    try:
        there = _held(name, follow=file.get("follow_symlinks", True))
        if there is None and file.get("create") is False:
            return returned(name, True, correct)
        changes, was_there = look(there)
        verb = "recreate" if was_there else "create"
        if not changes:
            attributes = __states__["file.managed"](name, replace=False, **file)
            if attributes["result"] is False:
                return _with(returned(name, False, "Could not update file, see file.managed output"), attributes, name)
            return _with(returned(name, True, correct), attributes, name)
        if __opts__["test"]:
            return returned(name, None, f"{what} would have been {verb}d", changes)
        written = _written(name, make(), file)
        if not written["result"]:
            verb = "update" if was_there else "create"
            return _with(returned(name, False, f"Could not {verb} file, see file.managed output"), written, name)
        return _with(returned(name, True, f"{what} has been {verb}d", changes), written, name)
    except InvocationError:
        raise
    except TrisaltError as exc:
        return returned(name, False, str(exc))


def _held(name: str, *, follow: bool) -> bytes | None:
    """What a file holds now; None when there is none, or what is there is a link that is to become a file."""
    if not follow and os.path.islink(name):
        return None
    try:
        with open(name, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as exc:
        raise CommandError(f"{name} cannot be read: {exc.strerror}") from exc


def _written(name: str, data: bytes, file: dict[str, Any]) -> dict[str, Any]:
    """Put bytes into a file, by the state `file.managed`; nobody else can read them on their way."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "made")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            out.write(data)
        shown = {"show_changes": False, **file}
        done: dict[str, Any] = __states__["file.managed"](name, source=path, skip_verify=True, **shown)
        return done


def _with(result: dict[str, Any], file: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A result with that of its file as an entry of its own."""
    low = {"name": name, "state": "file", "fun": "managed", "__id__": __low__.get("__id__", name)}
    told = {key: file[key] for key in ("changes", "comment", "result")}
    return {**result, "sub_state_run": [{"low": low, **told}]}
