"""What the configuration says about the web: which listeners there are, and what is refused or told."""

import pytest

from trisalt.config.read import read_master
from trisalt.errors import ConfigError
from trisalt.web.lowstate import SERVED
from trisalt.web.settings import is_loopback, read_settings

WALKTHROUGH = """
external_auth:
  pam:
    halite:
      - .*
      - '@runner'
      - '@wheel'
halite:
  level: 'debug'
  server: 'gevent'
  host: '0.0.0.0'
  port: '8080'
  cors: False
"""


@pytest.fixture
def read(tmp_path):
    def reading(text, **overrides):
        (tmp_path / "master").write_text(f"root_dir: {tmp_path}\nsock_dir: /run\n{text}")
        return read_settings(read_master(tmp_path), overrides)

    return reading


def where(settings):
    return [(listener.url, listener.block) for listener in settings.listeners]


def test_the_configuration_of_the_walkthrough_gives_a_console(read, tmp_path):
    settings = read(WALKTHROUGH)
    assert where(settings) == [("https://0.0.0.0:8080", "halite")]
    certificate = settings.listeners[0].certificate
    assert certificate.own
    assert certificate.crt == f"{tmp_path}/etc/salt/pki/master/api/console.crt"
    assert settings.eauths == ("pam",)
    assert settings.clients == set(SERVED)
    levels = [level for level, _text in settings.notices]
    assert levels == ["info", "info"]
    assert "gevent" in settings.notices[0][1]


@pytest.mark.parametrize(
    ("text", "listeners"),
    [
        ("", ["http://127.0.0.1:8000"]),
        ("rest_cherrypy: {port: 8001}", ["http://127.0.0.1:8001"]),
        ("rest_trisalt: {}", ["http://127.0.0.1:8000"]),
        ("rest_trisalt: {port: '8001', host: '::1'}", ["http://[::1]:8001"]),
        ("rest_cherrypy: {port: 443, ssl_crt: /a.crt, ssl_key: /a.key}", ["https://0.0.0.0:443"]),
        ("rest_cherrypy: {port: 80, host: 10.0.0.1, disable_ssl: True}", ["http://10.0.0.1:80"]),
        ("halite: {tls: False}", ["http://0.0.0.0:8080"]),
        ("halite: {certpath: /a, keypath: /b, port: 1}", ["https://0.0.0.0:1"]),
        ("rest_cherrypy: {port: 8001}\nhalite: {port: 8002}", ["http://127.0.0.1:8001", "https://0.0.0.0:8002"]),
        ("rest_trisalt: {port: 8001}\nrest_cherrypy: {port: 8002}", ["http://127.0.0.1:8001"]),
    ],
)
def test_each_block_is_a_listener(read, text, listeners):
    assert [listener.url for listener in read(text).listeners] == listeners


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("rest_cherrypy: {port: 8000, host: 0.0.0.0}", "would take passwords in clear"),
        ("rest_cherrypy: {port: 8000, host: salt.example}", "would take passwords in clear"),
        ("rest_cherrypy: {port: 70000}", "70000 is no port"),
        ("rest_cherrypy: {port: [1]}", "rest_cherrypy: port"),
        ("rest_cherrypy: {ssl_crt: /a.crt}", "ssl_crt and ssl_key go together"),
        ("rest_cherrypy: {disable_ssl: 'yes please'}", "disable_ssl"),
        ("rest_cherrypy: {authorized_ips: [10.0.0.0/99]}", "authorized_ips: '10.0.0.0/99' is no address"),
        ("rest_cherrypy: {trusted_proxies: [proxy]}", "trusted_proxies: 'proxy' is no address"),
        ("rest_cherrypy: {api_acl: {ann: ['*']}}", "api_acl"),
        ("rest_cherrypy: {max_request_body_size: no}", "max_request_body_size"),
        ("halite: {port: http}", "halite: port"),
    ],
)
def test_what_is_unsafe_or_cannot_be_read_is_refused_in_one_line(read, text, told):
    with pytest.raises(ConfigError, match=told) as failure:
        read(text)
    assert "\n" not in str(failure.value)


@pytest.mark.parametrize(
    ("text", "level", "told"),
    [
        ("rest_cherrypy: {thread_pool: 50}", "info", "rest_cherrypy: thread_pool is not needed here"),
        ("rest_cherrypy: {ports: 50}", "warning", "Unknown config option 'rest_cherrypy: ports'; did you mean 'port'?"),
        ("halite: {webserver: x}", "warning", "Unknown config option 'halite: webserver'"),
        ("netapi_enable_clients: [local, locale]", "warning", "netapi_enable_clients: there is no client locale"),
        ("rest_trisalt: {}\nrest_cherrypy: {}", "warning", "rest_trisalt goes before rest_cherrypy"),
    ],
)
def test_what_is_not_heeded_is_told_by_name(read, text, level, told):
    assert any(row[0] == level and told in row[1] for row in read(text).notices)


@pytest.mark.parametrize(
    ("text", "uid", "readable", "told"),
    [
        (WALKTHROUGH, 1000, False, True),
        (WALKTHROUGH, 1000, True, False),
        (WALKTHROUGH, 0, False, False),
        ("rest_trisalt: {}", 1000, False, False),
    ],
)
def test_an_account_that_pam_is_blind_for_is_told_the_cure(read, monkeypatch, text, uid, readable, told):
    monkeypatch.setattr("os.geteuid", lambda: uid)
    monkeypatch.setattr("os.access", lambda path, mode: readable)
    assert any("a member of the group shadow" in text for _level, text in read(text).notices) is told


def test_the_keys_of_consoles_are_known(tmp_path):
    names = ("saltgui_templates", "saltgui_public_pillars", "saltgui_motd_txt", "console_motd", "console_templates")
    (tmp_path / "master").write_text("".join(f"{name}:\n" for name in names))
    assert read_master(tmp_path).warnings == []


def test_the_masters_id_is_there_though_nobody_set_it(read):
    assert read("").opts["id"].endswith("_master")


@pytest.mark.parametrize(
    ("text", "clients"),
    [
        ("", set()),
        ("external_auth: {pam: {ann: [.*]}}", set(SERVED)),
        ("external_auth: {pam: {ann: [.*]}}\nnetapi_enable_clients: []", set()),
        ("netapi_enable_clients: [local, wheel]", {"local", "wheel"}),
    ],
)
def test_clients_are_those_named_or_all_once_somebody_could_use_them(read, text, clients):
    assert read(text).clients == clients


@pytest.mark.parametrize(
    ("overrides", "url"),
    [
        ({"host": "127.0.0.1", "port": 8123}, "http://127.0.0.1:8123"),
        ({"host": "127.0.0.1", "tls": True}, "https://127.0.0.1:8080"),
        ({"tls": False}, "http://0.0.0.0:8080"),
        ({"pempath": "/a.pem"}, "https://0.0.0.0:8080"),
        ({"cors": True, "base": "/salt/"}, "http://127.0.0.1:8000"),
    ],
)
def test_the_command_line_takes_the_place_of_the_listeners(read, overrides, url):
    settings = read("rest_cherrypy: {port: 8000}", **overrides)
    assert [listener.url for listener in settings.listeners] == [url]


def test_cors_and_base_of_the_command_line_hold_for_all(read):
    settings = read("rest_cherrypy: {cors_origins: ['https://a.example/']}", cors=True, base="/salt/")
    assert settings.cors_origins == ("https://a.example", "*")
    assert settings.root_prefix == "/salt"


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False)],
)
def test_loopback_is_what_only_this_host_reaches(host, expected):
    assert is_loopback(host) is expected
