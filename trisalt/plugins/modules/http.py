"""Ask web servers."""

from __future__ import annotations

import os
import time
from typing import Any

from trisalt.errors import CommandError
from trisalt.fileserver import web
from trisalt.fileserver.replace import replacing


def query(url: str, **kwargs: Any) -> dict[str, Any]:
    """
    Ask a web server for a page: `body`, and as asked for `status`, `headers`, `text` and, with `decode`, `dict`. What
    goes wrong is `error`.

    Of the request: `method`, `params`, `data` or `data_file`, `header_dict`, `header_list` or `header_file`,
    `username` and `password` (or `auth`), `cert`, `verify_ssl`, `ca_bundle`, `agent`, `cookies`, `formdata`. Files may
    be of the file server; with `data_render` and `header_render` they are templates, rendered by `data_renderer` and
    `header_renderer` with the variables of `template_dict`. Of the answer: `decode_type` (`auto`, `json`, `xml`,
    `yaml`, `plain`), `text_out`, `headers_out`, `decode_out`, `raise_error`.

    CLI Example:

        salt '*' http.query http://localhost/ status=True
        salt '*' http.query http://localhost/api method=POST data='{"a": 1}' decode=True decode_type=json
    """
    import salt.utils.http  # what modules import; it is there where plugins run

    given = {key: value for key, value in kwargs.items() if not key.startswith("__")}
    opts = {**__opts__, **(given.pop("opts", None) or {})}
    variables = given.pop("template_dict", None) or {}
    for name, headers in (("data", False), ("header", True)):
        render, renderer = given.pop(f"{name}_render", False), given.pop(f"{name}_renderer", None)
        path = given.pop(f"{name}_file", None)
        if path is None:
            continue
        content = _content(path, (renderer or "jinja") if render else None, variables)
        if not headers:
            given["data"] = content
        elif isinstance(content, dict):
            given["header_dict"] = content
        else:
            given["header_list"] = str(content).splitlines()
    try:
        return salt.utils.http.query(url, opts=opts, **given)
    except (OSError, ValueError, TypeError) as exc:
        raise CommandError(str(exc)) from exc


def wait_for_successful_query(url: str, wait_for: float = 300, **kwargs: Any) -> dict[str, Any]:
    """
    Ask as `query` does until an answer is no error, for so many seconds, with `request_interval` seconds between. The
    last answer, whatever it is.

    CLI Example:

        salt '*' http.wait_for_successful_query http://localhost/ wait_for=160 request_interval=1
    """
    pause = float(kwargs.get("request_interval", 0.1))
    until = time.monotonic() + float(wait_for)
    while True:
        found = query(url, **kwargs)
        if not found.get("error") or time.monotonic() > until:
            return found
        time.sleep(pause)


def update_ca_bundle(target: str | None = None, source: str | None = None, merge_files: Any = None) -> None:
    """
    Fetch the file of authorities that web servers are verified by. `target` and `source` are those of the options
    `ca_bundle` and `ca_bundle_url` unless said; `merge_files` are appended to it.

    CLI Example:

        salt '*' http.update_ca_bundle source=https://pki.example.com/cacerts.pem target=/etc/ssl/cacerts.pem
    """
    target = target or __salt__["config.get"]("ca_bundle", "")
    source = source or __salt__["config.get"]("ca_bundle_url", "")
    if not target or not source:
        raise CommandError("A target and a source are needed: as arguments, or as ca_bundle and ca_bundle_url")
    read = web.read(source, __opts__)
    parts = [read if isinstance(read, bytes) else read.encode()]
    if b"-----BEGIN " not in parts[0]:
        raise CommandError(f"{source} has no certificates")
    try:
        for path in [merge_files] if isinstance(merge_files, str) else merge_files or ():
            with open(path, "rb") as file:
                parts.append(file.read())
        with replacing(target) as file:
            os.fchmod(file.fileno(), 0o644)
            file.write(b"\n".join(part.rstrip(b"\n") for part in parts) + b"\n")
    except OSError as exc:
        raise CommandError(str(exc)) from exc


def _content(path: str, renderer: str | None, variables: dict[str, Any]) -> Any:
    if renderer is not None:
        return __salt__["slsutil.renderer"](path=path, default_renderer=renderer, **variables)
    found = __salt__["cp.cache_file"](path) if "://" in path else path
    if not found:
        raise CommandError(f"There is no file {path}")
    try:
        with open(found, encoding="utf-8") as file:
            return file.read()
    except (OSError, ValueError) as exc:
        raise CommandError(str(exc)) from exc
