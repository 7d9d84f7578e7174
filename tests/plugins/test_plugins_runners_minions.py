"""Runners that ask minions or wake them: `manage`, `survey`, `salt`, `network`; and those about files."""

import socket
import subprocess

import pytest

from trisalt.errors import CommandError
from trisalt.loader.dunders import Plugins
from trisalt.store.sqlite import open_store


class Host:
    """A master whose minions answer as they are told."""

    def __init__(self):
        self.returns = {"m1": {"return": True}}
        self.minions = ["m1", "m2"]
        self.published, self.commanded, self.asked = [], [], []

    def call(self, kind, fields):
        match kind:
            case "publish":
                self.published.append(fields)
                known = fields["tgt"] if fields["tgt_type"] == "list" else self.minions
                returns = {id: answer for id, answer in self.returns.items() if id in known}
                return {"jid": "1", "minions": known, "missing": [], "returns": returns}
            case "match":
                return {"minions": self.minions, "missing": []}
            case "presence":
                self.asked.append(fields)
                known = {"address": "", "version": "", "seen": 0.0, "since": 0.0, "every": 0, "latency": None}
                return {id: {**known, "present": id in self.returns, "why": ""} for id in fields["ids"]}
            case "command":
                self.commanded.append((fields["kind"], fields["fun"], fields["arg"]))
                return {"return": {}, "retcode": 0, "success": True}
        raise CommandError(kind)


@pytest.fixture
async def runners(tmp_path, host):
    srv = tmp_path / "srv"
    (srv / "sub" / "empty").mkdir(parents=True)
    (srv / "a.txt").write_text("a")
    grains = {
        "ipv4": ["127.0.0.1", "192.0.2.7"],
        "hwaddr_interfaces": {"lo": "00:00:00:00:00:00", "eth0": "02:fc:00:00:00:01"},
    }
    async with open_store(tmp_path / "trisalt.db") as store:
        await store.banks.store_all({"grains": {"m1": grains}})
        opts = {
            "cachedir": str(tmp_path), "id": "box_master", "extension_modules": "", "enable_gpu_grains": False,
            "file_roots": {"base": [str(srv)], "dev": []}, "fileserver_backend": ["roots"],
            "pki_dir": str(tmp_path / "pki"), "timeout": 5, "gather_job_timeout": 10,
        }  # fmt: skip
        yield Plugins(opts).loader("runners")


HERE = ("list_state", "present", "alived", "reaped", "joined", "allowed")
AWAY = ("list_not_state", *(f"not_{name}" for name in HERE[1:]))


@pytest.mark.parametrize("name", HERE)
async def test_here_is_who_answers(runners, name):
    assert runners[f"manage.{name}"]() == ["m1"]
    assert runners[f"manage.{name}"](subset=["m2"]) == []
    assert runners[f"manage.{name}"](show_ip=True) == {"m1": "192.0.2.7"}


@pytest.mark.parametrize("name", AWAY)
async def test_away_is_who_does_not(runners, name):
    assert runners[f"manage.{name}"]() == ["m2"]
    assert runners[f"manage.{name}"](subset="m1, m2", show_ip=True) == {"m2": None}


async def test_an_empty_subset_asks_nobody(runners, host):
    assert runners["manage.present"](subset=[]) == []
    assert host.asked == []


async def test_new_keys_begin_with_none(runners, host, tmp_path):
    pki = tmp_path / "pki"
    (pki / "minions").mkdir(parents=True)
    for name in ("master.pem", "master.pub", "master_sign.pem"):
        (pki / name).write_text("key")
    (pki / "link.pub").symlink_to("master.pub")
    assert "Restart the Salt\nMaster" in runners["manage.key_regen"]()
    assert [fields["fun"] for fields in host.published] == ["saltutil.regen_keys"]
    assert host.commanded == [("wheel", "key.delete", ["*"])]
    assert [path.name for path in pki.iterdir()] == ["minions"]


async def test_a_survey_pools_equal_answers_the_largest_first(runners, host):
    host.minions = ["m1", "m2", "m3"]
    host.returns = {
        "m1": {"return": {"a": 1, "b": 2}}, "m2": {"return": "other"}, "m3": {"return": {"b": 2, "a": 1}},
    }  # fmt: skip
    pools = runners["survey.hash"]("*", "test.arg", "x", y=1, timeout=7)
    assert [pool["pool"] for pool in pools] == [["m1", "m3"], ["m2"]]
    assert (host.published[0]["arg"], host.published[0]["kwarg"], host.published[0]["timeout"]) == (["x"], {"y": 1}, 7)
    assert next(pool["pool"] for pool in runners["survey.hash"]("*", "test.arg", survey_sort="up")) == ["m2"]


async def test_a_survey_prints_how_pools_differ_from_the_largest(runners, host, capsys):
    host.minions = ["m1", "m2", "m3"]
    host.returns = {"m1": {"return": "a\nb"}, "m2": {"return": "a\nc"}, "m3": {"return": "a\nb"}}
    runners["survey.diff"]("*", "test.echo")
    first, _, second = capsys.readouterr().out.partition("minion pool :\n------------\n['m2']\n")
    assert "pool result :" in first
    assert "    -b\n    +c\n" in second


@pytest.mark.parametrize("words", [(), ("*",)])
async def test_a_survey_of_nothing_is_refused(runners, words):
    with pytest.raises(CommandError):
        runners["survey.hash"](*words)
    with pytest.raises(CommandError):
        runners["survey.hash"]("*", "test.ping", survey_sort="sideways")


async def test_an_execution_function_runs_on_the_master(runners):
    assert runners["salt.cmd"]("test.arg", 1, a=2, __pub_user="x") == {"args": (1,), "kwargs": {"a": 2}}
    assert runners["salt.cmd"]("grains.get", "kernel") == "Linux"
    with pytest.raises(CommandError, match=r"'nosuch\.x' is not available\."):
        runners["salt.cmd"]("nosuch.x")


async def test_what_fails_on_the_master_has_its_status(runners):
    assert runners["salt.cmd"]("test.retcode", 42) is True
    assert runners["salt.cmd"].__globals__["__context__"]["retcode"] == 42


@pytest.mark.parametrize("seconds", ["x", -1, None])
async def test_a_sleep_that_is_none_is_refused(runners, seconds):
    with pytest.raises(CommandError, match="no number of seconds"):
        runners["test.sleep"](seconds)


async def test_minions_are_asked_and_their_returns_are_plain(runners, host):
    assert runners["salt.execute"]("*", "test.arg", "one", kwarg={"a": 1}, metadata={"b": 2}) == {"m1": True}
    asked = host.published[0]
    assert (asked["arg"], asked["kwarg"], asked["options"]) == (["one"], {"a": 1}, {"metadata": {"b": 2}})


async def test_a_host_is_woken_by_a_packet_of_its_address(runners, tmp_path):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as card:
        card.bind(("127.0.0.1", 0))
        card.settimeout(5)
        port = card.getsockname()[1]
        wanted = b"\xff" * 6 + bytes.fromhex("02fc00000001") * 16
        for mac in ("02-fc-00-00-00-01", "02:FC:00:00:00:01", "02fc00000001"):
            assert runners["network.wol"](mac, "127.0.0.1", port) is True
            assert card.recv(200) == wanted
        macs = tmp_path / "macs"
        macs.write_text("# office\n02:fc:00:00:00:01\n\n")
        assert runners["network.wollist"](str(macs), "127.0.0.1", port) == ["02:fc:00:00:00:01"]
        assert card.recv(200) == wanted
        assert runners["network.wolmatch"]("*", bcast="127.0.0.1", destport=port) == ["02:fc:00:00:00:01"]
        assert card.recv(200) == wanted


@pytest.mark.parametrize(
    ("function", "args"),
    [("wol", ("bad",)), ("wol", ("02:fc:00:00:00:01", "no such host", "x")), ("wollist", ("/nonexistent",))],
)
async def test_what_cannot_be_woken_is_said(runners, function, args):
    with pytest.raises(CommandError):
        runners[f"network.{function}"](*args)


async def test_files_of_the_environments_that_the_backends_serve(runners):
    assert runners["fileserver.envs"]() == ["base", "dev"]
    assert runners["fileserver.envs"](backend="-roots") == []
    assert runners["fileserver.file_list"]() == ["a.txt"]
    assert runners["fileserver.dir_list"]() == ["sub", "sub/empty"]
    assert runners["fileserver.empty_dir_list"]() == ["sub/empty"]
    assert runners["fileserver.file_list"](saltenv="dev") == []
    with pytest.raises(CommandError):
        runners["fileserver.update"](backend=3)


def test_files_out_of_git_are_fetched_locked_and_forgotten(tmp_path):
    where = tmp_path / "source"
    who = ("-c", "user.name=x", "-c", "user.email=x@example.org")
    subprocess.run(["git", "init", "-q", "-b", "master", where], check=True)
    subprocess.run(["git", *who, "commit", "-q", "--allow-empty", "-m", "x"], cwd=where, check=True)
    subprocess.run(["git", "tag", "v1"], cwd=where, check=True)
    opts = {
        "cachedir": str(tmp_path / "cache"), "extension_modules": "", "file_roots": {"dev": []},
        "fileserver_backend": ["roots", "git"], "gitfs_remotes": [f"file://{where}"],
    }  # fmt: skip
    runners = Plugins(opts).loader("runners")
    assert runners["fileserver.envs"](sources=True) == ["gitfs", "roots"]
    assert runners["fileserver.envs"]() == ["dev"]
    assert runners["fileserver.update"](backend="roots") is True
    assert runners["fileserver.envs"]() == ["dev"]
    assert runners["fileserver.lock"](remote="nosuch") == "No locks were set"
    assert runners["fileserver.lock"]() == {"locked": [f"Set update lock for gitfs remote 'file://{where}'"]}
    assert runners["fileserver.update"]() is True
    assert runners["fileserver.envs"]() == ["dev"]
    cleared = [f"Removed update lock for gitfs remote 'file://{where}'"]
    assert runners["fileserver.clear_lock"](backend="git") == {"cleared": cleared}
    assert runners["fileserver.clear_lock"]() == "No locks were removed"
    assert runners["fileserver.update"](backend="gitfs") is True
    assert runners["fileserver.envs"]() == ["base", "dev", "v1"]
    assert runners["fileserver.envs"](backend="-git") == ["dev"]
    told = {"cleared": ["The gitfs fileserver cache was successfully cleared"]}
    assert runners["fileserver.clear_cache"]() == told
    assert runners["fileserver.envs"]() == ["dev"]
    assert runners["fileserver.clear_cache"](backend="roots") == "No cache was cleared"
