"""A real slapd (Debian's) on loopback with some people and groups in it, and TLS with an authority of its own."""

from __future__ import annotations

import datetime
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from tests.support.debian import need
from tests.support.lab import free_ports

BASE = "dc=example,dc=com"
READER, READER_PASSWORD = f"cn=reader,{BASE}", "reads"

CONFIG = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
include /etc/ldap/schema/nis.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {folder}/pid
TLSCertificateFile {folder}/cert.pem
TLSCertificateKeyFile {folder}/key.pem
database mdb
suffix "{base}"
rootdn "cn=admin,{base}"
rootpw admin
directory {folder}/data
access to attrs=userPassword by anonymous auth by * none
access to * by * read
"""

PEOPLE = """
dn: {base}
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: {reader}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: reader
userPassword: {reader_password}

dn: ou=people,{base}
objectClass: organizationalUnit
ou: people

dn: ou=Groups,{base}
objectClass: organizationalUnit
ou: Groups

dn: uid=ann,ou=people,{base}
objectClass: inetOrgPerson
uid: ann
cn: Ann
sn: A
userPassword: ann's secret

dn: uid=o\\2Cdd (one)*,ou=people,{base}
objectClass: inetOrgPerson
uid: o,dd (one)*
cn: Odd
sn: O
userPassword: odd

dn: uid=twin,ou=people,{base}
objectClass: inetOrgPerson
uid: twin
cn: Twin
sn: T
userPassword: twin

dn: cn=twin,ou=people,{base}
objectClass: inetOrgPerson
uid: twin
cn: twin
sn: T
userPassword: twin

dn: cn=operators,ou=Groups,{base}
objectClass: posixGroup
cn: operators
gidNumber: 1
memberUid: ann
memberUid: o,dd (one)*

dn: cn=painters,ou=Groups,{base}
objectClass: posixGroup
cn: painters
gidNumber: 2
memberUid: twin

dn: cn=directors,ou=Groups,{base}
objectClass: groupOfNames
cn: directors
member: uid=ann,ou=people,{base}
"""


@attrs.frozen(kw_only=True)
class Directory:
    """Where it answers: by `ldap`, and by `ldaps`; `ca_file` is its authority."""

    ldap: str
    ldaps: str
    ca_file: str


@contextmanager
def open_directory(folder: Path) -> Iterator[Directory]:
    """A directory of its own, below `folder`."""
    need("slapd")
    (folder / "data").mkdir()
    _certificate(folder)
    (folder / "slapd.conf").write_text(CONFIG.format(folder=folder, base=BASE))
    ldif = folder / "people.ldif"
    ldif.write_text(PEOPLE.strip().format(base=BASE, reader=READER, reader_password=READER_PASSWORD) + "\n")
    argv = ["/usr/sbin/slapadd", "-f", f"{folder}/slapd.conf", "-l", str(ldif)]
    added = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert added.returncode == 0, added.stderr
    ports = free_ports(2)
    where = Directory(
        ldap=f"ldap://127.0.0.1:{ports[0]}", ldaps=f"ldaps://localhost:{ports[1]}", ca_file=f"{folder}/cert.pem"
    )
    listens = f"{where.ldap}/ ldaps://127.0.0.1:{ports[1]}/"
    process = subprocess.Popen(
        ["/usr/sbin/slapd", "-f", f"{folder}/slapd.conf", "-h", listens, "-d", "0"],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", ports[0]), timeout=1).close()
                break
            except OSError:
                assert process.poll() is None, f"slapd ended with {process.returncode}"
                assert time.monotonic() < until, "slapd does not answer"
                time.sleep(0.05)
        yield where
    finally:
        process.terminate()
        process.wait(20)


def _certificate(folder: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(pem)
