"""Authorities of this host's own, below one folder: their certificates, requests, what they signed and revoked.

`NAME/NAME_ca_cert.crt` and `.key` are an authority's, `NAME/certs/CN.csr`, `.key` and `.crt` are somebody's,
`NAME/index.txt` lists what was signed. All of it is done by `cryptography`.
Source of names, places and texts: stock Salt 3008.3, whose own needs an older pyOpenSSL.
"""

from __future__ import annotations

import binascii
import datetime
import os
import time
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, NoEncryption, pkcs12

from trisalt.errors import CommandError
from trisalt.plugins.utils import certfiles, certnames, certtexts

_CONTEXT = "ca.contextual_cert_base_path"
_DEFAULTS: dict[str, dict[str, dict[str, str]]] = {
    "common": {
        "csr": {"basicConstraints": "CA:FALSE"},
        "cert": {"authorityKeyIdentifier": "keyid,issuer:always", "subjectKeyIdentifier": "hash"},
    },
    "server": {"csr": {"extendedKeyUsage": "serverAuth", "keyUsage": "digitalSignature, keyEncipherment"}},
    "client": {
        "csr": {"extendedKeyUsage": "clientAuth", "keyUsage": "nonRepudiation, digitalSignature, keyEncipherment"}
    },
}
# For as long as nobody writes a newer list.
_LIST_DAYS = 36500


def cert_base_path(cacert_path: str | None = None) -> str:
    """
    The folder below which authorities are: the one that is named, that of `tls.set_ca_path`, or the option
    `ca.cert_base_path`.

    CLI Example:

        salt '*' tls.cert_base_path
    """
    return str(cacert_path or __context__.get(_CONTEXT) or __salt__["config.option"]("ca.cert_base_path") or "/etc/pki")


def set_ca_path(cacert_path: str) -> str:
    """
    Use another folder for the rest of this run.

    CLI Example:

        salt '*' tls.set_ca_path /etc/certs
    """
    if cacert_path:
        __context__[_CONTEXT] = cacert_path
    return cert_base_path()


def maybe_fix_ssl_version(ca_name: str, cacert_path: str | None = None, ca_filename: str | None = None) -> None:
    """
    Write the certificate of an authority anew where it is one of the first version, which knows no extensions.

    CLI Example:

        salt '*' tls.maybe_fix_ssl_version test_ca /etc/certs
    """
    path = _ca(ca_name, cacert_path, ca_filename)
    cert = _read_certificate(f"{path}.crt")
    if cert.version == x509.Version.v3:
        return
    key = _read_key(f"{path}.key")
    days = (cert.not_valid_after_utc - cert.not_valid_before_utc).days
    _write_certificate(f"{path}.crt", _authority(cert.subject, key, days, "sha256"), _index(ca_name, cacert_path))


def ca_exists(ca_name: str, cacert_path: str | None = None, ca_filename: str | None = None) -> bool:
    """
    Whether there is an authority of this name.

    CLI Example:

        salt '*' tls.ca_exists test_ca /etc/certs
    """
    return os.path.isfile(f"{_ca(ca_name, cacert_path, ca_filename)}.crt")


def get_ca(ca_name: str, as_text: bool = False, cacert_path: str | None = None) -> str:
    """
    Where the certificate of an authority is, or what is in it.

    CLI Example:

        salt '*' tls.get_ca test_ca as_text=False cacert_path=/etc/certs
    """
    path = f"{_ca(ca_name, cacert_path, None)}.crt"
    if not os.path.exists(path):
        raise CommandError(f"Certificate does not exist for {ca_name}")
    return _read(path) if as_text else path


def get_ca_signed_cert(
    ca_name: str, CN: str = "localhost", as_text: bool = False, cacert_path: str | None = None,
    cert_filename: str | None = None,
) -> str:  # fmt: skip
    """
    Where a certificate that an authority signed is, or what is in it.

    CLI Example:

        salt '*' tls.get_ca_signed_cert test_ca CN=localhost as_text=False cacert_path=/etc/certs
    """
    return _signed(ca_name, CN, as_text, cacert_path, f"{cert_filename or CN}.crt")


def get_ca_signed_key(
    ca_name: str, CN: str = "localhost", as_text: bool = False, cacert_path: str | None = None,
    key_filename: str | None = None,
) -> str:  # fmt: skip
    """
    Where the key of a certificate that an authority signed is, or what is in it.

    CLI Example:

        salt '*' tls.get_ca_signed_key test_ca CN=localhost as_text=False cacert_path=/etc/certs
    """
    return _signed(ca_name, CN, as_text, cacert_path, f"{key_filename or CN}.key")


def validate(cert: str, ca_name: str, crl_file: str) -> dict[str, Any]:
    """
    Whether a certificate is one of an authority's, of today, and not in its list of revocations: `valid`, and why
    not.

    CLI Example:

        salt '*' tls.validate /etc/pki/test_ca/certs/web1.crt test_ca /etc/pki/test_ca/crl.pem
    """
    found = _read_certificate(cert)
    ca = _read_certificate(f"{_ca(ca_name, None, None)}.crt")
    revoked = certfiles.revocations(_read(crl_file).encode())[0]
    now = datetime.datetime.now(datetime.UTC)
    if found.issuer != ca.subject or not certfiles.is_signed(found, ca.public_key()):
        error = "unable to get local issuer certificate"
    elif not revoked.is_signature_valid(ca.public_key()):  # type: ignore[arg-type]
        error = "CRL signature failure"
    elif found.not_valid_before_utc > now or ca.not_valid_before_utc > now:
        error = "certificate is not yet valid"
    elif found.not_valid_after_utc < now or ca.not_valid_after_utc < now:
        error = "certificate has expired"
    elif revoked.get_revoked_certificate_by_serial_number(found.serial_number) is not None:
        error = "certificate revoked"
    else:
        return {"valid": True}
    return {"valid": False, "error": error}


def get_expiration_date(cert: str, date_format: str = "%Y-%m-%d") -> str:
    """
    The last day of a certificate, in UTC.

    CLI Example:

        salt '*' tls.get_expiration_date /path/to/foo.crt date_format='%d/%m/%Y'
    """
    return _read_certificate(cert).not_valid_after_utc.strftime(date_format)


def create_ca(
    ca_name: str, bits: int = 2048, days: int = 365, CN: str = "localhost", C: str = "US", ST: str = "Utah",
    L: str = "Salt Lake City", O: str = "SaltStack", OU: str | None = None,  # noqa: E741
    emailAddress: str | None = None, fixmode: bool = False, cacert_path: str | None = None,
    ca_filename: str | None = None, digest: str = "sha256", onlyif: Any = None, unless: Any = None,
    replace: bool = False,
) -> str:  # fmt: skip
    """
    Make an authority: a key and its certificate, unless it is there. `replace` makes it anew, and keeps the old key
    beside; `fixmode` gives a key that is there the mode it should have.

    CLI Example:

        salt '*' tls.create_ca test_ca
    """
    path = _ca(ca_name, cacert_path, ca_filename)
    if fixmode and os.path.exists(f"{path}.key"):
        os.chmod(f"{path}.key", 0o600)
    if ca_exists(ca_name, cacert_path, ca_filename) and not replace:
        return f'Certificate for CA named "{ca_name}" already exists'
    subject = _subject(CN=CN, C=C, ST=ST, L=L, O=O, OU=OU, emailAddress=emailAddress)
    key = certfiles.new_key("rsa", _number("bits", bits))
    cert = _authority(subject, key, _number("days", days), digest)
    _write_key(f"{path}.key", key)
    _write_certificate(f"{path}.crt", cert, _index(ca_name, cacert_path))
    return f'Created Private Key: "{path}.key" Created CA "{ca_name}": "{path}.crt"'


def get_extensions(cert_type: str) -> dict[str, dict[str, str]]:
    """
    The extensions of requests and of certificates of a type, `server`, `client` or one of the pillar's
    (`tls:extensions`).

    CLI Example:

        salt '*' tls.get_extensions client
    """
    own = __salt__["pillar.get"]("tls:extensions", {}) or {}
    if cert_type not in own and (cert_type not in _DEFAULTS or cert_type == "common"):
        raise CommandError(f"Unknown type of certificates: {cert_type}")
    found: dict[str, dict[str, str]] = {"csr": {}, "cert": {}}
    for name in ("common", cert_type):
        for side in found:
            found[side] |= (own.get(name) or _DEFAULTS.get(name, {})).get(side) or {}
    return found


def create_csr(
    ca_name: str, bits: int = 2048, CN: str = "localhost", C: str = "US", ST: str = "Utah", L: str = "Salt Lake City",
    O: str = "SaltStack", OU: str | None = None, emailAddress: str | None = None,  # noqa: E741
    subjectAltName: Any = None, cacert_path: str | None = None, ca_filename: str | None = None,
    csr_path: str | None = None, csr_filename: str | None = None, digest: str = "sha256", type_ext: bool = False,
    cert_type: str = "server", replace: bool = False,
) -> str:  # fmt: skip
    """
    Make a key and a request for an authority to sign, unless it is there. `subjectAltName` is a list of `DNS:`, `IP:`
    and `email:`; `cert_type` says which extensions it has, and with `type_ext` is a part of the files' names.

    CLI Example:

        salt '*' tls.create_csr test_ca CN=web1.example.org subjectAltName='["DNS:web1"]'
    """
    if not ca_exists(ca_name, cacert_path, ca_filename):
        return f'Certificate for CA named "{ca_name}" does not exist, please create it first.'
    path = os.path.join(
        csr_path or os.path.join(cert_base_path(cacert_path), _plain(ca_name), "certs"),
        _plain(csr_filename or _typed(CN, cert_type, type_ext)),
    )
    if os.path.exists(f"{path}.csr") and not replace:
        return f'Certificate Request "{path}.csr" already exists'
    extensions = dict(get_extensions(cert_type)["csr"])
    if subjectAltName:
        names = subjectAltName if isinstance(subjectAltName, list) else [subjectAltName]
        extensions["subjectAltName"] = ", ".join(map(str, names))
    subject = _subject(CN=CN, C=C, ST=ST, L=L, O=O, OU=OU, emailAddress=emailAddress)
    key = certfiles.new_key("rsa", _number("bits", bits))
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    for kind, value in extensions.items():
        made, critical = certnames.extension(kind, value, key=key.public_key(), issuer=None, issuer_key=None)
        builder = builder.add_extension(made, critical=critical)
    request = builder.sign(key, certfiles.digest(digest, key))  # type: ignore[arg-type]
    _write_key(f"{path}.key", key)
    _write(f"{path}.csr", certfiles.encoded(request, "pem"))
    return f'Created Private Key: "{path}.key" Created CSR for "{CN}": "{path}.csr"'


def create_self_signed_cert(
    tls_dir: str = "tls", bits: int = 2048, days: int = 365, CN: str = "localhost", C: str = "US", ST: str = "Utah",
    L: str = "Salt Lake City", O: str = "SaltStack", OU: str | None = None,  # noqa: E741
    emailAddress: str | None = None, cacert_path: str | None = None, cert_filename: str | None = None,
    digest: str = "sha256", replace: bool = False,
) -> str:  # fmt: skip
    """
    Make a key and a certificate that it signs itself, unless it is there.

    CLI Example:

        salt '*' tls.create_self_signed_cert CN=test.example.org
    """
    path = os.path.join(cert_base_path(cacert_path), _plain(tls_dir), "certs", _plain(cert_filename or CN))
    if os.path.exists(f"{path}.crt") and not replace:
        return f'Certificate "{cert_filename or CN}" already exists'
    subject = _subject(CN=CN, C=C, ST=ST, L=L, O=O, OU=OU, emailAddress=emailAddress)
    key = certfiles.new_key("rsa", _number("bits", bits))
    builder = _begun(subject, subject, key.public_key(), _number("days", days))
    _write_key(f"{path}.key", key)
    cert = builder.sign(key, certfiles.digest(digest, key))  # type: ignore[arg-type]
    _write_certificate(f"{path}.crt", cert, _index(tls_dir, cacert_path))
    return f'Created Private Key: "{path}.key" Created Certificate: "{path}.crt"'


def create_ca_signed_cert(
    ca_name: str, CN: str, days: int = 365, cacert_path: str | None = None, ca_filename: str | None = None,
    cert_path: str | None = None, cert_filename: str | None = None, digest: str = "sha256",
    cert_type: str | None = None, type_ext: bool = False, replace: bool = False,
) -> Any:  # fmt: skip
    """
    Sign the request that `tls.create_csr` made for a CN, unless there is a certificate.

    CLI Example:

        salt '*' tls.create_ca_signed_cert test_ca web1.example.org
    """
    if not ca_exists(ca_name, cacert_path, ca_filename):
        return _failed(f'There is no CA named "{ca_name}"')
    ca = _ca(ca_name, cacert_path, ca_filename)
    folder = cert_path or os.path.join(cert_base_path(cacert_path), _plain(ca_name), "certs")
    name = _typed(CN, cert_type, type_ext)
    path = os.path.join(folder, _plain(cert_filename or name))
    if os.path.exists(f"{path}.crt") and not replace:
        return f'Certificate "{cert_filename or name}" already exists'
    requests = [each for each in (os.path.join(folder, f"{name}.csr"), f"{path}.csr") if os.path.exists(each)]
    if not requests:
        return _failed(f'There is no CSR that matches the CN "{cert_filename or name}"')
    request = certfiles.request(_read(requests[0]).encode())[0]
    if not request.is_signature_valid:
        raise CommandError(f"{requests[0]} is not signed with its own key")
    issuer, issuer_key = _read_certificate(f"{ca}.crt"), _read_key(f"{ca}.key")
    if not certfiles.same_key(issuer_key.public_key(), issuer.public_key()):
        raise CommandError(f"{ca}.key is not the key of {ca}.crt")
    builder = _begun(request.subject, issuer.subject, request.public_key(), _number("days", days))
    there = set()
    for each in request.extensions:
        builder = builder.add_extension(each.value, critical=each.critical)
        there.add(certnames.kind_of(each))
    for kind, value in get_extensions(cert_type or "server")["cert"].items():
        if kind not in there:
            made, critical = certnames.extension(
                kind, value, key=request.public_key(), issuer=issuer, issuer_key=issuer.public_key()
            )
            builder = builder.add_extension(made, critical=critical)
    cert = builder.sign(issuer_key, certfiles.digest(digest, issuer_key))
    _write_certificate(f"{path}.crt", cert, _index(ca_name, cacert_path))
    return f'Created Certificate for "{CN}": "{path}.crt"'


def create_pkcs12(
    ca_name: str, CN: str, passphrase: str = "", cacert_path: str | None = None, replace: bool = False
) -> str:
    """
    Put a certificate, its key and its authority's certificate into one file for browsers, locked with a passphrase.

    CLI Example:

        salt '*' tls.create_pkcs12 test_ca web1.example.org
    """
    if not ca_exists(ca_name, cacert_path):
        return f'There is no CA named "{ca_name}"'
    path = os.path.join(cert_base_path(cacert_path), _plain(ca_name), "certs", _plain(CN))
    if os.path.exists(f"{path}.p12") and not replace:
        return f'Certificate "{CN}" already exists'
    if not os.path.exists(f"{path}.crt"):
        return f'There is no certificate that matches the CN "{CN}"'
    lock = BestAvailableEncryption(str(passphrase).encode()) if passphrase else NoEncryption()
    ca = _read_certificate(f"{_ca(ca_name, cacert_path, None)}.crt")
    key, cert = _read_key(f"{path}.key"), _read_certificate(f"{path}.crt")
    _write(f"{path}.p12", pkcs12.serialize_key_and_certificates(CN.encode(), key, cert, [ca], lock), mode=0o600)
    return f'Created PKCS#12 Certificate for "{CN}": "{path}.p12"'


def cert_info(cert: str, digest: str = "sha256") -> dict[str, Any]:
    """
    What is in a certificate: a path, or the certificate itself.

    CLI Example:

        salt '*' tls.cert_info /dir/for/certs/cert.pem
    """
    found = _read_certificate(cert)
    kind = certfiles.digest(digest)
    info = {
        "fingerprint": found.fingerprint(kind or hashes.SHA256()).hex(":").upper(),
        "subject": certtexts.shown_subject(found.subject),
        "issuer": certtexts.shown_subject(found.issuer),
        "serial_number": found.serial_number,
        "not_before": int(found.not_valid_before_utc.timestamp()),
        "not_after": int(found.not_valid_after_utc.timestamp()),
        "extensions": certtexts.shown_extensions(found),
    }
    names = certtexts.alternative_names(found)
    if names:
        info["subject_alt_names"] = names
    return {**info, "signature_algorithm": certtexts.shown_signature(found)}


def create_empty_crl(
    ca_name: str, cacert_path: str | None = None, ca_filename: str | None = None, crl_file: str | None = None,
    digest: str = "sha256",
) -> str:  # fmt: skip
    """
    Make a list of revocations with nothing in it, unless it is there.

    CLI Example:

        salt '*' tls.create_empty_crl ca_name=test_ca crl_file=/etc/openvpn/team1/crl.pem
    """
    if not ca_exists(ca_name, cacert_path, ca_filename):
        return f'There is no CA named "{ca_name}"'
    path = crl_file or os.path.join(cert_base_path(cacert_path), _plain(ca_name), "crl.pem")
    if os.path.exists(path):
        return f'CRL "{path}" already exists'
    _write_list(path, _ca(ca_name, cacert_path, ca_filename), [], digest)
    return f'Created an empty CRL: "{path}"'


def revoke_cert(
    ca_name: str, CN: str, cacert_path: str | None = None, ca_filename: str | None = None,
    cert_path: str | None = None, cert_filename: str | None = None, crl_file: str | None = None,
    digest: str = "sha256",
) -> str:  # fmt: skip
    """
    Revoke a certificate: in the authority's index, and in its list.

    CLI Example:

        salt '*' tls.revoke_cert ca_name=test_ca CN=web1.example.org
    """
    if not ca_exists(ca_name, cacert_path, ca_filename):
        return f'There is no CA named "{ca_name}"'
    folder = os.path.join(cert_base_path(cacert_path), _plain(ca_name))
    path = os.path.join(cert_path or os.path.join(folder, "certs"), f"{_plain(cert_filename or CN)}.crt")
    if not os.path.exists(path):
        return f'There is no client certificate named "{CN}"'
    cert = _read_certificate(path)
    number = _serial(cert)
    index = _index(ca_name, cacert_path)
    now = certtexts.moment(datetime.datetime.now(datetime.UTC))
    with __utils__["rewrite.locked"](index):
        rows = [line.split("\t") for line in (__utils__["rewrite.read"](index) or "").splitlines()]
        mine = [row for row in rows if len(row) > 3 and row[3] == number]
        if any(row[0] == "R" for row in mine):
            return f'"{path}" was already revoked, serial number: {number}'
        rows = [row for row in rows if row not in mine]
        rows.append(["R", *_row(cert)[1:2], now, *_row(cert)[3:]])
        revoked = [(int(row[3], 16), _moment(row[2])) for row in rows if row[0] == "R"]
        _write_list(
            crl_file or os.path.join(folder, "crl.pem"), _ca(ca_name, cacert_path, ca_filename), revoked, digest
        )
        __utils__["rewrite.replace"](index, "".join("\t".join(row) + "\n" for row in rows))
    return f'Revoked Certificate: "{path}", serial number: {number}'


# -- inside ------------------------------------------------------------------------------------------------------------


def _plain(name: str) -> str:
    """Names become those of files."""
    if not name or "/" in name or "\0" in name or name in (".", ".."):
        raise CommandError(f"This is no name of a file: {name}")
    return name


def _typed(name: str, cert_type: str | None, type_ext: bool) -> str:
    return _plain(f"{name}_{cert_type}" if type_ext and cert_type else name)


def _ca(ca_name: str, cacert_path: str | None, ca_filename: str | None) -> str:
    """The files of an authority, without what tells them apart."""
    return os.path.join(cert_base_path(cacert_path), _plain(ca_name), _plain(ca_filename or f"{ca_name}_ca_cert"))


def _index(ca_name: str, cacert_path: str | None) -> str:
    return os.path.join(cert_base_path(cacert_path), _plain(ca_name), "index.txt")


def _failed(comment: str) -> dict[str, Any]:
    __context__["retcode"] = 1
    return {"retcode": 1, "comment": comment}


def _number(key: str, value: Any) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError):
        raise CommandError(f"{key} is a number, not {value!r}") from None
    if number < 1:
        raise CommandError(f"{key} is a number from 1 on, not {value!r}")
    return number


def _subject(**parts: Any) -> x509.Name:
    try:
        return certtexts.subject(parts)
    except ValueError as exc:
        raise CommandError(f"The subject is no name: {exc}") from exc


def _begun(subject: x509.Name, issuer: x509.Name, key: Any, days: int) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=days))
    )


def _authority(subject: x509.Name, key: Any, days: int, digest: str) -> x509.Certificate:
    builder = _begun(subject, subject, key.public_key(), days)
    for kind, value in (
        ("basicConstraints", "critical, CA:TRUE, pathlen:0"),
        ("keyUsage", "critical, keyCertSign, cRLSign"),
        ("subjectKeyIdentifier", "hash"),
        ("authorityKeyIdentifier", "keyid"),
    ):
        made, critical = certnames.extension(
            kind, value, key=key.public_key(), issuer=None, issuer_key=key.public_key()
        )
        builder = builder.add_extension(made, critical=critical)
    return builder.sign(key, certfiles.digest(digest, key))


def _read(path: str) -> str:
    text: str | None = __utils__["rewrite.read"](path)
    if text is None:
        raise CommandError(f"[Errno 2] No such file or directory: '{path}'")
    return text


def _read_certificate(cert: str) -> x509.Certificate:
    return certfiles.certificate((cert if "-----BEGIN" in cert else _read(cert)).encode("utf-8", "surrogateescape"))


def _read_key(path: str) -> Any:
    return certfiles.private_key(_read(path).encode())[0]


def _signed(ca_name: str, CN: str, as_text: bool, cacert_path: str | None, filename: str) -> str:
    path = os.path.join(cert_base_path(cacert_path), _plain(ca_name), "certs", _plain(filename))
    if not os.path.exists(path):
        raise CommandError(f"Certificate does not exists for {CN}")
    return _read(path) if as_text else path


def _write(path: str, data: bytes, *, mode: int | None = None) -> None:
    try:
        os.makedirs(os.path.dirname(path), exist_ok=True)
    except OSError as exc:
        raise CommandError(f"Unable to make {os.path.dirname(path)}: {exc.strerror}") from exc
    __utils__["rewrite.replace"](path, data.decode("utf-8", "surrogateescape"), mode=mode)


def _write_key(path: str, key: Any) -> None:
    """A key that is there is kept beside: what was signed with it may still be in use."""
    if os.path.exists(path):
        _write(f"{path}.{time.strftime('%Y%m%d%H%M%S', time.gmtime())}", _read(path).encode(), mode=0o600)
    _write(path, certfiles.encoded_key(key, "pem"), mode=0o600)


def _write_certificate(path: str, cert: x509.Certificate, index: str) -> None:
    _write(path, certfiles.encoded(cert, "pem"))
    with __utils__["rewrite.locked"](index):
        text = __utils__["rewrite.read"](index) or ""
        __utils__["rewrite.replace"](index, text + "\t".join(_row(cert)) + "\n")


def _row(cert: x509.Certificate) -> list[str]:
    """A line of an index, as OpenSSL has it."""
    ends = certtexts.moment(cert.not_valid_after_utc)
    return ["V", ends, "", _serial(cert), "unknown", certtexts.line_of(cert.subject)]


def _serial(cert: x509.Certificate) -> str:
    return (
        binascii.hexlify(cert.serial_number.to_bytes((cert.serial_number.bit_length() + 7) // 8, "big"))
        .decode()
        .upper()
    )


def _moment(text: str) -> datetime.datetime:
    return datetime.datetime.strptime(text, "%y%m%d%H%M%SZ").replace(tzinfo=datetime.UTC)


def _write_list(path: str, ca: str, revoked: list[tuple[int, datetime.datetime]], digest: str) -> None:
    cert, key = _read_certificate(f"{ca}.crt"), _read_key(f"{ca}.key")
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(cert.subject)
        .last_update(now)
        .next_update(now + datetime.timedelta(days=_LIST_DAYS))
    )
    for number, when in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(number).revocation_date(when).build()
        builder = builder.add_revoked_certificate(entry)
    _write(path, certfiles.encoded(builder.sign(key, certfiles.digest(digest, key)), "pem"))
