"""`redis` states and the module below them, on real servers of the test's own: one, another, and a sentinel of that one.

Texts, values and changes are those of Salt's extension, which was asked the same.
"""

import contextlib
import subprocess
import time

import pytest

from tests.support.debian import need
from tests.support.lab import free_ports
from trisalt.errors import CommandError
from trisalt.loader.dunders import Plugins

SENTINEL = "port {port}\nbind 127.0.0.1\ndir {folder}\nsentinel monitor mine 127.0.0.1 {master} 1\n"
UPDATED, ALREADY, GONE = (
    "Key updated to new value",
    "Key already set to defined value",
    "Key(s) specified already absent",
)


@contextlib.contextmanager
def running(folder, port, *words):
    with (folder / f"{port}.log").open("w") as log:
        server = subprocess.Popen(["redis-server", *words], stdout=log, stderr=log)
    try:
        end = time.monotonic() + 30
        while (
            subprocess.run(["redis-cli", "-p", str(port), "ping"], capture_output=True, check=False).stdout != b"PONG\n"
        ):
            assert server.poll() is None, (folder / f"{port}.log").read_text()
            assert time.monotonic() < end, "redis does not answer"
            time.sleep(0.02)
        yield
    finally:
        server.terminate()
        server.wait(30)


@pytest.fixture(scope="module")
def ports(tmp_path_factory):
    """Of a server, of another, and of the sentinel that calls the other `mine`."""
    need("redis-server")
    folder = tmp_path_factory.mktemp("redis")
    found = free_ports(3)
    with contextlib.ExitStack() as stack:
        for port in found[:2]:
            words = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
            stack.enter_context(running(folder, port, *words, "--dbfilename", f"{port}.rdb"))
        (folder / "sentinel.conf").write_text(SENTINEL.format(port=found[2], master=found[1], folder=folder))
        stack.enter_context(running(folder, found[2], str(folder / "sentinel.conf"), "--sentinel"))
        yield found


@pytest.fixture
def plugins(ports):
    plugins = Plugins({"id": "m1", "test": False, "redis.host": "127.0.0.1", "redis.port": ports[0]})
    yield plugins
    plugins.loader("modules")["redis.flushall"]()


@pytest.fixture
def redis(plugins):
    functions = plugins.loader("modules")
    return lambda function, *args, **kwargs: functions[f"redis.{function}"](*args, **kwargs)


@pytest.fixture
def state(plugins):
    def state(function, name, *, test=False, **kwargs):
        plugins.opts["test"] = test
        ret = plugins.loader("states")[f"redis.{function}"](name, **kwargs)
        return ret["result"], ret["comment"], ret["changes"]

    return state


def test_a_key_comes_stays_and_goes(state, redis):
    assert state("string", "k", value=5, test=True) == (None, UPDATED, {"k": "Value updated"})
    assert redis("exists", "k") == 0
    assert state("string", "k", value=5) == (True, UPDATED, {"k": "Value updated"})
    assert (state("string", "k", value=5), redis("get_key", "k")) == ((True, ALREADY, {}), "5")
    assert state("absent", "k", test=True) == (None, "Key deleted", {"deleted": ["k"]})
    assert state("absent", "k") == (True, "Key deleted", {"deleted": ["k"]})
    assert state("absent", "k") == (True, GONE, {})


def test_a_key_that_counts_down_is_left_to_it(state, redis):
    changes = {"k": "Value updated", "expire": "TTL set to 100 seconds"}
    assert state("string", "k", value="v", expire=100) == (True, UPDATED, changes)
    assert 0 < redis("ttl", "k") <= 100
    assert state("string", "k", value="v", expire=100) == (True, ALREADY, {})
    redis("set_key", "l", "v")
    changes = {"expireat": "Key expires at 4000000000"}
    assert state("string", "l", value="v", expireat=4000000000, test=True) == (None, ALREADY, changes)
    assert state("string", "l", value="v", expireat=4000000000) == (True, ALREADY, changes)
    assert redis("ttl", "l") > 1_000_000


def test_several_keys_go_at_once(state, redis):
    redis("hmset", "a", f="1")
    redis("set_key", "b", "2")
    assert state("absent", "x", keys=["a", "b", "c"]) == (True, "Keys deleted", {"deleted": ["a", "b"]})
    assert state("absent", "x", keys="a") == (False, "`keys` not formed as a list type", {})


def test_a_server_becomes_a_replica_of_the_one_that_a_sentinel_names(state, redis, ports):
    sentinel = {"sentinel_host": "127.0.0.1", "sentinel_port": ports[2]}
    new = {"master_host": "127.0.0.1", "master_port": ports[1]}
    changes = {"old": {"master_host": "", "master_port": ""}, "new": new}
    text = "Minion will be made a slave of mine: 127.0.0.1"
    assert state("slaveof", "mine", test=True, **sentinel) == (None, text, changes)
    assert redis("get_master_ip") == changes["old"]
    try:
        text = "Minion successfully connected to master: mine"
        assert state("slaveof", "mine", **sentinel) == (True, text, changes)
        assert state("slaveof", "mine", **sentinel) == (True, "Minion already slave of master: mine", {})
    finally:
        redis("slaveof")
    assert state("slaveof", "mine", port=ports[1], **sentinel) == (True, "Minion is the master: mine", {})
    assert state("slaveof", "odd", **sentinel) == (False, "The sentinel knows no master 'odd'", {})


CALLS = [
    ("ping", [], True), ("set_key", ["foo", "bar"], True), ("get_key", ["foo"], "bar"), ("get_key", ["no"], None),
    ("exists", ["foo"], 1), ("key_type", ["foo"], "string"), ("keys", ["f*"], ["foo"]), ("dbsize", [], 1),
    ("expire", ["foo", 100], True), ("expireat", ["foo", 4000000000], True), ("delete", ["foo", "no"], 1),
    ("hset", ["h", "f", "v"], 1), ("hset", ["h", "f", "w"], 0), ("hsetnx", ["h", "f", "x"], 0), ("hget", ["h", "f"], "w"),
    ("hgetall", ["h"], {"f": "w"}), ("hexists", ["h", "f"], True), ("hexists", ["h", "g"], False),
    ("hset", ["h", "n", 1], 1), ("hincrby", ["h", "n", 4], 5), ("hincrbyfloat", ["h", "n", 1.5], 6.5),
    ("hmget", ["h", "f", "n", "no"], ["w", "6.5", None]), ("hlen", ["h"], 2), ("hvals", ["h"], ["w", "6.5"]),
    ("hscan", ["h"], [0, {"f": "w", "n": "6.5"}]), ("hdel", ["h", "n", "no"], 1), ("llen", ["l"], 0),
    ("lrange", ["l", 0, -1], []), ("smembers", ["s"], []), ("zcard", ["z"], 0), ("zrange", ["z", 0, -1], []),
    ("config_set", ["maxmemory", "100mb"], True), ("config_get", ["maxmemory"], {"maxmemory": "104857600"}),
    ("config_set", ["maxmemory", "0"], True), ("save", [], True), ("flushdb", [], True),
    ("get_master_ip", [], {"master_host": "", "master_port": ""}),
]  # fmt: skip


def test_functions_answer_as_the_extension_does(redis):
    for function, args, answer in CALLS:
        assert redis(function, *args) == answer, function
    assert abs(redis("time") - time.time()) < 60
    assert abs(redis("lastsave") - time.time()) < 60
    assert redis("info")["redis_mode"] == "standalone"


@pytest.mark.parametrize(
    ("function", "args", "where", "text"),
    [
        ("get_key", ["k"], {"port": 1}, "Connection refused"),
        ("get_key", ["k"], {"port": "x"}, "redis.port is not a number: 'x'"),
        ("ping", [], {"password": "x"}, "AUTH"),
        ("config_set", ["nosuch", 1], {}, "nosuch"),
        ("expire", ["k", "soon"], {}, "soon"),
    ],
)
def test_what_redis_refuses_is_told(redis, function, args, where, text):
    with pytest.raises(CommandError, match=text):
        redis(function, *args, **where)


def test_a_server_that_is_not_there_is_told(state, redis):
    assert redis("ping", port=1) is False
    assert redis("shutdown", port=1) is False
    for function, more in (("string", {"value": "v"}), ("absent", {})):
        result, comment, changes = state(function, "k", port=1, **more)
        assert (result, changes) == (False, {})
        assert "Connection refused" in comment
    result, comment, _ = state("slaveof", "mine", sentinel_host="127.0.0.1", sentinel_port=1)
    assert (result, "Connection refused" in comment) == (False, True)


def test_a_value_of_another_type_is_told(state, redis):
    redis("hset", "h", "f", "v")
    result, comment, changes = state("string", "h", value="v")
    assert (result, changes) == (False, {})
    assert "WRONGTYPE" in comment
