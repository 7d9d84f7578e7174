"""The renderer `nacl` and `decrypt_pillar` by it, on boxes that stock Salt's module made."""

from __future__ import annotations

import importlib.util

import pytest

from trisalt.pillar.decrypt import decrypt_paths
from trisalt.sls.failure import SlsError
from trisalt.sls.render import Rendering, render_sls
from trisalt.sls.roots import Tree

pytestmark = pytest.mark.skipif(importlib.util.find_spec("nacl") is None, reason="PyNaCl is not installed")

SK = "COWK6Q8jserUjfEA8BZkkx6BsTJnO3J/Sd23CRIO6lM="
SEALED = "0MfyxL0d5QE7fDKgTulvPQQhdXZ3KmBF9G0ivTjs4w02asGYkS8ZEdQEgDWpuF74L9y2BjGf"
SECRET = "FYJ5xwMpK+87AKQvvfit7Icko6qNdRlgujwFfX/EX1o/0U3snqGfjK744IC/9A=="


@pytest.fixture
def render(tmp_path):
    def render(text, **config):
        (tmp_path / "a.sls").write_text(text)
        tree = Tree([str(tmp_path)])
        opts = {"nacl.config": config, "pki_dir": str(tmp_path)}
        return render_sls(Rendering.from_opts(opts, saltenv="base", sources=tree, context={}), tree.sls("a"))

    return render


def test_whole_values_are_opened_wherever_they_are(render):
    text = f"#!yaml|nacl\na: NACL[{SEALED}]\nb:\n  - c: NACL[ {SEALED} ]\n  - in NACL[{SEALED}] words\nd: 5\n"
    opened = {"a": "hällo", "b": [{"c": "hällo"}, f"in NACL[{SEALED}] words"], "d": 5}
    assert render(text, sk=SK) == opened


def test_a_box_may_be_one_of_a_secret_that_both_know(render):
    assert render(f"#!yaml|nacl\na: NACL[{SECRET}]\n", sk=SK, box_type="secretbox") == {"a": "secret"}


def test_the_key_is_in_a_file_beside_the_masters_own(render, tmp_path):
    (tmp_path / "nacl").write_text(f"{SK}\n")
    assert render(f"#!yaml|nacl\na: NACL[{SEALED}]\n") == {"a": "hällo"}


@pytest.mark.parametrize(
    ("box", "config", "text"),
    [
        (SEALED, {}, "no key or sk_file found"),
        (SEALED, {"sk": "c2hvcnQ="}, "sk is no key of 32 bytes"),
        (SEALED, {"sk": SK.swapcase()}, "damaged, or is not for this key"),
        (f"{SEALED[:-4]}AAAA", {"sk": SK}, "damaged, or is not for this key"),
        ("AAAA", {"sk": SK}, "damaged, or is not for this key"),
        ("AAA", {"sk": SK}, "not Base64"),
        (SEALED, {"sk": SK, "box_type": "odd"}, "box_type is one of sealedbox, secretbox, not 'odd'"),
        (SEALED, {"sk": SK, "box_type": "secretbox"}, "damaged, or is not for this key"),
    ],
)
def test_what_cannot_be_opened_is_told_without_what_is_in_it(render, box, config, text):
    with pytest.raises(SlsError, match=text) as told:
        render(f"#!yaml|nacl\na: NACL[{box}]\n", **config)
    assert config.get("sk", "none given") not in str(told.value)


def test_paths_of_the_pillar_are_opened(tmp_path):
    opts = {
        "decrypt_pillar": [{"a:b": "nacl"}],
        "decrypt_pillar_renderers": ["gpg", "nacl"],
        "nacl.config": {"sk": SK},
        "pki_dir": str(tmp_path),
    }
    pillar = {"a": {"b": f"NACL[{SEALED}]", "c": f"NACL[{SEALED}]"}}
    assert decrypt_paths(pillar, opts, keydir="") == ({"a": {"b": "hällo", "c": pillar["a"]["c"]}}, [])
    found, errors = decrypt_paths(pillar, {**opts, "nacl.config": {}}, keydir="")
    assert (found, errors) == (pillar, ["Failed to decrypt pillar key 'a:b': no key or sk_file found"])
    errors = decrypt_paths(pillar, {**opts, "decrypt_pillar_renderers": ["gpg"]}, keydir="")[1]
    assert errors == [
        "Failed to decrypt pillar key 'a:b': 'nacl' is not a valid decryption renderer. Valid choices are: gpg"
    ]
