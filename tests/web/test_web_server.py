"""The web on real sockets: TLS, certificates, HTTP/2, and how it stops."""

import os
import signal
import ssl
import stat
import subprocess
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import attrs
import pytest
import structlog
import trio
from cryptography import x509

from tests.support.asgi import Client
from trisalt.errors import ConfigError
from trisalt.web.app import make_app
from trisalt.web.certificate import DAYS, fingerprint, make_certificate
from trisalt.web.context import make_web
from trisalt.web.server import Place, run_api
from trisalt.web.sessions import Sessions
from trisalt.web.settings import Certificate, Listener
from trisalt.web.tls import answer_in_clear, make_context


@pytest.fixture
def own(tmp_path):
    """A certificate that is made when it is wanted."""
    return Certificate(crt=str(tmp_path / "api/console.crt"), key=str(tmp_path / "api/console.key"), own=True)


@pytest.fixture
async def serve(settings, nursery):
    """Serve listeners on free ports; where they are."""

    async def serving(*listeners):
        urls = await nursery.start(run_api, attrs.evolve(settings, listeners=listeners))
        return [int(url.rpartition(":")[2]) for url in urls]

    return serving


def listen(certificate=None, host="127.0.0.1"):
    return Listener(block="rest_trisalt", host=host, port=0, certificate=certificate)


async def fetch(port, context=None, *, request=b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"):
    """The whole answer to a request, and the certificate that was shown."""
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    if context is not None:
        stream = trio.SSLStream(stream, context, https_compatible=True)
    with trio.fail_after(20):
        async with stream:
            await stream.send_all(request)
            shown = None if context is None else stream.getpeercert(binary_form=True)
            return b"".join([bytes(piece) async for piece in stream]), shown


def trusting(**options):
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    for name, value in options.items():
        setattr(context, name, value)
    return context


async def test_it_serves_in_clear_and_by_tls_side_by_side(serve, own):
    clear, secure = await serve(listen(), listen(own))
    assert (await fetch(clear))[0].startswith(b"HTTP/1.1 200")
    answer, shown = await fetch(secure, trusting())
    assert answer.startswith(b"HTTP/1.1 200")
    assert b"strict-transport-security" in answer.lower()
    assert x509.load_der_x509_certificate(shown).fingerprint is not None
    assert b"server: " not in answer.lower()


async def test_clients_that_know_http2_speak_it(serve, own):
    (port,) = await serve(listen(own))
    context = trusting()
    context.set_alpn_protocols(["h2", "http/1.1"])
    stream = trio.SSLStream(await trio.open_tcp_stream("127.0.0.1", port), context)
    with trio.fail_after(20):
        await stream.do_handshake()
    assert stream.selected_alpn_protocol() == "h2"
    await trio.aclose_forcefully(stream)


async def test_whoever_forgets_the_s_of_https_is_led_to_it(serve, own):
    (port,) = await serve(listen(own))
    request = f"GET /app/jobs?x=1 HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    with trio.fail_after(20):
        async with stream:
            # In pieces, as a network may have it.
            for piece in (request[:9], request[9:]):
                await stream.send_all(piece)
            answer = b"".join([bytes(piece) async for piece in stream])
    assert answer.startswith(b"HTTP/1.1 307 ")
    assert f"\r\nLocation: https://127.0.0.1:{port}/app/jobs?x=1\r\n".encode() in answer
    assert (await fetch(port, trusting()))[0].startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    ("request_", "location"),
    [
        (b"GET / HTTP/1.1\r\nHost: salt\r\n\r\n", b"https://salt/"),
        (b"HEAD /app HTTP/1.0\r\nx: y\r\nhost: [::1]:8080 \r\n\r\n", b"https://[::1]:8080/app"),
        (b"GET / HTTP/1.1\r\n\r\n", None),
        (b"POST /login HTTP/1.1\r\nHost: salt\r\n\r\nusername=ann", None),
        (b"GET http://evil.example/ HTTP/1.1\r\nHost: salt\r\n\r\n", None),
        (b"GET / HTTP/1.1\r\nHost: evil.example/@salt\r\n\r\n", None),
        (b"GET /\rX HTTP/1.1\r\nHost: salt\r\n\r\n", None),
        (b"SSH-2.0-x\r\n\r\n", None),
        (b"", None),
    ],
)
def test_in_clear_only_the_same_address_by_tls_is_told(request_, location):
    answer = answer_in_clear(request_)
    if location is None:
        assert answer.startswith(b"HTTP/1.1 400 ")
    else:
        assert b"\r\nLocation: " + location + b"\r\n" in answer


def test_nothing_older_than_tls_1_2_is_spoken(own):
    context = make_context(own)
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    names = [cipher["name"] for cipher in context.get_ciphers()]
    assert names
    assert all(name.startswith(("TLS_", "ECDHE-")) for name in names)
    assert not any(word in name for name in names for word in ("CBC", "RC4", "3DES", "NULL", "SHA1"))


def test_a_certificate_that_has_changed_is_shown_after_a_reload(own):
    place = Place(listen(own))
    before = fingerprint(own.crt)
    Path(own.crt).unlink()
    place.reload()
    assert fingerprint(own.crt) != before
    place._socket.close()


def test_a_certificate_that_is_broken_changes_nothing(tmp_path, own):
    make_certificate(Path(own.crt), Path(own.key))
    theirs = attrs.evolve(own, own=False)
    place = Place(listen(theirs))
    Path(own.crt).write_text("broken")
    with pytest.raises(ConfigError, match="cannot be used"):
        place.reload()
    assert place._context.session_stats()["number"] == 0
    place._socket.close()


@pytest.mark.parametrize("name", ["crt", "key", "chain"])
def test_a_certificate_that_is_not_there_is_told_in_one_line(tmp_path, own, name):
    make_certificate(Path(own.crt), Path(own.key))
    missing = attrs.evolve(own, own=False, **{name: str(tmp_path / "nosuch.pem")})
    with pytest.raises(ConfigError, match=r"nosuch\.pem"):
        Place(listen(missing))


def test_what_the_chain_adds_goes_out_with_the_certificate(tmp_path, own):
    make_certificate(Path(own.crt), Path(own.key))
    other = tmp_path / "other"
    make_certificate(other / "ca.crt", other / "ca.key")
    place = Place(listen(attrs.evolve(own, own=False, chain=str(other / "ca.crt"))))
    assert place.ssl_enabled
    place._socket.close()


@pytest.mark.parametrize("host", ["192.0.2.1", "nosuch.invalid"])
def test_an_address_that_is_not_ours_is_told_in_one_line(host):
    with pytest.raises(ConfigError, match=f"rest_trisalt: {host}"):
        Place(listen(host=host))


async def test_a_port_that_is_taken_is_told_in_one_line(serve, nursery):
    (port,) = await serve(listen())
    with pytest.raises(ConfigError, match="Address already in use"):
        Place(Listener(block="halite", host="127.0.0.1", port=port))


async def test_who_waits_for_an_answer_when_it_stops_is_cut_off_after_a_while(settings, monkeypatch, tmp_path):
    monkeypatch.setattr(Place, "graceful_timeout", 0.2)
    path = str(tmp_path / "mute.sock")
    with trio.socket.socket(trio.socket.AF_UNIX) as mute:
        # A master that never says a word.
        await mute.bind(path)
        mute.listen(1)
        async with trio.open_nursery() as nursery:
            run = attrs.evolve(settings, listeners=(listen(),), door=path)
            stop = trio.Event()
            (url,) = await nursery.start(run_api, run)
            body = b'{"username": "a", "password": "b", "eauth": "pam"}'
            head = b"POST /login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
            stream = await trio.open_tcp_stream("127.0.0.1", int(url.rpartition(":")[2]))
            await stream.send_all(head % len(body) + body)
            with trio.fail_after(20):
                peer, _address = await mute.accept()
                await peer.recv(1)
                nursery.cancel_scope.cancel()
            stop.set()
            peer.close()
            await stream.aclose()


# -- HUP ---------------------------------------------------------------------------------------------------------------


async def test_hangup_reads_settings_anew_and_names_what_waits_for_a_start(settings, nursery, monkeypatch):
    now = settings = attrs.evolve(settings, listeners=(listen(),))
    broken = False
    read = trio.Event()

    def reread():
        trio.from_thread.run_sync(read.set)
        if broken:
            raise ConfigError("the port is none")
        return now

    async def status(request):
        return (await fetch(port, request=request))[0].split()[1]

    async def hang_up():
        nonlocal read
        read = trio.Event()
        os.kill(os.getpid(), signal.SIGHUP)
        with trio.fail_after(20):
            await read.wait()
            while not any(entry["event"].startswith("config.") for entry in logs):  # noqa: ASYNC110 - the log is what tells
                await trio.sleep(0.01)

    (url,) = await nursery.start(partial(run_api, settings, reread=reread))
    port = int(url.rpartition(":")[2])
    big = b"POST /login HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 50\r\n\r\n" + b" " * 50
    greeting = b"GET /api/v1/session HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    assert (await status(big), b"hello" in (await fetch(port, request=greeting))[0]) == (b"400", False)
    now = attrs.evolve(
        settings, max_request_body_size=10, listeners=(listen(host="127.0.0.2"),), opts={"console_motd": "hello"}
    )
    with structlog.testing.capture_logs() as logs:
        await hang_up()
    told = next(entry for entry in logs if entry["event"] == "config.reloaded")
    assert (told["taken"], told["at_restart"]) == (["console_motd", "max_request_body_size"], ["listeners"])
    assert (await status(big), b"hello" in (await fetch(port, request=greeting))[0]) == (b"413", True)
    broken = True
    with structlog.testing.capture_logs() as logs:
        await hang_up()
    assert [entry["reason"] for entry in logs if entry["event"] == "config.not_reloaded"] == ["the port is none"]
    assert await status(big) == b"413"


async def test_who_has_guessed_still_has_to_wait_after_a_hangup(client, door, settings, nursery, tmp_path):
    web = make_web(settings, door, Sessions(tmp_path / "s"), nursery)
    guess = {"username": "ann", "password": "wrong", "eauth": "pam"}
    for _ in range(5):
        await Client(make_app(web)).post("/login", guess)
    again = make_app(web.under(attrs.evolve(settings, max_request_body_size=100)))
    assert (await Client(again).post("/login", guess)).status == 429


# -- the certificate of our own ------------------------------------------------------------------------------------------


NOW = datetime(2026, 11, 27, tzinfo=UTC)


def test_a_certificate_of_our_own_is_made_once_and_kept_for_nobody_else(tmp_path):
    crt, key = tmp_path / "api" / "c.crt", tmp_path / "api" / "c.key"
    make_certificate(crt, key, now=NOW)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (crt, key, crt.parent)] == [0o600, 0o600, 0o700]
    before = crt.read_bytes()
    make_certificate(crt, key, now=NOW + timedelta(days=DAYS - 31))
    assert crt.read_bytes() == before
    make_certificate(crt, key, now=NOW + timedelta(days=DAYS - 29))
    assert crt.read_bytes() != before


def test_it_names_this_host_as_people_call_it(tmp_path):
    crt = tmp_path / "c.crt"
    make_certificate(crt, tmp_path / "c.key", now=NOW)
    certificate = x509.load_pem_x509_certificate(crt.read_bytes())
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "localhost" in names.get_values_for_type(x509.DNSName)
    assert "127.0.0.1" in [str(address) for address in names.get_values_for_type(x509.IPAddress)]
    shown = subprocess.run(
        ["openssl", "x509", "-in", str(crt), "-noout", "-fingerprint", "-sha256"], capture_output=True, text=True
    )
    assert shown.stdout.strip().partition("=")[2] == fingerprint(str(crt))


def test_one_without_its_key_is_made_anew(tmp_path):
    crt, key = tmp_path / "c.crt", tmp_path / "c.key"
    make_certificate(crt, key, now=NOW)
    before = crt.read_bytes()
    key.unlink()
    make_certificate(crt, key, now=NOW)
    assert crt.read_bytes() != before
    assert fingerprint(str(tmp_path / "nosuch.crt")) == ""


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be kept"):
        make_certificate(tmp_path / "file" / "c.crt", tmp_path / "file" / "c.key")
