"""Certificates, requests and revocation lists before they are signed: what is to be in them, and what of it is other
than in one that there is. Pure but for the clock and serial numbers.

Used by the module `x509`, whose states compare drafts with files.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import attrs
from cryptography import x509

from trisalt.errors import CommandError
from trisalt.plugins.utils import certfiles, certnames

Extensions = dict[str, tuple[Any, bool]]

_CRL_EXTENSIONS = ("authorityKeyIdentifier", "issuerAltName", "cRLNumber", "deltaCRLIndicator")


@attrs.define(kw_only=True)
class Draft:
    """A certificate that is to be."""

    subject: x509.Name
    issuer: x509.Name
    key: Any
    serial: int
    not_before: datetime.datetime
    not_after: datetime.datetime
    extensions: Extensions

    def signed(self, key: Any, digest: str) -> x509.Certificate:
        """The certificate."""
        builder = (
            x509.CertificateBuilder()
            .subject_name(self.subject)
            .issuer_name(self.issuer)
            .public_key(self.key)
            .serial_number(self.serial)
            .not_valid_before(self.not_before)
            .not_valid_after(self.not_after)
        )
        for value, critical in self.extensions.values():
            builder = builder.add_extension(value, critical=critical)
        return builder.sign(key, certfiles.digest(digest, key))


def policy(policies: Any, name: str) -> dict[str, Any]:
    """One of the configured signing policies: a map, or a list of maps. Empty when there is none of this name."""
    found = policies.get(name) if isinstance(policies, Mapping) else None
    if isinstance(found, list):
        return {key: value for part in found for key, value in part.items()}
    return dict(found or {})


def with_policy(fields: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a certificate with those of a policy over them."""
    rest = dict(given)
    if fields.get("subject"):
        rest = {key: value for key, value in rest.items() if key not in certnames.SUBJECT and key != "subject"}
    return {**rest, **{key: value for key, value in fields.items() if key not in ("minions", "copypath")}}


def certificate(given: Mapping[str, Any]) -> tuple[Draft, Any]:
    """A certificate from the arguments of `x509.create_certificate`, and the key to sign it with, if it is given.

    Raises CommandError.
    """
    signing = given.get("signing_private_key")
    signer = certfiles.private_key(signing, given.get("signing_private_key_passphrase"))[0] if signing else None
    ca = certfiles.certificate(given["signing_cert"]) if given.get("signing_cert") else None
    request = certfiles.request(given["csr"])[0] if given.get("csr") else None
    if ca is None:
        if signer is None:
            raise CommandError("Creating a certificate locally at least requires a signing private key.")
        key = signer.public_key()
    else:
        if signer is not None and not certfiles.same_key(signer.public_key(), ca.public_key()):
            raise CommandError("Signing private key does not match the certificate's public key")
        if given.get("private_key"):
            key = certfiles.private_key(given["private_key"], given.get("private_key_passphrase"))[0].public_key()
        elif given.get("public_key"):
            key = certfiles.public_key(given["public_key"])
        elif request is not None:
            key = request.public_key()  # type: ignore[assignment]
        else:
            raise CommandError(
                "This certificate is not self-signed (signing_cert is set) and thus needs public_key, private_key or"
                " csr to derive public key to sign"
            )
    subject = certnames.name(given.get("subject"), given)
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    start = certnames.moment(given["not_before"]) if given.get("not_before") else now
    days = given.get("days_valid")
    end = (
        certnames.moment(given["not_after"])
        if given.get("not_after")
        else start + datetime.timedelta(days=int(365 if days is None else days))
    )
    issuer_key = ca.public_key() if ca is not None else key
    extensions = _extensions(given, certnames.EXTENSIONS, key=key, issuer=ca, issuer_key=issuer_key)
    for each in request.extensions if request is not None else ():
        extensions.setdefault(certnames.kind_of(each), (each.value, each.critical))
    serial = given.get("serial_number")
    draft = Draft(
        subject=subject,
        issuer=ca.subject if ca is not None else subject,
        key=key,
        serial=certnames.number(serial) if serial is not None else x509.random_serial_number(),
        not_before=start,
        not_after=end,
        extensions=extensions,
    )
    return draft, signer


def certificate_changes(draft: Draft, there: x509.Certificate, given: Mapping[str, Any]) -> dict[str, Any]:
    """What of a certificate is other than it is to be; of its times only what is given."""
    found: dict[str, Any] = {}
    if given.get("serial_number") is not None and there.serial_number != draft.serial:
        found["serial_number"] = certnames.shown_number(draft.serial)
    for key, value in (("not_before", there.not_valid_before_utc), ("not_after", there.not_valid_after_utc)):
        if given.get(key) and value != getattr(draft, key):
            found[key] = given[key]
    if not certfiles.same_key(there.public_key(), draft.key):
        found["private_key"] = True
    if there.subject != draft.subject:
        found["subject_name"] = draft.subject.rfc4514_string()
    if there.issuer != draft.issuer:
        found["issuer_name"] = draft.issuer.rfc4514_string()
    return found | extension_changes(there.extensions, draft.extensions)


def request(given: Mapping[str, Any]) -> tuple[Any, x509.Name, Extensions]:
    """The key, the name and the extensions of a request, from the arguments of `x509.create_csr`."""
    key = certfiles.private_key(given.get("private_key"), given.get("private_key_passphrase"))[0]
    wrong = [kind for kind in certnames.REQUEST_ONLY_NOT if given.get(kind)]
    if wrong:
        raise CommandError(f"A request has no {', '.join(wrong)}")
    extensions = _extensions(given, certnames.EXTENSIONS, key=key.public_key(), issuer=None, issuer_key=None)
    return key, certnames.name(given.get("subject"), given), extensions


def signed_request(key: Any, name: x509.Name, extensions: Extensions, digest: str) -> x509.CertificateSigningRequest:
    """The request."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(name)
    for value, critical in extensions.values():
        builder = builder.add_extension(value, critical=critical)
    return builder.sign(key, certfiles.digest(digest, key))


def revocation_list(
    signing_cert: Any,
    key: Any,
    revoked: Sequence[Mapping[str, Any]],
    *,
    include_expired: bool,
    days_valid: int,
    digest: str,
    extensions: Mapping[str, Any] | None,
) -> x509.CertificateRevocationList:
    """A revocation list, signed."""
    ca = certfiles.certificate(signing_cert)
    if not certfiles.same_key(key.public_key(), ca.public_key()):
        raise CommandError("Signing private key does not match the certificate's public key")
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(ca.subject)
        .last_update(now)
        .next_update(now + datetime.timedelta(days=days_valid))
    )
    made = _extensions(extensions or {}, _CRL_EXTENSIONS, key=None, issuer=ca, issuer_key=ca.public_key())
    for value, critical in made.values():
        builder = builder.add_extension(value, critical=critical)
    for entry in _entries(revoked, now, include_expired=include_expired):
        builder = builder.add_revoked_certificate(entry)
    return builder.sign(key, certfiles.digest(digest, key))


def _entries(
    revoked: Sequence[Mapping[str, Any]], now: datetime.datetime, *, include_expired: bool
) -> Iterable[x509.RevokedCertificate]:
    if not isinstance(revoked, list | tuple) or not all(isinstance(each, Mapping) for each in revoked):
        raise CommandError("Revoked certificates should be specified as a simple list of dicts.")
    for each in revoked:
        end = certnames.moment(each["not_after"]) if each.get("not_after") else None
        if each.get("certificate"):
            cert = certfiles.certificate(each["certificate"])
            serial, end = cert.serial_number, cert.not_valid_after_utc
        elif each.get("serial_number") is not None:
            serial = certnames.number(each["serial_number"])
        else:
            raise CommandError("Need serial_number or certificate")
        if end is not None and end <= now and not include_expired:
            continue
        when = certnames.moment(each["revocation_date"]) if each.get("revocation_date") else now
        builder = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(when)
        for kind, value in (each.get("extensions") or {}).items():
            critical = kind != "certificateIssuer"
            builder = builder.add_extension(certnames.entry_extension(kind, value), critical=not critical)
        yield builder.build()


def revocation_changes(
    there: x509.CertificateRevocationList, wanted: x509.CertificateRevocationList, revoked: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """What of a revocation list is other than it is to be; dates of entries count where they are given."""
    found: dict[str, Any] = {}
    if there.issuer != wanted.issuer:
        found["issuer_name"] = wanted.issuer.rfc4514_string()
    old, new = ({entry.serial_number: entry for entry in each} for each in (there, wanted))
    dated = {
        certfiles.certificate(each["certificate"]).serial_number
        if each.get("certificate")
        else certnames.number(each["serial_number"])
        for each in revoked
        if each.get("revocation_date")
    }
    added = [serial for serial in new if serial not in old]
    removed = [serial for serial in old if serial not in new]
    changed = [
        serial
        for serial, entry in new.items()
        if serial in old
        and (
            (serial in dated and entry.revocation_date_utc != old[serial].revocation_date_utc)
            or {each.value for each in entry.extensions} != {each.value for each in old[serial].extensions}
        )
    ]
    if added or removed or changed:
        lists = (("added", added), ("changed", changed), ("removed", removed))
        found["revocations"] = {key: [certnames.shown_number(serial) for serial in each] for key, each in lists}
    extensions = {certnames.kind_of(each): (each.value, each.critical) for each in wanted.extensions}
    return found | extension_changes(there.extensions, extensions)


def extension_changes(there: x509.Extensions, wanted: Extensions) -> dict[str, Any]:
    """Which extensions are to be added, changed and removed; nothing when there are none."""
    now = {certnames.kind_of(each): (each.value, each.critical) for each in there}
    added = [kind for kind in wanted if kind not in now]
    changed = [kind for kind in wanted if kind in now and wanted[kind] != now[kind]]
    removed = [kind for kind in now if kind not in wanted]
    if not (added or changed or removed):
        return {}
    return {"extensions": {"added": added, "changed": changed, "removed": removed}}


def _extensions(
    given: Mapping[str, Any], kinds: Iterable[str], *, key: Any, issuer: x509.Certificate | None, issuer_key: Any
) -> Extensions:
    return {
        kind: certnames.extension(kind, given[kind], key=key, issuer=issuer, issuer_key=issuer_key)
        for kind in kinds
        if given.get(kind) not in (None, False)
    }
