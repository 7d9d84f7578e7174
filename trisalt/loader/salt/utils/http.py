"""Ask a web server."""

import base64
import http.client
import http.cookiejar
import http.cookies
import os
import ssl
import urllib.error
import urllib.parse
import urllib.request
from xml.etree import ElementTree

import salt.utils.json
import salt.utils.xmlutil
import salt.utils.yaml

from trisalt import SALT_VERSION

USERAGENT = f"Salt/{SALT_VERSION}"
TIMEOUT = 300.0


class _Stay(urllib.request.HTTPRedirectHandler):
    """Goes nowhere else."""

    def redirect_request(self, *_args, **_kwargs):
        return None


def query(
    url,
    method="GET",
    params=None,
    data=None,
    data_file=None,
    header_dict=None,
    header_list=None,
    header_file=None,
    username=None,
    password=None,
    auth=None,
    decode=False,
    decode_type="auto",
    status=False,
    headers=False,
    text=False,
    cookies=None,
    cookie_jar=None,
    cookie_format="lwp",
    persist_session=False,
    timeout=None,
    raise_error=True,
    handle=False,
    stream=False,
    streaming_callback=None,
    header_callback=None,
    ca_bundle=None,
    verify_ssl=None,
    cert=None,
    allow_redirects=True,
    decode_body=True,
    opts=None,
    **kwargs,
):
    """Ask for a page: a map with what is asked for (`status`, `headers`, `text`, `dict`, …), and `body` else.

    What goes wrong stands in `error`, with the status where there is one, unless `raise_error` is off.
    """
    config = opts or {}
    if data is None and data_file is not None:
        with open(data_file, encoding="utf-8") as file:
            data = file.read()
    if params:
        sign = "&" if urllib.parse.urlsplit(url).query else "?"
        url += sign + (params if isinstance(params, str) else urllib.parse.urlencode(params, doseq=True))
    if isinstance(data, dict):
        data = urllib.parse.urlencode(data, doseq=True)
    request = urllib.request.Request(url, data=data.encode() if isinstance(data, str) else data, method=method.upper())
    request.add_header("User-agent", config.get("http_agent") or USERAGENT)
    for name, value in _headers(header_dict, header_list, header_file).items():
        request.add_header(name, value)
    name_and_password = auth or ((username, password) if username is not None and password is not None else None)
    if name_and_password:
        joined = base64.b64encode(":".join(map(str, name_and_password)).encode()).decode()
        request.add_header("Authorization", f"Basic {joined}")
    found = {}
    if status:
        found["status"] = 0
    try:
        context = _context(verify_ssl if verify_ssl is not None else config.get("verify_ssl", True), ca_bundle, cert)
        handlers = [urllib.request.HTTPSHandler(context=context)]
        if not allow_redirects:
            handlers.append(_Stay())
        if cookies:
            handlers.append(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
        opener = urllib.request.build_opener(*handlers)
        with opener.open(request, timeout=timeout or config.get("http_request_timeout") or TIMEOUT) as answer:
            if handle:
                return {"handle": answer, "body": answer.read()}
            if streaming_callback is not None:
                while chunk := answer.read(65536):
                    streaming_callback(chunk)
            body, code, answered = answer.read(), answer.status, dict(answer.headers)
    except urllib.error.HTTPError as exc:
        with exc:
            body = exc.read().decode("utf-8", "replace")
        return {**found, "status": exc.code, "error": f"HTTP {exc.code}: {exc.reason}", "body": body}
    except (OSError, ValueError, http.client.HTTPException) as exc:
        reason = exc.reason if isinstance(exc, urllib.error.URLError) else exc
        found["error"] = str(reason)
        return found
    if status:
        found["status"] = code
    if headers:
        found["headers"] = answered
    shown = body.decode(_charset(answered), "replace") if decode_body else body
    if decode:
        return found | _decoded(shown, decode_type, answered.get("Content-Type", ""), text)
    if text:
        found["text"] = shown
    else:
        found["body"] = shown
    return found


def _headers(mapping, lines, path):
    made = dict(mapping or {})
    lines = list(lines or ())
    if path:
        with open(path, encoding="utf-8") as file:
            lines += file.read().splitlines()
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            made[name.strip()] = value.strip()
    return made


def _context(verify, ca_bundle, cert):
    context = ssl.create_default_context(cafile=ca_bundle)
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if cert:
        context.load_cert_chain(*([cert] if isinstance(cert, str) else cert))
    return context


def _charset(headers):
    kind = headers.get("Content-Type", "")
    return next((part.partition("=")[2].strip("\"' ") for part in kind.split(";") if "charset=" in part), "utf-8")


def _decoded(text, kind, content_type, wanted):
    if kind == "auto":
        kind = next((name for name in ("json", "xml", "yaml") if name in content_type), "plain")
    match kind:
        case "json":
            found = {"dict": salt.utils.json.loads(text)}
        case "xml":
            tree = ElementTree.fromstring(text)
            found = {"dict": [salt.utils.xmlutil.to_dict(child, True) for child in tree]}
        case "yaml":
            found = {"dict": salt.utils.yaml.safe_load(text)}
        case _:
            return {"text": text}
    return found | ({"text": text} if wanted else {})


def get_ca_bundle(opts=None):
    """The file with the authorities that this host trusts; None where it is not known."""
    configured = (opts or {}).get("ca_bundle")
    places = (configured, ssl.get_default_verify_paths().cafile, "/etc/ssl/certs/ca-certificates.crt")
    return next((place for place in places if place and os.path.exists(place)), None)


def parse_cookie_header(header):
    """The cookies of one `Set-Cookie` line."""
    jar = http.cookies.SimpleCookie()
    jar.load(header)
    return [{"name": name, "value": morsel.value} for name, morsel in jar.items()]
