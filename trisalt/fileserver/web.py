"""Fetch a file of a web server (`http`, `https`, `ftp`) for the file client. Blocking; standard library only.

A password in a URL goes to its own host and into no text. Source of the options and texts: stock Salt 3008.3.
"""

from __future__ import annotations

import base64
import http.client
import os
import shutil
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from trisalt.errors import CommandError
from trisalt.fileserver.replace import replacing

CONNECT_TIMEOUT = 20.0


def fetch(url: str, target: str, opts: Mapping[str, Any], *, verify_ssl: bool = True, use_etag: bool = False) -> None:
    """Have what `url` holds at `target`, whole. Raises CommandError when it cannot be had, OSError for `target`.

    With `use_etag` a file that the server knows to be the same is not fetched again.
    """
    note = f"{target}.etag"
    headers = {}
    if use_etag and os.path.isfile(target) and os.path.isfile(note):
        with open(note, encoding="utf-8", errors="replace") as file:
            headers["If-None-Match"] = file.read().strip()
    answer = _open(url, opts, headers, verify_ssl=verify_ssl)
    if answer is None:
        return
    with answer, replacing(target) as file:
        _copy(url, answer, file)
    etag = answer.headers.get("ETag") if use_etag and answer.headers else None
    if etag:
        with replacing(note) as file:
            file.write(etag.encode())


def read(
    url: str, opts: Mapping[str, Any], *, verify_ssl: bool = True, headers: Mapping[str, str] | None = None
) -> str | bytes:
    """What `url` holds. `headers` go to its own host alone. Raises CommandError."""
    answer = _open(url, opts, {}, verify_ssl=verify_ssl, private=headers or {})
    assert answer is not None
    with answer:
        try:
            data: bytes = answer.read()
        except (OSError, http.client.HTTPException) as exc:
            raise _failed(url, exc) from exc
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def _open(
    url: str,
    opts: Mapping[str, Any],
    headers: Mapping[str, str],
    *,
    verify_ssl: bool,
    private: Mapping[str, str] | None = None,
) -> Any:
    """The server's answer to read from; None when it says that nothing has changed."""
    parts = urlsplit(url)
    plain = url
    handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler(proxies(opts, parts.hostname))]
    if parts.scheme == "https":
        handlers.append(urllib.request.HTTPSHandler(context=_context(opts, verify_ssl)))
    if parts.scheme != "ftp":
        path = quote(parts.path, safe="/%:=&~+$,;@!*'()")
        plain = parts._replace(netloc=parts.netloc.rpartition("@")[2], path=path).geturl()
    headers = {"User-Agent": str(opts.get("user_agent") or "Salt"), **headers}
    request = urllib.request.Request(plain, headers=headers)  # noqa: S310 - the client lets three schemes in
    # Not to where the server may send us.
    for name, value in (private or {}).items():
        request.add_unredirected_header(name, value)
    if parts.username is not None and parts.scheme != "ftp":
        who = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
        request.add_unredirected_header("Authorization", f"Basic {base64.b64encode(who).decode()}")
    timeout = float(opts.get("http_connect_timeout") or CONNECT_TIMEOUT)
    try:
        return urllib.request.build_opener(*handlers).open(request, timeout=timeout)
    except urllib.error.HTTPError as exc:
        with exc:
            if exc.code == http.client.NOT_MODIFIED:
                return None
            raise CommandError(f"Error: HTTP {exc.code}: {exc.reason} reading {parts.path}") from exc
    except (OSError, ValueError, http.client.HTTPException) as exc:
        raise _failed(url, exc) from exc


def _copy(url: str, answer: Any, file: Any) -> None:
    try:
        shutil.copyfileobj(answer, file, 1 << 20)
    except (OSError, http.client.HTTPException) as exc:
        raise _failed(url, exc) from exc
    length = answer.headers.get("Content-Length") if answer.headers else None
    if length is not None and length.isdecimal() and file.tell() < int(length):
        raise CommandError(f"Error: only {file.tell()} of {length} bytes came reading {urlsplit(url).path}")


def _failed(url: str, exc: Exception) -> CommandError:
    parts = urlsplit(url)
    reason = exc.reason if isinstance(exc, urllib.error.URLError) else exc
    if parts.scheme == "ftp":
        shown = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        reason = str(reason).removeprefix("ftp error: ")
        return CommandError(f"Could not retrieve {shown} from FTP server. Exception: {reason}")
    return CommandError(f"Error: {reason} reading {parts.path}")


def proxies(opts: Mapping[str, Any], asked: str | None) -> dict[str, str]:
    """The proxies: those of the options; without them those of the environment."""
    host, port = opts.get("proxy_host"), opts.get("proxy_port")
    if not host or not port:
        return urllib.request.getproxies()
    if asked in (opts.get("no_proxy") or ()):
        return {}
    who = quote(str(opts.get("proxy_username") or ""), safe="")
    if who and opts.get("proxy_password"):
        who = f"{who}:{quote(str(opts['proxy_password']), safe='')}"
    proxy = f"http://{who}{'@' if who else ''}{host}:{port}"
    return {"http": proxy, "https": proxy, "ftp": proxy}


def _context(opts: Mapping[str, Any], verify_ssl: bool) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=opts.get("ca_bundle") or None)
    if not verify_ssl:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
