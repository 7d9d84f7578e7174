"""Keys, certificates, requests and revocation lists: read from files and texts, and written in each encoding. Pure.

What names one may be the path of a file, PEM, or its bytes as hex or Base64. Used by the shelves `x509` and `tls`.
Source of the sentences: stock Salt 3008.3.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import pkcs7, pkcs12

from trisalt.errors import CommandError, InvocationError

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey
PublicKey = rsa.RSAPublicKey | ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | ed448.Ed448PublicKey

DIGESTS = (
    *("sha1", "sha224", "sha256", "sha384", "sha512", "sha512_224", "sha512_256"),
    *("sha3_224", "sha3_256", "sha3_384", "sha3_512"),
)
ALGORITHMS = ("rsa", "ec", "ed25519", "ed448")
_CURVES = {256: ec.SECP256R1, 384: ec.SECP384R1, 521: ec.SECP521R1}
_PEM = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----.+?-----END \1-----", re.DOTALL)
_FAILURES = (ValueError, TypeError, UnsupportedAlgorithm)


class Locked(CommandError):
    """A private key cannot be read with the passphrase that there is, or without one."""


def source(given: Any) -> bytes:
    """The bytes of what a path, a text or bytes name. Raises CommandError."""
    if isinstance(given, bytes):
        return given
    text = str(given) if given is not None else ""
    if "-----BEGIN" in text:
        # Line breaks may have become blanks on the way.
        return text.encode()
    with suppress(OSError, ValueError):
        if os.path.isfile(text):
            with open(text, "rb") as file:
                return file.read()
    bare = text.removeprefix("b64:")
    for decode in (bytes.fromhex, lambda value: base64.b64decode(value, validate=True)):
        with suppress(ValueError, binascii.Error):
            if bare and (found := decode(bare)):
                return found
    raise CommandError(
        "Could not load provided source. You need to pass an existing file, (PEM|hex|base64)-encoded string"
        " or raw bytes."
    )


def pems(data: bytes, kind: str = "") -> list[bytes]:
    """The PEM blocks of a text, those alone whose name ends with `kind`."""
    return [match[0] + b"\n" for match in _PEM.finditer(data) if match[1].decode().endswith(kind)]


# -- keys --------------------------------------------------------------------------------------------------------------


def new_key(algo: str, keysize: Any = None) -> PrivateKey:
    """A new private key."""
    if algo == "rsa":
        if keysize not in (None, 2048, 3072, 4096):
            raise CommandError("RSA key size must be either 2048, 3072 or 4096 bits.")
        return rsa.generate_private_key(public_exponent=65537, key_size=keysize or 2048)
    if algo == "ec":
        if keysize is not None and keysize not in _CURVES:
            raise CommandError("EC key size must be either 256, 384, 521 bits.")
        return ec.generate_private_key(_CURVES[keysize or 256]())
    if algo in ("ed25519", "ed448"):
        if keysize is not None:
            raise CommandError(f"keysize is an invalid parameter for {algo}")
        return ed25519.Ed25519PrivateKey.generate() if algo == "ed25519" else ed448.Ed448PrivateKey.generate()
    raise CommandError(
        f"Invalid algorithm specified for generating private key: {algo}. Valid: {', '.join(ALGORITHMS)}"
    )


def key_type(key: PrivateKey | PublicKey) -> str:
    """What kind of key this is: one of `ALGORITHMS`."""
    for name, kinds in (
        ("rsa", (rsa.RSAPrivateKey, rsa.RSAPublicKey)),
        ("ec", (ec.EllipticCurvePrivateKey, ec.EllipticCurvePublicKey)),
        ("ed25519", (ed25519.Ed25519PrivateKey, ed25519.Ed25519PublicKey)),
        ("ed448", (ed448.Ed448PrivateKey, ed448.Ed448PublicKey)),
    ):
        if isinstance(key, kinds):
            return name
    raise CommandError("Did not recognize key type")


def key_size(key: Any) -> int | None:
    """How many bits it has; None where there is one size only."""
    return getattr(key, "key_size", None)


def private_key(given: Any, passphrase: Any = None) -> tuple[PrivateKey, str]:
    """A private key, and how it is encoded. Raises `Locked`, or CommandError."""
    data = source(given)
    secret = str(passphrase).encode() if passphrase is not None else None
    if b"-----BEGIN" in data:
        return _unlocked(serialization.load_pem_private_key, data, secret, "PEM-encoded private key"), "pem"
    try:
        return _unlocked(serialization.load_der_private_key, data, secret, "DER-encoded private key"), "der"
    except Locked:
        raise
    except CommandError:
        pass
    try:
        key = pkcs12.load_pkcs12(data, secret).key
    except _FAILURES as exc:
        if "password" in str(exc).lower() or "mac" in str(exc).lower():
            raise Locked("Bad decrypt - is the password correct?") from exc
        raise CommandError("Could not deserialize binary data, neither as DER nor PKCS#12.") from exc
    if key is None:
        raise CommandError("PKCS12-encoded blob does not contain a private key.")
    return key, "pkcs12"  # type: ignore[return-value]


def _unlocked(load: Callable[..., Any], data: bytes, secret: bytes | None, what: str) -> Any:
    try:
        return load(data, secret)
    except TypeError as exc:
        if "not given" in str(exc):
            raise Locked("Private key is encrypted. Please provide a password.") from exc
        if "is not encrypted" in str(exc):
            raise Locked("Private key is unencrypted. Please remove the password.") from exc
        raise CommandError(f"Could not load {what}.") from exc
    except _FAILURES as exc:
        if "password" in str(exc).lower() or "decrypt" in str(exc).lower():
            raise Locked("Bad decrypt - is the password correct?") from exc
        raise CommandError(f"Could not load {what}.") from exc


def public_key(given: Any, passphrase: Any = None) -> PublicKey:
    """The public key in a public key, a certificate, a request or a private key."""
    data = source(given)
    if b"-----BEGIN" in data:
        loaders: list[Callable[[], Any]] = [
            lambda: serialization.load_pem_public_key(data),
            lambda: x509.load_pem_x509_certificate(data).public_key(),
            lambda: x509.load_pem_x509_csr(data).public_key(),
        ]
    else:
        loaders = [
            lambda: serialization.load_der_public_key(data),
            lambda: x509.load_der_x509_certificate(data).public_key(),
            lambda: x509.load_der_x509_csr(data).public_key(),
        ]
    for load in loaders:
        with suppress(*_FAILURES):
            return load()  # type: ignore[no-any-return]
    try:
        return private_key(data, passphrase)[0].public_key()
    except Locked:
        raise
    except CommandError as exc:
        form = "PEM" if b"-----BEGIN" in data else "DER"
        raise CommandError(f"Could not load {form}-encoded public key.") from exc


def public_pem(key: Any) -> str:
    """A public key as text."""
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return str(key.public_bytes(serialization.Encoding.PEM, form).decode())


def encoded_key(key: PrivateKey, encoding: str, passphrase: Any = None, *, compat: bool = False) -> bytes:
    """A private key in an encoding, encrypted where there is a passphrase."""
    if encoding not in ("pem", "der", "pkcs12"):
        raise CommandError(f"Invalid value '{encoding}' for encoding. Valid: der, pem, pkcs12")
    lock = _lock(passphrase, encoding == "pkcs12" and compat)
    if encoding == "pkcs12":
        return pkcs12.serialize_key_and_certificates(None, key, None, None, lock)
    form = serialization.Encoding.PEM if encoding == "pem" else serialization.Encoding.DER
    return key.private_bytes(form, serialization.PrivateFormat.PKCS8, lock)


def _lock(passphrase: Any, compat: bool) -> serialization.KeySerializationEncryption:
    if passphrase is None:
        return serialization.NoEncryption()
    secret = str(passphrase).encode()
    if compat:
        return (
            serialization.PrivateFormat.PKCS12.encryption_builder()
            .kdf_rounds(50000)
            .key_cert_algorithm(pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC)
            .hmac_hash(hashes.SHA1())
            .build(secret)
        )
    return serialization.BestAvailableEncryption(secret)


# -- certificates and their kin ----------------------------------------------------------------------------------------


def certificates(given: Any, passphrase: Any = None) -> tuple[list[x509.Certificate], str]:
    """A certificate, those that follow it, and how they are encoded. Raises CommandError."""
    if isinstance(given, x509.Certificate):
        return [given], "pem"
    data = source(given)
    if b"-----BEGIN PKCS7" in data:
        try:
            return pkcs7.load_pem_pkcs7_certificates(data), "pkcs7_pem"
        except _FAILURES as exc:
            raise CommandError("Could not load PEM-encoded PKCS#7 blob") from exc
    if b"-----BEGIN" in data:
        try:
            found = [x509.load_pem_x509_certificate(each) for each in pems(data, "CERTIFICATE")]
        except _FAILURES as exc:
            raise CommandError("Could not load PEM-encoded certificate.") from exc
        if not found:
            raise CommandError("Could not load PEM-encoded certificate.")
        return found, "pem"
    with suppress(*_FAILURES):
        return [x509.load_der_x509_certificate(data)], "der"
    with suppress(*_FAILURES):
        if many := pkcs7.load_der_pkcs7_certificates(data):
            return many, "pkcs7_der"
    try:
        held = pkcs12.load_pkcs12(data, str(passphrase).encode() if passphrase is not None else None)
    except _FAILURES as exc:
        if "password" in str(exc).lower() or "mac" in str(exc).lower():
            raise Locked("Bad decrypt - is the password correct?") from exc
        raise CommandError("Could not deserialize binary data, neither as DER nor PKCS#7, PKCS#12.") from exc
    if held.cert is None:
        raise CommandError("PKCS12-encoded blob does not contain a certificate.")
    return [held.cert.certificate, *(each.certificate for each in held.additional_certs)], "pkcs12"


def certificate(given: Any, passphrase: Any = None) -> x509.Certificate:
    """A certificate alone."""
    return certificates(given, passphrase)[0][0]


def request(given: Any) -> tuple[x509.CertificateSigningRequest, str]:
    """A certificate signing request, and how it is encoded."""
    return _either(given, x509.load_pem_x509_csr, x509.load_der_x509_csr, "certificate signing request")


def revocations(given: Any) -> tuple[x509.CertificateRevocationList, str]:
    """A certificate revocation list, and how it is encoded."""
    return _either(given, x509.load_pem_x509_crl, x509.load_der_x509_crl, "certificate revocation list")


def _either(given: Any, pem: Callable[[bytes], Any], der: Callable[[bytes], Any], what: str) -> tuple[Any, str]:
    data = source(given)
    form, load = ("PEM", pem) if b"-----BEGIN" in data else ("DER", der)
    try:
        return load(data), form.lower()
    except _FAILURES as exc:
        raise CommandError(f"Could not load {form}-encoded {what}.") from exc


def encoded_certificate(
    cert: x509.Certificate,
    encoding: str,
    others: Sequence[x509.Certificate] = (),
    *,
    key: PrivateKey | None = None,
    passphrase: Any = None,
    compat: bool = False,
    name: str | None = None,
) -> bytes:
    """A certificate with those that follow it, in an encoding."""
    many = [cert, *others]
    if encoding == "pem":
        return b"\n".join(each.public_bytes(serialization.Encoding.PEM) for each in many)
    if encoding == "der":
        if others:
            raise CommandError("Cannot encode a certificate chain in DER")
        return cert.public_bytes(serialization.Encoding.DER)
    if encoding in ("pkcs7_pem", "pkcs7_der"):
        form = serialization.Encoding.PEM if encoding == "pkcs7_pem" else serialization.Encoding.DER
        return pkcs7.serialize_certificates(many, form)
    if encoding != "pkcs12":
        raise CommandError(f"Invalid value '{encoding}' for encoding. Valid: der, pem, pkcs7_der, pkcs7_pem, pkcs12")
    if key is None:
        raise CommandError("Creating a PKCS12-encoded certificate without embedded private key is unsupported")
    friendly = name.encode() if name else None
    return pkcs12.serialize_key_and_certificates(friendly, key, cert, list(others) or None, _lock(passphrase, compat))


def encoded(thing: Any, encoding: str) -> bytes:
    """A request or a revocation list in an encoding."""
    if encoding not in ("pem", "der"):
        raise CommandError(f"Invalid value '{encoding}' for encoding. Valid: der, pem")
    form = serialization.Encoding.PEM if encoding == "pem" else serialization.Encoding.DER
    return bytes(thing.public_bytes(form))


def digest(name: str, key: Any = None) -> hashes.HashAlgorithm | None:
    """What to sign with; Edwards' curves bring their own."""
    if name not in DIGESTS:
        raise CommandError(f"Invalid value '{name}' for digest. Valid: {', '.join(DIGESTS)}")
    if isinstance(key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey):
        return None
    return getattr(hashes, name.upper())()  # type: ignore[no-any-return]


def same_key(one: Any, other: Any) -> bool:
    """Whether two public keys are the same."""
    return public_pem(one) == public_pem(other)


def is_signed(cert: x509.Certificate, key: Any) -> bool:
    """Whether a certificate was signed by the owner of a public key."""
    data, signature = cert.tbs_certificate_bytes, cert.signature
    try:
        if isinstance(key, rsa.RSAPublicKey):
            scheme: Any = cert.signature_algorithm_parameters or padding.PKCS1v15()
            key.verify(signature, data, scheme, cert.signature_hash_algorithm)  # type: ignore[arg-type]
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, data, ec.ECDSA(cert.signature_hash_algorithm))  # type: ignore[arg-type]
        else:
            key.verify(signature, data)
    except (InvalidSignature, *_FAILURES):
        return False
    return True


def refuse(kwargs: Any) -> None:
    """Say which arguments nobody knows."""
    unknown = list(kwargs)
    if unknown:
        raise InvocationError(f"Unrecognized keyword arguments: {unknown}")
