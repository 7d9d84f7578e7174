"""X.509: private keys, certificates, requests and revocation lists, made and read.

Where a key or a certificate is an argument it may be the path of a file, PEM, or its bytes as hex or Base64.
"""

from __future__ import annotations

import base64
import datetime
import fnmatch
import glob
import os
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives import hashes

from trisalt.errors import CommandError, TrisaltError
from trisalt.fileserver.replace import replacing
from trisalt.plugins.utils import certdrafts, certfiles, certnames

__virtualname__ = "x509"

_BINARY = ("der", "pkcs7_der", "pkcs12")


def __virtual__() -> str:
    return __virtualname__


# -- keys --------------------------------------------------------------------------------------------------------------


def create_private_key(
    algo: str = "rsa", keysize: int | None = None, passphrase: Any = None, encoding: str = "pem",
    pkcs12_encryption_compat: bool = False, path: str | None = None, raw: bool = False, **kwargs: Any,
) -> Any:  # fmt: skip
    """
    Make a private key: `rsa`, `ec`, `ed25519` or `ed448`; PEM, Base64 of another encoding, or written to `path`.

    CLI Example:

        salt '*' x509.create_private_key algo=ec path=/etc/pki/www.key
    """
    certfiles.refuse(_extra(kwargs))
    made = certfiles.encoded_key(
        certfiles.new_key(algo, keysize), encoding, passphrase, compat=pkcs12_encryption_compat
    )
    return _out(made, encoding, path, raw, mode=0o600)


def encode_private_key(
    private_key: Any, encoding: str = "pem", passphrase: Any = None, private_key_passphrase: Any = None,
    pkcs12_encryption_compat: bool = False, raw: bool = False,
) -> Any:  # fmt: skip
    """
    A private key in another encoding, or with another passphrase (`private_key_passphrase` is the one it has).

    CLI Example:

        salt '*' x509.encode_private_key /etc/pki/my.key der
    """
    key = certfiles.private_key(private_key, private_key_passphrase)[0]
    made = certfiles.encoded_key(key, encoding, passphrase, compat=pkcs12_encryption_compat)
    return _out(made, encoding, None, raw)


def get_private_key_size(private_key: Any, passphrase: Any = None) -> int | None:
    """
    How many bits a private key has; None for kinds that have one size only.

    CLI Example:

        salt '*' x509.get_private_key_size /etc/pki/my.key
    """
    return certfiles.key_size(certfiles.private_key(private_key, passphrase)[0])


def get_public_key(key: Any, passphrase: Any = None, asObj: Any = None) -> str:
    """
    The public key in a certificate, a request or a private key, as PEM.

    CLI Example:

        salt '*' x509.get_public_key /etc/pki/my.crt
    """
    return certfiles.public_pem(certfiles.public_key(key, passphrase))


def verify_private_key(private_key: Any, public_key: Any, passphrase: Any = None) -> bool:
    """
    Whether a private key belongs to a public key or a certificate.

    CLI Example:

        salt '*' x509.verify_private_key /etc/pki/my.key /etc/pki/my.crt
    """
    key = certfiles.private_key(private_key, passphrase)[0]
    return certfiles.same_key(key.public_key(), certfiles.public_key(public_key))


# -- certificates ------------------------------------------------------------------------------------------------------


def create_certificate(
    ca_server: str | None = None, signing_policy: str | None = None, encoding: str = "pem", append_certs: Any = None,
    pkcs12_passphrase: Any = None, pkcs12_encryption_compat: bool = False, pkcs12_friendlyname: str | None = None,
    path: str | None = None, overwrite: bool = True, raw: bool = False, **kwargs: Any,
) -> Any:  # fmt: skip
    """
    Make a certificate, signed by `signing_private_key`: by itself, or with `signing_cert` for `private_key`,
    `public_key` or the key of `csr`. Its name is `subject`, or `CN`, `O` and the other fields; then `days_valid`,
    `not_before`, `not_after`, `serial_number`, `digest`; and extensions by OpenSSL's names (`basicConstraints`,
    `subjectAltName`, …). A `signing_policy` is configured (`x509_signing_policies`), and goes before what is said here;
    with `ca_server` that minion signs by its own.

    CLI Example:

        salt '*' x509.create_certificate signing_private_key='/etc/pki/myca.key' CN=ca.example.com
    """
    if path and not overwrite and os.path.isfile(path):
        return f"The file at {path} exists and overwrite was set to false"
    given = _extra(kwargs)
    copy = given.pop("copypath", None), given.pop("prepend_cn", False)
    if encoding not in ("der", "pem", "pkcs7_der", "pkcs7_pem", "pkcs12"):
        raise CommandError(f"Invalid value '{encoding}' for encoding. Valid: der, pem, pkcs7_der, pkcs7_pem, pkcs12")
    certfiles.digest(given.get("digest") or "sha256")
    key = None
    if given.get("private_key"):
        key = certfiles.private_key(given["private_key"], given.get("private_key_passphrase"))[0]
    if ca_server:
        cert = certfiles.certificate(_signed_there(ca_server, signing_policy, given))
    else:
        given = certdrafts.with_policy(_policy(signing_policy) if signing_policy else {}, given)
        if not given.get("signing_private_key"):
            raise CommandError("Creating a certificate locally at least requires a signing private key.")
        draft, signer = certdrafts.certificate(given)
        cert = draft.signed(signer, given.get("digest") or "sha256")
        key = key or (signer if not given.get("signing_cert") else None)
    if copy[0]:
        _write(
            os.path.join(copy[0], _copy_name(cert, prepend=bool(copy[1]))), certfiles.encoded_certificate(cert, "pem")
        )
    others = [certfiles.certificate(each) for each in _list(append_certs)]
    made = certfiles.encoded_certificate(
        cert, encoding, others, key=key, passphrase=pkcs12_passphrase, compat=pkcs12_encryption_compat,
        name=pkcs12_friendlyname,
    )  # fmt: skip
    return _out(made, encoding, path, raw)


def encode_certificate(
    certificate: Any, encoding: str = "pem", append_certs: Any = None, private_key: Any = None,
    private_key_passphrase: Any = None, pkcs12_passphrase: Any = None, pkcs12_encryption_compat: bool = False,
    pkcs12_friendlyname: str | None = None, raw: bool = False,
) -> Any:  # fmt: skip
    """
    A certificate in another encoding, with others after it; in `pkcs12` with its private key.

    CLI Example:

        salt '*' x509.encode_certificate /etc/pki/my.crt pem /etc/pki/ca.crt
    """
    key = certfiles.private_key(private_key, private_key_passphrase)[0] if private_key else None
    made = certfiles.encoded_certificate(
        certfiles.certificate(certificate), encoding, [certfiles.certificate(each) for each in _list(append_certs)],
        key=key, passphrase=pkcs12_passphrase, compat=pkcs12_encryption_compat, name=pkcs12_friendlyname,
    )  # fmt: skip
    return _out(made, encoding, None, raw)


def read_certificate(certificate: Any) -> dict[str, Any]:
    """
    What is in a certificate.

    CLI Example:

        salt '*' x509.read_certificate /etc/pki/mycert.crt
    """
    cert = certfiles.certificate(certificate)
    key: Any = cert.public_key()
    prints = (("sha1", hashes.SHA1()), ("sha256", hashes.SHA256()), ("md5", hashes.MD5()))
    return {
        "version": cert.version.value + 1,
        "key_size": certfiles.key_size(key),
        "key_type": certfiles.key_type(key),
        "serial_number": certnames.shown_number(cert.serial_number),
        "fingerprints": {name: certnames.fingerprint(cert, kind) for name, kind in prints},
        "subject": certnames.shown_name(cert.subject),
        "subject_hash": certnames.name_hash(cert.subject),
        "subject_str": cert.subject.rfc4514_string(),
        "issuer": certnames.shown_name(cert.issuer),
        "issuer_hash": certnames.name_hash(cert.issuer),
        "issuer_str": cert.issuer.rfc4514_string(),
        "not_before": certnames.shown_moment(cert.not_valid_before_utc),
        "not_after": certnames.shown_moment(cert.not_valid_after_utc),
        "public_key": certfiles.public_pem(key),
        "extensions": certnames.shown_extensions(cert.extensions),
        "signature_algorithm": _algorithm(cert),
    }


def read_certificates(glob_path: str) -> dict[str, Any]:
    """
    What is in the certificates whose paths fit a pattern.

    CLI Example:

        salt '*' x509.read_certificates "/etc/pki/*.crt"
    """
    return {path: read_certificate(path) for path in sorted(glob.glob(glob_path)) if os.path.isfile(path)}


def expired(certificate: Any) -> dict[str, Any]:
    """
    Whether the time of a certificate is over.

    CLI Example:

        salt '*' x509.expired "/etc/pki/mycert.crt"
    """
    return {
        "expired": _days_left(certificate, 0),
        "cn": _common(certfiles.certificate(certificate)),
        **_path(certificate),
    }


def expires(certificate: Any, days: int = 0) -> bool:
    """
    Whether the time of a certificate is over in so many days.

    CLI Example:

        salt '*' x509.expires /etc/pki/my.crt days=7
    """
    return _days_left(certificate, days)


def will_expire(certificate: Any, days: int) -> dict[str, Any]:
    """
    As `expires`, with what was asked.

    CLI Example:

        salt '*' x509.will_expire "/etc/pki/mycert.crt" days=30
    """
    found = {"check_days": days, "cn": _common(certfiles.certificate(certificate)), **_path(certificate)}
    return {**found, "will_expire": _days_left(certificate, days)}


def verify_signature(certificate: Any, signing_pub_key: Any = None, signing_pub_key_passphrase: Any = None) -> bool:
    """
    Whether a certificate was signed by the owner of a public key, or of a certificate; without one, by itself.

    CLI Example:

        salt '*' x509.verify_signature /etc/pki/my.crt /etc/pki/ca.crt
    """
    cert = certfiles.certificate(certificate)
    key = certfiles.public_key(signing_pub_key, signing_pub_key_passphrase) if signing_pub_key else cert.public_key()
    return certfiles.is_signed(cert, key)


# -- requests and revocation lists -------------------------------------------------------------------------------------


def create_csr(
    private_key: Any, private_key_passphrase: Any = None, digest: str = "sha256", encoding: str = "pem",
    path: str | None = None, raw: bool = False, **kwargs: Any,
) -> Any:  # fmt: skip
    """
    Make a certificate signing request: its name and extensions as those of `create_certificate`.

    CLI Example:

        salt '*' x509.create_csr private_key='/etc/pki/myca.key' CN='My Cert'
    """
    given = {**_extra(kwargs), "private_key": private_key, "private_key_passphrase": private_key_passphrase}
    key, name, extensions = certdrafts.request(given)
    made = certfiles.encoded(certdrafts.signed_request(key, name, extensions, digest), encoding)
    return _out(made, encoding, path, raw)


def encode_csr(csr: Any, encoding: str = "pem", raw: bool = False) -> Any:
    """
    A request in another encoding.

    CLI Example:

        salt '*' x509.encode_csr /etc/pki/my.csr der
    """
    return _out(certfiles.encoded(certfiles.request(csr)[0], encoding), encoding, None, raw)


def read_csr(csr: Any) -> dict[str, Any]:
    """
    What is in a request.

    CLI Example:

        salt '*' x509.read_csr /etc/pki/mycert.csr
    """
    found = certfiles.request(csr)[0]
    key: Any = found.public_key()
    return {
        "key_size": certfiles.key_size(key),
        "key_type": certfiles.key_type(key),
        "subject": certnames.shown_name(found.subject),
        "subject_hash": certnames.name_hash(found.subject),
        "subject_str": found.subject.rfc4514_string(),
        "public_key_hash": certnames.key_hash(key),
        "extensions": certnames.shown_extensions(found.extensions),
    }


def create_crl(
    signing_private_key: Any, revoked: Any, signing_cert: Any = None, signing_private_key_passphrase: Any = None,
    include_expired: bool = False, days_valid: int | None = None, digest: str = "sha256", encoding: str = "pem",
    extensions: Mapping[str, Any] | None = None, path: str | None = None, raw: bool = False, **kwargs: Any,
) -> Any:  # fmt: skip
    """
    Make a certificate revocation list. Each of `revoked` is a map with `certificate` or `serial_number`, and perhaps
    `revocation_date`, `not_after` and `extensions` (`CRLReason`, `invalidityDate`, `certificateIssuer`).

    CLI Example:

        salt '*' x509.create_crl signing_cert=/etc/pki/ca.crt signing_private_key=/etc/pki/ca.key revoked="[]"
    """
    certfiles.refuse({key: value for key, value in _extra(kwargs).items() if key != "text"})
    key = certfiles.private_key(signing_private_key, signing_private_key_passphrase)[0]
    made = certdrafts.revocation_list(
        signing_cert, key, revoked, include_expired=include_expired,
        days_valid=int(100 if days_valid is None else days_valid), digest=digest, extensions=extensions,
    )  # fmt: skip
    return _out(certfiles.encoded(made, encoding), encoding, path, raw)


def encode_crl(crl: Any, encoding: str = "pem", raw: bool = False) -> Any:
    """
    A revocation list in another encoding.

    CLI Example:

        salt '*' x509.encode_crl /etc/pki/my.crl der
    """
    return _out(certfiles.encoded(certfiles.revocations(crl)[0], encoding), encoding, None, raw)


def read_crl(crl: Any) -> dict[str, Any]:
    """
    What is in a revocation list.

    CLI Example:

        salt '*' x509.read_crl /etc/pki/my.crl
    """
    found = certfiles.revocations(crl)[0]
    revoked = {
        certnames.shown_number(entry.serial_number).replace(":", ""): {
            "revocation_date": certnames.shown_moment(entry.revocation_date_utc),
            "extensions": certnames.shown_extensions(entry.extensions),
        }
        for entry in found
    }
    return {
        "issuer": certnames.shown_name(found.issuer),
        "last_update": certnames.shown_moment(found.last_update_utc),
        "next_update": certnames.shown_moment(found.next_update_utc),
        "revoked_certificates": revoked,
        "extensions": certnames.shown_extensions(found.extensions),
        "signature_algorithm": _algorithm(found),
    }


def verify_crl(crl: Any, cert: Any) -> bool:
    """
    Whether a revocation list was signed by the owner of a certificate.

    CLI Example:

        salt '*' x509.verify_crl /etc/pki/my.crl /etc/pki/ca.crt
    """
    found, key = certfiles.revocations(crl)[0], certfiles.certificate(cert).public_key()
    return bool(found.is_signature_valid(key))


# -- PEM ---------------------------------------------------------------------------------------------------------------


def get_pem_entry(text: Any, pem_type: str | None = None) -> str:
    """
    The PEM block of a text or a file, as it should be written.

    CLI Example:

        salt '*' x509.get_pem_entry "-----BEGIN CERTIFICATE REQUEST-----MIIC3z..."
    """
    data = certfiles.source(text)
    found = certnames.mended_pem(data.decode("utf-8", "replace"), pem_type)
    if found is None:
        raise CommandError(f"PEM does not contain a single entry of type {pem_type}" if pem_type else "This is no PEM")
    return found


def get_pem_entries(glob_path: str) -> dict[str, str]:
    """
    The PEM blocks of the files whose paths fit a pattern.

    CLI Example:

        salt '*' x509.get_pem_entries "/etc/pki/*.crt"
    """
    return {path: get_pem_entry(path) for path in sorted(glob.glob(glob_path)) if os.path.isfile(path)}


def write_pem(text: Any, path: str, overwrite: bool = True, pem_type: str | None = None) -> str:
    """
    Write a PEM block to a file.

    CLI Example:

        salt '*' x509.write_pem "-----BEGIN CERTIFICATE-----MIIGMzCCBBugA..." path=/etc/pki/mycert.crt
    """
    if not overwrite and os.path.isfile(path):
        return f"The file at {path} exists and overwrite was set to false"
    entry = get_pem_entry(text, pem_type)
    _write(path, entry.encode(), mode=0o600 if "PRIVATE" in entry.partition("\n")[0] else 0o644)
    return f"PEM written to {path}"


# -- signing policies --------------------------------------------------------------------------------------------------


def get_signing_policy(signing_policy: str, ca_server: str | None = None) -> dict[str, Any]:
    """
    A signing policy that is configured here, or on another minion. What it signs with is left out.

    CLI Example:

        salt '*' x509.get_signing_policy www
    """
    if ca_server:
        found = _asked(ca_server, signing_policy, {}, only_policy=True)
        return found if isinstance(found, dict) else {}
    policy = _policy(signing_policy)
    shown = {key: value for key, value in policy.items() if not key.startswith("signing_private_key")}
    if shown.get("signing_cert"):
        shown["signing_cert"] = certfiles.encoded_certificate(
            certfiles.certificate(shown["signing_cert"]), "pem"
        ).decode()
    return shown


def sign_remote_certificate(
    signing_policy: str, kwargs: Mapping[str, Any], get_signing_policy_only: bool = False, **more_kwargs: Any
) -> dict[str, Any]:
    """
    Sign what another minion asks for, by a policy of ours that lets it: `{data, errors}`. The master passes it on where
    its `peer` allows it.

    CLI Example:

        salt '*' x509.sign_remote_certificate www kwargs="{'public_key': '/etc/pki/www.key'}" __pub_id='www1'
    """
    try:
        policy = _policy(signing_policy)
        if not policy:
            return {"data": None, "errors": ["signing_policy must be specified and defined on signing minion"]}
        wanted = policy.get("minions", "*")
        asker = more_kwargs.get("__pub_id")
        if not isinstance(asker, str) or not _may(str(wanted), asker):
            return {"data": None, "errors": ["minion not permitted to use specified signing policy"]}
        if get_signing_policy_only:
            return {"data": get_signing_policy(signing_policy), "errors": []}
        # What is on this host is not for others to name.
        given = {key: value for key, value in kwargs.items() if not key.startswith(("__", "signing_"))}
        for name in ("csr", "public_key", "private_key"):
            if given.get(name) and "-----BEGIN" not in str(given[name]):
                given[name] = base64.b64decode(str(given[name]), validate=True)
        return {"data": create_certificate(signing_policy=signing_policy, **given), "errors": []}
    except (TrisaltError, ValueError) as exc:
        return {"data": None, "errors": [str(exc)]}


def _may(wanted: str, minion_id: str) -> bool:
    """Whether a policy is for a minion: a glob, or a compound target, which the master alone can judge."""
    if "@" not in wanted and " " not in wanted:
        return fnmatch.fnmatchcase(minion_id, wanted)
    found = __salt__["publish.runner"]("match.compound_matches", arg=[wanted, minion_id])
    return isinstance(found, Mapping) and found.get("res") == minion_id


def _policy(name: str) -> dict[str, Any]:
    return certdrafts.policy(__salt__["config.get"]("x509_signing_policies", {}), name)


def _signed_there(ca_server: str, signing_policy: str | None, given: Mapping[str, Any]) -> Any:
    if not signing_policy:
        raise CommandError("signing_policy must be specified to request a certificate from a remote ca_server")
    asked = {key: value for key, value in given.items() if not key.startswith(("private_key", "signing_"))}
    if given.get("private_key"):
        key = certfiles.private_key(given["private_key"], given.get("private_key_passphrase"))[0]
        asked["public_key"] = certfiles.public_pem(key.public_key())
    elif given.get("public_key"):
        asked["public_key"] = certfiles.public_pem(certfiles.public_key(given["public_key"]))
    if given.get("csr"):
        asked["csr"] = certfiles.encoded(certfiles.request(given["csr"])[0], "pem").decode()
    return _asked(ca_server, signing_policy, asked)


def _asked(ca_server: str, policy: str, kwargs: Mapping[str, Any], *, only_policy: bool = False) -> Any:
    found = __salt__["publish.publish"](
        ca_server, "x509.sign_remote_certificate", arg=[policy, dict(kwargs), only_policy], timeout=30
    )
    answer = (found or {}).get(ca_server)
    if not isinstance(answer, Mapping):
        raise CommandError(
            f"ca_server did not respond. Salt master must permit peers to call it: {answer or ca_server}"
        )
    if answer.get("errors"):
        raise CommandError("ca_server did not return a certificate: " + "; ".join(map(str, answer["errors"])))
    return answer.get("data")


# -- inside ------------------------------------------------------------------------------------------------------------


def _out(made: bytes, encoding: str, path: str | None, raw: bool, *, mode: int = 0o644) -> Any:
    if path is not None:
        _write(path, made, mode=mode)
        return f"{'PEM' if encoding not in _BINARY else encoding.upper()} written to {path}"
    if raw:
        return made
    return base64.b64encode(made).decode() if encoding in _BINARY else made.decode()


def _write(path: str, data: bytes, *, mode: int = 0o644) -> None:
    try:
        with replacing(path, mode=mode) as file:
            file.write(data)
    except OSError as exc:
        raise CommandError(f"{path} cannot be written: {exc.strerror}") from exc


def _copy_name(cert: Any, *, prepend: bool) -> str:
    name = f"{cert.serial_number:x}.crt"
    return f"{_common(cert)}-{name}".replace("/", "_") if prepend and _common(cert) else name


def _common(cert: Any) -> str:
    return certnames.shown_name(cert.subject).get("CN", "")


def _path(certificate: Any) -> dict[str, Any]:
    return {"path": certificate} if isinstance(certificate, str) and os.path.isfile(certificate) else {}


def _days_left(certificate: Any, days: int) -> bool:
    end = certfiles.certificate(certificate).not_valid_after_utc
    return bool(end <= datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days))


def _algorithm(found: Any) -> str:
    return str(found.signature_algorithm_oid._name)


def _list(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value] if value else []


def _extra(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in kwargs.items() if not key.startswith("__")}
