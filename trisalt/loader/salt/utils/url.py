"""Addresses: `salt://…`, and others."""

import re
from urllib.parse import urlparse, urlunparse, urlunsplit

_CREDENTIALS = re.compile(r"(https?://)[^@\s/]*@")


def parse(url):
    """The path and the environment of a `salt://` address; other addresses as they are, without one."""
    if not url.startswith("salt://"):
        return url, None
    text = url[len("salt://") :]
    path, found, saltenv = text.rpartition("?saltenv=")
    return (path, saltenv or None) if found else (text, None)


def create(path, saltenv=None):
    """The `salt://` address of a path."""
    path = path.replace("\\", "/")
    query = f"saltenv={saltenv}" if saltenv else ""
    return urlunsplit(("salt", "", f"//{path}".replace("////", "//"), query, "")).replace("salt:////", "salt://")


def is_escaped(url):
    """Whether an address is marked to be taken letter by letter."""
    path = url[len("salt://") :] if url.startswith("salt://") else url
    return path.startswith("|")


def escape(url):
    """Mark an address to be taken letter by letter."""
    if is_escaped(url):
        return url
    return f"salt://|{url[len('salt://') :]}" if url.startswith("salt://") else f"|{url}"


def unescape(url):
    """Take that mark off."""
    if not is_escaped(url):
        return url
    return f"salt://{url[len('salt://|') :]}" if url.startswith("salt://") else url[1:]


def add_env(url, saltenv):
    """An address with an environment in it."""
    if not url.startswith("salt://"):
        return url
    return create(parse(url)[0], saltenv)


def split_env(url):
    """An address without its environment, and that."""
    if not url.startswith("salt://"):
        return url, None
    path, saltenv = parse(url)
    return create(path), saltenv


def validate(url, protos):
    """Whether an address has one of these schemes."""
    return urlparse(url).scheme in protos


def strip_proto(url):
    """An address without its scheme."""
    return re.sub("^[^:/]+://", "", url)


def add_http_basic_auth(url, user=None, password=None, https_only=False):
    """An address with a name and a password in it. Raises ValueError for one that is no https, if that is asked for."""
    if user is None and password is None:
        return url
    parts = urlparse(url)
    if https_only and parts.scheme != "https":
        raise ValueError("Basic Auth only supported for HTTPS")
    host = parts.netloc.rpartition("@")[2]
    who = user or "" if password is None else f"{user or ''}:{password}"
    return urlunparse(parts._replace(netloc=f"{who}@{host}"))


def redact_http_basic_auth(output):
    """A text without the names and passwords of the addresses in it."""
    return _CREDENTIALS.sub(r"\1<redacted>@", output)
