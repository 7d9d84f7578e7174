"""External pillars as a compilation asks them: tables, web servers, commands, and what may not be made of an id."""

import base64
import http.server
import json
import logging
import subprocess
import threading

import pytest

from tests.support.lab import OURS
from trisalt.pillar.worker import compile_with_plugins

GRAINS = {"id": "m1", "os": "Debian", "rack": "a/b?c", "path": {"deep": "x"}}


@pytest.fixture
def compiled(tmp_path):
    """The pillar of a minion whose master has these external pillars."""

    def compiled(*external, id="m1", grains=GRAINS, **opts):
        (tmp_path / "empty").mkdir(exist_ok=True)
        opts = {
            "pillar_roots": {"base": [str(tmp_path / "empty")]},
            "renderer": "jinja|yaml",
            "state_top": "top.sls",
            "ext_pillar": list(external),
            "cachedir": str(tmp_path / "cache"),
            **opts,
        }
        answer = compile_with_plugins({"opts": opts, "id": id, "grains": grains})
        return answer["pillar"]

    return compiled


@pytest.fixture
def files(tmp_path):
    def files(**texts):
        for name, text in texts.items():
            path = tmp_path / name.replace("__", "/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, newline="")
        return tmp_path

    return files


def test_a_minion_without_a_master_asks_its_own(files):
    config = {
        **{"id": "m1", "file_client": "local", "pillar_roots": {"base": []}, "site": "north"},
        **{"pass_to_ext_pillars": ["site"], "nodegroups": {"mine": "m*"}},
        "ext_pillar": [
            {"extra_minion_data_in_pillar": "<all>"}, {"nodegroups": {}}, {"cmd_yaml": "echo 'id: %s'"},
        ],
    }  # fmt: skip
    root = files(minion="")
    (root / "minion").write_text(json.dumps({"root_dir": str(root), **config}))
    command = [OURS / "salt-call", "--local", "-c", root, "--out=json", "pillar.items", "unmask=True"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert json.loads(done.stdout)["local"] == {"site": "north", "nodegroups": ["mine"], "id": "m1"}, done.stderr


# -- commands


def test_marks_of_yamlex_aggregate_what_commands_give(compiled):
    assert compiled(
        {"cmd_yamlex": "echo 'l: !aggregate [1]'"},
        {"cmd_yamlex": "echo 'l: !aggregate [%s]'"},
        renderer="jinja|yamlex",
    ) == {"l": [1, "m1"]}


@pytest.mark.parametrize("name", ["cmd_yaml", "cmd_yamlex", "cmd_json"])
@pytest.mark.parametrize("id", ["$(touch made)", "a;b", "a b", "a'b", "`x`", "a\nb", ""])
def test_no_id_is_more_than_a_word_of_a_command(compiled, tmp_path, name, id):
    pillar = compiled({name: f"cd {tmp_path}; echo '%s'"}, {"cmd_yaml": "echo 'after: 1'"}, id=id)
    assert pillar == {
        "after": 1,
        "_errors": [f"Failed to load ext_pillar {name}: The minion id {id!r} cannot stand in a command"],
    }
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("command", [5, None])
def test_a_command_that_is_no_text_is_an_error(compiled, command):
    errors = compiled({"cmd_yaml": command})["_errors"]
    assert errors == ["Failed to load ext_pillar cmd_yaml: The command must be a string"]


@pytest.mark.parametrize(("name", "printed"), [("cmd_yaml", "a: [hushhush"), ("cmd_json", '{"hushhush"')])
def test_what_a_command_printed_is_in_no_log(compiled, files, caplog, name, printed):
    root = files(printed=printed)
    with caplog.at_level(logging.ERROR):
        assert compiled({name: f"cat {root}/printed"}) == {}
    assert "failed to parse" in caplog.text
    assert "hushhush" not in caplog.text


@pytest.mark.parametrize(("printed", "kind"), [("[1]", "list"), ('"text"', "str")])
def test_what_is_no_map_is_an_error(compiled, printed, kind):
    errors = compiled({"cmd_json": f"echo '{printed}'"})["_errors"]
    assert errors == [f"Failed to load ext_pillar cmd_json: what it gives is no map but {kind}"]


# -- tables

TABLE = "\ufeffid,role,env\r\njerry,web,prod\r\nm1,db,stage\r\nm1,later,x\r\n"


@pytest.mark.parametrize(
    ("config", "pillar"),
    [
        ("FILE", {"id": "m1", "role": "db", "env": "stage"}),
        ({"path": "FILE", "namespace": "row"}, {"row": {"id": "m1", "role": "db", "env": "stage"}}),
        ({"path": "FILE", "idkey": "role"}, {}),
        ({"path": "FILE", "fieldnames": ["id", "a"], "restkey": "more"}, {"id": "m1", "a": "db", "more": ["stage"]}),
        (
            {"path": "FILE", "fieldnames": ["id", "a", "b", "c"], "restval": "-"},
            {"id": "m1", "a": "db", "b": "stage", "c": "-"},
        ),
        ({"path": "FILE", "fieldnames": ["id", "a"]}, {"id": "m1", "a": "db"}),
        ({"path": "FILE", "idkey": "no"}, "csv: FILE has no column 'no'"),
        ({"path": "FILE.gone"}, "csv: FILE.gone: No such file or directory"),
        ({"path": "FILE", "dialect": "no"}, "csv: unknown dialect 'no', there are: excel, excel-tab, unix"),
    ],
)
def test_a_minion_has_its_row_of_a_table(compiled, files, config, pillar):
    path = files(table=TABLE) / "table"
    made = compiled({"csv": json.loads(json.dumps(config).replace("FILE", str(path)))})
    if isinstance(pillar, str):
        pillar = {"_errors": [f"Failed to load ext_pillar csv: {pillar.replace('FILE', str(path))}"]}
    assert made == pillar


# -- web servers


class Server(http.server.BaseHTTPRequestHandler):
    ANSWERS = {
        "/m1.json": '{"a": {"b": 1}}',
        "/m1.yaml": "a: {b: 1}\n",
        "/bad": "{[",
        "/binary": b"\xff\xfe",
        "/a%2Fb%3Fc?x=x": '{"by": "grains"}',
    }

    def do_GET(self):
        self.server.seen.append((self.path, dict(self.headers)))
        if self.path == "/away":
            self.send_response(302)
            self.send_header("Location", f"http://localhost:{self.server.server_port}/m1.json")
            self.end_headers()
            return
        answer = self.ANSWERS.get(self.path)
        self.send_response(404 if answer is None else 200)
        self.end_headers()
        self.wfile.write(answer.encode() if isinstance(answer, str) else answer or b"")

    def log_message(self, *_args):
        pass


@pytest.fixture
def server(monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        server.seen = []
        server.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("kind", ["json", "yaml"])
@pytest.mark.parametrize("namespace", [None, "under"])
def test_a_page_is_pillar(compiled, server, kind, namespace):
    pillar = compiled({f"http_{kind}": {"url": f"{server.url}/%s.{kind}", "namespace": namespace}})
    assert pillar == ({"under": {"a": {"b": 1}}} if namespace else {"a": {"b": 1}})


def test_a_url_alone_is_a_configuration(compiled, server):
    assert compiled({"http_json": f"{server.url}/m1.json"}) == {"a": {"b": 1}}


def test_a_grain_stays_within_its_part_of_a_url(compiled, server):
    config = {"url": f"{server.url}/<rack>?x=<path:deep>", "with_grains": True}
    assert compiled({"http_json": config}) == {"by": "grains"}


def test_an_id_stays_within_its_part_of_a_url(compiled, server):
    compiled({"http_json": f"{server.url}/%s"}, id="../a?b#c")
    assert [path for path, _headers in server.seen] == ["/..%2Fa%3Fb%23c"]


@pytest.mark.parametrize("who", [{"username": "u", "password": "p@:/"}, {"auth": ["u", "p@:/"]}])
def test_a_password_and_headers_go_to_their_own_server_alone(compiled, server, who):
    config = {"url": f"{server.url}/away", "header_dict": {"X-Token": "t", "X-Number": 5}, **who}
    assert compiled({"http_json": config}) == {"a": {"b": 1}}
    (_, first), (_, second) = server.seen
    assert first["Authorization"] == f"Basic {base64.b64encode(b'u:p@:/').decode()}"
    assert (first["X-Token"], first["X-Number"]) == ("t", "5")
    assert not {"Authorization", "X-Token", "X-Number", "X-token", "X-number"} & set(second)


@pytest.mark.parametrize(
    ("kind", "path", "more", "said"),
    [
        ("json", "/none", {}, "Error on minion 'm1' http query: Error: HTTP 404: Not Found reading /none"),
        ("json", "/bad", {}, "Error on minion 'm1' http query: the answer is no JSON"),
        ("yaml", "/bad", {}, "Error on minion 'm1' http query: the answer is no YAML"),
        ("yaml", "/binary", {}, "Error on minion 'm1' http query: the answer is not UTF-8"),
        ("json", "/<gone>", {"with_grains": True}, "Unable to get minion 'm1' grain: gone"),
    ],
)
def test_a_page_that_cannot_be_had_is_told(compiled, server, caplog, kind, path, more, said):
    with caplog.at_level(logging.ERROR):
        config = {"url": f"{server.url}{path}", "username": "u", "password": "hushhush", **more}
        assert compiled({f"http_{kind}": config}) == {}
    assert said in caplog.text
    assert "hushhush" not in caplog.text


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://127.0.0.1/x", "/x", 5])
def test_only_web_servers_are_asked(compiled, url):
    errors = compiled({"http_json": {"url": url}})["_errors"]
    assert errors == ["Failed to load ext_pillar http_json: The url must begin with http:// or https://"]


# -- stores of secrets and keys


class Store(http.server.BaseHTTPRequestHandler):
    """What Vault (`/v1/…`) and Consul (`/v1/kv/…`) answer to who has the token, or signs in to Vault for it."""

    LOGINS = {
        "/v1/auth/approle/login": {"role_id": "role", "secret_id": "hushhush"},
        "/v1/auth/ours/login/salt": {"password": "hushhush"},
    }

    SECRETS = {
        "secret/salt": {"a": 1, "deep": {"x": [1]}},
        "secret/minions/m1": {"mine": "yes"},
        "secret/roles/web": {"port": 80, "deep": {"y": 2}},
        "secret/roles/a%2Fb": {"odd": True},
    }
    OLD = {"old/salt": {"from": "version one"}}
    KEYS = {
        "salt/common/ntp": "[a, b]", "salt/common/app/port": "8080", "salt/common/app/name": "web: {x", "salt/common/": None,
        "salt/minions/m1/id": "m1", "salt/common/app": "a folder too", "salt/common/text": "hello\n",
    }  # fmt: skip

    def do_GET(self):
        self.server.seen.append((self.path, dict(self.headers)))
        path = self.path.removeprefix("/v1/")
        if "good" not in (self.headers.get("X-Vault-Token"), self.headers.get("X-Consul-Token")):
            return self.answer(403, {"errors": ["permission denied"]})
        if path.startswith("kv/"):
            root = path.removeprefix("kv/").partition("?")[0]
            rows = [
                {"Key": key, "Value": None if value is None else base64.b64encode(value.encode()).decode()}
                for key, value in self.KEYS.items()
                if key.startswith(root)
            ]
            return self.answer(200 if rows else 404, rows)
        if path.startswith("sys/internal/ui/mounts/"):
            kind = "2" if "/secret/" in path else "1"
            mount = path.removeprefix("sys/internal/ui/mounts/").partition("/")[0]
            return self.answer(200, {"data": {"path": f"{mount}/", "options": {"version": kind}}})
        if path.startswith("secret/data/"):
            found = self.SECRETS.get("secret/" + path.removeprefix("secret/data/"))
            return self.answer(200 if found else 404, {"data": {"data": found, "metadata": {}}})
        found = self.OLD.get(path)
        return self.answer(200 if found else 404, {"data": found})

    def do_POST(self):
        given = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append((self.path, dict(self.headers)))
        if self.LOGINS.get(self.path) != given:
            return self.answer(400, {"errors": ["invalid role or secret ID"]})
        return self.answer(200, {"auth": {"client_token": "good", "lease_duration": 3600, "policies": ["salt"]}})

    def answer(self, status, data):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("X-Consul-Index", "7")
        self.end_headers()
        self.wfile.write(json.dumps(data).encode())

    def log_message(self, *_args):
        pass


@pytest.fixture
def store(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Store) as server:
        server.seen = []
        server.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("config", "pillar"),
    [
        ("path=secret/salt", {"a": 1, "deep": {"x": [1]}}),
        ({"conf": "path=secret/minions/{minion}", "nesting_key": "v"}, {"v": {"mine": "yes"}}),
        ("path=secret/roles/{grains[roles]}", {"port": 80, "deep": {"y": 2}, "odd": True}),
        ("path=old/salt", {"from": "version one"}),
        ("path=secret/none", {}),
        ("path=secret/{grains[gone]}", {}),
        ({"conf": "path=secret/none", "nesting_key": "v"}, {}),
    ],
)
def test_secrets_of_vault_are_pillar(compiled, store, config, pillar):
    vault = {"server": {"url": store.url, "namespace": "ops"}, "auth": {"token": "good"}}
    grains = {"roles": ["web", "a/b", ".."]}
    assert compiled({"vault": config}, vault=vault, grains=grains) == pillar
    assert all(headers.get("X-Vault-Namespace") == "ops" for _path, headers in store.seen)


@pytest.mark.parametrize(
    ("auth", "login"),
    [
        ({"method": "approle", "role_id": "role", "secret_id": "hushhush"}, "/v1/auth/approle/login"),
        (
            {"method": "userpass", "username": "salt", "password": "hushhush", "userpass_mount": "ours"},
            "/v1/auth/ours/login/salt",
        ),
    ],
)
def test_the_master_signs_in_to_vault_once(compiled, store, auth, login):
    vault = {"server": {"url": store.url}, "auth": auth}
    assert compiled({"vault": "path=secret/salt"}, {"vault": "path=old/salt"}, vault=vault) == {
        "a": 1, "deep": {"x": [1]}, "from": "version one",
    }  # fmt: skip
    assert [path for path, _headers in store.seen if "login" in path] == [login]


@pytest.mark.parametrize(
    ("vault", "conf", "said"),
    [
        (
            {"url": "URL", "auth": {"token": "hushhush"}},
            "path=secret/salt",
            "vault: permission denied, on get URL/v1/sys/internal/ui/mounts/secret/salt",
        ),
        ({"url": "http://127.0.0.1:1", "auth": {"token": "hushhush"}}, "path=secret/salt", "Connection refused"),
        ({}, "path=secret/salt", "the option 'vault' names no url"),
        ({"url": "URL"}, "path=secret/salt", "vault: token needs token"),
        ({"url": "URL", "auth": {"method": "odd"}}, "path=secret/salt", "no way to sign in that is called 'odd'"),
        ({"url": "URL", "auth": {"method": "userpass"}}, "path=secret/salt", "userpass needs username and password"),
        (
            {"url": "URL", "auth": {"method": "approle", "role_id": "role", "secret_id": "hushhush2"}},
            "path=secret/salt",
            "vault: invalid role or secret ID, on post URL/v1/auth/approle/login",
        ),
        ({"url": "URL", "auth": {"token": "good"}}, "secret/salt", "needs a path"),
    ],
)
def test_a_vault_that_cannot_be_asked_is_an_error(compiled, store, vault, conf, said):
    vault = json.loads(json.dumps(vault).replace("URL", store.url))
    (error,) = compiled({"vault": conf}, vault=vault)["_errors"]
    assert said.replace("URL", store.url) in error
    assert "hushhush" not in error


@pytest.mark.parametrize(
    ("conf", "pillar"),
    [
        ("root=salt/common", {"ntp": ["a", "b"], "app": {"port": 8080, "name": "web: {x"}, "text": "hello"}),
        ("root=salt/minions/%(minion_id)s pillar_root=a/b", {"a": {"b": {"id": "m1"}}}),
        ("root=salt/minions expand_keys=false", {"m1/id": "m1"}),
        ("root=salt/minions target=G@os:Debian", {"m1": {"id": "m1"}}),
        ("root=salt/minions target='G@os:Debian and not m1'", {}),
        ("root=salt/none", {}),
    ],
)
def test_keys_of_consul_are_pillar(compiled, store, conf, pillar):
    profile = {"consul.host": "127.0.0.1", "consul.port": int(store.url.rpartition(":")[2]), "consul.token": "good"}
    assert compiled({"consul": f"site {conf}"}, site=profile, grains={"os": "Debian"}) == pillar


@pytest.mark.parametrize(
    ("conf", "more", "said"),
    [
        ("site root=x", {"consul.token": "hushhush"}, "permission denied"),
        ("other root=x", {}, "the option 'other' names no consul.host"),
        ("site rooot=x", {}, "unknown options: rooot"),
        ("site root=%(minion_id)s", {"id": "../x"}, "cannot be a part of a key"),
    ],
)
def test_a_consul_that_cannot_be_asked_is_an_error(compiled, store, conf, more, said):
    profile = {"consul.host": "127.0.0.1", "consul.port": int(store.url.rpartition(":")[2]), **more}
    (error,) = compiled({"consul": conf}, site=profile, **({"id": more["id"]} if "id" in more else {}))["_errors"]
    assert said in error
    assert "hushhush" not in error


# -- trees and stacks


@pytest.mark.parametrize("id", ["..", "../hosts/m1", "."])
def test_no_id_leads_out_of_the_folder_of_hosts(compiled, files, id):
    root = files(tree__hosts__m1__secret="s\n", tree__top="t\n") / "tree"
    errors = compiled({"file_tree": {"root_dir": str(root)}}, id=id)["_errors"]
    assert errors == [f"Failed to load ext_pillar file_tree: file_tree: the minion id {id!r} cannot be a folder's name"]


def test_a_link_to_a_folder_above_ends(compiled, files):
    root = files(tree__hosts__m1__a__f="x\n") / "tree"
    (root / "hosts" / "m1" / "a" / "up").symlink_to("..")
    assert compiled({"file_tree": {"root_dir": str(root), "follow_dir_links": True}}) == {"a": {"f": b"x", "up": {}}}


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"\xff\n", "not UTF-8: invalid start byte at byte 0"), (b"{{ nope.x }}", "Jinja variable 'nope' is undefined")],
)
def test_a_file_that_does_not_render_is_named(compiled, files, content, said):
    path = files(tree__hosts__m1__f="") / "tree/hosts/m1/f"
    path.write_bytes(content)
    errors = compiled({"file_tree": {"root_dir": str(path.parents[2]), "template": True}})["_errors"]
    assert errors == [f"Failed to load ext_pillar file_tree: file_tree: {path}: {said}"]


@pytest.mark.parametrize(
    "grain", ["../secret", "x/../../secret", "{root}/secret", "x\n../secret", "..", "x\n{root}/secret"]
)
def test_no_grain_leads_out_of_a_stack(compiled, files, grain):
    root = files(stack__cfg="a.yml\n{{ __grains__.os }}.yml\nby/{{ __grains__.os }}.yml\n", stack__a__yml="")
    (root / "stack" / "a.yml").write_text("a: 1\n")
    (root / "stack" / "by").mkdir()
    (root / "secret.yml").write_text("secret: 1\n")
    grains = {"os": grain.format(root=root)}
    assert compiled({"stack": str(root / "stack" / "cfg")}, grains=grains) == {"a": 1}


def test_a_stack_leads_out_where_its_file_says_so(compiled, files):
    root = files(stack__cfg="../{{ __grains__.os }}.yml\n")
    (root / "Debian.yml").write_text("a: 1\n")
    (root / "deep").mkdir()
    assert compiled({"stack": str(root / "stack" / "cfg")}) == {"a": 1}
    assert compiled({"stack": str(root / "stack" / "cfg")}, grains={"os": "deep/../Debian"}) == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("ok: 1\na: [hushhush\n", "yaml parsing error in {path}:\n"),
        ("hushhush: {{ nope.x }}\n", "template render error in {path}:\nJinja variable 'nope' is undefined; line 1"),
    ],
)
def test_an_error_of_a_stack_names_its_file_and_shows_nothing_of_it(compiled, files, text, said):
    path = files(cfg="f\n", f=text) / "f"
    (error,) = compiled({"stack": str(path.parent / "cfg")})["_errors"]
    assert error.startswith(f"Failed to load ext_pillar stack: Stack pillar {said.format(path=path)}")
    assert "hushhush" not in error


def test_a_pillar_environment_is_the_one_that_is_asked_for(compiled, files, tmp_path):
    root = files(dev__tree__hosts__m1__f="x\n")
    roots = {"base": [str(tmp_path / "empty")], "dev": [str(root / "dev")]}
    assert compiled({"file_tree": "tree"}, pillar_roots=roots, pillarenv="dev") == {"f": b"x"}


def test_nodegroups_see_the_pillar_of_this_compilation(compiled):
    pillar = compiled(
        {"cmd_yaml": "echo 'role: web'"}, {"nodegroups": {}}, nodegroups={"web": "I@role:web", "db": "I@role:db"}
    )
    assert pillar["nodegroups"] == ["web"]
