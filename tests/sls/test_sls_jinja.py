"""Templates: what they see, where their imports come from, how they fail."""

from __future__ import annotations

import json

import pytest

from trisalt.errors import CommandError
from trisalt.sls import jinja
from trisalt.sls.failure import SlsError
from trisalt.sls.functions import Functions
from trisalt.sls.jinja import render_jinja
from trisalt.sls.roots import Tree
from trisalt.sls.settings import JinjaOptions


@pytest.fixture
def tree(tmp_path):
    def write(**files):
        for name, text in files.items():
            path = tmp_path / name.replace("__", "/").replace("_dot_", ".")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return Tree([str(tmp_path)])

    return write


def fails(text, *, sources=None, **context):
    with pytest.raises(SlsError) as info:
        render_jinja(text, context, sources=sources)
    return info.value


def test_the_last_line_end_is_kept():
    assert render_jinja("a\n", {}) == "a\n"
    assert render_jinja("a", {}) == "a"
    assert render_jinja("a\n\n", {}) == "a\n\n"


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("{{ nope }}", "Jinja variable 'nope' is undefined", 1),
        ("a\n{{ {}.x }}", "Jinja variable 'dict object' has no attribute 'x'", 2),
        ("{% foo %}", "Jinja syntax error: Encountered unknown tag 'foo'.", 1),
        ("\n\n{{ 1 | foo }}", "Jinja syntax error: No filter named 'foo'.", 3),
        ("{{ 1 / 0 }}", "Jinja error: division by zero", 1),
        ("{{ raise('so') }}", "Jinja error: so", 1),
        ("{{ salt['my.fails']() }}", "Problem running salt function in Jinja template: no such thing", 1),
        ("{% include 'gone' %}", "Jinja error: gone", 1),
        ("{{ ''.__class__ }}", "Jinja syntax error: access to attribute '__class__' of 'str' object is unsafe.", 1),
        ("{% load_yaml as x %}a: [{% endload %}", "Jinja syntax error: Encountered error loading yaml: ", 1),
        ("{{ '{' | load_json }}", "Jinja syntax error: Unable to load json from {", 1),
    ],
)
def test_errors_have_stocks_words_and_the_line(tree, text, message, line):
    def no():
        raise CommandError("no such thing")

    error = fails(text, sources=tree(), salt=Functions({"my.fails": no}))
    assert error.reason.startswith(message)
    assert error.line == line
    assert f"; line {line}\n\n---\n" in str(error)
    assert "    <======================" in str(error)


def test_the_excerpt_is_five_lines_around():
    text = "".join(f"l{number}\n" for number in range(1, 20)).replace("l10\n", "{{ x }}\n")
    shown = str(fails(text)).split("---\n")[1].splitlines()[:-1]
    assert shown == [
        "[...]", "l5", "l6", "l7", "l8", "l9", "{{ x }}    <======================",
        "l11", "l12", "l13", "l14", "l15", "[...]",
    ]  # fmt: skip


def test_an_error_in_an_imported_file_names_that_file(tree, tmp_path):
    sources = tree(m="{% macro m() %}\n\n{{ x.y }}\n{% endmacro %}")
    error = fails("{% from 'm' import m with context %}\n{{ m() }}", sources=sources, x={})
    assert (error.path, error.line) == (str(tmp_path / "m"), 3)
    assert f"\n{tmp_path / 'm'}(3):\n---\n" in str(error)
    assert "; line" not in str(error)


@pytest.mark.parametrize(
    "text",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ ''['__class__'] }}",
        "{{ '' | attr('__class__') }}",
        "{{ '' | method_call('__class__') }}",
        "{{ '' | method_call('__init_subclass__') }}",
        "{{ ('{0.__class__}').format(1) }}",
        "{{ ('{0.__class__}' | attr('format'))(1) }}",
        "{{ '{0.__class__}' | method_call('format', 1) }}",
        "{{ salt._functions }}",
        "{{ salt['my.works'].__globals__ }}",
        "{{ salt.my.works.__code__ }}",
        "{{ odict.__init__.__globals__ }}",
        "{{ raise.__globals__ }}",
        "{{ self.__init__ }}",
        "{{ range(999999999) }}",
    ],
)
def test_the_sandbox_holds(text):
    error = fails(text, salt=Functions({"my.works": lambda: 1}))
    assert (
        "unsafe" in error.reason
        or "undefined" in error.reason
        or "has no attribute" in error.reason
        or "Range too big" in error.reason
    )


def test_a_function_that_a_module_has_not_is_told_by_the_modules_name():
    error = fails("{{ salt.my.nope() }}", salt=Functions({"my.works": lambda: 1}))
    assert error.reason == "Jinja variable 'salt.my object' has no attribute 'nope'"


def test_yaml_of_a_template_that_is_wrong_is_told_with_its_place():
    error = fails("{% load_yaml as x %}\na: 1\nb: c: d\n{% endload %}")
    assert 'mapping values are not allowed in this context\n  in "<unicode string>", line 3, column 5' in error.reason


def test_functions_are_items_and_attributes():
    salt = Functions({"my.add": lambda a, b=0: a + b})
    assert (
        render_jinja("{{ salt['my.add'](1, b=2) }}{{ salt.my.add(3) }}{{ 'my.add' in salt }}", {"salt": salt})
        == "33True"
    )
    assert "has no attribute 'my.gone'" in fails("{{ salt['my.gone']() }}", salt=salt).reason
    assert "has no attribute 'gone'" in fails("{{ salt.my.gone() }}", salt=salt).reason


def test_a_module_that_is_not_offered_is_undefined():
    class Offered(dict):
        def offers(self, module):
            return module == "my"

    salt = Functions(Offered({"my.add": max}))
    assert render_jinja("{{ salt.my is defined }} {{ salt.other is defined }}", {"salt": salt}) == "True False"
    assert "has no attribute 'other'" in fails("{{ salt.other.add(1) }}", salt=salt).reason


def test_imports_see_the_importers_place_only_with_context(tree):
    sources = tree(
        s__m="{% set here = [tplfile, tpldir, tpldot] %}{% set who = who %}",
        s__d_dot_yaml="a: {{ 1 + 1 }}\n",
    )
    text = "{% from 's/m' import here with context %}{{ here | json }}"
    context = {"tplfile": "top", "tpldir": "t", "tpldot": "t", "who": "me"}
    assert json.loads(render_jinja(text, context, sources=sources)) == ["top", "t", "t"]
    assert json.loads(render_jinja("{% from 's/m' import here %}{{ here | json }}", context, sources=sources)) == [
        "s/m",
        "s",
        "s",
    ]
    assert render_jinja("{% import_yaml './d.yaml' as d %}{{ d.a }}", {"tpldir": "s"}, sources=sources) == "2"


@pytest.mark.parametrize("path", ["../x", "./../../x", "/etc/passwd", "a/../../x", "", "./..", "x\0"])
def test_no_import_leads_out(tree, path):
    error = fails("{% include p %}", sources=tree(a="1"), p=path, tpldir="s")
    assert error.reason.startswith("Jinja error: ")


def test_an_import_that_imports_itself_ends(tree):
    error = fails("{% include 'a' %}", sources=tree(a="{% include 'a' %}"))
    assert "recursion" in error.reason


def test_a_header_sets_what_it_may_and_nothing_else(caplog):
    text = (
        '#!jinja|yaml\n#jinja2: {"trim_blocks": true, "extensions": ["os"], "loader": 1}\n{% if 1 %}\nx\n{% endif %}\n'
    )
    assert render_jinja(text, {}) == "#!jinja|yaml\nx\n\n"
    assert "extensions" in caplog.text
    assert "loader" in caplog.text
    assert render_jinja("#jinja2: nonsense\nx\n", {}) == "#jinja2: nonsense\nx\n"


def test_options_are_taken_from_the_configuration():
    opts = {"jinja_sls_env": {"TRIM_BLOCKS": True}, "jinja_lstrip_blocks": True, "jinja_env": "nonsense"}
    assert JinjaOptions.from_opts(opts, sls=True).settings == {"trim_blocks": True, "lstrip_blocks": True}
    assert JinjaOptions.from_opts(opts, sls=False).settings == {"lstrip_blocks": True}
    assert render_jinja("{{ nope }}x", {}, options=JinjaOptions(allow_undefined=True)) == "x"


def test_what_is_remembered_of_a_template_holds_nothing_of_its_rendering():
    text = "{{ grains.id }} {{ 1000000000 | random_hash }} {% set x = 1000000000 | rand_str %}{{ x }}"
    first, second = (render_jinja(text, {"grains": {"id": id}}).split() for id in ("m1", "m2"))
    assert (first[0], second[0]) == ("m1", "m2")
    assert len({*first, *second}) == 6
    assert jinja._compiled.cache_info().hits


def test_maps_print_as_yaml_reads_them():
    value = {"a": "x\ny", "b": [{"c": "it's"}], "d": None}
    assert render_jinja("{{ v }}", {"v": value}) == "{'a': \"x\\ny\", 'b': [{'c': \"it's\"}], 'd': None}"


def test_a_profile_block_is_rendered():
    assert render_jinja("{% profile as 'x' %}a{% endprofile %}b", {}) == "ab"


def test_undefined_inside_a_value_is_undefined():
    error = fails("{{ {'a': [nope, 1]} | json }}")
    assert error.reason == "Jinja variable 'nope' is undefined"
