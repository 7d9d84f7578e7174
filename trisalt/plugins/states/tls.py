"""Certificates that do not end too soon.

/etc/pki/web/certs/web1.example.org.crt:
  tls.valid_certificate:
    - weeks: 2
"""

from __future__ import annotations

import datetime
from typing import Any

from trisalt.errors import TrisaltError
from trisalt.state.result import returned


def __virtual__() -> Any:
    if "tls.cert_info" in __salt__:
        return True
    return False, "tls module could not be loaded"


def valid_certificate(
    name: str, weeks: int = 0, days: int = 0, hours: int = 0, minutes: int = 0, seconds: int = 0
) -> dict[str, Any]:
    """
    A certificate is valid now, and for as long as is said. Nothing is changed.
    """
    now = datetime.datetime.now(datetime.UTC)
    try:
        info = __salt__["tls.cert_info"](name)
        wanted = datetime.timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
        # A list of years that no calendar has is no list of certificates either.
        begins, ends = (datetime.datetime.fromtimestamp(info[key], datetime.UTC) for key in ("not_before", "not_after"))
    except (TrisaltError, TypeError, OverflowError) as exc:
        return returned(name, False, str(exc))
    if begins > now:
        return returned(name, False, "Certificate is not yet valid")
    if ends < now:
        return returned(name, False, "Certificate is expired")
    left = ends - now
    if left < wanted:
        return returned(name, False, f"Certificate will expire in {left}, which is less than {wanted}")
    return returned(name, True, f"Certificate is valid for {left}")
