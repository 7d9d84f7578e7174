"""`x509` beside stock's: keys, certificates, requests and revocation lists, by functions and by states.

What stock's states answer was recorded of the same rows: it takes long. `TRISALT_RECORD=1` records anew.
"""

import json
import os
import re
from pathlib import Path

import pytest

from tests.interop import beside
from tests.interop.beside import Call, agree, each, refuses, returns
from tests.interop.states import Row, ask, compare, done, each_phase, pending, refused
from tests.support.lab import open_lab

pytestmark = [pytest.mark.interop, pytest.mark.timeout(240)]

GRAINS = {"id": "m1", "kernel": "Linux", "os": "Debian", "os_family": "Debian", "shell": "/bin/sh"}
RECORDED = Path(__file__).parent / "x509_answers.json"
# What is another one each time.
DRAWN = [
    (r"-----BEGIN ([A-Z ]+)-----.*?-----END \1-----(\\n|\n)?", r"<\1>"),
    (r"\b([0-9A-F]{2}:){9,}[0-9A-F]{2}\b", "<hex>"),
    (r'"[0-9A-F]{38,40}"', '"<serial>"'),
    (r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d", "<time>"),
    (r'"[A-Za-z0-9+/]{100,}={0,2}"', '"<base64>"'),
]
SHOWN = "what is bytes is shown as text"
SELF = "an unknown word is no usage"
NOT_READ = (
    "Could not load provided source. You need to pass an existing file, (PEM|hex|base64)-encoded string or raw bytes."
)
NO_FILE = "a file that is not there is no Base64"


def x(fun, *args, **kwargs):
    return Call(f"x509.{fun}", *args, **kwargs)


CA = {
    "signing_private_key": "W/ca.key", "basicConstraints": "critical, CA:TRUE, pathlen:1",
    "keyUsage": "critical, cRLSign, keyCertSign", "subjectKeyIdentifier": "hash", "authorityKeyIdentifier": "keyid:always",
}  # fmt: skip
BY_CA = {"signing_private_key": "W/ca.key", "signing_cert": "W/ca.crt"}
EVERY = {
    "subjectAltName": "DNS:w.x,IP:1.2.3.4,email:a@b.c,URI:http://x/", "extendedKeyUsage": "serverAuth,clientAuth",
    "authorityInfoAccess": "OCSP;URI:http://o/,caIssuers;URI:http://i/", "crlDistributionPoints": "URI:http://c/",
    "keyUsage": ["critical", "digitalSignature"], "noCheck": True, "policyConstraints": "requireExplicitPolicy:3",
    "inhibitAnyPolicy": 1, "issuerAltName": "DNS:i.x", "authorityKeyIdentifier": "keyid,issuer:always",
    "tlsfeature": "status_request",
}  # fmt: skip
CALLS = [
    x("create_private_key", algo="ec", path="W/ca.key"),
    x("create_private_key", algo="ec", keysize=384, path="W/w.key"),
    x("create_private_key", algo="ed25519", path="W/ed.key", passphrase="pw"),
    x("create_private_key", keysize=1024),
    x("create_private_key", algo="odd"),
    x("create_private_key", algo="ec", nosuch=1),
    x("create_private_key", algo="ec", encoding="der"),
    x("create_private_key", algo="ec", encoding="odd"),
    x("get_private_key_size", "W/ca.key"),
    x("get_private_key_size", "W/w.key"),
    x("get_private_key_size", "W/ed.key", passphrase="pw"),
    x("get_private_key_size", "W/ed.key"),
    x("get_private_key_size", "/no/such-file", ours=refuses(NOT_READ), why=NO_FILE),
    x("get_public_key", "W/w.key"),
    x("create_certificate", CN="ca.x", C="DE", O="Org", days_valid=400, path="W/ca.crt", serial_number="0A:0B", **CA),
    x("create_certificate", private_key="W/w.key", subject="CN=w.x,O=Org", days_valid=30, path="W/w.crt", **BY_CA, **EVERY),
    x("create_certificate", CN="x"),
    x("create_certificate", CN="x", **BY_CA),
    x("create_certificate", signing_private_key="W/w.key", signing_cert="W/ca.crt", private_key="W/w.key"),
    x("create_certificate", signing_private_key="W/ca.key", digest="odd"),
    x("create_certificate", signing_private_key="W/ca.key", encoding="odd"),
    x("create_certificate", signing_private_key="W/ca.key", keyUsage="odd", ours=refuses("Unknown key usage odd"), why=SELF),
    x("create_certificate", signing_private_key="W/ca.key", subjectAltName="odd:x"),
    x("create_certificate", signing_private_key="W/ca.key", encoding="der"),
    x("create_certificate", signing_private_key="W/ca.key", path="W/ca.crt", overwrite=False),
    x("read_certificate", "W/ca.crt"),
    x("read_certificate", "W/w.crt"),
    x("read_certificate", "W/ca.key"),
    x("read_certificate", "/no/such-file", ours=refuses(NOT_READ), why=NO_FILE),
    x("expires", "W/w.crt", days=10),
    x("expires", "W/w.crt", days=40),
    x("expired", "W/w.crt"),
    x("will_expire", "W/w.crt", 40),
    x("get_signing_policy", "nope"),
    x("create_csr", private_key="W/w.key", CN="csr.x", subjectAltName=["DNS:csr.x"], keyUsage="critical,digitalSignature",
      path="W/a.csr"),
    x("read_csr", "W/a.csr"),
    x("create_certificate", csr="W/a.csr", path="W/csr.crt", days_valid=30, **BY_CA),
    x("read_certificate", "W/csr.crt"),
    x("create_crl", days_valid=10, path="W/a.crl", extensions={"cRLNumber": 3, "authorityKeyIdentifier": "keyid:always"},
      revoked=[
          {"certificate": "W/w.crt", "extensions": {"CRLReason": "keyCompromise"}},
          {"serial_number": "D6:D2", "revocation_date": "2026-01-01 00:00:00"},
      ], **BY_CA),
    x("read_crl", "W/a.crl"),
    x("verify_crl", "W/a.crl", "W/ca.crt"),
    x("verify_crl", "W/a.crl", "W/csr.crt"),
    x("verify_private_key", "W/ca.key", "W/ca.crt"),
    x("verify_private_key", "W/w.key", "W/ca.crt"),
    x("verify_signature", "W/w.crt", "W/ca.crt"),
    x("verify_signature", "W/w.crt", "W/w.crt"),
    x("verify_signature", "W/ca.crt"),
    x("encode_certificate", "W/ca.crt", "der"),
    x("encode_certificate", "W/w.crt", "pem", "W/ca.crt"),
    x("encode_private_key", "W/ed.key", passphrase="new", private_key_passphrase="pw"),
    x("encode_private_key", "W/ed.key"),
    x("get_pem_entry", "W/ca.crt", ours=returns("<CERTIFICATE>"), why=SHOWN),
    x("get_pem_entry", "x y"),
]  # fmt: skip


def key(**kwargs):
    return Row("x509.private_key_managed", "W/s.key", **kwargs)


ROOT = {**CA, "CN": "root.x", "days_valid": 400, "days_remaining": 30, "signing_private_key": "W/s.key"}
LEAF = {
    "signing_private_key": "W/s.key", "signing_cert": "W/s.crt", "private_key": "W/l.key", "CN": "leaf.x",
    "days_valid": 100, "days_remaining": 30,
}  # fmt: skip


def root(**kwargs):
    return Row("x509.certificate_managed", "W/s.crt", **{**ROOT, **kwargs})


def leaf(**kwargs):
    return Row("x509.certificate_managed", "W/l.crt", **{**LEAF, **kwargs})


def csr(**kwargs):
    return Row("x509.csr_managed", "W/s.csr", **{"private_key": "W/l.key", "CN": "v.x", **kwargs})


ENTRY = {"serial_number": "D6:D2", "revocation_date": "2026-01-01 00:00:00"}
AGAIN = "a list that is there is made anew"
LIST = "The certificate revocation list"
FIRST = {"revocations": {"added": ["D6:D2"], "changed": [], "removed": []}}
AUTO = {
    "revocations": {"added": [], "changed": [], "removed": ["D6:D2"]},
    "extensions": {"added": ["cRLNumber"], "changed": [], "removed": []},
}
NO_LIST = refused("Revoked certificates should be specified as a simple list of dicts.")
NO_KEY = refused("Creating a certificate locally at least requires a signing private key.")
PEM = "-----BEGIN X-----\nAAAA\n-----END X-----\n"


def crl(revoked, **kwargs):
    how = {"signing_private_key": "W/s.key", "signing_cert": "W/s.crt", "days_valid": 20, "days_remaining": 5}
    return Row("x509.crl_managed", "W/s.crl", revoked=revoked, **how, **kwargs)


def anew(**changes):
    return {
        "preview": pending(f"{LIST} would have been recreated", **changes),
        "applied": done(f"{LIST} has been recreated", **changes),
        "again": done(f"{LIST} is in the correct state"),
        "why": AGAIN,
    }


ROWS = [
    key(algo="ec"),
    key(algo="ed25519"),
    key(algo="ec", keysize=384),
    key(algo="ec", keysize=256, mode="0640"),
    key(algo="ec", new=True, always=True),
    key(algo="ec", encoding="der"),
    key(algo="ec", passphrase="pw"),
    key(algo="ec", passphrase="other"),
    key(algo="ec"),
    key(algo="ec", overwrite=True),
    key(algo="ed25519", keysize=256),
    Row("x509.private_key_managed", "W/l.key", algo="ec"),
    Row("x509.private_key_managed", "W/no/x.key", algo="ec", but=["created"]),
    Row("x509.private_key_managed", "W/mk/x.key", algo="ed25519", makedirs=True),
    Row("x509.private_key_managed", "W/z.key", create=False),
    Row("x509.private_key_managed", "W/z.key", algo="odd", but=["created"]),
    root(),
    root(CN="other.x"),
    root(basicConstraints="critical, CA:TRUE"),
    root(digest="sha512"),
    root(encoding="der"),
    root(),
    root(days_remaining=500, always=True),
    leaf(),
    leaf(subjectAltName="DNS:leaf.x"),
    leaf(append_certs=["W/s.crt"]),
    leaf(private_key="W/s.key"),
    leaf(serial_number="0A:0B"),
    leaf(mode="0640"),
    Row("x509.certificate_managed", "W/z.crt", signing_private_key="W/nope", CN="x", why=NO_FILE,
        applied=refused(NOT_READ), again=refused(NOT_READ)),
    Row("x509.certificate_managed", "W/z.crt", CN="x", applied=NO_KEY, again=NO_KEY, why="it says what is missing"),
    Row("x509.certificate_managed", "W/z.crt", **{**LEAF, "create": False}),
    csr(),
    csr(CN="w.x"),
    csr(keyUsage="digitalSignature"),
    csr(private_key="W/s.key", digest="sha512"),
    Row("x509.csr_managed", "W/z.csr", private_key="W/nope", why=NO_FILE,
        applied=refused(NOT_READ), again=refused(NOT_READ)),
    crl([]),
    crl([ENTRY], **anew(**FIRST)),
    crl([], extensions={"cRLNumber": "auto"}, **anew(**AUTO)),
    crl("x", **dict.fromkeys(("preview", "applied", "again"), NO_LIST), why="told in a sentence"),
    Row("x509.pem_managed", "W/p.pem", text=PEM.replace("\n", " ")),
]  # fmt: skip


def without_chance(found, place):
    text = json.dumps(found).replace(place, "W")
    for pattern, sign in DRAWN:
        text = re.sub(pattern, sign, text)
    return json.loads(text)


@pytest.fixture(scope="module")
def answers():
    answers = {}
    with open_lab() as lab:
        for kind in ("stock", "ours"):
            place = lab.root / f"place-{kind}"
            place.mkdir()
            how = {"grains": GRAINS, "places": {"W": str(place)}}
            answers[f"{kind} calls"] = without_chance(beside.ask(lab, kind, CALLS, **how), str(place))
            if kind == "ours" or os.environ.get("TRISALT_RECORD"):
                answers[kind] = without_chance(ask(lab, kind, ROWS, seconds=170, **how), str(place))
            answers[f"{kind} modes"] = {
                path.name: path.stat().st_mode & 0o777 for path in sorted(place.iterdir()) if path.is_file()
            }
    if "stock" in answers:
        RECORDED.write_text(json.dumps(answers["stock"], indent=1) + "\n")
    answers["stock"] = json.loads(RECORDED.read_text())
    assert len(answers["stock"]) == len(ROWS), "the rows are others: record them anew"
    return answers


@each_phase(ROWS)
def test_ours_does_as_stock_does(answers, number, phase):
    compare(ROWS, answers, number, phase)


@each(CALLS)
def test_ours_answers_as_stock_does(answers, number):
    agree(CALLS[number], answers["stock calls"][number], answers["ours calls"][number])


def test_private_keys_are_their_owners_alone(answers):
    keys = {name: mode for name, mode in answers["ours modes"].items() if name.endswith(".key")}
    assert keys == {"ca.key": 0o600, "w.key": 0o600, "ed.key": 0o600, "s.key": 0o400, "l.key": 0o400}
