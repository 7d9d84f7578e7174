"""`salt-call` as it is typed: texts, exit statuses, what it asks and what it does not."""

import json
import os
import re
import subprocess
import sys
import textwrap

import pytest

from tests.support.lab import open_lab
from trisalt.wire.codec import pack_bin, unpack_bin

PROBE = """
from salt.exceptions import CommandExecutionError, CommandNotFoundError, SaltInvocationError
from trisalt.worker import upcall
def cee(): raise CommandExecutionError("no way", info={"errors": ["E: x"]})
def cnf(): raise CommandNotFoundError("apt-foo")
def sie():
    '''Doc of sie.'''
    raise SaltInvocationError("bad call.")
def ve(): raise ValueError("oops")
def ctx(n): __context__["retcode"] = n; return "x"
def gen(): yield from (1, 2)
def p(): return __pillar__.get("a")
def kws(**kwargs): return sorted(kwargs)
def log():
    import logging
    logging.getLogger(__name__).error("look here")
    return True
def odd(): return [object, {1}]
def stopped(): raise KeyboardInterrupt
def ask(): return upcall.ask_master("_mine_get")
"""


@pytest.fixture
def call(tmp_path):
    """Run `salt-call --local` in a process of its own."""
    etc = tmp_path / "etc"
    etc.mkdir()
    (etc / "minion").write_text(f"id: m1\nroot_dir: {tmp_path}\n")
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "probe.py").write_text(textwrap.dedent(PROBE))

    def call(*args, stdin="", local=True):
        argv = [sys.executable, "-m", "trisalt.cli.salt_call", "-c", str(etc), "-m", str(modules.parent)]
        return subprocess.run(
            [*argv, *(["--local"] if local else []), *args],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={**os.environ, "PYTHONWARNINGS": "ignore"},
        )

    call.root = tmp_path
    return call


def test_a_result_is_the_local_ones(call):
    done = call("test.ping")
    assert (done.returncode, done.stdout, done.stderr) == (0, "local:\n    True\n", "")


def test_who_interrupts_a_function_is_told_so(call):
    done = call("probe.stopped")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "\nExiting gracefully on Ctrl-c\n")


def test_json(call):
    assert json.loads(call("--out", "json", "test.arg_clean", "1", "a=[2]").stdout) == {
        "local": {"args": [1], "kwargs": {"a": [2]}}
    }


@pytest.mark.parametrize(
    ("args", "status", "out", "err"),
    [
        (["nosuch.f"], 255, "", "'nosuch.f' is not available.\n"),
        (["probe.cee"], 1, "", "Error running 'probe.cee': no way. Additional info follows:\n\nerrors:\n    - E: x\n"),
        (["probe.cnf"], 1, "", "Command required for 'probe.cnf' not found: apt-foo\n"),
        (["probe.sie"], 1, "Doc of sie.\n", "\nPassed invalid arguments: bad call.\n\nUsage:\n"),
        (["probe.ve"], 1, "", "Error running 'probe.ve': ValueError: oops\n"),
        (["test.echo", "a", "x=3"], 1, "", "The following keyword arguments are not valid: x=3\n"),
        (["probe.ctx", "42"], 1, "local:\n    x\n", ""),
        (["--retcode-passthrough", "probe.ctx", "42"], 42, "local:\n    x\n", ""),
        (["--retcode-passthrough", "probe.ctx", "300"], 44, "local:\n    x\n", ""),
        (["probe.gen"], 0, "local:\n    - 1\n    - 2\n", ""),
        (["test.false"], 0, "local:\n    False\n", ""),
        (["probe.log"], 0, "local:\n    True\n", "[ERROR   ] look here\n"),
        (["-l", "quiet", "probe.log"], 0, "local:\n    True\n", ""),
        (["probe.ask"], 1, "", "Error running 'probe.ask': _mine_get needs a master, and this call is local\n"),
        (["--module-executors", "[nosuch]", "test.ping"], 1, "", "Executor 'nosuch' is not available\n"),
        (["saltutil.refresh_pillar"], 0, "local:\n    False\n", ""),
        (["saltutil.find_job", "20260101000000000000"], 0, "local:\n    ----------\n", ""),
        (["--", "test.echo", "--out"], 0, "local:\n    --out\n", ""),
    ],
)
def test_texts_and_statuses(call, args, status, out, err):
    done = call(*args)
    assert (done.returncode, done.stdout, done.stderr) == (status, out, err)


def test_bad_arguments_are_told_with_the_documentation(call):
    done = call("test.echo")
    assert done.returncode == 1
    assert done.stderr == (
        "\nPassed invalid arguments: echo() missing 1 required positional argument: 'text'.\n\nUsage:\n"
    )
    assert "Give back the text" in done.stdout


def test_no_arguments(call):
    done = call()
    assert done.returncode == 64
    assert done.stdout.startswith("Usage: salt-call [options] <function> [arguments]\n")
    assert done.stderr.endswith("\nsalt-call: error: Requires function, --grains or --doc\n")


def test_metadata(call):
    local = json.loads(call("--metadata", "--out", "json", "probe.kws", "a=1").stdout)["local"]
    assert local["fun"] == "probe.kws"
    assert local["fun_args"] == ["a=1"]
    assert (local["id"], local["retcode"]) == ("m1", 0)
    assert len(local["jid"]) == 20
    assert local["return"] == ["__pub_fun", "__pub_jid", "__pub_pid", "__pub_tgt", "a"]


def test_grains(call):
    local = json.loads(call("-g", "--out", "json").stdout)["local"]
    assert local["id"] == "m1"
    assert local["kernel"] == "Linux"


def test_doc(call):
    done = call("-d", "test.ping")
    assert done.stdout.startswith("test.ping:\n\n    Answer: the minion is there, and takes jobs.")
    assert "    .. code-block:: bash\n" in done.stdout
    assert call("-d", "test").stdout.count("CLI Example:") > 20
    done = call("-d", "nosuch")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "No documentation was found\n")
    assert call("-d", "nosuch").stdout == ""


def test_words_from_stdin(call):
    assert call("--args-stdin", "test.echo", stdin="hello\n").stdout == "local:\n    hello\n"


def test_no_parse(call):
    assert call("--out", "json", "--no-parse", "a", "test.arg_clean", "a=1", "b=1").stdout.split() == (
        json.dumps({"local": {"args": [], "kwargs": {"a": "1", "b": 1}}}, indent=4).split()
    )


def test_a_pillar_of_ones_own(call):
    pillar = call.root / "pillar"
    pillar.mkdir()
    (pillar / "top.sls").write_text("base:\n  '*':\n    - x\n")
    (pillar / "x.sls").write_text("a: {{ grains['id'] }}-blue\n")
    assert call("--pillar-root", str(pillar), "probe.p").stdout == "local:\n    m1-blue\n"


def test_plugins_are_synced_from_ones_own_files(call):
    files = call.root / "srv"
    (files / "_modules").mkdir(parents=True)
    (files / "_modules" / "hw.py").write_text("def say(): return 'hello'\n")
    first = call("--file-root", str(files), "--out", "json", "saltutil.sync_modules")
    assert json.loads(first.stdout) == {"local": ["modules.hw"]}
    assert json.loads(call("--file-root", str(files), "--out", "json", "saltutil.sync_modules").stdout) == {"local": []}
    assert call("hw.say").stdout == "local:\n    hello\n"
    (files / "_modules" / "hw.py").unlink()
    assert json.loads(call("--file-root", str(files), "--out", "json", "saltutil.sync_modules").stdout) == {"local": []}
    assert call("hw.say").returncode == 255


def test_running_jobs_are_read_and_signalled(call):
    proc = call.root / "var/cache/salt/minion/proc"
    proc.mkdir(parents=True)
    jid = "20260101000000000001"
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as job:
        (proc / jid).write_bytes(pack_bin({"jid": jid, "fun": "test.sleep", "pid": job.pid, "_trisalt": {}}))
        (proc / "junk").write_bytes(b"\xc1")
        found = json.loads(call("--out", "json", "saltutil.find_job", jid).stdout)["local"]
        assert found == {"jid": jid, "fun": "test.sleep", "pid": job.pid}
        text = f"Signal 15 sent to job {jid} at pid {job.pid}"
        assert call("saltutil.term_job", jid).stdout == f"local:\n    {text}\n"
        assert job.wait(10) == -15


def test_a_configured_returner_gets_what_the_function_returned(call):
    etc = call.root / "etc" / "minion"
    etc.write_text(f"{etc.read_text()}return: [rawfile_json]\nrawfile_json.filename: {call.root}/events\n")
    assert call("test.echo", "hi").returncode == 0
    ret = json.loads((call.root / "events").read_text())
    assert {key: ret[key] for key in ("id", "fun", "fun_args", "return", "success")} == {
        "id": "m1", "fun": "test.echo", "fun_args": ["hi"], "return": "hi", "success": True,
    }  # fmt: skip
    assert len(ret["jid"]) == 20


def test_a_returner_that_is_not_there_is_told(call):
    done = call("--return", "nosuch", "test.ping")
    assert done.returncode == 0
    assert done.stderr == (
        "[ERROR   ] Returner nosuch.returner could not be loaded: 'nosuch.returner' is not available.\n"
    )


def test_a_configuration_that_is_wrong(call):
    (call.root / "etc" / "minion").write_text("id: [\n")
    done = call("test.ping")
    assert done.returncode == 1
    assert done.stderr.startswith("ERROR: ")
    assert "Traceback" not in done.stderr


def test_an_unknown_user(call):
    assert call("--priv", "nosuchuser", "test.ping").returncode == 67


def test_nothing_heavy_is_imported_for_a_ping(call):
    code = (
        "import sys\nfrom trisalt.cli.salt_call import main\n"
        f"main(['-c', {str(call.root / 'etc')!r}, '--local', 'test.ping'])\n"
        "print(sorted({'trio', 'zmq', 'structlog', 'jinja2', 'cryptography', 'yaml', 'psutil', 'asyncio'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_function_may_say_the_id_and_the_return_may_be_kept(call):
    (call.root / "modules" / "naming.py").write_text("def give(p): return p + '-' + __grains__['kernel'].lower()")
    (call.root / "etc" / "minion").write_text(
        f"root_dir: {call.root}\nid_function: {{naming.give: {{p: web}}}}\ncache_jobs: True\n"
    )
    assert call("grains.get", "id").stdout == "local:\n    web-linux\n"
    (kept,) = call.root.rglob("minion_jobs/*/return.p")
    assert unpack_bin(kept.read_bytes())["return"] == "web-linux"
    (call.root / "modules" / "naming.py").unlink()
    done = call("test.ping")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(
        "ERROR: id_function: Failed to load module naming.give: 'naming.give' is not available"
    )


def test_grains_are_not_gathered_for_a_ping(call):
    # In a process of its own: a command's changes to its process would stay with the tests that come next.
    code = (
        "import sys\nfrom trisalt.cli.salt_call import main\nfrom trisalt.loader import grains\n"
        "grains.gather = lambda *_: sys.exit('somebody looked')\n"
        f"sys.exit(main(['-c', {str(call.root / 'etc')!r}, '--local', *sys.argv[1:]]))"
    )

    def ran(*words):
        return subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=60)

    assert ran("test.ping").stdout == "local:\n    True\n"
    assert "somebody looked" in ran("grains.get", "id").stderr


# -- with a master -------------------------------------------------------------------------------------------------


@pytest.mark.whole
def test_with_a_master():
    with open_lab() as lab:
        folder = lab.configure_minion("m1")

        def call(*args):
            argv = [sys.executable, "-m", "trisalt.cli.salt_call", "-c", str(folder), *args]
            return subprocess.run(argv, capture_output=True, text=True, timeout=60, env=lab.env, check=False)

        down = call("-t", "1", "test.ping")
        assert (down.returncode, down.stdout) == (2, "")
        assert down.stderr == f"The master 127.0.0.1:{lab.ret_port} does not answer.\n"

        lab.start_master()
        (lab.master_dir() / "pillar" / "top.sls").write_text("base: {'*': [x]}")
        (lab.master_dir() / "pillar" / "x.sls").write_text("a: blue")
        pending = call("test.ping")
        assert (pending.returncode, pending.stdout) == (2, "")
        assert "has the minion key been accepted?" in pending.stderr
        assert "Traceback" not in pending.stderr

        assert lab.run("salt-key", "-y", "-a", "m1").returncode == 0
        assert call("test.ping").stdout == "local:\n    True\n"
        assert call("pillar.get", "a").stdout == "local:\n    blue\n"
        assert call("--no-return-event", "test.echo", "unseen").returncode == 0
        assert call("--retcode-passthrough", "--set-metadata", "{k: v}", "test.retcode", "5").returncode == 5

        jobs = json.loads(lab.run("salt-run", "--out", "json", "jobs.list_jobs").stdout)
        functions = [job["Function"] for job in jobs.values()]
        assert functions.count("test.ping") == 1
        assert "test.echo" not in functions
        (jid,) = [jid for jid, job in jobs.items() if job["Function"] == "test.retcode"]
        job = json.loads(lab.run("salt-run", "--out", "json", "jobs.list_job", jid).stdout)
        assert job["Result"]["m1"]["return"] is True
        assert job["Result"]["m1"]["retcode"] == 5

        pinned = folder / "pki" / "minion_master.pub"
        pinned.write_bytes((folder / "pki" / "minion.pub").read_bytes())
        other = call("test.ping")
        assert (other.returncode, other.stdout) == (2, "")
        assert re.fullmatch(
            "The master is not trusted: the master key has changed: [0-9a-f:]+, when [0-9a-f:]+ is known"
            f"[.] If it is the right master, remove {re.escape(str(pinned))}\n",
            other.stderr,
        )


def test_hard_crash_tells_all_of_where_a_function_failed(call):
    soft, hard = call("probe.ve"), call("--hard-crash", "probe.ve")
    assert soft.returncode == hard.returncode == 1
    assert "Traceback" not in soft.stderr
    assert "Traceback (most recent call last):" in hard.stderr
    assert hard.stderr.endswith("ValueError: oops\n")


def test_only_what_changes_is_printed_if_asked(call):
    found = call("--output-diff", "--out", "json", "test.ping")
    assert json.loads(found.stdout) == {"local": True}


def test_a_profile_is_written(call):
    done = call("--enable-profiling", "--profiling-path", str(call.root / "stats"), "test.ping")
    (path,) = (call.root / "stats").iterdir()
    assert (done.returncode, done.stdout) == (0, "local:\n    True\n")
    assert path.name.startswith("test.ping-")
    assert str(path) in done.stderr
