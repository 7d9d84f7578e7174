"""Names and extensions of certificates: from the words of a configuration, and back into words. Pure.

Used by the shelf `x509`. Source of the words: stock Salt 3008.3, and OpenSSL's x509v3_config.
"""

from __future__ import annotations

import datetime
import hashlib
import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

from trisalt.errors import CommandError

# In the order in which they stand in a name.
SUBJECT = {
    "C": NameOID.COUNTRY_NAME,
    "ST": NameOID.STATE_OR_PROVINCE_NAME,
    "L": NameOID.LOCALITY_NAME,
    "STREET": NameOID.STREET_ADDRESS,
    "O": NameOID.ORGANIZATION_NAME,
    "OU": NameOID.ORGANIZATIONAL_UNIT_NAME,
    "CN": NameOID.COMMON_NAME,
    "MAIL": NameOID.EMAIL_ADDRESS,
    "SN": NameOID.SURNAME,
    "GN": NameOID.GIVEN_NAME,
    "UID": NameOID.USER_ID,
    "SERIALNUMBER": NameOID.SERIAL_NUMBER,
}
_SHORT = {oid: name for name, oid in SUBJECT.items()}
_USAGES = {
    "digitalSignature": "digital_signature",
    "nonRepudiation": "content_commitment",
    "keyEncipherment": "key_encipherment",
    "dataEncipherment": "data_encipherment",
    "keyAgreement": "key_agreement",
    "keyCertSign": "key_cert_sign",
    "cRLSign": "crl_sign",
    "encipherOnly": "encipher_only",
    "decipherOnly": "decipher_only",
}
_EXTENDED = {
    "serverAuth": ExtendedKeyUsageOID.SERVER_AUTH,
    "clientAuth": ExtendedKeyUsageOID.CLIENT_AUTH,
    "codeSigning": ExtendedKeyUsageOID.CODE_SIGNING,
    "emailProtection": ExtendedKeyUsageOID.EMAIL_PROTECTION,
    "timeStamping": ExtendedKeyUsageOID.TIME_STAMPING,
    "OCSPSigning": ExtendedKeyUsageOID.OCSP_SIGNING,
    "msSmartcardLogin": ExtendedKeyUsageOID.SMARTCARD_LOGON,
    "anyExtendedKeyUsage": ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
}
_ACCESS = {"OCSP": AuthorityInformationAccessOID.OCSP, "caIssuers": AuthorityInformationAccessOID.CA_ISSUERS}
_FEATURES = {
    "status_request": x509.TLSFeatureType.status_request,
    "status_request_v2": x509.TLSFeatureType.status_request_v2,
}
_PEM = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----(.+?)-----END \1-----", re.DOTALL)
_TIME = "%Y-%m-%d %H:%M:%S"


# -- names -------------------------------------------------------------------------------------------------------------


def name(subject: Any, given: Mapping[str, Any] = {}) -> x509.Name:
    """A distinguished name: RFC 4514's text, a list of its parts, or a map; without one, of single words."""
    try:
        if subject is None:
            subject = {key: given[key] for key in SUBJECT if given.get(key) is not None}
        if isinstance(subject, str):
            return x509.Name.from_rfc4514_string(subject)
        if isinstance(subject, list | tuple):
            return x509.Name([part for each in subject for part in x509.Name.from_rfc4514_string(str(each)).rdns])
        if isinstance(subject, Mapping):
            unknown = [key for key in subject if key not in SUBJECT]
            if unknown:
                raise CommandError(f"A name has no {', '.join(map(str, unknown))}")
            return x509.Name([x509.NameAttribute(SUBJECT[key], str(subject[key])) for key in SUBJECT if key in subject])
    except ValueError as exc:
        raise CommandError(f"This is no distinguished name: {subject} ({exc})") from exc
    raise CommandError("Need string, list or dict to parse distinguished names")


def shown_name(found: x509.Name) -> dict[str, str]:
    """A name as a map."""
    return {_SHORT.get(part.oid, part.oid.dotted_string): str(part.value) for part in found}


def name_hash(found: x509.Name) -> str:
    """A name's hash, as stock Salt 3008.3 shows it: its first bytes, the last of them first."""
    return pretty(hashlib.sha1(found.public_bytes(), usedforsecurity=False).digest()[3::-1])


def pretty(data: bytes) -> str:
    """Bytes as pairs of hex digits."""
    return data.hex(":").upper()


def number(given: Any) -> int:
    """A serial number: a number, or hex digits with or without colons."""
    if isinstance(given, int):
        return given
    try:
        return int(str(given).replace(":", ""), 16)
    except ValueError:
        raise CommandError(f"Could not parse serial number {given}") from None


def shown_number(value: int) -> str:
    """A serial number in pairs of hex digits."""
    return pretty(value.to_bytes((value.bit_length() + 7) // 8 or 1, "big"))


def moment(given: Any) -> datetime.datetime:
    """A time of a configuration, which is UTC."""
    try:
        return datetime.datetime.strptime(str(given), _TIME).replace(tzinfo=datetime.UTC)
    except ValueError:
        raise CommandError(f"This is no time of the form {_TIME}: {given}") from None


def shown_moment(value: datetime.datetime | None) -> str | None:
    """A time as a configuration has it."""
    return value.strftime(_TIME) if value is not None else None


def general_name(text: Any) -> x509.GeneralName:
    """`DNS:host`, `IP:address`, `email:…`, `URI:…`, `RID:…`, `dirName:…`."""
    kind, colon, value = str(text).partition(":")
    if not colon:
        raise CommandError(f"GeneralName {text} has no type")
    value = value.strip()
    try:
        match kind.strip().lower():
            case "dns":
                return x509.DNSName(_ascii(value))
            case "ip":
                try:
                    return x509.IPAddress(ipaddress.ip_address(value))
                except ValueError:
                    return x509.IPAddress(ipaddress.ip_network(value))
            case "email" | "mail":
                return x509.RFC822Name(value)
            case "uri" | "url":
                return x509.UniformResourceIdentifier(value)
            case "rid":
                return x509.RegisteredID(x509.ObjectIdentifier(value))
            case "dirname":
                return x509.DirectoryName(name(value))
    except ValueError as exc:
        raise CommandError(f"{text}: {exc}") from exc
    raise CommandError(f"GeneralName type {kind.strip()} is invalid")


def _ascii(host: str) -> str:
    if host.isascii():
        return host
    return ".".join(part.encode("idna").decode() if not part.isascii() else part for part in host.split("."))


def general_names(items: Iterable[tuple[str, Any]]) -> list[x509.GeneralName]:
    """Several of them."""
    return [general_name(key if value is None else f"{key}:{value}") for key, value in items]


def shown_general(found: x509.GeneralName) -> str:
    """A general name in words."""
    match found:
        case x509.DNSName():
            return f"DNS:{found.value}"
        case x509.IPAddress():
            return f"IP:{found.value.exploded}"
        case x509.RFC822Name():
            return f"mail:{found.value}"
        case x509.UniformResourceIdentifier():
            return f"URI:{found.value}"
        case x509.RegisteredID():
            return f"RID:{found.value.dotted_string}"
        case x509.DirectoryName():
            return f"dirName:{found.value.rfc4514_string()}"
    return str(found)


# -- extensions --------------------------------------------------------------------------------------------------------


def pieces(value: Any) -> tuple[bool, list[tuple[str, Any]]]:
    """Of an extension's configuration, in any of its forms: whether it is critical, and its items."""
    items: list[tuple[str, Any]] = []
    if isinstance(value, Mapping):
        items = [(str(key), item) for key, item in value.items()]
    else:
        for item in value if isinstance(value, list | tuple) else str(value).split(","):
            if isinstance(item, Mapping):
                items += [(str(key), each) for key, each in item.items()]
                continue
            key, colon, rest = str(item).strip().partition(":")
            items.append((key.strip(), rest.strip() if colon else None))
    critical = any(key == "critical" and item in (None, True, "true", "True") for key, item in items)
    return critical, [(key, item) for key, item in items if key != "critical" and key]


def extension(kind: str, value: Any, *, key: Any, issuer: x509.Certificate | None, issuer_key: Any) -> Any:
    """An extension and whether it is critical: `key` is the subject's, `issuer` and its key who signs."""
    make = _MAKERS.get(kind)
    if make is None:
        raise CommandError(f"Unknown extension {kind}")
    critical, items = pieces(value)
    try:
        return make(items, key=key, issuer=issuer, issuer_key=issuer_key), critical
    except (ValueError, TypeError) as exc:
        raise CommandError(f"Invalid configuration for {kind}: {exc}") from exc


def _basic(items: list[tuple[str, Any]], **_: Any) -> x509.BasicConstraints:
    given = {key.lower(): value for key, value in items}
    if "ca" not in given:
        raise CommandError("Undefined required key for basicConstraints: 'ca'")
    is_ca = str(given["ca"]).lower() == "true"
    length = given.get("pathlen")
    return x509.BasicConstraints(is_ca, int(length) if length is not None and is_ca else None)


def _usage(items: list[tuple[str, Any]], **_: Any) -> x509.KeyUsage:
    wanted = {key for key, value in items if value is not False}
    unknown = sorted(wanted - _USAGES.keys())
    if unknown:
        raise CommandError(f"Unknown key usage {', '.join(unknown)}")
    return x509.KeyUsage(**{attribute: word in wanted for word, attribute in _USAGES.items()})


def _extended(items: list[tuple[str, Any]], **_: Any) -> x509.ExtendedKeyUsage:
    return x509.ExtendedKeyUsage([_EXTENDED.get(key) or x509.ObjectIdentifier(key) for key, _ in items])


def _subject_key(items: list[tuple[str, Any]], *, key: Any, **_: Any) -> x509.SubjectKeyIdentifier:
    text = ":".join(part for item in items for part in item if part is not None)
    if text == "hash":
        return x509.SubjectKeyIdentifier.from_public_key(key)
    return x509.SubjectKeyIdentifier(bytes.fromhex(text.replace(":", "")))


def _authority_key(
    items: list[tuple[str, Any]], *, issuer: x509.Certificate | None, issuer_key: Any, **_: Any
) -> x509.AuthorityKeyIdentifier:
    given = dict(items)
    identifier = names = serial = None
    if "keyid" in given:
        identifier = _identifier(issuer, issuer_key)
    if "issuer" in given and issuer is not None and (given["issuer"] == "always" or identifier is None):
        names, serial = [x509.DirectoryName(issuer.issuer)], issuer.serial_number
    if identifier is None and names is None:
        raise CommandError("authorityKeyIdentifier cannot be empty.")
    return x509.AuthorityKeyIdentifier(identifier, names, serial)


def _identifier(issuer: x509.Certificate | None, issuer_key: Any) -> bytes | None:
    if issuer is not None:
        try:
            return issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
        except x509.ExtensionNotFound:
            issuer_key = issuer.public_key()
    return None if issuer_key is None else x509.SubjectKeyIdentifier.from_public_key(issuer_key).digest


def _subject_names(items: list[tuple[str, Any]], **_: Any) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName(general_names(items))


def _issuer_names(items: list[tuple[str, Any]], *, issuer: x509.Certificate | None, **_: Any) -> Any:
    found: list[x509.GeneralName] = []
    for key, value in items:
        if (key, value) != ("issuer", "copy"):
            found += general_names([(key, value)])
        elif issuer is not None:
            found += list(issuer.extensions.get_extension_for_class(x509.SubjectAlternativeName).value)
        else:
            raise CommandError("Need CA certificate to copy to issuerAltName")
    return x509.IssuerAlternativeName(found)


def _access(items: list[tuple[str, Any]], **_: Any) -> x509.AuthorityInformationAccess:
    found = []
    for key, value in items:
        method, _, rest = key.partition(";")
        for each in value if isinstance(value, list) else [value]:
            target = f"{rest}:{each}" if rest else each
            oid = _ACCESS.get(method) or x509.ObjectIdentifier(method)
            found.append(x509.AccessDescription(oid, general_name(target)))
    return x509.AuthorityInformationAccess(found)


def _points(items: list[tuple[str, Any]], **_: Any) -> x509.CRLDistributionPoints:
    return x509.CRLDistributionPoints(
        [x509.DistributionPoint([each], None, None, None) for each in general_names(items)]
    )


def _policies(items: list[tuple[str, Any]], **_: Any) -> x509.CertificatePolicies:
    found = []
    for key, value in items:
        qualifiers: list[Any] = []
        for each in value if isinstance(value, list) else [] if value is None else [value]:
            if not isinstance(each, Mapping):
                qualifiers.append(str(each))
                continue
            reference = None
            if each.get("organization"):
                reference = x509.NoticeReference(each["organization"], list(each.get("noticeNumbers") or ()))
            qualifiers.append(x509.UserNotice(reference, each.get("text")))
        found.append(x509.PolicyInformation(x509.ObjectIdentifier(key), qualifiers or None))
    return x509.CertificatePolicies(found)


def _policy_constraints(items: list[tuple[str, Any]], **_: Any) -> x509.PolicyConstraints:
    given = dict(items)
    explicit, mapping = given.get("requireExplicitPolicy"), given.get("inhibitPolicyMapping")
    return x509.PolicyConstraints(
        int(explicit) if explicit is not None else None, int(mapping) if mapping is not None else None
    )


def _inhibit(items: list[tuple[str, Any]], **_: Any) -> x509.InhibitAnyPolicy:
    (key, value), *_rest = items
    return x509.InhibitAnyPolicy(int(key if value is None else value))


def _name_constraints(items: list[tuple[str, Any]], **_: Any) -> x509.NameConstraints:
    trees: dict[str, list[x509.GeneralName]] = {"permitted": [], "excluded": []}
    for key, value in items:
        side, _, kind = key.partition(";")
        if side not in trees:
            raise CommandError("nameConstraints needs at least one definition")
        for each in value if isinstance(value, list) else [f"{kind}:{value}" if kind else value]:
            what, _, rest = str(each).partition(":")
            # A network, and not the host that begins it.
            if what.lower() == "ip":
                trees[side].append(x509.IPAddress(ipaddress.ip_network(rest.strip())))
            else:
                trees[side].append(general_name(each))
    return x509.NameConstraints(trees["permitted"] or None, trees["excluded"] or None)


def _features(items: list[tuple[str, Any]], **_: Any) -> x509.TLSFeature:
    unknown = [key for key, _ in items if key not in _FEATURES]
    if unknown:
        raise CommandError(f"Unknown tlsfeature {', '.join(unknown)}")
    return x509.TLSFeature([_FEATURES[key] for key, _ in items])


def _single(make: Callable[[int], Any]) -> Callable[..., Any]:
    return lambda items, **_: make(int(items[0][0] if items[0][1] is None else items[0][1]))


_MAKERS: dict[str, Callable[..., Any]] = {
    "basicConstraints": _basic,
    "keyUsage": _usage,
    "extendedKeyUsage": _extended,
    "subjectKeyIdentifier": _subject_key,
    "authorityKeyIdentifier": _authority_key,
    "issuerAltName": _issuer_names,
    "authorityInfoAccess": _access,
    "subjectAltName": _subject_names,
    "crlDistributionPoints": _points,
    "certificatePolicies": _policies,
    "policyConstraints": _policy_constraints,
    "inhibitAnyPolicy": _inhibit,
    "nameConstraints": _name_constraints,
    "noCheck": lambda items, **_: x509.OCSPNoCheck(),
    "tlsfeature": _features,
    "cRLNumber": _single(x509.CRLNumber),
    "deltaCRLIndicator": _single(x509.DeltaCRLIndicator),
}
EXTENSIONS = tuple(_MAKERS)
REQUEST_ONLY_NOT = ("authorityInfoAccess", "authorityKeyIdentifier", "issuerAltName", "crlDistributionPoints")


def entry_extension(kind: str, value: Any) -> Any:
    """An extension of one entry of a revocation list."""
    try:
        match kind:
            case "CRLReason":
                return x509.CRLReason(x509.ReasonFlags(pieces(value)[1][0][0]))
            case "invalidityDate":
                return x509.InvalidityDate(moment(value).replace(tzinfo=None))
            case "certificateIssuer":
                return x509.CertificateIssuer(general_names(pieces(value)[1]))
    except ValueError as exc:
        raise CommandError(f"Invalid configuration for {kind}: {exc}") from exc
    raise CommandError(f"Unknown extension {kind}")


def shown_extensions(found: x509.Extensions) -> dict[str, Any]:
    """Extensions in words, by name."""
    return {kind_of(each): {"critical": each.critical, **_shown(each.value)} for each in found}


_KINDS = {
    x509.BasicConstraints: "basicConstraints",
    x509.KeyUsage: "keyUsage",
    x509.ExtendedKeyUsage: "extendedKeyUsage",
    x509.SubjectKeyIdentifier: "subjectKeyIdentifier",
    x509.AuthorityKeyIdentifier: "authorityKeyIdentifier",
    x509.IssuerAlternativeName: "issuerAltName",
    x509.AuthorityInformationAccess: "authorityInfoAccess",
    x509.SubjectAlternativeName: "subjectAltName",
    x509.CRLDistributionPoints: "crlDistributionPoints",
    x509.CertificatePolicies: "certificatePolicies",
    x509.PolicyConstraints: "policyConstraints",
    x509.InhibitAnyPolicy: "inhibitAnyPolicy",
    x509.NameConstraints: "nameConstraints",
    x509.OCSPNoCheck: "noCheck",
    x509.TLSFeature: "tlsfeature",
    x509.CRLNumber: "cRLNumber",
    x509.DeltaCRLIndicator: "deltaCRLIndicator",
    x509.CRLReason: "CRLReason",
    x509.InvalidityDate: "invalidityDate",
    x509.CertificateIssuer: "certificateIssuer",
}


def kind_of(found: x509.Extension[Any]) -> str:
    """The name of an extension in a configuration."""
    return _KINDS.get(type(found.value), found.oid.dotted_string)


def _shown(value: Any) -> dict[str, Any]:
    match value:
        case x509.BasicConstraints():
            return {"ca": value.ca, "pathlen": value.path_length}
        case x509.KeyUsage():
            only = ("encipherOnly", "decipherOnly")
            return {
                word: getattr(value, attribute) if word not in only or value.key_agreement else False
                for word, attribute in sorted(_USAGES.items(), key=lambda pair: pair[0].lower())
            }
        case x509.ExtendedKeyUsage():
            words = {oid: word for word, oid in _EXTENDED.items()}
            return {"value": [words.get(oid, oid.dotted_string) for oid in value]}
        case x509.SubjectKeyIdentifier():
            return {"value": pretty(value.digest)}
        case x509.AuthorityKeyIdentifier():
            names = value.authority_cert_issuer
            return {
                "keyid": pretty(value.key_identifier) if value.key_identifier else None,
                "issuer": [shown_general(each) for each in names] if names else None,
                "issuer_sn": shown_number(value.authority_cert_serial_number) if names else None,
            }
        case x509.SubjectAlternativeName() | x509.IssuerAlternativeName() | x509.CertificateIssuer():
            return {"value": [shown_general(each) for each in value]}
        case x509.AuthorityInformationAccess():
            words = {oid: word for word, oid in _ACCESS.items()}
            places = ((each.access_method, shown_general(each.access_location)) for each in value)
            # An address is shown without its type, as stock Salt 3008.3 does.
            return {"value": [{words.get(oid, oid.dotted_string): place.removeprefix("URI:")} for oid, place in places]}
        case x509.CRLDistributionPoints():
            return {
                "value": [
                    {
                        "crlissuer": [shown_general(name) for name in each.crl_issuer or ()],
                        "fullname": [shown_general(name) for name in each.full_name or ()],
                        "reasons": sorted(reason.value for reason in each.reasons or ()),
                        "relativename": each.relative_name.rfc4514_string() if each.relative_name else None,
                    }
                    for each in value
                ]
            }
        case x509.PolicyConstraints():
            return {
                "inhibitPolicyMapping": value.inhibit_policy_mapping,
                "requireExplicitPolicy": value.require_explicit_policy,
            }
        case x509.InhibitAnyPolicy():
            return {"value": value.skip_certs}
        case x509.CRLNumber() | x509.DeltaCRLIndicator():
            return {"value": value.crl_number}
        case x509.CRLReason():
            return {"value": value.reason.value}
        case x509.InvalidityDate():
            return {"value": shown_moment(value.invalidity_date)}
        case x509.NameConstraints():
            sides = (("excluded", value.excluded_subtrees), ("permitted", value.permitted_subtrees))
            return {side: [shown_general(each) for each in trees or ()] for side, trees in sides}
        case x509.CertificatePolicies():
            return {"value": [_shown_policy(each) for each in value]}
        case x509.TLSFeature():
            return {"value": [word for word, feature in _FEATURES.items() if feature in list(value)]}
        case x509.OCSPNoCheck():
            return {"value": True}
    return {"value": str(value)}


def _shown_policy(policy: x509.PolicyInformation) -> dict[str, Any]:
    found: list[Any] = []
    for each in policy.policy_qualifiers or ():
        if isinstance(each, str):
            found.append({"practice_statement": each})
            continue
        notice = each.notice_reference
        found.append(
            {
                "organization": notice.organization if notice else None,
                "notice_numbers": list(notice.notice_numbers) if notice else [],
                "explicit_text": each.explicit_text,
            }
        )
    return {policy.policy_identifier.dotted_string: found}


def fingerprint(found: x509.Certificate, kind: hashes.HashAlgorithm) -> str:
    """A certificate's hash."""
    return pretty(found.fingerprint(kind))


def key_hash(key: Any) -> str:
    """A public key's hash, as certificates name keys by."""
    return pretty(x509.SubjectKeyIdentifier.from_public_key(key).digest)


def mended_pem(text: str, kind: str | None = None) -> str | None:
    """The one PEM block of a text, its lines as they should be; None where there is none, or not of this kind."""
    match = _PEM.search(text)
    if match is None or (kind is not None and not re.fullmatch(kind, match[1])):
        return None
    head, body = [], match[2]
    # Headers of an encrypted key of the old form, up to an empty line.
    if ":" in body:
        headers, _, body = body.strip().partition("\n\n")
        head = [*headers.splitlines(), ""]
    bare = re.sub(r"\s", "", body)
    lines = [bare[start : start + 64] for start in range(0, len(bare), 64)]
    return "\n".join([f"-----BEGIN {match[1]}-----", *head, *lines, f"-----END {match[1]}-----", ""])
