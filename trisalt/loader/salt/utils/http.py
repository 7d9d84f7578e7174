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
import uuid
from xml.etree import ElementTree

import msgpack
import salt.utils.json
import salt.utils.xmlutil
import salt.utils.yaml

from trisalt import SALT_VERSION
from trisalt.fileserver import web
from trisalt.fileserver.replace import replacing

USERAGENT = f"Salt/{SALT_VERSION}"
TIMEOUT = 300.0
KINDS = ("json", "xml", "yaml", "plain")


class _Stay(urllib.request.HTTPRedirectHandler):
    """Goes nowhere else."""

    def redirect_request(self, *_args, **_kwargs):
        return None


class _Untyped(urllib.request.BaseHandler):
    """What is sent is said to be a form by nobody but a POST, and whoever asks."""

    handler_order = 900  # after the handler that says so

    def http_request(self, request):
        if request.get_method() != "POST":
            request.unredirected_hdrs.pop("Content-type", None)
        return request

    https_request = http_request


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
    session_cookie_jar=None,
    test=False,
    test_url=None,
    opts=None,
    ca_bundle=None,
    verify_ssl=None,
    cert=None,
    text_out=None,
    headers_out=None,
    decode_out=None,
    stream=False,
    streaming_callback=None,
    header_callback=None,
    handle=False,
    agent=None,
    raise_error=True,
    formdata=False,
    formdata_fieldname=None,
    formdata_filename=None,
    decode_body=True,
    timeout=None,
    allow_redirects=True,
    **kwargs,
):
    """Ask for a page: a map with its `body`, and with what else is asked for (`status`, `headers`, `text`, `dict`).

    What goes wrong stands in `error`, with the status where there is one; a status that is an error is none when
    `raise_error` is off. With `test` nothing is asked, or `test_url` instead.
    """
    config = opts or {}
    found = {}
    if test:
        if test_url is None:
            return {}
        url, params, found = test_url, None, {"test": True}
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise ValueError(f"Unsupported url scheme: {urllib.parse.urlsplit(url).scheme or url}")
    if data is None and data_file is not None:
        with open(data_file, encoding="utf-8") as file:
            data = file.read()
    if params:
        sign = "&" if urllib.parse.urlsplit(url).query else "?"
        url += sign + (params if isinstance(params, str) else urllib.parse.urlencode(params))
    sent = _headers(header_dict, header_list, header_file)
    if formdata:
        if not formdata_fieldname:
            return {**found, "error": "formdata_fieldname is required when formdata=True"}
        data, sent["Content-Type"] = _form(formdata_fieldname, formdata_filename, data)
    elif isinstance(data, dict):
        data = urllib.parse.urlencode(data)
    request = urllib.request.Request(url, data=data.encode() if isinstance(data, str) else data, method=method.upper())
    request.add_header("User-agent", agent or config.get("http_agent") or f"{USERAGENT} http.query()")
    cachedir = config.get("cachedir") or "."
    session = session_cookie_jar or os.path.join(cachedir, "cookies.session.p")
    for name, value in {**sent, **(_session(session) if persist_session else {})}.items():
        request.add_header(str(name), str(value))
    name_and_password = auth or ((username, password) if username is not None and password is not None else None)
    if name_and_password:
        joined = base64.b64encode(":".join(map(str, name_and_password)).encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {joined}")
    try:
        host = urllib.parse.urlsplit(url).hostname
        verify = verify_ssl if verify_ssl is not None else config.get("verify_ssl", True)
        handlers = [
            _Untyped(),
            urllib.request.ProxyHandler(web.proxies(config, host)),
            urllib.request.HTTPSHandler(context=_context(verify, ca_bundle or get_ca_bundle(config), cert)),
        ]
        if not allow_redirects:
            handlers.append(_Stay())
        jar = None
        if cookies:
            jar = _jar(cookie_jar or os.path.join(cachedir, "cookies.txt"), cookie_format)
            handlers.append(urllib.request.HTTPCookieProcessor(jar))
        opener = urllib.request.build_opener(*handlers)
        with opener.open(request, timeout=timeout or config.get("http_request_timeout") or TIMEOUT) as answer:
            if header_callback is not None:
                for line in (f"HTTP/1.1 {answer.status} {answer.reason}", *map(": ".join, answer.headers.items())):
                    header_callback(line)
            if handle or stream:
                return {"handle": answer, "body": answer.read()}
            if streaming_callback is not None:
                while chunk := answer.read(65536):
                    streaming_callback(chunk)
            body, code, answered = answer.read(), answer.status, answer.headers
    except urllib.error.HTTPError as exc:
        with exc:
            body, code, answered = exc.read(), exc.code, exc.headers
        if raise_error:
            shown = body.decode("utf-8", "replace")
            return {**found, "status": code, "error": f"HTTP {code}: {exc.reason}", "body": shown}
    except (OSError, http.client.HTTPException) as exc:
        reason = exc.reason if isinstance(exc, urllib.error.URLError) else exc
        return {**found, **({"status": 0} if status else {}), "error": str(reason)}
    if jar is not None:
        jar.save()
    if persist_session and answered.get_all("Set-Cookie"):
        _keep_session(session, answered.get_all("Set-Cookie"))
    shown = body.decode(answered.get_content_charset("utf-8"), "replace") if decode_body else body
    found["body"] = shown
    if status:
        found["status"] = code
    if headers:
        found["headers"] = dict(answered)
    for path, content in ((text_out, shown), (headers_out, "".join(f"{k}: {v}\n" for k, v in answered.items()))):
        if path is not None:
            _write(path, content)
    if decode:
        found |= _decoded(shown, decode_type, answered.get("Content-Type", "application/json"), text)
        if decode_out and "error" not in found:
            _write(decode_out, shown)
    elif text:
        found["text"] = shown
    return found


def _write(path, content):
    with replacing(path) as file:
        file.write(content if isinstance(content, bytes) else content.encode())


def _jar(path, kind):
    """The cookies of earlier calls, kept in a file."""
    jar = (http.cookiejar.MozillaCookieJar if kind == "mozilla" else http.cookiejar.LWPCookieJar)(path)
    if os.path.isfile(path):
        jar.load()
    return jar


def _session(path):
    """The header with the cookies that the last answer of a session set."""
    try:
        with open(path, "rb") as file:
            kept = msgpack.unpackb(file.read())
    except (OSError, ValueError, msgpack.UnpackException):
        return {}
    return kept if isinstance(kept, dict) else {}


def _keep_session(path, lines):
    pairs = [line.partition(";")[0].strip() for line in lines]
    with replacing(path) as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(msgpack.packb({"Cookie": "; ".join(pairs)}))


def _form(field, filename, data):
    """A form with one file in it, and its type."""
    boundary = uuid.uuid4().hex
    quoted = [str(name or "").replace("\\", "\\\\").replace('"', '\\"') for name in (field, filename)]
    if any(char in name for name in quoted for char in "\r\n"):
        raise ValueError("The name of a field, or of a file, is one line")
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{quoted[0]}"; filename="{quoted[1]}"\r\n\r\n'
    content = data if isinstance(data, bytes) else str(data or "").encode()
    return head.encode() + content + f"\r\n--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


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


def _decoded(text, kind, content_type, wanted):
    if kind == "auto":
        kind = next((name for name in ("json", "xml", "yaml") if name in content_type), "plain")
    match kind:
        case "json":
            found = {"dict": salt.utils.json.loads(text)}
        case "xml":
            tree = ElementTree.fromstring(text)
            found = {"dict": [salt.utils.xmlutil.to_dict(child) for child in tree]}
        case "yaml":
            found = {"dict": salt.utils.yaml.safe_load(text)}
        case "plain":
            return {"text": text}
        case _:
            return {"error": f"Invalid decode_type specified. Valid decode types are: {KINDS!r}"}
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
