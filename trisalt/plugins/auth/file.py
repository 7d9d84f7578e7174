"""
Names and passwords of a file.

What says which file, and how to read it, stands beside the names:

.. code-block:: yaml

    external_auth:
      file:
        ^filename: /etc/salt/users
        ^hashtype: sha256
        ann:
          - test.*

``^filetype`` is ``text`` (the default), ``htpasswd`` or ``htdigest``. Of a text file, ``^field_separator`` (``:``),
``^username_field`` (1) and ``^password_field`` (2) say where names and passwords stand, and ``^hashtype`` what is kept
of a password: ``plaintext`` (the default) or the name of a digest. ``htdigest`` needs a ``^realm``; ``htpasswd`` needs
the extra ``trisalt[htpasswd]``.
"""

import hashlib
import hmac
import logging

log = logging.getLogger(__name__)

__virtualname__ = "file"

DEFAULTS = {
    "filetype": "text",
    "hashtype": "plaintext",
    "field_separator": ":",
    "username_field": 1,
    "password_field": 2,
}


def __virtual__():
    return __virtualname__


def auth(username, password):
    """
    Whether the file has this password for this name
    """
    rows = (__opts__.get("external_auth") or {}).get("file") or {}
    config = DEFAULTS | {str(key)[1:]: value for key, value in rows.items() if str(key).startswith("^")}
    if not config.get("filename"):
        log.error("external_auth: file: ^filename does not say which file")
        return False
    check = {"text": _in_text, "htpasswd": _in_htpasswd, "htdigest": _in_htdigest}.get(config["filetype"])
    if check is None:
        log.error("external_auth: file: ^filetype is text, htpasswd or htdigest, not %s", config["filetype"])
        return False
    try:
        return check(str(username), str(password), config)
    except (OSError, ValueError, TypeError) as exc:
        log.error("external_auth: file: %s cannot be used: %s", config["filename"], exc)
        return False


def _in_text(username, password, config):
    hashtype = config["hashtype"]
    digest = password if hashtype == "plaintext" else hashlib.new(hashtype, password.encode()).hexdigest()
    wanted = max(int(config["username_field"]), int(config["password_field"]))
    for fields in _lines(config["filename"], config["field_separator"]):
        if len(fields) < wanted or fields[int(config["username_field"]) - 1] != username:
            continue
        kept = fields[int(config["password_field"]) - 1]
        # A digest may stand there in capitals; the first line of a name is the one that counts.
        return _same(digest, kept if hashtype == "plaintext" else kept.lower())
    return False


def _in_htdigest(username, password, config):
    realm = config.get("realm")
    if not realm:
        raise ValueError("htdigest needs a ^realm")
    digest = hashlib.md5(f"{username}:{realm}:{password}".encode(), usedforsecurity=False).hexdigest()
    for fields in _lines(config["filename"], ":"):
        if len(fields) == 3 and fields[:2] == [username, realm]:
            return _same(digest, fields[2].lower())
    return False


def _in_htpasswd(username, password, config):
    try:
        from passlib.apache import HtpasswdFile
        from passlib.exc import MissingBackendError
    except ImportError:
        raise ValueError("htpasswd needs the extra trisalt[htpasswd]") from None
    try:
        # None for a name that is not there.
        return HtpasswdFile(config["filename"]).check_password(username, password) is True
    except MissingBackendError as exc:
        raise ValueError(f"a scheme needs the extra trisalt[htpasswd]: {exc}") from None


def _lines(filename, separator):
    with open(filename, encoding="utf-8") as file:
        for line in file:
            yield line.rstrip("\r\n").split(separator)


def _same(one, other):
    return bool(other) and hmac.compare_digest(one.encode(), other.encode())
