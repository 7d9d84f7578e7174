"""The REST API as the master's child, with real accounts, real clients and TLS, on a master and a minion of ours."""

from __future__ import annotations

import hashlib
import hmac
import http.server
import json
import os
import queue
import re
import secrets
import signal
import socket
import ssl
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pyotp
import pytest
import requests

from tests.support.accounts import account, run
from tests.support.debian import need
from tests.support.lab import OURS, free_ports, open_lab
from tests.support.provider import CLIENT, SECRET, open_provider
from trisalt.client import operations
from trisalt.client.door import Door
from trisalt.web.sessions import digest

pytestmark = [
    pytest.mark.whole,
    pytest.mark.timeout(180),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root makes accounts"),
]

GROUP = f"tst{secrets.token_hex(3)}"
SHARED = secrets.token_urlsafe(9)
PASSWORD = secrets.token_urlsafe(9)
BOB = [
    "test.ping",
    {"web1": [{"test.echo": {"args": ["hello.*"]}}, "grains.item"]},
    {"@runner": ["jobs.list_jobs", "manage.up"]},
]
EVERYTHING = [".*", "@runner", "@wheel", "@jobs"]


@pytest.fixture(scope="module")
def halite():
    """An ordinary account of this host."""
    with account("hal", groups=(GROUP,)) as made:
        yield made


@pytest.fixture(scope="module")
def voucher():
    """A service that vouches for whoever has the password."""

    class Voucher(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            said = self.rfile.read(int(self.headers["content-length"])).decode()
            self.send_response(200 if PASSWORD in said else 401)
            self.end_headers()
            self.wfile.write(b'["test.ping"]')

        def log_message(self, *_words):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Voucher)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def identity():
    """An OpenID provider of this host."""
    with open_provider() as opened:
        yield opened


@pytest.fixture(scope="module")
def chat():
    """A service of this host that is told what happens: `told` is a queue of it."""
    told = queue.Queue()

    class Chat(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            told.put((self.headers["x-hub-signature-256"], self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_words):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Chat) as server:
        server.told = told
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def lab(halite, voucher, identity, chat):
    need("curl")
    with open_lab() as lab:
        lab.root.chmod(0o755)
        users = lab.root / "users"
        users.write_text("".join(f"{name}:{PASSWORD}\n" for name in ("ann", "bob", "cat", "dan", "fay", "nil")))
        lab.api, lab.console = free_ports(2)
        lab.start_master(
            timeout=3,
            gather_job_timeout=2,
            sharedsecret=SHARED,
            external_auth={
                "pam": {halite[0]: EVERYTHING, f"{GROUP}%": ["test.version"], "lck*": EVERYTHING},
                "file": {
                    "^filename": str(users),
                    "^hashtype": "plaintext",
                    "ann": EVERYTHING,
                    "bob": BOB,
                    "cat": EVERYTHING,
                    "dan": ["test.ping", {"@approve": ["test.echo"]}],
                    "fay": ["@approver"],
                },
                "sharedsecret": {"*": ["test.ping"]},
                "rest": {"^url": voucher, "eve": ["test.version"]},
                "oidc": {"ops%": ["test.ping"]},
            },
            totp=True,
            # As the walkthrough has it; and beside it an API in clear for this host.
            halite={"level": "info", "server": "gevent", "host": "0.0.0.0", "port": str(lab.console), "cors": False},
            rest_cherrypy={
                "port": lab.api,
                "notifications": {
                    "chat": {"url": f"http://127.0.0.1:{chat.server_port}/x", "private": True, "secret": SHARED}
                },
                "oidc": {
                    "issuer": identity.issuer,
                    "client_id": CLIENT,
                    "client_secret": SECRET,
                    "public_url": f"http://127.0.0.1:{lab.api}",
                },
            },
        )
        lab.start_minion("web1")
        lab.accept("web1")
        lab.wait(lambda: lab._answers(lab.console), "the console's port")
        yield lab


@pytest.fixture
def url(lab):
    return f"http://127.0.0.1:{lab.api}"


def sign_in(url, name="ann", password=PASSWORD, eauth="file"):
    """A session of `requests` that shows its token with every request."""
    client = requests.Session()
    answer = client.post(f"{url}/login", json={"username": name, "password": password, "eauth": eauth}, timeout=30)
    assert answer.status_code == 200, answer.text
    client.headers["X-Auth-Token"] = answer.headers["X-Auth-Token"]
    client.told = answer.json()["return"][0]
    client.cookies.clear()
    return client


def low(session, url, **chunk):
    """What came of one command."""
    answer = session.post(url, json=chunk, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.json()["return"]


def children(lab):
    """The process that serves."""
    master = psutil.Process(lab.daemons["master"].pid)
    return [child for child in master.children() if any("salt-api" in word for word in child.cmdline())]


# -- the walkthrough -----------------------------------------------------------------------------------------------------


def test_a_system_account_signs_in_at_the_port_of_the_walkthrough(lab, halite):
    context = ssl._create_unverified_context()
    with socket.create_connection(("127.0.0.1", lab.console)) as raw, context.wrap_socket(raw) as tls:
        shown = hashlib.sha256(tls.getpeercert(binary_form=True)).hexdigest()
        assert tls.version() in ("TLSv1.2", "TLSv1.3")
    log = lab.daemons["master"].text()
    assert shown in log.replace(":", "").lower()
    lines = [
        "halite: server: gevent is not needed",
        f"Running web application server on 0.0.0.0:{lab.console}",
        "CORS is disabled.",
        "TLS/SSL is enabled.",
        "Use Ctrl-C to terminate.",
    ]
    at = 0
    for line in lines:
        at = log.index(line, at)
    done = subprocess.run(
        ["curl", "-sk", f"https://127.0.0.1:{lab.console}/login", "-d", f"username={halite[0]}", "-d", "eauth=pam",
         "--data-urlencode", f"password={halite[1]}", "-w", "\n%{http_version} %{http_code}"],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    body, _, how = done.stdout.rpartition("\n")
    assert how == "2 200"
    assert json.loads(body)["return"][0]["perms"] == [".*", "@jobs", "@runner", "@wheel", "test.version"]


def test_a_wrong_password_is_401_and_so_is_an_account_that_is_locked(url, halite):
    with account("lck") as locked:
        run("usermod", "-L", locked[0])

        def sign_in_as(name, password):
            body = {"username": name, "password": password, "eauth": "pam"}
            return requests.post(f"{url}/login", json=body, timeout=60).status_code

        # Whoever is wrong is told so after a second: both at a time.
        with ThreadPoolExecutor(2) as both:
            told = [both.submit(sign_in_as, *shown) for shown in ((halite[0], "guessed"), locked)]
        assert [each.result() for each in told] == [401, 401]


# -- backends, and who may what ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("eauth", "name", "password", "perms"),
    [
        ("file", "ann", PASSWORD, [".*", "@jobs", "@runner", "@wheel"]),
        ("file", "bob", PASSWORD, ["test.ping", BOB[2], BOB[1]]),
        ("sharedsecret", "anybody", SHARED, ["test.ping"]),
        ("rest", "eve", PASSWORD, ["test.ping", "test.version"]),
    ],
    # Passwords are drawn anew in each process, and tests have one name in all of them.
    ids=["file-ann", "file-bob", "sharedsecret", "rest"],
)
def test_every_backend_signs_in_and_tells_what_is_granted(url, eauth, name, password, perms):
    assert sign_in(url, name, password, eauth).told["perms"] == perms


def test_whoever_is_granted_nothing_is_not_let_in(url):
    answer = requests.post(f"{url}/login", json={"username": "nil", "password": PASSWORD, "eauth": "file"}, timeout=30)
    assert answer.status_code == 401


ALLOWED = [
    ({"client": "local", "tgt": "*", "fun": "test.ping"}, 200),
    ({"client": "local", "tgt": "web1", "fun": "test.echo", "arg": ["hello you"]}, 200),
    ({"client": "local", "tgt": "web1", "fun": "test.echo", "arg": ["bye"]}, 401),
    ({"client": "local", "tgt": "web1", "fun": "test.echo", "arg": ["text=bye"]}, 401),
    ({"client": "local", "tgt": "web1", "fun": "test.echo", "kwarg": {"text": "hello"}}, 401),
    ({"client": "local", "tgt": "web1", "fun": "cmd.run", "arg": ["true"]}, 401),
    ({"client": "local", "tgt": "web1", "fun": ["test.ping", "test.echo"], "arg": [[], ["hello"]]}, 200),
    ({"client": "local", "tgt": "web1", "fun": ["test.ping", "cmd.run"], "arg": [[], ["true"]]}, 401),
    ({"client": "local", "tgt": "web1", "fun": ["test.ping", "test.echo"], "arg": [[], ["bye"]]}, 401),
    ({"client": "local_async", "tgt": "web1", "fun": ["test.ping", "cmd.run"], "arg": [[], ["true"]]}, 401),
    ({"client": "local_batch", "tgt": "web1", "fun": ["test.ping", "cmd.run"], "arg": [[], ["true"]]}, 401),
    ({"client": "local_subset", "tgt": "web1", "fun": ["test.ping", "cmd.run"], "arg": [[], ["true"]]}, 401),
    ({"client": "local", "tgt": "I@a:b", "tgt_type": "compound", "fun": "test.echo", "arg": ["hello"]}, 200),
    ({"client": "local", "tgt": "web1", "fun": "test.ping", "ret_config": "x"}, 401),
    ({"client": "runner", "fun": "manage.up"}, 200),
    ({"client": "runner", "fun": "jobs.list_jobs"}, 200),
    ({"client": "runner", "fun": "jobs.active"}, 401),
    ({"client": "runner_async", "fun": "jobs.active"}, 401),
    ({"client": "wheel", "fun": "key.list_all"}, 401),
    ({"client": "wheel_async", "fun": "key.list_all"}, 401),
]


def test_the_rules_are_enforced_on_every_client(url):
    bob = sign_in(url, "bob")
    found = [(chunk, bob.post(url, json=chunk, timeout=30).status_code) for chunk, _status in ALLOWED]
    assert found == ALLOWED


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/jobs", 200),
        ("GET", "/jobs/20260101000000000000", 401),
        ("GET", "/keys", 401),
        ("GET", "/keys/web1", 401),
        ("GET", "/minions", 401),
        ("POST", "/token", 401),
    ],
)
def test_the_addresses_follow_their_commands(url, method, path, status):
    bob = sign_in(url, "bob")
    body = {"username": "bob", "password": PASSWORD, "eauth": "file"} if method == "POST" else None
    assert bob.request(method, url + path, json=body, timeout=30).status_code == status


def test_who_somebody_is_stands_in_the_session_and_not_in_the_body(lab, url):
    bob = sign_in(url, "bob")
    told = low(bob, url, client="local", tgt="web1", fun="test.ping", full_return=True, user="root", username="root")
    jid = told[0]["web1"]["jid"]
    assert f"User bob Published command test.ping with jid {jid}" in lab.daemons["master"].text()


@pytest.mark.parametrize(("asked", "lifetime"), [(60, 43200), (10**9, 43200), (None, 43200)])
def test_how_long_a_session_is_good_for_is_not_the_clients_to_say(url, asked, lifetime):
    body = {"username": "ann", "password": PASSWORD, "eauth": "file", "token_expire": asked}
    told = requests.post(f"{url}/login", json=body, timeout=30).json()["return"][0]
    assert round(told["expire"] - told["start"]) == lifetime


# -- what stock's own server answered ------------------------------------------------------------------------------------

# Recorded from stock Salt 3008.3, rest_cherrypy with CherryPy 18.10, a master and a minion web1, user ann.
RECORDED = json.loads((Path(__file__).parent / "rest_recorded.json").read_text())
# Keys that stock's minions add since 3008.
ADDED = ("__pub_resource_targets", "__pub_pure_resource_target", "__pub_minion_is_target")


def plain(text):
    """An answer without what is another one each time."""
    text = re.sub(r"\b20\d{18}\b", "JID", text)
    text = re.sub(r'"_stamp": ?"[^"]*"', '"_stamp": "STAMP"', text)
    text = re.sub(r"[0-9a-f]{2}(:[0-9a-f]{2}){31}", "FINGERPRINT", text)

    def without(value):
        if isinstance(value, dict):
            return {key: without(item) for key, item in value.items() if key not in ADDED}
        return [without(item) for item in value] if isinstance(value, list) else value

    return without(json.loads(text))


def test_every_recorded_call_is_answered_as_stock_did(url):
    ann = sign_in(url)
    differing = []
    for row in RECORDED:
        body = None if row["body"] is None else row["body"].encode()
        headers = {"Content-Type": row["type"]} if row["type"] else {}
        answer = ann.request(row["method"], url + row["path"], data=body, headers=headers, timeout=30)
        # Stock's errors are pages.
        expected = None if row["answer"] is None else plain(json.dumps(row["answer"]))
        if answer.status_code != row["status"] or (expected is not None and plain(answer.text) != expected):
            differing.append((row["path"], row["body"], answer.status_code, answer.text, row["status"], row["answer"]))
    assert differing == []


# -- clients in the field ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["*", "test.ping"], [{"web1": {"ret": True, "retcode": 0, "jid": "JID"}}]),
        (["-L", "web1", "test.echo", "hello"], [{"web1": {"ret": "hello", "retcode": 0, "jid": "JID"}}]),
        (["--batch", "1", "*", "test.ping"], [{"web1": True}]),
        (["nosuch", "test.ping"], [{}]),
        (["-r", "*", "test.ping"], [{"web1": {"ret": True, "retcode": 0, "jid": "JID"}}]),
        (["-T", "-x", "TOKENFILE", "*", "test.ping"], [{"web1": {"ret": True, "retcode": 0, "jid": "JID"}}]),
        (["--client", "runner", "manage.up"], ["web1"]),
        (["--client", "wheel", "key.finger", "match=nosuch"], {}),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) and isinstance(value[0], str) else "",
)
def test_pepper_passes_its_commands(lab, url, tmp_path, words, shown):
    words = [word.replace("TOKENFILE", str(tmp_path / "token")) for word in words]
    done = pepper(lab, url, *words)
    assert done.returncode == 0, done.stderr
    told = json.loads(re.sub(r'"\d{20}"', '"JID"', done.stdout))["return"]
    if words[0] == "--client":
        told = told[0]["data"]["return"]
    assert told == shown
    if "-T" in words:
        assert json.loads((tmp_path / "token").read_text())["user"] == "ann"
        assert pepper(lab, url, *words, password="not needed").returncode == 0


def test_pepper_waits_until_all_have_answered(lab, url):
    done = pepper(lab, url, "--fail-if-incomplete", "*", "test.ping")
    assert (done.returncode, '"web1": true' in done.stdout) == (0, True), done.stderr


def pepper(lab, url, *words, password=PASSWORD):
    argv = [str(OURS / "pepper"), "-u", url, "--username", "ann", "--password", password, "-a", "file"]
    argv += ["--non-interactive", *words]
    return subprocess.run(argv, capture_output=True, text=True, env=lab.env, timeout=60, check=False)


def test_curl_with_a_cookie_jar_and_forms_works_as_the_manuals_say(url, tmp_path):
    jar = ["-b", str(tmp_path / "jar"), "-c", str(tmp_path / "jar")]

    def curl(*words):
        done = subprocess.run(["curl", "-s", *jar, *words], capture_output=True, text=True, check=True, timeout=60)
        return done.stdout

    curl(f"{url}/login", "-d", "username=ann", "-d", f"password={PASSWORD}", "-d", "eauth=file")
    told = curl(url, "-d", "client=local", "-d", "tgt=*", "-d", "fun=test.arg", "-d", "arg=2", "-d", "arg=k=3")
    (found,) = json.loads(told)["return"]
    assert (found["web1"]["args"], found["web1"]["kwargs"]["k"]) == ([2], 3)
    assert curl(f"{url}/keys", "-H", "Accept: application/x-yaml").startswith("return:\n")
    assert json.loads(curl("-X", "POST", f"{url}/logout"))["return"] == "Your token has been cleared"
    assert json.loads(curl(f"{url}/keys"))["status"] == 401


def test_a_new_pair_is_accepted_already(lab, url):
    body = {"mid": "web9", "username": "ann", "password": PASSWORD, "eauth": "file"}
    answer = requests.post(f"{url}/keys", json=body, timeout=60)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-tar")
    assert "web9" in lab.keys("minions")
    assert lab.run("salt-key", "-y", "-d", "web9").returncode == 0


# -- life of the process -------------------------------------------------------------------------------------------------


def test_a_client_that_goes_is_not_waited_for_and_its_job_runs_on(lab, url):
    ann = sign_in(url)
    door = str(lab.master_dir() / "run/master.sock")

    def asking():
        with open("/proc/net/unix") as file:
            return sum(door in line for line in file)

    body = b'{"client": "local", "tgt": "web1", "fun": "test.sleep", "arg": [60]}'
    head = f"POST / HTTP/1.1\r\nHost: x\r\nX-Auth-Token: {ann.told['token']}\r\nContent-Length: {len(body)}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", lab.api), 10) as sock:
        sock.sendall(head.encode() + body)
        lab.wait(lambda: "User ann Published command test.sleep" in lab.daemons["master"].text(), "the job")
    # The listener, and who follows for notifications; nobody else.
    lab.wait(lambda: asking() <= 2, "the end of the question", 20)
    (jobs,) = low(ann, url, client="runner", fun="jobs.active")
    assert [job["Function"] for job in jobs.values()] == ["test.sleep"]
    low(ann, url, client="local", tgt="web1", fun="saltutil.kill_job", arg=list(jobs))


def test_a_service_outside_is_told_what_happens(lab, chat):
    door = Door(str(next(lab.root.rglob("master.sock"))))
    operations.fire(door, "salt/auth", {"act": "pend", "id": "newcomer", "result": True})
    told = {"minions": ()}
    # Others are told before it: the minion's own key waited until it was accepted, and jobs failed.
    while "newcomer" not in told["minions"]:
        signature, body = chat.told.get(timeout=30)
        assert signature == f"sha256={hmac.digest(SHARED.encode(), body, 'sha256').hex()}"
        told = json.loads(body)
    assert (told["kind"], "newcomer" in told["text"]) == ("key_pending", True)


def test_what_wants_approval_is_run_when_somebody_else_consents_and_not_before(lab, url):
    dan, fay = sign_in(url, "dan"), sign_in(url, "fay")
    wanted = {"fun": "test.echo", "tgt": "web1", "arg": ["approved"]}
    assert dan.post(url, json={"client": "local", **wanted}, timeout=30).status_code == 401
    asked = dan.post(f"{url}/api/v1/approvals", json={**wanted, "why": "to see"}, timeout=30).json()
    place = f"{url}/api/v1/approvals/{asked['id']}"
    assert dan.post(place, json={"approve": True}, timeout=30).status_code == 403
    assert fay.post(url, json={"client": "local", **wanted}, timeout=30).status_code == 401
    done = fay.post(place, json={"approve": True}, timeout=30).json()
    assert (done["state"], done["by"]) == ("approved", "fay")
    job = f"{url}/api/v1/jobs/{done['jid']}"
    lab.wait(lambda: dan.get(job, timeout=30).json()["state"] == "done", "the job")
    assert dan.get(job, timeout=30).json()["user"] == "dan"
    (came,) = dan.get(f"{job}/returns", timeout=30).json()["items"]
    assert came["return"] == "approved"
    assert fay.post(place, json={"approve": True}, timeout=30).status_code == 400
    # And the next one is refused as before.
    assert dan.post(url, json={"client": "local", **wanted}, timeout=30).status_code == 401


def test_whom_an_openid_provider_knows_may_what_their_groups_may(lab, url):
    browser = requests.Session()
    page = browser.get(f"{url}/oidc/login?next=/app/jobs", timeout=60)
    assert (page.status_code, page.url) == (200, f"{url}/app/jobs")
    told = browser.get(f"{url}/api/v1/session", timeout=30).json()
    assert (told["user"], told["eauth"], told["perms"]) == ("ann", "oidc", ["test.ping"])
    assert low(browser, url, client="local", tgt="web1", fun="test.ping") == [{"web1": True}]
    refused = browser.post(url, json={"client": "local", "tgt": "web1", "fun": "test.version"}, timeout=30)
    assert refused.status_code == 401
    assert browser.post(f"{url}/logout", timeout=30).status_code == 200
    log = lab.daemons["master"].text()
    assert not any(secret in log for secret in (SECRET, "id_token", "?code="))


def test_who_has_set_up_a_second_factor_shows_it_at_every_door(lab, url):
    cat = sign_in(url, "cat")
    factor = f"{url}/api/v1/me/factor"
    assert cat.get(factor, timeout=30).json() == {"enrolled": False, "since": None, "backup": 0}
    assert cat.post(factor, json={"password": "guessed"}, timeout=30).status_code == 403
    begun = cat.post(factor, json={"password": PASSWORD}, timeout=30).json()
    now = pyotp.TOTP(begun["secret"]).now
    backup = cat.put(factor, json={"code": now()}, timeout=30).json()["backup"]
    refused = {"username": "cat", "password": PASSWORD, "eauth": "file"}
    assert requests.post(f"{url}/login", json=refused, timeout=30).status_code == 401
    # The code that it was set up with has been used: backup codes are good meanwhile.
    login = requests.post(f"{url}/login", json={**refused, "code": backup[0]}, timeout=30)
    assert login.status_code == 200
    chunk = {"client": "local", "tgt": "web1", "fun": "test.ping", **refused, "code": backup[1]}
    assert requests.post(f"{url}/run", json=[chunk], timeout=30).json()["return"] == [{"web1": True}]
    salt = [str(OURS / "salt"), "-c", str(lab.master_dir()), "-a", "file", "--username", "cat"]
    told = subprocess.run(
        [*salt, "--password", PASSWORD, "web1", "test.ping"], capture_output=True, text=True, timeout=60
    )
    assert (told.returncode, "Authentication error" in told.stdout + told.stderr) == (77, True)
    words = [str(OURS / "trisalt"), "factor"]
    listed = subprocess.run([*words, "list", "-c", str(lab.master_dir())], capture_output=True, text=True, timeout=60)
    assert re.fullmatch(r"file/cat: since \S+, 8 backup codes left\n", listed.stdout), listed
    removed = subprocess.run(
        [*words, "remove", "file", "cat", "-c", str(lab.master_dir())], capture_output=True, text=True, timeout=60
    )
    assert (removed.returncode, removed.stdout) == (0, "file/cat has no second factor any more\n")
    enrolled = subprocess.Popen(
        [*words, "enroll", "file", "cat", "-c", str(lab.master_dir())],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    secret = enrolled.stdout.readline().split()[-1]
    out, _err = enrolled.communicate(pyotp.TOTP(secret).now() + "\n", timeout=60)
    assert (enrolled.returncode, len(re.findall(r"^  \w{5}-\w{5}$", out, re.MULTILINE))) == (0, 10)
    code = re.findall(r"\w{5}-\w{5}", out)[0]
    assert cat.post(f"{factor}/remove", json={"password": PASSWORD, "code": code}, timeout=30).json() == {
        "removed": True
    }
    assert sign_in(url, "cat")
    audit = (lab.root / "audit").read_text() if (lab.root / "audit").exists() else ""
    assert not any(word in lab.daemons["master"].text() + audit for word in (begun["secret"], backup[0], secret))


def test_headers_above_the_limit_end_the_connection(lab):
    with socket.create_connection(("127.0.0.1", lab.api), 10) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 17 * 1024)
        answer = sock.recv(4096)
    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 431")) or not answer


def test_hangup_reads_the_certificate_anew(lab):
    folder = lab.master_dir() / "pki" / "api"

    def shown():
        return ssl.get_server_certificate(("127.0.0.1", lab.console))

    before = shown()
    (folder / "console.crt").unlink()
    os.kill(lab.daemons["master"].pid, signal.SIGHUP)
    lab.wait(lambda: shown() != before, "another certificate", 20)
    assert (folder / "console.key").stat().st_mode & 0o777 == 0o600


def test_one_that_is_killed_is_started_again_and_knows_its_sessions(lab, url):
    ann = sign_in(url)
    (process,) = children(lab)
    kept = lab.master_dir() / "cache/api/sessions"
    lab.wait(lambda: digest(ann.told["token"]) in kept.read_text(), "the session to be written down")
    process.kill()
    psutil.wait_procs([process], timeout=10)
    lab.wait(lambda: children(lab) and lab._answers(lab.api), "another one")
    assert low(ann, url, client="runner", fun="manage.up") == [["web1"]]


def test_it_ends_with_a_master_that_is_killed(lab):
    (process,) = children(lab)
    lab.daemons["master"].process.kill()
    lab.daemons["master"].process.wait(10)
    gone, _alive = psutil.wait_procs([process], timeout=10)
    assert gone
