"""The files that an event wakes, as a worker renders them: by path, glob or URL, in the sandbox, with plugins apart."""

from types import SimpleNamespace

import pytest

from trisalt.master.reaction_files import render_in_worker

GREET = "greet:\n  local.test.arg:\n    - tgt: {name}\n    - arg: ['{{{{ tag }}}}', '{{{{ data.data.what }}}}']\n"


@pytest.fixture
def render(tmp_path):
    (tmp_path / "srv" / "react").mkdir(parents=True)
    (tmp_path / "srv" / "react" / "welcome.sls").write_text(
        "{% from 'react/names.jinja' import who %}\n" + GREET.format(name="{{ who }}")
    )
    (tmp_path / "srv" / "react" / "names.jinja").write_text("{% set who = 'served' %}")

    def run(*files, alone=False, **opts):
        opts = {"file_roots": {"base": [str(tmp_path / "srv")]}, "cachedir": str(tmp_path / "cache"), **opts}
        opts.setdefault("extension_modules", str(tmp_path / "extmods"))
        named = [file if ":" in file else str(tmp_path / file) for file in files]
        request = {"files": named, "tag": "a/b", "data": {"data": {"what": "this"}}, "alone": alone}
        return render_in_worker(request, SimpleNamespace(opts=opts))

    def write(name, text):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    run.write = write
    return run


def ids(answer):
    return [chunk["__id__"] for chunk in answer["chunks"]]


def test_a_path_and_a_glob_are_rendered_with_the_tag_and_the_data(render, tmp_path):
    render.write("1.sls", GREET.format(name="m1"))
    render.write("2.sls", GREET.format(name="m2").replace("greet", "other"))
    answer = render("1.sls", "2*.sls")
    assert answer["problems"] == []
    assert [(each["__id__"], each["tgt"], each["arg"]) for each in answer["chunks"]] == [
        ("greet", "m1", ["a/b", "this"]),
        ("other", "m2", ["a/b", "this"]),
    ]
    assert answer["chunks"][0]["__sls__"] == str(tmp_path / "1.sls")


def test_a_file_of_the_file_server_is_rendered_with_what_it_imports(render):
    answer = render("salt://react/welcome.sls", "salt://react/none.sls")
    assert [chunk["tgt"] for chunk in answer["chunks"]] == ["served"]
    assert [(problem["event"], problem["sls"]) for problem in answer["problems"]] == [
        ("reactor.missing", "salt://react/none.sls")
    ]


def test_of_two_declarations_of_one_name_the_later_files_is_taken(render):
    render.write("1.sls", GREET.format(name="m1"))
    render.write("2.sls", GREET.format(name="m2"))
    assert [chunk["tgt"] for chunk in render("1.sls", "2.sls")["chunks"]] == ["m2"]


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        ("a: 1\nb: {{ nothing.there }}\n", ":2", "nothing"),
        ("a:\n  b:\n   - c\n  - d\n", ":4", "expected"),
        ("- a\n", "", "it does not render to a map of reactions"),
        ("{{ ''.__class__.__mro__ }}", ":1", "unsafe"),
    ],
)
def test_what_is_wrong_has_its_file_and_line_and_harms_no_other_file(render, text, place, reason):
    path = render.write("bad.sls", text)
    render.write("good.sls", GREET.format(name="m1"))
    answer = render("bad.sls", "good.sls")
    (problem,) = answer["problems"]
    assert (problem["event"], problem["place"]) == ("reactor.render_failed", f"{path}{place}")
    assert reason in problem["reason"]
    assert ids(answer) == ["greet"]


def test_python_is_run_in_a_process_of_its_own(render):
    render.write("p.sls", "#!py\ndef run():\n    return {tag: {'local.test.ping': [{'tgt': data['data']['what']}]}}\n")
    assert render("p.sls") == {"alone": True}
    answer = render("p.sls", alone=True)
    assert [(chunk["__id__"], chunk["tgt"]) for chunk in answer["chunks"]] == [("a/b", "this")]


def test_what_asks_for_plugin_code_gets_a_process_of_its_own(render):
    render.write("s.sls", "x:\n  local.test.ping:\n    - tgt: {{ salt['test.echo']('m1') }}\n")
    assert render("s.sls") == {"alone": True}
    assert [chunk["tgt"] for chunk in render("s.sls", alone=True)["chunks"]] == ["m1"]


def test_an_empty_file_does_nothing(render):
    render.write("e.sls", "{% if False %}x{% endif %}\n")
    assert render("e.sls") == {"chunks": [], "problems": []}
