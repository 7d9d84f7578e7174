"""Low chunks as clients write them, and what the door is asked for each."""

import json

import pytest

from trisalt.web.lowstate import SERVED, BadChunk, read_chunk, read_credentials, read_lowstate


def asked(chunk, *keys):
    question = read_chunk(chunk, SERVED).question
    return {key: question[key] for key in keys}


LOCAL = {"client": "local", "tgt": "*", "fun": "test.ping"}


@pytest.mark.parametrize(
    ("chunk", "expected"),
    [
        ({}, {"op": "publish", "tgt": "*", "tgt_type": "glob", "fun": "test.ping", "arg": [], "follow": True}),
        ({"client": "local_async"}, {"op": "publish", "follow": False}),
        ({"arg": "x"}, {"arg": ["x"]}),
        ({"arg": ["1", 1, None, "a=b"]}, {"arg": ["1", 1, None, "a=b"]}),
        ({"arg": [1], "kwarg": {"k": [2]}}, {"arg": [1, {"__kwarg__": True, "k": [2]}]}),
        ({"kwarg": {"__kwarg__": False, "k": 2}}, {"arg": [{"__kwarg__": True, "k": 2}]}),
        ({"fun": ["test.ping", "test.echo"], "arg": [[], ["x"]]}, {"arg": [[], ["x"]]}),
        ({"fun": ["test.ping", "test.version"]}, {"arg": [[], []]}),
        ({"fun": "test.ping,test.echo"}, {"fun": "test.ping,test.echo"}),
        ({"tgt": ["a", "b"]}, {"tgt": ["a", "b"], "tgt_type": "list"}),
        ({"tgt": ["a", "b"], "tgt_type": "glob"}, {"tgt": ["a", "b"], "tgt_type": "list"}),
        ({"tgt": "a,b", "tgt_type": "list"}, {"tgt": "a,b", "tgt_type": "list"}),
        ({"tgt": 42}, {"tgt": "42"}),
        ({"tgt": "os:Debian", "expr_form": "grain"}, {"tgt_type": "grain"}),
        ({"tgt": "os:Debian", "expr_form": "grain", "tgt_type": "grain"}, {"tgt_type": "grain"}),
        ({"timeout": "5"}, {"timeout": 5.0}),
        ({"timeout": 5, "gather_job_timeout": 2}, {"timeout": 5, "gather_job_timeout": 2}),
        ({"timeout": None, "ret": None}, {"timeout": None, "ret": ""}),
        ({"ret": "syslog", "metadata": {"a": 1}}, {"ret": "syslog", "kwargs": {"metadata": {"a": 1}}}),
        ({"ret_config": "x"}, {"kwargs": {"ret_config": "x"}}),
        # pepper sends all of this for a plain job.
        ({"batch": None, "arg": [], "full_return": True, "tgt_type": "glob"}, {"op": "publish"}),
        ({"client": "local_batch", "batch": "50%"}, {"op": "batch", "size": "50%", "failhard": False, "wait": 0}),
        ({"client": "local_batch", "batch": 2, "failhard": True}, {"size": "2", "failhard": True}),
        ({"client": "local_batch"}, {"size": "10%"}),
    ],
)
def test_a_job_for_minions(chunk, expected):
    assert asked(LOCAL | chunk, *expected) == expected


@pytest.mark.parametrize(("chunk", "count"), [({}, 3), ({"subset": 1}, 1), ({"sub": "2"}, 2)])
def test_a_subset_is_of_so_many(chunk, count):
    assert read_chunk(LOCAL | {"client": "local_subset"} | chunk, SERVED).subset == count


@pytest.mark.parametrize(
    ("chunk", "arg", "kwarg"),
    [
        ({"fun": "manage.up"}, [], {}),
        ({"fun": "runner.manage.up"}, [], {}),
        (
            {"fun": "test.arg", "arg": ["a", "k=1", 2], "kwarg": {"z": 3}, "other": "o"},
            ["a", 2],
            {"k": 1, "z": 3, "other": "o"},
        ),
        ({"fun": "test.arg", "arg": ["{a: 1}", "2"]}, [{"a": 1}, 2], {}),
        ({"fun": "test.arg", "arg": "solo"}, ["solo"], {}),
        ({"fun": "jobs.list_job", "jid": "20261122124352937094"}, [], {"jid": "20261122124352937094"}),
        ({"fun": "jobs.list_jobs", "search_function": ["state.apply"]}, [], {"search_function": ["state.apply"]}),
        # Who asks is no argument.
        ({"fun": "test.arg", "username": "x", "password": "y", "eauth": "pam", "token": "z", "user": "w"}, [], {}),
        ({"fun": "test.arg", "full_return": True, "timeout": 5, "print_event": False}, [], {}),
    ],
)
def test_a_runner(chunk, arg, kwarg):
    command = read_chunk({"client": "runner", **chunk}, SERVED)
    assert command.question == {
        "op": "runner",
        "fun": chunk["fun"].removeprefix("runner."),
        "arg": arg,
        "kwarg": kwarg,
        "follow": True,
    }


def test_a_wheel_function_that_nobody_waits_for():
    command = read_chunk({"client": "wheel_async", "fun": "key.list_all"}, SERVED)
    assert command.question == {"op": "wheel", "fun": "key.list_all", "arg": [], "kwarg": {}, "follow": False}
    assert (command.kind, command.waits, command.fun) == ("wheel", False, "wheel.key.list_all")


@pytest.mark.parametrize(
    ("chunk", "told"),
    [
        ({"client": None}, "Invalid client"),
        ({"client": "destroy"}, "Invalid client: destroy"),
        ({"client": ["local"]}, "Invalid client"),
        ({"client": "ssh"}, "Client disabled: 'ssh'"),
        ({"client": "wheel"}, "Client disabled: 'wheel'"),
        ({"tgt": None}, "Missing parameter: tgt"),
        ({"tgt": ""}, "Missing parameter: tgt"),
        ({"tgt": []}, "Missing parameter: tgt"),
        ({"tgt": [1]}, "Missing parameter: tgt"),
        ({"tgt": {"a": 1}}, "Missing parameter: tgt"),
        ({"fun": None}, "Missing parameter: fun"),
        ({"fun": "  "}, "Missing parameter: fun"),
        ({"fun": []}, "fun is a name, or a list of names"),
        ({"fun": ["a", 1]}, "fun is a name, or a list of names"),
        ({"fun": ["a", "b"], "arg": [[]]}, "a list of arguments for each function"),
        ({"tgt_type": "nosuch"}, "Unknown tgt_type: nosuch"),
        ({"tgt_type": ["glob"]}, "Unknown tgt_type"),
        ({"tgt_type": "glob", "expr_form": "grain"}, "say different things"),
        ({"kwarg": "a=1"}, "kwarg is a map"),
        ({"kwarg": {1: 2}}, "kwarg is a map"),
        ({"timeout": "soon"}, "timeout is a number"),
        ({"timeout": True}, "timeout is a number"),
        ({"timeout": -1}, "timeout is a number"),
        ({"ret": ["syslog"]}, "ret is text"),
        ({"client": "local_batch", "batch": "many"}, "batch is a number of minions"),
        ({"client": "local_batch", "batch": "0"}, "batch is a number of minions"),
        ({"client": "runner", "fun": None}, "Missing parameter: fun"),
        ({"client": "runner", "fun": "../etc"}, "No name of a runner function"),
        ({"client": "runner", "fun": ["a.b"]}, "Missing parameter: fun"),
    ],
)
def test_what_cannot_be_read_is_said_to_its_client(chunk, told):
    with pytest.raises(BadChunk, match=told):
        read_chunk(LOCAL | chunk, set(SERVED) - {"wheel"})


@pytest.mark.parametrize("body", ["text", 1, None, [1], [LOCAL, []], [LOCAL] * 101])
def test_a_body_is_one_command_or_a_list_of_not_too_many(body):
    with pytest.raises(BadChunk):
        read_lowstate(body, SERVED)


def test_a_code_is_a_keyword_where_there_is_no_password_that_it_belongs_to():
    run = {"client": "runner", "fun": "x.y", "code": "7"}
    assert read_chunk(run, SERVED).question["kwarg"] == {"code": "7"}
    assert read_chunk({**run, "username": "a", "password": "p", "eauth": "pam"}, SERVED).question["kwarg"] == {}


@pytest.mark.parametrize(
    ("chunk", "shown"),
    [
        ({}, None),
        ({"token": "ab"}, {"token": "ab"}),
        ({"token": ["ab"]}, None),
        ({"username": "ann", "password": "p"}, None),
        ({"username": "ann", "password": "", "eauth": "pam"}, None),
        ({"username": "ann", "password": {"a": 1}, "eauth": "pam"}, None),
        ({"username": "ann", "password": "p", "eauth": "pam"}, {"username": "ann", "password": "p", "eauth": "pam"}),
        (
            {"username": "ann", "password": "p", "eauth": "pam", "code": 12345},
            {"username": "ann", "password": "p", "eauth": "pam", "code": "12345"},
        ),
        (
            {"username": "ann", "sharedsecret": "p", "eauth": "sharedsecret"},
            {"username": "ann", "password": "p", "eauth": "sharedsecret"},
        ),
    ],
)
def test_credentials_are_all_there_or_none(chunk, shown):
    assert read_credentials(chunk) == shown
    assert read_chunk(LOCAL | chunk, SERVED).credentials == shown


def test_a_password_is_in_no_text_of_a_command():
    chunk = LOCAL | {"username": "ann", "password": "sesame", "eauth": "pam"}
    command = read_chunk(chunk, SERVED)
    assert "sesame" not in repr(command)
    assert "sesame" not in json.dumps(command.question)


# What SaltGUI sends, each as text/plain. Recorded from SaltGUI 1.35.
SALTGUI = [
    {"client": "wheel", "fun": "config.values"},
    {"client": "runner", "fun": "state.orchestrate_show_sls", "arg": ["*"]},
    {
        "client": "local",
        "fun": "beacons.list_available",
        "tgt": "*",
        "tgt_type": "glob",
        "kwarg": {"return_yaml": False},
    },
    {"client": "wheel", "fun": "minions.connected"},
    {"client": "local", "fun": "grains.items", "tgt": "m1,m2", "tgt_type": "list"},
    {"client": "runner", "fun": "manage.versions"},
    {
        "client": "runner",
        "fun": "jobs.list_jobs",
        "search_function": ["state.apply", "state.highstate", "state.sls_id"],
    },
    {"client": "runner", "fun": "jobs.active"},
    {"client": "wheel", "fun": "key.finger", "match": "*"},
    {"client": "wheel", "fun": "key.accept", "match": "m1"},
    {"client": "wheel", "fun": "key.delete", "match": "m1", "include_accepted": True},
    {"client": "local", "fun": "mine.get", "tgt": "m1", "arg": ["m1", "network.ip_addrs"]},
    {"client": "runner", "fun": "cache.grains", "tgt": "m1"},
    {"client": "local", "fun": "test.version", "tgt": "N@webs", "tgt_type": "compound", "full_return": True},
    {"client": "runner", "fun": "jobs.list_job", "jid": "20261122124352937094"},
    {"client": "local", "fun": "saltutil.term_job", "tgt": "*", "tgt_type": "glob", "arg": ["20261122124352937094"]},
    {
        "client": "local_async",
        "fun": "state.apply",
        "tgt": "m1",
        "tgt_type": "glob",
        "arg": [],
        "kwarg": {"test": True},
        "full_return": False,
    },
]


@pytest.mark.parametrize("chunk", SALTGUI, ids=lambda chunk: f"{chunk['client']} {chunk['fun']}")
def test_what_saltgui_asks_for_is_understood(chunk):
    command = read_chunk(chunk, SERVED)
    assert command.question["fun"] == chunk["fun"]
    further = chunk.keys() - {"client", "fun", "tgt", "tgt_type", "arg", "kwarg", "full_return"}
    if command.kind != "local":
        assert command.question["kwarg"].keys() >= further
