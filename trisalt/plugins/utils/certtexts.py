"""Certificates in OpenSSL's words: what `openssl x509 -text` and the index of an authority call what is in them. Pure.

Used by the shelf `tls`.
"""

from __future__ import annotations

import datetime
from typing import Any

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, SignatureAlgorithmOID

from trisalt.plugins.utils import certnames

SUBJECT = {
    "C": NameOID.COUNTRY_NAME, "ST": NameOID.STATE_OR_PROVINCE_NAME, "L": NameOID.LOCALITY_NAME,
    "O": NameOID.ORGANIZATION_NAME, "OU": NameOID.ORGANIZATIONAL_UNIT_NAME, "CN": NameOID.COMMON_NAME,
    "emailAddress": NameOID.EMAIL_ADDRESS,
}  # fmt: skip
_WORDS = {oid: word for word, oid in SUBJECT.items()}
_USAGES = {
    "digital_signature": "Digital Signature", "content_commitment": "Non Repudiation",
    "key_encipherment": "Key Encipherment", "data_encipherment": "Data Encipherment", "key_agreement": "Key Agreement",
    "key_cert_sign": "Certificate Sign", "crl_sign": "CRL Sign", "encipher_only": "Encipher Only",
    "decipher_only": "Decipher Only",
}  # fmt: skip
_EXTENDED = {
    ExtendedKeyUsageOID.SERVER_AUTH: "TLS Web Server Authentication",
    ExtendedKeyUsageOID.CLIENT_AUTH: "TLS Web Client Authentication",
    ExtendedKeyUsageOID.CODE_SIGNING: "Code Signing",
    ExtendedKeyUsageOID.EMAIL_PROTECTION: "E-mail Protection",
    ExtendedKeyUsageOID.TIME_STAMPING: "Time Stamping",
    ExtendedKeyUsageOID.OCSP_SIGNING: "OCSP Signing",
}
_SIGNATURES = {
    SignatureAlgorithmOID.RSA_WITH_SHA1: "sha1WithRSAEncryption",
    SignatureAlgorithmOID.RSA_WITH_SHA224: "sha224WithRSAEncryption",
    SignatureAlgorithmOID.RSA_WITH_SHA256: "sha256WithRSAEncryption",
    SignatureAlgorithmOID.RSA_WITH_SHA384: "sha384WithRSAEncryption",
    SignatureAlgorithmOID.RSA_WITH_SHA512: "sha512WithRSAEncryption",
    SignatureAlgorithmOID.ECDSA_WITH_SHA256: "ecdsa-with-SHA256",
    SignatureAlgorithmOID.ECDSA_WITH_SHA384: "ecdsa-with-SHA384",
    SignatureAlgorithmOID.ECDSA_WITH_SHA512: "ecdsa-with-SHA512",
    SignatureAlgorithmOID.ED25519: "ED25519",
    SignatureAlgorithmOID.ED448: "ED448",
}


def subject(parts: dict[str, Any]) -> x509.Name:
    """A name of its parts, in the order of `SUBJECT`; those that are empty are not in it."""
    return x509.Name([x509.NameAttribute(oid, str(parts[key])) for key, oid in SUBJECT.items() if parts.get(key)])


def shown_subject(name: x509.Name) -> dict[str, str]:
    """The parts of a name."""
    return {_WORDS.get(each.oid, each.oid.dotted_string): _text(each.value) for each in name}


def line_of(name: x509.Name) -> str:
    """A name as one line, as it stands in an index: `/C=US/CN=localhost`."""
    return "".join(f"/{key}={value}" for key, value in shown_subject(name).items())


def shown_signature(cert: x509.Certificate) -> str:
    """How a certificate is signed."""
    oid = cert.signature_algorithm_oid
    return _SIGNATURES.get(oid, oid.dotted_string)


def shown_extensions(cert: x509.Certificate) -> dict[str, str]:
    """The extensions of a certificate by name, each as a text."""
    return {certnames.kind_of(each): _extension(each.value) for each in cert.extensions}


def alternative_names(cert: x509.Certificate) -> list[str]:
    """The hosts and addresses that a certificate is for besides its name."""
    try:
        found = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    addresses = [str(each) for each in found.get_values_for_type(x509.IPAddress)]
    return sorted([*addresses, *found.get_values_for_type(x509.DNSName)])


def moment(when: datetime.datetime) -> str:
    """A time as it stands in an index."""
    return when.strftime("%y%m%d%H%M%SZ")


def _text(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


def _hex(data: bytes) -> str:
    return data.hex(":").upper()


def _general(each: x509.GeneralName) -> str:
    match each:
        case x509.IPAddress():
            return f"IP Address:{each.value}"
        case x509.DirectoryName():
            return f"DirName:{line_of(each.value)}"
    return (
        certnames.shown_general(each).replace("mail:", "email:", 1) if _is_mail(each) else certnames.shown_general(each)
    )


def _is_mail(each: x509.GeneralName) -> bool:
    return isinstance(each, x509.RFC822Name)


def _extension(value: Any) -> str:
    match value:
        case x509.BasicConstraints():
            length = "" if value.path_length is None else f", pathlen:{value.path_length}"
            return f"CA:{str(value.ca).upper()}{length}"
        case x509.KeyUsage():
            only = () if value.key_agreement else ("encipher_only", "decipher_only")
            return ", ".join(word for key, word in _USAGES.items() if key not in only and getattr(value, key))
        case x509.ExtendedKeyUsage():
            return ", ".join(_EXTENDED.get(oid, oid.dotted_string) for oid in value)
        case x509.SubjectKeyIdentifier():
            return _hex(value.digest)
        case x509.AuthorityKeyIdentifier():
            if value.authority_cert_issuer is None and value.key_identifier:
                return _hex(value.key_identifier)
            lines = [f"keyid:{_hex(value.key_identifier)}"] if value.key_identifier else []
            lines += [_general(each) for each in value.authority_cert_issuer or ()]
            if value.authority_cert_serial_number is not None:
                number = value.authority_cert_serial_number
                lines.append(f"serial:{_hex(number.to_bytes((number.bit_length() + 8) // 8, 'big'))}")
            return "\n".join(lines)
        case x509.SubjectAlternativeName() | x509.IssuerAlternativeName():
            return ", ".join(_general(each) for each in value)
    return str(value)
