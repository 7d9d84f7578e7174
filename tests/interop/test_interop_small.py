"""The small shelves beside stock's: `slsutil`, `hashutil`, `random`, `environ`, `data` and `match`, call by call in one process each."""

import pytest

from tests.interop.beside import Call, agree, ask, each, refuses, returns
from tests.support.lab import open_lab

pytestmark = [pytest.mark.interop, pytest.mark.timeout(120)]

GRAINS = {"id": "m1", "os": "Debian", "roles": ["web", "db"], "ipv4": ["127.0.0.1", "10.0.0.5"]}
PILLAR = {"role": {"web": {"port": 80}}, "colour": "blue"}
HMAC = "eBWf9bstXg+NiP5AOwppB5HMvZiYMPzEM9W5YMm/AmQ="
UNMERGEABLE = "what cannot be merged is said in a sentence"

ONE = {"a": 1, "l": [1, 2], "d": {"x": 1, "y": [1], "z": {"q": 1}}}
OTHER = {"b": 2, "l": [2, 3], "d": {"y": [2], "w": 5, "z": "s"}, "a": None}

CALLS = [
    # -- slsutil
    *(
        Call("slsutil.merge", ONE, OTHER, strategy=strategy, merge_lists=lists)
        for strategy in ("smart", "aggregate", "recurse", "overwrite", "list", "none", "bogus")
        for lists in (False, True)
    ),
    Call("slsutil.merge", ONE, None),
    Call("slsutil.merge_all", [ONE, OTHER, {"a": {"n": 1}}]),
    Call("slsutil.update", ONE, OTHER, merge_lists=True),
    Call("slsutil.update", {"a": 1}, 5),
    Call("slsutil.renderer", string="a: {{ x }}", x=5),
    Call("slsutil.renderer", string="#!yamlex\na: !aggregate {x: 1}"),
    Call("slsutil.renderer", string="a: 1", default_renderer="nosuch"),
    Call("slsutil.renderer"),
    *(
        Call("slsutil.serialize", form, {"a": 1, "b": [1, {"c": None}], "d": "é\n"})
        for form in ("json", "yaml", "yamlex", "nosuch")
    ),
    Call("slsutil.serialize", "json", {"b": 1, "a": 2}, indent=2),
    Call("slsutil.deserialize", "json", '{"a"'),
    Call("slsutil.deserialize", "yaml", "a: 012\nb: yes\nc: 2020-01-01\na: 0x1f\n"),
    *(
        Call("slsutil.deserialize", "yamlex", text)
        for text in (
            *("a: !aggregate [1]\na: !aggregate [2]", "a: {x: 1}\na: {y: 2}", "a: !aggregate 1\na: !aggregate 2"),
            *("a: !aggregate {x: 1}\na: !aggregate {y: 2}", "a: !aggregate {x: 1}\na: !reset {y: 2}", "a: 1\na: 2"),
        )
    ),
    Call("slsutil.deserialize", "configparser", "[s]\na=1\n"),
    Call("slsutil.banner", width=40),
    Call("slsutil.banner", borderchar="*", commentchar="//", blockstart="/*", blockend="*/", width=50),
    Call("slsutil.banner", width=5),
    *(Call("slsutil.boolstr", value) for value in (True, "no", 0, None, "x", [])),
    # -- hashutil
    *(Call("hashutil.digest", "get salted", kind) for kind in ("md5", "sha256", "sha512", "sha1", "nope")),
    Call("hashutil.digest", 5, ours=returns("e4da3b7fbbce2345d7772b0674a318d5"), why="a word of digits is a text, too"),
    *(Call("hashutil.digest_file", "FILE", kind) for kind in ("md5", "sha256", "nope")),
    Call("hashutil.digest_file", "/nonexistent"),
    Call("hashutil.base64_b64encode", "get salted"),
    Call("hashutil.base64_b64decode", "Z2V0IHNhbHRlZA=="),
    Call("hashutil.base64_b64decode", "%%%"),
    Call("hashutil.base64_b64decode", "/w=="),
    Call("hashutil.base64_encodestring", "get salted " * 10),
    Call("hashutil.base64_decodestring", "Z2V0IHNhbHRlZA==\n"),
    Call("hashutil.base64_encodefile", "FILE"),
    Call("hashutil.base64_decodefile", "YWJj\n", "OUT"),
    Call("hashutil.md5_digest", "x"),
    Call("hashutil.sha256_digest", "x"),
    Call("hashutil.sha512_digest", "x"),
    Call("hashutil.hmac_signature", "get salted", "shared secret", HMAC),
    Call("hashutil.hmac_signature", "get salted", "another", HMAC),
    Call("hashutil.hmac_signature", "get salted", "shared secret", "%%"),
    Call("hashutil.hmac_compute", "get salted", "shared secret"),
    Call("hashutil.github_signature", '{"ref":"x"}', "secret", "sha1=6a2"),
    # -- random
    Call("random.hash", "I am a string"),
    Call("random.hash", "I am a string", "md5"),
    Call("random.hash", "x", "nope"),
    Call("random.str_encode", "I am a string"),
    Call("random.str_encode", "x" * 90),
    Call("random.str_encode", "x", "nope"),
    Call("random.str_encode", "x", None),
    Call("random.get_str", 0),
    Call("random.get_str", -1),
    Call("random.get_str", 10, chars="a"),
    Call("random.get_str", "x"),
    Call("random.rand_int", 1, 10, seed=3),
    Call("random.rand_int", 1, 100, seed="abc"),
    Call("random.sample", [1, 2, 3, 4, 5, 6, 7], 3, seed="abc"),
    Call("random.shuffle", [1, 2, 3, 4, 5, 6, 7], seed="abc"),
    Call("random.rand_int", 5, 5),
    Call("random.seed"),
    Call("random.seed", 100),
    Call("random.seed", 10, "x"),
    Call("random.shadow_hash", "My5alT", "MyP@asswd", "md5"),
    Call("random.shadow_hash", "My5alT", "MyP@asswd"),
    # -- environ
    Call("environ.setval", "TRISALT_TA", "1"),
    Call("environ.get", "TRISALT_TA"),
    Call("environ.setval", "TRISALT_TA", False, false_unsets=True),
    Call("environ.get", "TRISALT_TA"),
    Call("environ.get", "TRISALT_TA", "default"),
    Call("environ.get", 5),
    Call("environ.setval", "TRISALT_TA", False),
    *(Call("environ.setval", "TRISALT_TB", value) for value in (5, None, "")),
    Call("environ.setval", 5, "x"),
    Call("environ.setval", "A=B", "x"),
    Call("environ.setenv", {"TRISALT_TA": "x", "TRISALT_TB": False}),
    Call("environ.setenv", {"TRISALT_TA": "y", "TRISALT_TB": False}, false_unsets=True),
    Call("environ.setenv", "x"),
    Call("environ.setenv", {"TRISALT_TA": 5}),
    *(Call("environ.has_value", "TRISALT_TA", value) for value in (None, "y", "z", 5)),
    Call("environ.has_value", "TRISALT_NONE"),
    Call("environ.has_value", 5),
    Call("environ.item", "TRISALT_TA"),
    Call("environ.item", ["TRISALT_TA", "TRISALT_NONE"]),
    Call("environ.item", ["TRISALT_TA", "TRISALT_NONE"], "default"),
    Call("environ.item", 5),
    Call("environ.item", "TRISALT_NONE", None),
    # -- data
    Call("data.load"),
    Call("data.get", "x"),
    Call("data.dump", {"a": 1}),
    Call("data.dump", "{'b': 2, 'c': [1,2]}"),
    Call("data.load"),
    Call("data.dump", 5, ours=refuses("What is kept is a map"), why="said in a sentence"),
    Call("data.update", "k", "v"),
    Call("data.items"),
    Call("data.get", "k"),
    Call("data.get", "zz", "default"),
    Call("data.get", ["k", "zz", "b"]),
    Call("data.get", ["k", "zz"], "default"),
    Call("data.keys"),
    Call("data.values"),
    Call("data.has_key", "k"),
    Call("data.has_key", "zz"),
    Call("data.pop", "k"),
    Call("data.pop", "k"),
    Call("data.pop", "k", "default"),
    Call("data.cas", "b", 3, 2),
    Call("data.cas", "b", 4, 2),
    Call("data.cas", "zz", 4, 2),
    Call("data.load"),
    Call("data.clear"),
    Call("data.load"),
    Call("data.clear"),
    # -- match
    *(
        Call("match.compound", tgt)
        for tgt in ("G@os:Debian and m1", "m2", "not m2", ["m1", "or", "x"], "m1 and", "(", None)
    ),
    Call("match.compound", "m2", "m2"),
    *(Call("match.ipcidr", tgt) for tgt in ("10.0.0.0/24", "10.0.0.5", "10.0.0.9")),
    *(Call("match.ipcidr", tgt, ours=returns(False), why="a yes or a no") for tgt in ("nope", "10.0.0.5/24")),
    Call("match.glob", "m*"),
    Call("match.glob", "x", "x"),
    Call("match.glob", 5),
    Call("match.pcre", "m[0-9]"),
    Call("match.pcre", "("),
    Call("match.list", "m1,m2"),
    Call("match.list", ["m1"]),
    Call("match.list", "x", "x"),
    Call("match.list", 5),
    Call("match.grain", "roles:web"),
    Call("match.grain", "roles|web", "|"),
    Call("match.grain", "nope"),
    Call("match.grain_pcre", "os:deb"),
    Call("match.pillar", "role:web:port:80"),
    Call("match.pillar_pcre", "colour:bl"),
    Call("match.data", "spam:eggs"),
    Call("match.filter_by", {"m*": {"a": 1}, "*": {"b": 2}, "default": {"a": 2}}),
    Call("match.filter_by", {"x*": {"a": 1}, "default": {"a": 2}}),
    Call("match.filter_by", {"x*": {"a": 1}}),
    Call("match.filter_by", {"m*": None, "default": "d"}),
    Call("match.filter_by", {"m*": {"a": {"b": 1}}}, merge={"a": {"c": 2}}),
    Call("match.filter_by", {"m*": {"a": [1]}}, merge={"a": [2]}),
    Call("match.filter_by", {"m*": {"a": [1]}}, merge={"a": [2]}, merge_lists=True),
    Call("match.filter_by", {"x": 1, "default": {"a": 1}}, merge={"b": 2}),
    Call("match.filter_by", {"m*": {"a": 1}}, merge="x"),
    Call("match.filter_by", {"m*": "x"}, merge={"b": 2},
         ours=refuses("Only a dictionary can be merged with another"), why=UNMERGEABLE),
    Call("match.filter_by", {"G@os:Debian": "x"}),
    Call("match.filter_by", {"(": "x", "default": "d"}),
    Call("match.filter_by", {"web*": "a"}, minion_id="web1"),
    Call("match.filter_by", {"web*": "a"}, minion_id="web1", tgt_type="glob"),
    Call("match.search_by", {"r1": ["m*"], "r2": ["x*"], "r3": ["G@os:Debian", "y"], "r4": "m1"}),
    Call("match.search_by", {"r2": ["x*"]}),
    Call("match.search_by", {"r2": [5]}),
    Call("match.search_by", {"a": ["web*"]}, minion_id="web1"),
    Call("match.ifelse", "foo*", {"a": 1}, "m*", {"b": 2}, {"c": 3}),
    Call("match.ifelse", "foo*", {"a": 1}, {"c": 3}),
    Call("match.ifelse", "foo*", {"a": 1}),
    Call("match.ifelse", "x", 1, "y", 2, {"d": 1}, merge={"z": 1}),
]  # fmt: skip


@pytest.fixture(scope="module")
def answers():
    with open_lab() as lab:
        (lab.root / "file").write_text("abc")
        places = {"FILE": str(lab.root / "file"), "OUT": str(lab.root / "out")}
        return {kind: ask(lab, kind, CALLS, grains=GRAINS, pillar=PILLAR, places=places) for kind in ("stock", "ours")}


@each(CALLS)
def test_ours_answers_as_stock_does(answers, number):
    agree(CALLS[number], answers["stock"][number], answers["ours"][number])
