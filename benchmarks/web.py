"""What consoles cost: lists over ten thousand minions and a hundred thousand jobs, many streams of events at once, and
the calls of SaltGUI's first page beside stock's salt-api in an environment of its own.
"""

from __future__ import annotations

import http.client
import json
import multiprocessing
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import trio

from benchmarks.measure import Row, cpu_seconds, quiet
from tests.support.lab import STOCK_VARIABLE, Lab, free_ports, open_lab
from tests.support.views import House, open_house, user
from trisalt.client import operations
from trisalt.client.door import Door
from trisalt.master.keyring import State
from trisalt.store import listed
from trisalt.store.sqlite import SqliteStore
from trisalt.web.negotiate import dump
from trisalt.wire.codec import pack_bin

MINIONS, JOBS, BIG = 10_000, 100_000, 10_000
STREAMS, RATE, SECONDS = 500, 200, 60.0
OF_A_SESSION = 20
ROUNDS = 8
CALLS = 41
SLICE = 2000
# What a list may take, as the master's time; what 500 streams may: p99 of the delay, and memory of salt-api.
LIST_MS, DELAY_MS, RSS_MB = 300.0, 1000.0, 200.0
FUNCTIONS = ("test.ping", "state.apply", "cmd.run", "pkg.install", "grains.items", "mine.update", "service.restart")
SYSTEMS = ("Debian", "Ubuntu", "Rocky", "Fedora", "Alpine")


# -- lists -----------------------------------------------------------------------------------------------------------


def _jid(number: int) -> str:
    return f"{20261122000000000000 + number * 1000}"


def grains_of(number: int) -> dict[str, Any]:
    """84 grains, of few values each."""
    return {
        "id": f"minion-{number:05}",
        "os": SYSTEMS[number % len(SYSTEMS)],
        "osrelease": str(number % 12),
        "saltversion": "3008.3" if number % 9 else "3007.1",
        "ip4_interfaces": {"eth0": [f"10.0.{number // 250}.{number % 250}"]},
        **{f"grain{key}": f"value-{number % (key + 3)}" for key in range(80)},
    }


def write_jobs(connection: Any, numbers: range, now: float) -> None:
    """Jobs as `SqliteStore` has them, and what they returned, by the statements that it has itself."""
    for number in numbers:
        jid, fun = _jid(number), FUNCTIONS[number % len(FUNCTIONS)]
        minions = [f"minion-{(number * 7 + each) % MINIONS:05}" for each in range(3)]
        load = {
            "jid": jid,
            "fun": fun,
            "arg": [],
            "tgt": ",".join(minions),
            "tgt_type": "list",
            "user": f"u{number % 9}",
        }
        at = now - (JOBS - number) * 1.5
        values = (jid, at, pack_bin(load), pack_bin(minions))
        connection.execute("INSERT INTO jobs (jid, recorded, load, minions) VALUES (?,?,?,?)", values)
        connection.execute(listed.BOOKED, listed.book(load, minions, at))
        failed = number % 50 == 0
        body = pack_bin({"return": "x" * 200, "retcode": int(failed), "success": not failed})
        came = minions[:2] if number % 40 == 0 else minions
        for id in came:
            connection.execute(
                "INSERT INTO returns (jid, id, came, body, outcome) VALUES (?,?,?,?,?)",
                (jid, id, at + 1, body, 2 if failed else 0),
            )
        if len(came) < len(minions):
            connection.execute("UPDATE jobs SET settled = ?, missing = ? WHERE jid = ?", (at + 15, pack_bin({}), jid))


async def _fill(house: House, store: SqliteStore) -> None:
    keyring = house.root / State.ACCEPTED.value
    for number in range(MINIONS):
        (keyring / f"minion-{number:05}").write_text("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----")
        house.desk.presence.heard(f"minion-{number:05}", f"10.0.{number // 250}.{number % 250}", number)
    for start in range(0, MINIONS, SLICE):
        await store.banks.store_all(
            {"grains": {f"minion-{number:05}": grains_of(number) for number in range(start, start + SLICE)}}
        )
    for start in range(0, JOBS, SLICE):
        numbers = range(start, start + SLICE)
        await store.write(lambda connection, _careful, numbers=numbers: write_jobs(connection, numbers, house.now))
    everybody = [f"minion-{number:05}" for number in range(BIG)]
    await house.run(9_999_999, everybody, "test.version")
    for start in range(0, BIG, SLICE):
        for id in everybody[start : start + SLICE : 100]:
            await house.came(9_999_999, id, "3008.3")


QUESTIONS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("minions", {}),
    ("minions", {"limit": 1000, "fields": ["os", "grain1", "grain2"]}),
    ("minions", {"q": "os:Debian up", "sort": "-last_seen"}),
    ("minions", {"q": "-version:3008.3"}),
    ("minions", {"sort": "os"}),
    ("jobs", {}),
    ("jobs", {"housekeeping": 0, "limit": 1000}),
    ("jobs", {"fun": "state.*", "user": "u3"}),
    ("jobs", {"state": "failed"}),
    ("jobs", {"state": "done,partial"}),
    ("jobs", {"minion": "minion-00007"}),
    ("jobs", {"q": "nothing-like-it"}),
    ("job", {"jid": "20261122124949999999"}),
    ("returns", {"jid": "20261122124949999999"}),
    ("overview", {}),
    ("compliance", {}),
    ("issues", {}),
    ("keys", {}),
    ("preview", {"tgt": "G@os:Debian", "tgt_type": "compound", "fun": "test.ping"}),
)


async def _list_times(root: Path) -> dict[str, float]:
    """Milliseconds of CPU for each question, written down as JSON too: the median of several."""
    times: dict[str, float] = {}
    rules = {"ann": [".*", "@wheel", "@runner"], "few": [{"minion-000*": ["test.*"]}]}
    async with open_house(root, fleet={}, external_auth={"pam": rules}) as house:
        await _fill(house, house.desk.store)
        for caller in (user("ann"), user("few")):
            for name, question in QUESTIONS:
                if caller.name == "few" and name not in ("minions", "jobs", "overview"):
                    continue
                ask = partial(house.ask, name, caller, **question)
                label = f"{name} {json.dumps(question) if question else ''}{' of few' if caller.name == 'few' else ''}"
                times[label.strip()] = await _median_ms(ask)
    return times


async def _median_ms(ask: Callable[[], Awaitable[Any]]) -> float:
    took = []
    for _ in range(6):
        # All threads of it; the clock would tell of whoever else is at work on this machine.
        began = time.process_time()
        dump(await ask())
        took.append((time.process_time() - began) * 1000)
    # The first one finds nothing read yet: that is once a start.
    return statistics.median(took[1:])


def _list_rows() -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        times = trio.run(_list_times, Path(folder))
    for label, took in sorted(times.items(), key=lambda each: -each[1]):
        print(f"  {took:7.1f} ms  {label}", file=sys.stderr)
    slowest = max(times, key=lambda label: times[label])
    return [
        Row(
            what=f"Slowest list, {MINIONS} minions, {JOBS} jobs: {slowest}",
            ours=times[slowest],
            stock=None,
            unit="ms",
            limit=LIST_MS,
        ),
        Row(
            what="All lists, median of them",
            ours=statistics.median(times.values()),
            stock=None,
            unit="ms",
            limit=LIST_MS,
        ),
    ]


# -- streams ---------------------------------------------------------------------------------------------------------


def _start(lab: Lab, kind: str, port: int) -> None:
    lab.start_master(
        kind,
        external_auth={"auto": {"ann": [".*", "@runner", "@wheel", "@jobs"]}},
        netapi_enable_clients=["local", "local_async", "runner", "wheel"],
        rest_cherrypy={"port": port, "disable_ssl": True, "host": "127.0.0.1"},
    )
    lab.start_minion("web1", kind)
    lab.accept("web1")
    lab.wait_up("web1")


def _call(port: int, path: str, body: Any = None, token: str = "") -> Any:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "Accept": "application/json", "X-Auth-Token": token},
    )
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.loads(answer.read())


def login(port: int) -> str:
    """The token of a session."""
    credentials = {"username": "ann", "password": "x", "eauth": "auto"}
    return str(_call(port, "/login", credentials)["return"][0]["token"])


async def _listen(port: int, tokens: list[str], streams: int, ready: Any, report: Any) -> None:
    """All streams of the load's own process: how many events each had, and how late they were."""
    counts, delays = [0] * streams, []

    async def one(number: int, *, task_status: trio.TaskStatus[None]) -> None:
        token = tokens[number // OF_A_SESSION]
        stream = await trio.open_tcp_stream("127.0.0.1", port)
        head = f"GET /api/v1/events?tag=bench/* HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Auth-Token: {token}\r\n\r\n"
        await stream.send_all(head.encode())
        rest = b""
        while b"retry" not in rest:
            rest += await stream.receive_some(65536)
        task_status.started()
        while True:
            data = await stream.receive_some(65536)
            if not data:
                return
            now = time.time()
            rest += data
            *whole, rest = rest.split(b"\n\n")
            for frame in whole:
                at = frame.find(b'"sent":')
                if at >= 0:
                    counts[number] += 1
                    if counts[number] % 10 == number % 10:
                        delays.append(now - float(frame[at + 7 : frame.find(b"}", at)].split(b",")[0]))

    async with trio.open_nursery() as nursery:
        for number in range(streams):
            await nursery.start(one, number)
        ready.set()
        await trio.to_thread.run_sync(report.wait)
        nursery.cancel_scope.cancel()
    delays.sort()
    told = {
        "least": min(counts),
        "most": max(counts),
        "p50": delays[len(delays) // 2],
        "p99": delays[len(delays) * 99 // 100],
    }
    print(json.dumps(told))


def _load(port: int, tokens: list[str], streams: int, ready: Any, report: Any, found: str) -> None:
    """Its own process, so that what it costs is not the service's."""
    with open(found, "w") as file:
        os.dup2(file.fileno(), 1)
        trio.run(_listen, port, tokens, streams, ready, report)
        sys.stdout.flush()


def _stream_rows(seconds: float) -> list[Row]:
    (port,) = free_ports(1)
    with open_lab() as lab, tempfile.TemporaryDirectory() as folder:
        _start(lab, "ours", port)
        lab.wait(lambda: lab._answers(port), "salt-api")
        tokens = [login(port) for _ in range((STREAMS + OF_A_SESSION - 1) // OF_A_SESSION)]
        ways = multiprocessing.get_context("spawn")
        ready, report, found = ways.Event(), ways.Event(), f"{folder}/found"
        load = ways.Process(target=_load, args=(port, tokens, STREAMS, ready, report, found))
        load.start()
        assert ready.wait(120), "the streams did not open"
        (api,) = _api_processes(port)
        before = cpu_seconds(api.pid)
        fired = _fire(Door(str(next(lab.root.rglob("master.sock")))), seconds)
        time.sleep(3)
        rss, cpu = api.memory_info().rss / 1e6, (cpu_seconds(api.pid) - before) / seconds
        report.set()
        load.join(60)
        told = json.loads(Path(found).read_text())
    print(f"  {fired} events fired, {told}, salt-api: RSS {rss:.0f} MB, CPU {cpu:.2f} s a second", file=sys.stderr)
    what = f"{STREAMS} streams, {fired} events in {seconds:.0f} s"
    return [
        Row(what=f"{what}: lost", ours=float(fired - told["least"]), stock=None, unit="events", limit=0.0),
        Row(what=f"{what}: delay, p99", ours=told["p99"] * 1000, stock=None, unit="ms", limit=DELAY_MS),
        Row(what=f"{what}: memory of salt-api", ours=rss, stock=None, unit="MB", limit=RSS_MB),
    ]


def _api_processes(port: int) -> list[psutil.Process]:
    return [
        psutil.Process(each.pid)
        for each in psutil.net_connections("tcp")
        if each.status == psutil.CONN_LISTEN and each.laddr.port == port and each.pid
    ]


def _fire(door: Door, seconds: float) -> int:
    """So many events a second, by the clock: how many."""
    began, fired = time.monotonic(), 0
    while (at := time.monotonic() - began) < seconds:
        while fired < at * RATE:
            operations.fire(door, f"bench/{fired}", {"sent": time.time(), "number": fired})
            fired += 1
        time.sleep(1 / RATE)
    return fired


# -- SaltGUI's first page --------------------------------------------------------------------------------------------

PAGE: tuple[dict[str, Any], ...] = (
    {"client": "wheel", "fun": "config.values"},
    {"client": "wheel", "fun": "key.list_all"},
    {"client": "wheel", "fun": "minions.connected"},
    {"client": "runner", "fun": "jobs.list_jobs"},
    {"client": "runner", "fun": "jobs.active"},
    {"client": "runner", "fun": "manage.versions"},
    {"client": "local", "fun": "grains.items", "tgt": "*"},
    {"client": "local", "fun": "beacons.list_available", "tgt": "*", "kwarg": {"return_yaml": False}},
)


# What the whole page asks besides: SLS files are rendered for it. With the login and the events it is eleven calls.
WHOLE = (*PAGE, {"client": "runner", "fun": "state.orchestrate_show_sls", "arg": ["*"]})


def _page_cpu(lab: Lab, kind: str, port: int, api: int, *, whole: bool) -> float:
    """CPU seconds of master and API for one first page: all that it asks, or only what renders nothing."""
    token = login(port)

    def page() -> None:
        shown = login(port) if whole else token
        if whole:
            _open_events(port, shown)
        for chunk in WHOLE if whole else PAGE:
            try:
                _call(port, "/", [chunk], shown)
            except urllib.error.HTTPError as exc:
                print(f"  {kind}: {chunk['fun']}: {exc.code}", file=sys.stderr)

    page()
    master = lab.daemons["master"].pid
    pids = {master, api} if api else {master}
    for pid in pids:
        quiet(pid)
    before = sum(map(cpu_seconds, pids))
    for _ in range(ROUNDS):
        page()
    return (sum(map(cpu_seconds, pids)) - before) / ROUNDS


def _open_events(port: int, token: str) -> None:
    """The page's stream of events, until it has begun: what it costs then is what happens, not the page."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/events", headers={"X-Auth-Token": token})
    answer = connection.getresponse()
    assert answer.status == 200, answer.status
    answer.readline()
    connection.close()


def _environment(folder: Path) -> Path:
    """Stock Salt with what its salt-api needs."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    argv = [str(folder / "bin/pip"), "install", "-q", "salt==3008.3", "cherrypy"]
    subprocess.run(argv, check=True, stderr=subprocess.DEVNULL)
    return folder / "bin"


# What needs no minion, or does not wait for one.
QUICK: tuple[tuple[str, str, Any], ...] = (
    ("POST / test.ping, local_async", "/", [{"client": "local_async", "fun": "test.ping", "tgt": "*"}]),
    ("GET /api/v1/overview", "/api/v1/overview", None),
    ("GET /api/v1/issues", "/api/v1/issues", None),
    ("POST / jobs.active", "/", [{"client": "runner", "fun": "jobs.active"}]),
    ("POST / key.list_all", "/", [{"client": "wheel", "fun": "key.list_all"}]),
)


def _latency_rows(port: int) -> list[Row]:
    """How long a client that keeps its connection waits for an answer: the median."""
    token, rows = login(port), []
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"X-Auth-Token": token, "Content-Type": "application/json", "Accept": "application/json"}
    for what, path, body in QUICK:
        took = []
        for _ in range(CALLS):
            began = time.perf_counter()
            packed = None if body is None else json.dumps(body)
            connection.request("GET" if body is None else "POST", path, packed, headers)
            answer = connection.getresponse()
            answer.read()
            took.append((time.perf_counter() - began) * 1000)
            assert answer.status == 200, (what, answer.status)
            # What it set going, a job that runs for example, is not the next one's.
            time.sleep(0.05)
        print(f"  {what}: {min(took):.1f} to {max(took):.1f} ms", file=sys.stderr)
        rows.append(
            Row(
                what=f"{what}: median until the answer", ours=statistics.median(took), stock=None, unit="ms", limit=20.0
            )
        )
    connection.close()
    return rows


def _page_rows() -> list[Row]:
    (port,) = free_ports(1)
    with open_lab() as lab:
        _start(lab, "ours", port)
        lab.wait(lambda: lab._answers(port), "salt-api")
        quick = _latency_rows(port)
        ours = [_page_cpu(lab, "ours", port, 0, whole=whole) for whole in (False, True)]
    with tempfile.TemporaryDirectory() as folder, open_lab() as lab:
        commands = _environment(Path(folder))
        before = os.environ.get(STOCK_VARIABLE)
        os.environ[STOCK_VARIABLE] = str(commands)
        try:
            (port,) = free_ports(1)
            _start(lab, "stock", port)
            log = (lab.root / "api.log").open("w")
            api = subprocess.Popen(
                [str(commands / "salt-api"), "-c", str(lab.master_dir())], stdout=log, stderr=subprocess.STDOUT
            )
            try:
                lab.wait(lambda: lab._answers(port), "stock's salt-api")
                stock = [_page_cpu(lab, "stock", port, api.pid, whole=whole) for whole in (False, True)]
            finally:
                for process in (*psutil.Process(api.pid).children(recursive=True), psutil.Process(api.pid)):
                    process.terminate()
                api.wait(20)
        finally:
            if before is None:
                del os.environ[STOCK_VARIABLE]
            else:
                os.environ[STOCK_VARIABLE] = before
    return [
        *quick,
        *(
            Row(
                what=f"CPU of SaltGUI's first page ({calls} calls), API and master",
                ours=mine * 1000,
                stock=theirs * 1000,
                unit="ms",
                limit=limit,
            )
            for calls, mine, theirs, limit in zip((len(PAGE), len(WHOLE) + 2), ours, stock, (0.1, 0.1), strict=True)
        ),
    ]


def rows(seconds: float = SECONDS) -> list[Row]:
    """The rows of the table; `seconds` is for how long events are fired."""
    return [*_list_rows(), *_stream_rows(seconds), *_page_rows()]
