"""What `x509` lets other minions have signed, and what it makes of words: beside what is compared with stock's."""

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from trisalt.errors import CommandError
from trisalt.loader.dunders import Plugins
from trisalt.plugins.utils import certfiles, certnames


@pytest.fixture
def ca(tmp_path):
    """A minion that signs for others by policies."""
    options = {
        "id": "ca", "cachedir": str(tmp_path), "extension_modules": str(tmp_path / "ext"), "file_client": "local",
        "x509_signing_policies": {
            "www": [
                {"minions": "www*"},
                {"signing_private_key": str(tmp_path / "ca.key")},
                {"signing_cert": str(tmp_path / "ca.crt")},
                {"O": "Site"},
                {"days_valid": 20},
                {"extendedKeyUsage": "serverAuth"},
            ],
        },
    }  # fmt: skip
    salt = Plugins(options).loader("modules")
    salt["x509.create_private_key"](algo="ec", path=str(tmp_path / "ca.key"))
    salt["x509.create_certificate"](
        signing_private_key=str(tmp_path / "ca.key"), CN="ca", basicConstraints="critical, CA:TRUE", days_valid=90,
        path=str(tmp_path / "ca.crt"),
    )  # fmt: skip
    return salt


@pytest.fixture
def public():
    return certfiles.public_pem(certfiles.new_key("ec").public_key())


def ask(ca, who="www1", policy="www", **kwargs):
    return ca["x509.sign_remote_certificate"](policy, kwargs, __pub_id=who)


def test_what_a_policy_says_goes_before_what_is_asked_for(ca, public):
    found = ask(ca, public_key=public, CN="www1", O="Mine", days_valid=9000, extendedKeyUsage="codeSigning")
    assert found["errors"] == []
    cert = certfiles.certificate(found["data"])
    assert cert.subject.rfc4514_string() == "CN=www1,O=Site"
    assert (cert.not_valid_after_utc - cert.not_valid_before_utc).days == 20
    assert certnames.shown_extensions(cert.extensions)["extendedKeyUsage"]["value"] == ["serverAuth"]


@pytest.mark.parametrize("who", ["db1", "wwx", None, 7])
def test_a_policy_is_for_its_minions_alone(ca, public, who):
    found = ask(ca, who=who, public_key=public, CN="x")
    assert found == {"data": None, "errors": ["minion not permitted to use specified signing policy"]}


def test_a_policy_that_is_not_there_signs_nothing(ca, public):
    assert ask(ca, policy="none", public_key=public, CN="x")["data"] is None


@pytest.mark.parametrize("name", ["private_key", "public_key", "csr"])
def test_nobody_names_files_of_the_signing_minion(ca, tmp_path, name):
    found = ask(ca, CN="x", **{name: str(tmp_path / "ca.key")})
    assert (found["data"], bool(found["errors"])) == (None, True)


def test_what_is_signed_with_is_not_for_others_to_say(ca, public, tmp_path):
    other = certfiles.encoded_key(certfiles.new_key("ec"), "pem").decode()
    found = ask(ca, public_key=public, CN="x", signing_private_key=other, signing_cert="")
    assert certfiles.is_signed(
        certfiles.certificate(found["data"]), certfiles.certificate(str(tmp_path / "ca.crt")).public_key()
    )


def test_a_policy_is_shown_without_what_it_signs_with(ca):
    shown = ca["x509.get_signing_policy"]("www")
    assert "signing_private_key" not in shown
    assert shown["signing_cert"].startswith("-----BEGIN CERTIFICATE-----")


@pytest.mark.parametrize(
    ("kind", "value", "wrong"),
    [
        ("basicConstraints", "pathlen:1", "Undefined required key"),
        ("basicConstraints", "CA:TRUE, pathlen:x", "Invalid configuration"),
        ("extendedKeyUsage", "nonsense", "Invalid configuration"),
        ("tlsfeature", "nonsense", "Unknown tlsfeature"),
        ("certificatePolicies", "x", "Invalid configuration"),
        ("nameConstraints", "permitted;IP:nonsense", "Invalid configuration"),
        ("subjectAltName", "DNS", "has no type"),
        ("authorityKeyIdentifier", "keyid", "cannot be empty"),
        ("issuerAltName", "issuer:copy", "Need CA certificate"),
        ("nonsense", "x", "Unknown extension"),
    ],
)
def test_what_an_extension_cannot_be_is_told(kind, value, wrong):
    with pytest.raises(CommandError, match=wrong):
        certnames.extension(kind, value, key=None, issuer=None, issuer_key=None)


@pytest.mark.parametrize(
    "value",
    [
        "critical, permitted;IP:192.168.0.0/24, excluded;email:.com",
        {"critical": True, "permitted": ["IP:192.168.0.0/24"], "excluded": ["email:.com"]},
    ],
)
def test_an_extension_means_the_same_in_each_form(value):
    made, critical = certnames.extension("nameConstraints", value, key=None, issuer=None, issuer_key=None)
    assert critical
    assert certnames._shown(made) == {"permitted": ["IP:192.168.0.0/24"], "excluded": ["mail:.com"]}


def test_a_policy_may_have_notices():
    value = {"1.2.3.4": [{"organization": "o", "noticeNumbers": [1], "text": "t"}, "https://x/"]}
    made, _ = certnames.extension("certificatePolicies", value, key=None, issuer=None, issuer_key=None)
    notice = {"organization": "o", "notice_numbers": [1], "explicit_text": "t"}
    assert certnames._shown(made)["value"] == [{"1.2.3.4": [notice, {"practice_statement": "https://x/"}]}]


@pytest.mark.parametrize("subject", ["CN=a,O=b", ["O=b", "CN=a"], {"CN": "a", "O": "b"}])
def test_a_name_means_the_same_in_each_form(subject):
    assert certnames.name(subject).rfc4514_string() == "CN=a,O=b"


@pytest.mark.parametrize("subject", ["nonsense", {"nonsense": "x"}, 7, ["=x"]])
def test_what_is_no_name_is_told(subject):
    with pytest.raises(CommandError):
        certnames.name(subject)


@pytest.mark.parametrize("form", ["pem", "hex", "base64", "bytes"])
def test_a_certificate_is_taken_in_each_form(ca, tmp_path, form):
    cert = certfiles.certificate(str(tmp_path / "ca.crt"))
    der = cert.public_bytes(serialization.Encoding.DER)
    given = {
        "pem": (tmp_path / "ca.crt").read_text(),
        "hex": der.hex(),
        "base64": ca["x509.encode_certificate"](str(tmp_path / "ca.crt"), "der"),
        "bytes": der,
    }[form]
    assert certfiles.certificate(given) == cert


@pytest.mark.parametrize("encoding", ["der", "pkcs7_pem", "pkcs7_der", "pkcs12"])
def test_a_chain_comes_back_from_each_encoding(ca, tmp_path, encoding):
    cert, key = certfiles.certificate(str(tmp_path / "ca.crt")), certfiles.private_key(str(tmp_path / "ca.key"))[0]
    others = [] if encoding == "der" else [cert]
    data = certfiles.encoded_certificate(cert, encoding, others, key=key, passphrase="pw")
    found, encoded = certfiles.certificates(data, "pw")
    assert (encoded, found) == (encoding, [cert, *others])


def test_a_chain_is_no_single_certificate(tmp_path, ca):
    cert = certfiles.certificate(str(tmp_path / "ca.crt"))
    with pytest.raises(CommandError, match="Cannot encode a certificate chain in DER"):
        certfiles.encoded_certificate(cert, "der", [cert])


@pytest.mark.parametrize(
    "garbage", [b"", b"\x30\x03\x02\x01", b"-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----"]
)
def test_garbage_is_told_in_a_sentence(garbage):
    for load in (certfiles.certificates, certfiles.request, certfiles.revocations, certfiles.private_key):
        with pytest.raises(CommandError):
            load(garbage)


def test_a_name_is_hashed_by_its_bytes():
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "csr.x")])
    assert certnames.name_hash(name) == "A2:D0:AA:39"
