"""Certificates that are about to end: an event for those whose days are few.

beacons:
  cert_info:
    - files:
        - /etc/pki/tls/certs/mycert.pem
        - /etc/pki/tls/certs/yourcert.pem:
            notify_days: 15
    - notify_days: 45
    - interval: 86400
"""

from __future__ import annotations

import datetime
import logging
from collections.abc import Iterator
from typing import Any

from cryptography import x509

from trisalt.errors import TrisaltError
from trisalt.plugins.utils import certfiles, certtexts
from trisalt.plugins.utils.beaconconfig import VALID, Verdict, flat, no_list

log = logging.getLogger(__name__)

_NOTIFY_DAYS = 45


def validate(config: Any) -> Verdict:
    """
    `files`, each a path or a path with its `notify_days`; and `notify_days` for the others.
    """
    wrong = no_list("cert_info", config)
    if wrong:
        return wrong
    given = flat(config)
    if "files" not in given:
        return False, "Configuration for cert_info beacon must contain files option."
    if not isinstance(given["files"], list):
        return False, "Configuration for cert_info beacon: files must be a list."
    for path, days in _files(given):
        if not isinstance(path, str):
            return False, f"Configuration for cert_info beacon: {path!r} is no path."
        if isinstance(days, bool) or not isinstance(days, int):
            return False, f"Configuration for cert_info beacon: notify_days is a number of days, not {days!r}."
    return VALID


def beacon(config: Any) -> list[dict[str, Any]]:
    """
    As `certificates` what is in those that end within `notify_days`, or have ended; with -1 in all.
    """
    now = datetime.datetime.now(datetime.UTC)
    certificates = []
    for path, days in _files(flat(config)):
        try:
            with open(path, "rb") as file:
                cert = certfiles.certificate(file.read())
        except OSError as exc:
            log.error("Unable to read certificate %s: %s", path, exc.strerror)
            continue
        except TrisaltError as exc:
            log.error("Unable to load certificate %s: %s", path, exc)
            continue
        if days == -1 or cert.not_valid_after_utc - now < datetime.timedelta(days=days):
            certificates.append(_told(path, cert, now))
    return [{"certificates": certificates}] if certificates else []


def _files(given: dict[str, Any]) -> Iterator[tuple[Any, Any]]:
    common = given.get("notify_days", _NOTIFY_DAYS)
    for each in given.get("files") or ():
        if not isinstance(each, dict):
            yield each, common
            continue
        for path, options in each.items():
            if isinstance(options, dict):
                yield path, options.get("notify_days", common)
            else:
                # What stands in the place of options is none of them.
                yield path, common if options is None else str(options)


def _told(path: str, cert: x509.Certificate, now: datetime.datetime) -> dict[str, Any]:
    return {
        "cert_path": path,
        "issuer": _name(cert.issuer),
        "issuer_dict": certtexts.shown_subject(cert.issuer),
        "notAfter_raw": f"{cert.not_valid_after_utc:%Y%m%d%H%M%SZ}",
        "notAfter": f"{cert.not_valid_after_utc:%Y-%m-%d %H:%M:%SZ}",
        "notBefore_raw": f"{cert.not_valid_before_utc:%Y%m%d%H%M%SZ}",
        "notBefore": f"{cert.not_valid_before_utc:%Y-%m-%d %H:%M:%SZ}",
        "serial_number": cert.serial_number,
        "signature_algorithm": certtexts.shown_signature(cert),
        "subject": _name(cert.subject),
        "subject_dict": certtexts.shown_subject(cert.subject),
        "version": cert.version.value,
        "extensions": [{"ext_name": name, "ext_data": text} for name, text in certtexts.shown_extensions(cert).items()],
        "has_expired": cert.not_valid_after_utc < now,
    }


def _name(name: x509.Name) -> str:
    return ",".join(f'{key}="{value}"' for key, value in certtexts.shown_subject(name).items())
