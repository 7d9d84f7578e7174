"""Pillar from files: where they may lie, what the log is told, what is encrypted."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from trisalt.errors import ConfigError
from trisalt.pillar.compile import PillarPlugins, compile_pillar
from trisalt.pillar.worker import compile_with_plugins


@pytest.fixture
def tree(tmp_path):
    def write(files=None, *, opts=None, plugins=None, **request):
        for path, text in (files or {}).items():
            file = tmp_path / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        opts = {"pillar_roots": {"base": [str(tmp_path / "base")]}, **(opts or {})}
        return compile_pillar({"opts": opts, "id": "m1", "grains": {"id": "m1"}, **request}, plugins)

    return write


TOP = "base:\n  '*': [a]\n"


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "a/../../outside", "..outside", "sub/../../outside"])
def test_no_name_leads_out_of_the_roots(tree, tmp_path, name):
    (tmp_path / "outside.sls").write_text("leaked: 1\n")
    (tmp_path / "outside").write_text("leaked: 1\n")
    answers = [
        tree({"base/top.sls": f"base:\n  '*': ['{name}']\n"}),
        tree({"base/top.sls": TOP, "base/a.sls": f"include: ['{name}']\n"}),
        tree({"base/top.sls": TOP, "base/a.sls": f"{{% include '{name}' ignore missing %}}\n"}),
        tree({"base/top.sls": TOP, "base/a.sls": f"{{% import_yaml '{name}.sls' as x %}}\nl: {{{{ x | json }}}}\n"}),
        tree({"base/top.sls": f"include: ['{name}']\n"}),
        tree({}, opts={"state_top": f"{name}.sls"}),
    ]
    assert all("leaked" not in str(answer["pillar"]) for answer in answers)


@pytest.mark.parametrize("env", ["../..", "..", ".", "a/b", "x\0y"])
def test_an_environment_named_by_a_minion_stays_in_its_folder(tree, tmp_path, env):
    (tmp_path / "top.sls").write_text("'*':\n  '*': [a]\n")
    opts = {"pillar_roots": {"__env__": [str(tmp_path / "envs" / "__env__")]}}
    (tmp_path / "envs" / "x").mkdir(parents=True)
    assert tree(opts=opts, pillarenv=env)["pillar"] == {}


def test_links_of_the_operator_are_followed_and_end(tree, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "b.sls").write_text("b: 1\n")
    (tmp_path / "base").mkdir()
    os.symlink(tmp_path / "elsewhere", tmp_path / "base" / "link")
    os.symlink(tmp_path / "base", tmp_path / "base" / "round")
    assert tree({"base/top.sls": "base:\n  '*': ['link.*']\n"})["pillar"] == {"b": 1}


def test_a_problem_names_the_file_and_the_line(tree, tmp_path):
    made = tree({"base/top.sls": TOP, "base/a.sls": "x: 1\npassword: hunter2\ny: {{ nope }}\n"})
    (problem,) = made["problems"]
    assert problem == {
        "event": "pillar.render_failed",
        "sls": "a",
        "saltenv": "base",
        "path": str(tmp_path / "base" / "a.sls"),
        "line": 3,
        "reason": "Jinja variable 'nope' is undefined",
    }


@pytest.mark.parametrize(
    ("text", "line"),
    [("a: 1\nb: [\n", 3), ("a: 1\na: 2\n", 2), ("{% if %}\n", 1), ("#!json\n{\n", None), ("a: \x00", None)],
)
def test_a_broken_file_does_not_end_the_others(tree, text, line):
    made = tree({"base/top.sls": "base:\n  '*': [a, b]\n", "base/a.sls": text, "base/b.sls": "b: 1\n"})
    assert made["pillar"]["b"] == 1
    assert made["pillar"]["_errors"] == ["Rendering SLS 'a' failed. Please see master log for details."]
    assert line is None or made["problems"][0]["line"] == line


def test_a_file_that_is_not_utf_8_or_not_readable_is_an_error(tree, tmp_path):
    tree({"base/top.sls": TOP})
    (tmp_path / "base" / "a.sls").write_bytes(b"a: \xff\n")
    made = tree()
    assert made["pillar"]["_errors"] == ["Rendering SLS 'a' failed. Please see master log for details."]
    assert "UTF-8" in made["problems"][0]["reason"]


def test_data_that_contains_itself_is_an_error(tree):
    made = tree({"base/top.sls": TOP, "base/a.sls": "a: &x {b: *x}\n"})
    assert list(made["pillar"]) == ["_errors"]


def test_an_endless_nesting_is_an_error(tree):
    made = tree({"base/top.sls": TOP, "base/a.sls": "a: " + "[" * 5000 + "]" * 5000 + "\n"})
    assert list(made["pillar"]) == ["_errors"]


def test_functions_that_fail_are_errors_of_the_file(tree):
    def fails():
        raise ZeroDivisionError("no")

    plugins = PillarPlugins(salt={"my.fails": fails, "my.works": lambda: 5})
    made = tree(
        {
            "base/top.sls": "base:\n  '*': [a, b, c]\n",
            "base/a.sls": "a: {{ salt['my.works']() }}{{ salt.my.works() }}\n",
            "base/b.sls": "b: {{ salt['my.fails']() }}\n",
            "base/c.sls": "c: {{ salt['my.missing']() }}\n",
        },
        plugins=plugins,
    )
    assert made["pillar"]["a"] == 55
    assert len(made["pillar"]["_errors"]) == 2
    assert made["problems"][0]["reason"] == "Jinja error: no"
    assert "has no attribute 'my.missing'" in made["problems"][1]["reason"]


def test_the_request_is_left_as_it_was(tree):
    opts = {"deep": {"list": [1]}}
    grains = {"id": "m1", "roles": ["web"]}
    text = "{% do opts.deep.list.append(2) %}{% do grains.roles.append('db') %}a: 1\n"
    tree({"base/top.sls": TOP, "base/a.sls": text}, opts=opts, grains=grains)
    assert opts == {"deep": {"list": [1]}}
    assert grains == {"id": "m1", "roles": ["web"]}


def test_roots_that_are_none_are_the_operators_mistake(tree):
    with pytest.raises(ConfigError):
        tree(opts={"pillar_roots": {"base": "/srv/pillar"}})


def test_pillar_may_be_python_unless_the_operator_forbids_it(tree):
    files = {"base/top.sls": TOP, "base/a.sls": "#!py\ndef run():\n    return {'a': 1}\n"}
    assert tree(files)["pillar"] == {"a": 1}
    for opts in ({"renderer_whitelist": ["jinja", "yaml"]}, {"renderer_blacklist": ["py"]}):
        assert "a" not in tree(files, opts=opts)["pillar"]


def test_a_plugin_may_render(tree):
    def upper(data, saltenv, sls, **kwargs):
        return {"text": data.partition("\n")[2].strip().upper(), "sls": sls, "argline": kwargs.get("argline")}

    plugins = PillarPlugins(renderers={"upper": upper})
    made = tree({"base/top.sls": TOP, "base/a.sls": "#!upper now\nhello\n"}, plugins=plugins)
    assert made["pillar"] == {"text": "HELLO", "sls": "a", "argline": "now"}


# -- encrypted values ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def keyring(tmp_path_factory):
    if shutil.which("gpg") is None:
        pytest.skip("gpg is not installed")
    home = tmp_path_factory.mktemp("gpg")
    home.chmod(0o700)
    gpg = ["gpg", "--homedir", str(home), "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase", ""]
    subprocess.run(
        [*gpg, "--quick-gen-key", "pillar", "future-default", "default", "never"], check=True, capture_output=True
    )

    def encrypt(text):
        done = subprocess.run(
            [*gpg, "--trust-model", "always", "-a", "-e", "-r", "pillar"],
            input=text,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    yield home, encrypt
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False, capture_output=True)


def indented(text):
    return "".join(f"    {line}\n" for line in text.splitlines())


def test_a_gpg_renderer_decrypts_what_is_encrypted(tree, keyring):
    home, encrypt = keyring
    text = f"#!yaml|gpg\nplain: text\ndeep:\n  secret: |\n{indented(encrypt('hunter2'))}"
    made = tree({"base/top.sls": TOP, "base/a.sls": text}, opts={"gpg_keydir": str(home)})
    assert made["pillar"] == {"plain": "text", "deep": {"secret": "hunter2"}}


def test_named_paths_are_decrypted_at_the_end(tree, keyring):
    home, encrypt = keyring
    text = f"a:\n  secret: |\n{indented(encrypt('hunter2'))}  other: x\n"
    opts = {"gpg_keydir": str(home), "decrypt_pillar": ["a:secret", {"gone:path": "gpg"}]}
    made = tree({"base/top.sls": TOP, "base/a.sls": text}, opts=opts)
    assert made["pillar"] == {"a": {"secret": "hunter2", "other": "x"}}


def test_an_external_pillar_decrypts_all_that_there_is(tmp_path, keyring):
    home, encrypt = keyring
    (tmp_path / "top.sls").write_text(TOP)
    (tmp_path / "a.sls").write_text(f"l:\n  - plain\n  - |\n{indented(encrypt('hunter2'))}")
    opts = {"pillar_roots": {"base": [str(tmp_path)]}, "ext_pillar": [{"gpg": {}}], "gpg_keydir": str(home)}
    made = compile_with_plugins({"opts": opts, "id": "m1", "grains": {"id": "m1"}})
    assert made["pillar"] == {"l": ["plain", "hunter2"]}


def test_what_cannot_be_decrypted_is_an_error_and_stays(tree, keyring, tmp_path):
    _, encrypt = keyring
    (tmp_path / "empty").mkdir(mode=0o700)
    files = {"base/top.sls": TOP, "base/a.sls": f"a: |\n{indented(encrypt('hunter2'))}"}
    made = tree(files, opts={"gpg_keydir": str(tmp_path / "empty"), "decrypt_pillar": ["a"]})
    assert "BEGIN PGP MESSAGE" in made["pillar"]["a"]
    (error,) = made["pillar"]["_errors"]
    assert error.startswith("Failed to decrypt pillar key 'a': a PGP message could not be decrypted: gpg: ")
    assert "hunter2" not in str(made)
    lax = {"gpg_keydir": str(tmp_path / "empty"), "decrypt_pillar": ["a"], "gpg_decrypt_must_succeed": False}
    assert "_errors" not in tree(files, opts=lax)["pillar"]


def test_a_minion_asks_for_those_external_pillars_alone_that_it_may(tree):
    plugins = PillarPlugins(
        ext_pillars={
            name: lambda id, pillar, config, name=name: {name: [id, config, "a" in pillar]}
            for name in ("set", "one", "two")
        }
    )
    files = {"base/top.sls": TOP, "base/a.sls": "a: 1\n"}
    opts = {"ext_pillar": [{"set": 0}], "on_demand_ext_pillar": ["one"]}
    answer = tree(files, opts=opts, plugins=plugins, ext={"one": "x", "two": "y"})
    assert answer["pillar"] == {"a": 1, "set": ["m1", 0, True], "one": ["m1", "x", True]}
    assert tree(opts=opts, plugins=plugins)["pillar"].keys() == {"a", "set"}
    assert tree(opts={}, plugins=plugins, ext={"one": "x"})["pillar"] == {"a": 1}


def test_a_minion_is_told_the_masters_options_but_not_what_opens_its_keys(tree):
    opts = {"pillar_opts": True, "timeout": 5, "key_pass": "a", "signing_key_pass": "b"}
    told = tree(opts=opts)["pillar"]["master"]
    assert told["timeout"] == 5
    assert not told.keys() & {"key_pass", "signing_key_pass"}
