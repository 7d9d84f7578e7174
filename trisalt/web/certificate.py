"""A certificate of our own making, where the operator has none: made once, kept beside the keys, known by fingerprint.

Whoever signs in by it is safe from listeners; that it is this master's, a person sees by the fingerprint in the log.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from trisalt.errors import ConfigError

# Browsers take none that is good for longer.
DAYS = 397
# A new one is made when so little of that is left.
RENEWED_AT = timedelta(days=30)


def make_certificate(crt: Path, key: Path, *, now: datetime | None = None) -> None:
    """See that a certificate and its key are there, and good for a while. Blocking.

    Raises ConfigError where they cannot be written.
    """
    now = now or datetime.now(UTC)
    certificate = _read(crt)
    if certificate is None or not key.exists() or certificate.not_valid_after_utc - now < RENEWED_AT:
        _make(crt, key, now)


def fingerprint(crt: str) -> str:
    """What a browser shows of a certificate, for comparing; empty when it cannot be read."""
    certificate = _read(Path(crt))
    return "" if certificate is None else certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def _read(path: Path) -> x509.Certificate | None:
    with suppress(OSError, ValueError):
        return x509.load_pem_x509_certificate(path.read_bytes())
    return None


def _make(crt: Path, key: Path, now: datetime) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, socket.gethostname()[:64] or "localhost")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=DAYS))
        .add_extension(x509.SubjectAlternativeName(_names()), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(private, hashes.SHA256())
    )
    packed = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    try:
        crt.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(key, packed)
        _write(crt, certificate.public_bytes(serialization.Encoding.PEM))
    except OSError as exc:
        raise ConfigError(f"the certificate cannot be kept in {crt.parent}: {exc.strerror}") from exc


def _names() -> list[x509.GeneralName]:
    """What this host is called by those who type its address."""
    # Nobody is asked: where DNS does not answer, a start would take its time.
    names = {"localhost", socket.gethostname()}
    rows = [row for rows in psutil.net_if_addrs().values() for row in rows]
    addresses = {row.address.partition("%")[0] for row in rows if row.family in (socket.AF_INET, socket.AF_INET6)}
    return [
        *(x509.DNSName(each) for each in sorted(names) if each.isascii() and each),
        *(x509.IPAddress(ipaddress.ip_address(each)) for each in sorted(addresses)),
    ]


def _write(path: Path, data: bytes) -> None:
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with open(fd, "wb") as file:
        file.write(data)
        os.fsync(fd)
    os.replace(beside, path)
