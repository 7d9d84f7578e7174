"""`tls`: authorities of a host's own. The sentences are stock Salt 3008.3's, recorded with the pyOpenSSL that it needs;
what is signed is looked at by openssl too."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.support.debian import need
from trisalt.errors import CommandError
from trisalt.loader.dunders import Plugins
from trisalt.plugins.utils import certfiles

CA = "pki/ca/ca_ca_cert"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """An authority and what it signed; what each call said, in words of the folder's own name."""
    need("openssl")
    place = tmp_path_factory.mktemp("tls")
    plugins = Plugins(
        {
            "id": "m1", "cachedir": str(place / "cache"), "extension_modules": str(place / "ext"),
            "file_client": "local", "ca.cert_base_path": str(place / "pki"), "test": False,
        },
        pillar={"tls": {"extensions": {"own": {"csr": {"keyUsage": "digitalSignature"}, "cert": {}}}}},
    )  # fmt: skip
    salt, said = plugins.loader("modules"), []

    def call(fun, *args, **kwargs):
        plugins.context.pop("retcode", None)
        try:
            answer = salt[f"tls.{fun}"](*args, **kwargs)
        except CommandError as exc:
            answer = f"refused: {exc}"
        said.append((fun, str(answer).replace(str(place), "W"), plugins.context.get("retcode", 0)))

    call("create_ca", "ca", days=5, CN="My CA", O="Org", OU="unit", emailAddress="a@b.c")
    call("create_ca", "ca")
    call("create_csr", "ca", CN="web1", subjectAltName=["DNS:a.b", "IP:1.2.3.4", "email:x@y.z"], O="Org")
    call("create_csr", "ca", CN="web1")
    call("create_csr", "nope", CN="web1")
    call("create_csr", "ca", CN="cl", cert_type="client", type_ext=True)
    call("create_csr", "ca", CN="o", cert_type="odd")
    call("create_csr", "ca", CN="../evil")
    call("create_csr", "ca", CN="o", C="long")
    call("create_csr", "ca", CN="o", bits=512)
    call("create_ca_signed_cert", "ca", "web1", days=3)
    call("create_ca_signed_cert", "ca", "web1")
    call("create_ca_signed_cert", "ca", "nope")
    call("create_ca_signed_cert", "nope", "web1")
    call("create_ca_signed_cert", "ca", "cl", cert_type="client", type_ext=True)
    call("create_ca_signed_cert", "ca", "cl", cert_type="client", type_ext=True, cert_filename="own", days="x")
    call("create_self_signed_cert", CN="self", days=30)
    call("create_self_signed_cert", CN="self")
    call("create_pkcs12", "ca", "web1", passphrase="x")
    call("create_pkcs12", "ca", "web1", passphrase="x")
    call("create_pkcs12", "ca", "nope")
    call("create_pkcs12", "nope", "nope")
    call("create_empty_crl", "ca")
    call("create_empty_crl", "ca")
    call("create_empty_crl", "nope")
    crl = str(place / "pki/ca/crl.pem")
    for name in ("ca/certs/web1", "tls/certs/self"):
        call("validate", str(place / f"pki/{name}.crt"), "ca", crl)
    call("revoke_cert", "ca", "web1")
    call("revoke_cert", "ca", "web1")
    call("revoke_cert", "ca", "nope")
    call("revoke_cert", "nope", "nope")
    call("validate", str(place / "pki/ca/certs/web1.crt"), "ca", crl)
    call("validate", str(place / "pki/ca/certs/cl_client.crt"), "ca", crl)
    call("get_ca", "ca")
    call("get_ca", "nope")
    call("get_ca_signed_cert", "ca", "web1")
    call("get_ca_signed_cert", "ca", "nope")
    call("get_ca_signed_key", "ca", "web1")
    call("ca_exists", "ca")
    call("ca_exists", "nope")
    call("ca_exists", "../pki/ca")
    call("cert_info", str(place / "pki/ca/certs/web1.csr"))
    call("cert_info", str(place / "nope"))
    call("get_extensions", "client")
    call("get_extensions", "own")
    call("get_extensions", "odd")
    call("maybe_fix_ssl_version", "ca")
    return place, plugins, said


def serial(place):
    return f"{certfiles.certificate((place / 'pki/ca/certs/web1.crt').read_bytes()).serial_number:X}"


def test_what_each_call_says(made):
    place, _plugins, said = made
    number = serial(place)
    number = number.zfill(len(number) + len(number) % 2)
    certs = "W/pki/ca/certs"
    expected = [
        f'Created Private Key: "W/{CA}.key" Created CA "ca": "W/{CA}.crt"',
        'Certificate for CA named "ca" already exists',
        f'Created Private Key: "{certs}/web1.key" Created CSR for "web1": "{certs}/web1.csr"',
        f'Certificate Request "{certs}/web1.csr" already exists',
        'Certificate for CA named "nope" does not exist, please create it first.',
        f'Created Private Key: "{certs}/cl_client.key" Created CSR for "cl": "{certs}/cl_client.csr"',
        "refused: Unknown type of certificates: odd",
        "refused: This is no name of a file: ../evil",
        "refused: The subject is no name: Attribute's length must be >= 2 and <= 2, but it was 4",
        "refused: RSA key size must be either 2048, 3072 or 4096 bits.",
        f'Created Certificate for "web1": "{certs}/web1.crt"',
        'Certificate "web1" already exists',
        str({"retcode": 1, "comment": 'There is no CSR that matches the CN "nope"'}),
        str({"retcode": 1, "comment": 'There is no CA named "nope"'}),
        f'Created Certificate for "cl": "{certs}/cl_client.crt"',
        "refused: days is a number, not 'x'",
        'Created Private Key: "W/pki/tls/certs/self.key" Created Certificate: "W/pki/tls/certs/self.crt"',
        'Certificate "self" already exists',
        f'Created PKCS#12 Certificate for "web1": "{certs}/web1.p12"',
        'Certificate "web1" already exists',
        'There is no certificate that matches the CN "nope"',
        'There is no CA named "nope"',
        'Created an empty CRL: "W/pki/ca/crl.pem"',
        'CRL "W/pki/ca/crl.pem" already exists',
        'There is no CA named "nope"',
        str({"valid": True}),
        str({"valid": False, "error": "unable to get local issuer certificate"}),
        f'Revoked Certificate: "{certs}/web1.crt", serial number: {number}',
        f'"{certs}/web1.crt" was already revoked, serial number: {number}',
        'There is no client certificate named "nope"',
        'There is no CA named "nope"',
        str({"valid": False, "error": "certificate revoked"}),
        str({"valid": True}),
        f"W/{CA}.crt",
        "refused: Certificate does not exist for nope",
        f"{certs}/web1.crt",
        "refused: Certificate does not exists for nope",
        f"{certs}/web1.key",
        "True",
        "False",
        "refused: This is no name of a file: ../pki/ca",
        "refused: Could not load PEM-encoded certificate.",
        "refused: [Errno 2] No such file or directory: 'W/nope'",
        str({"csr": {"basicConstraints": "CA:FALSE", "extendedKeyUsage": "clientAuth",
                     "keyUsage": "nonRepudiation, digitalSignature, keyEncipherment"},
             "cert": {"authorityKeyIdentifier": "keyid,issuer:always", "subjectKeyIdentifier": "hash"}}),
        str({"csr": {"basicConstraints": "CA:FALSE", "keyUsage": "digitalSignature"},
             "cert": {"authorityKeyIdentifier": "keyid,issuer:always", "subjectKeyIdentifier": "hash"}}),
        "refused: Unknown type of certificates: odd",
        "None",
    ]  # fmt: skip
    assert [answer for _fun, answer, _retcode in said] == expected
    assert [answer for _fun, answer, retcode in said if retcode] == expected[12:14]


def test_no_other_may_read_a_key(made):
    place = made[0]
    modes = {path.suffix: path.stat().st_mode & 0o777 for path in (place / "pki/ca").rglob("*") if path.is_file()}
    assert modes == {".crt": 0o644, ".key": 0o600, ".csr": 0o644, ".p12": 0o600, ".pem": 0o644, ".txt": 0o644}


def openssl(*words):
    return subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True, check=False)


def test_openssl_takes_what_was_signed(made):
    place = made[0]
    ca, web, client = (place / each for each in (f"{CA}.crt", "pki/ca/certs/web1.crt", "pki/ca/certs/cl_client.crt"))
    assert openssl("verify", "-x509_strict", "-purpose", "sslclient", "-CAfile", ca, client).returncode == 0
    assert openssl("verify", "-purpose", "sslserver", "-verify_ip", "1.2.3.4", "-CAfile", ca, web).returncode == 0
    checked = openssl("verify", "-crl_check", "-CRLfile", place / "pki/ca/crl.pem", "-CAfile", ca, web)
    assert "certificate revoked" in checked.stdout + checked.stderr
    bag = openssl("pkcs12", "-in", place / "pki/ca/certs/web1.p12", "-passin", "pass:x", "-nodes")
    assert bag.stdout.count("BEGIN CERTIFICATE") == 2
    assert openssl("rsa", "-in", place / f"{CA}.key", "-check", "-noout").returncode == 0


def test_an_index_says_what_was_signed_and_what_was_revoked(made):
    place = made[0]
    rows = [line.split("\t") for line in (place / "pki/ca/index.txt").read_text().splitlines()]
    assert [(row[0], bool(row[2]), row[4], row[5]) for row in rows] == [
        ("V", False, "unknown", "/C=US/ST=Utah/L=Salt Lake City/O=Org/OU=unit/CN=My CA/emailAddress=a@b.c"),
        ("V", False, "unknown", "/C=US/ST=Utah/L=Salt Lake City/O=SaltStack/CN=cl"),
        ("R", True, "unknown", "/C=US/ST=Utah/L=Salt Lake City/O=Org/CN=web1"),
    ]


def test_what_is_in_a_certificate(made):
    place, plugins, _said = made
    path = place / "pki/ca/certs/web1.crt"
    info = plugins.loader("modules")["tls.cert_info"](str(path))
    cert = certfiles.certificate(path.read_bytes())
    words = info.pop("extensions")
    printed = openssl("x509", "-in", path, "-noout", "-fingerprint", "-sha256").stdout.strip()
    assert printed.endswith(info.pop("fingerprint"))
    assert info == {
        "subject": {"C": "US", "ST": "Utah", "L": "Salt Lake City", "O": "Org", "CN": "web1"},
        "issuer": {"C": "US", "ST": "Utah", "L": "Salt Lake City", "O": "Org", "OU": "unit", "CN": "My CA",
                   "emailAddress": "a@b.c"},
        "serial_number": cert.serial_number,
        "not_before": int(cert.not_valid_before_utc.timestamp()),
        "not_after": int(cert.not_valid_after_utc.timestamp()),
        "subject_alt_names": ["1.2.3.4", "a.b"],
        "signature_algorithm": "sha256WithRSAEncryption",
    }  # fmt: skip
    assert info["not_after"] - info["not_before"] == 3 * 24 * 3600
    assert {key: words[key] for key in ("basicConstraints", "extendedKeyUsage", "keyUsage", "subjectAltName")} == {
        "basicConstraints": "CA:FALSE",
        "extendedKeyUsage": "TLS Web Server Authentication",
        "keyUsage": "Digital Signature, Key Encipherment",
        "subjectAltName": "DNS:a.b, IP Address:1.2.3.4, email:x@y.z",
    }
    text = "".join(openssl("x509", "-in", path, "-noout", "-ext", "authorityKeyIdentifier").stdout.split())
    assert text.endswith("".join(words["authorityKeyIdentifier"].split()))
    salt = plugins.loader("modules")
    assert salt["tls.get_expiration_date"](str(path), "%d/%m/%Y") == cert.not_valid_after_utc.strftime("%d/%m/%Y")
    assert salt["tls.get_ca"]("ca", as_text=True) == Path(f"{place}/{CA}.crt").read_text()


def test_a_key_that_is_made_anew_is_kept_beside(made):
    place, plugins, _said = made
    salt = plugins.loader("modules")
    before = (place / "pki/tls/certs/self.key").read_bytes()
    salt["tls.create_self_signed_cert"](CN="self", replace=True, cacert_path=str(place / "pki"))
    kept = [path for path in (place / "pki/tls/certs").iterdir() if path.name.startswith("self.key.")]
    assert [(path.read_bytes(), path.stat().st_mode & 0o777) for path in kept] == [(before, 0o600)]
    assert (place / "pki/tls/certs/self.key").read_bytes() != before
    os.remove(kept[0])


@pytest.mark.parametrize(
    ("name", "given", "result", "comment"),
    [
        ("pki/ca/certs/cl_client.crt", {"days": 300}, True, "Certificate is valid for 364 days, "),
        ("pki/ca/certs/web1.crt", {}, True, "Certificate is valid for 2 days, 23:59:"),
        (
            "pki/ca/certs/web1.crt",
            {"days": 2, "hours": 3, "minutes": 4, "seconds": 5},
            True,
            "Certificate is valid for",
        ),
        ("pki/ca/certs/web1.crt", {"weeks": 60}, False, "which is less than 420 days, 0:00:00"),
        ("pki/ca/certs/web1.csr", {}, False, "Could not load PEM-encoded certificate."),
        ("nope", {}, False, "[Errno 2] No such file or directory: "),
        ("pki/ca/certs/web1.crt", {"weeks": "odd"}, False, "unsupported type for timedelta weeks component: str"),
    ],
)
def test_a_certificate_is_valid_for_as_long_as_is_said(made, name, given, result, comment):
    place, plugins, _said = made
    found = plugins.loader("states")["tls.valid_certificate"](str(place / name), **given)
    assert (found["result"], found["changes"]) == (result, {})
    assert comment in found["comment"]
