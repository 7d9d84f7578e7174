"""Runners about what the master keeps: `cache`, `mine`, `pillar`, `match`, over a real store file."""

import pytest

from trisalt.errors import CommandError
from trisalt.loader.dunders import Plugins
from trisalt.store.sqlite import open_store

MARKED = {"__saltmine_acl__": 1, "__data__": "mine", "allow_tgt": "m2"}


class Host:
    """A master: whom targets name, what is published, and what is to be changed in the banks."""

    def __init__(self):
        self.minions = ["m1", "m2"]
        self.changed, self.published, self.returns = [], [], {}

    def call(self, kind, fields):
        match kind:
            case "match":
                named = self.minions if fields["tgt"] == "*" else [id for id in self.minions if id == fields["tgt"]]
                return {"minions": named, "missing": []}
            case "bank":
                self.changed.append((fields["op"], fields["bank"], fields["key"], fields["data"]))
                return True
            case "publish":
                self.published.append((fields["tgt"], fields["fun"], fields["kwarg"]))
                return {"jid": "1", "minions": list(self.returns), "missing": [], "returns": self.returns}
        raise CommandError(kind)


@pytest.fixture
async def runners(tmp_path, host):
    roots = tmp_path / "pillar"
    roots.mkdir()
    (roots / "top.sls").write_text("base:\n  'm1':\n    - site\n  'os:Debian':\n    - match: grain\n    - site\n")
    (roots / "site.sls").write_text("who: {{ grains['id'] }}\nrole: {{ grains.get('role', 'none') }}\n")
    async with open_store(tmp_path / "trisalt.db") as store:
        await store.banks.store_all(
            {
                "grains": {"m1": {"id": "m1", "os": "Arch"}},
                "pillar": {"m1": {"old": 1}, "gone": {"old": 2}},
                "mine": {"m1": {"test.ping": True, "acl": MARKED}, "m2": {"test.ping": False}},
            }
        )
        opts = {
            "cachedir": str(tmp_path), "id": "box_master", "extension_modules": "", "grains": {"os": "Debian"},
            "pillar_roots": {"base": [str(roots)]}, "enable_gpu_grains": False,
        }  # fmt: skip
        yield Plugins(opts).loader("runners")


async def test_every_minion_that_is_named_is_there_with_or_without_data(runners):
    assert runners["cache.grains"]("*") == {"m1": {"id": "m1", "os": "Arch"}, "m2": {}}
    assert runners["cache.pillar"]("m1") == {"m1": {"old": 1}}
    assert runners["cache.mine"]("nobody") == {}


@pytest.mark.parametrize(
    ("function", "banks"),
    [
        ("clear_grains", ["grains"]),
        ("clear_pillar", ["pillar"]),
        ("clear_mine", ["mine"]),
        ("clear_all", ["grains", "pillar", "mine"]),
    ],
)
async def test_clearing_names_its_minions(runners, host, function, banks):
    assert runners[f"cache.{function}"]() is False
    assert host.changed == []
    assert runners[f"cache.{function}"]("m1") is True
    assert host.changed == [("flush", bank, "m1", None) for bank in banks]


async def test_one_function_is_taken_out_of_the_mine(runners, host):
    assert runners["cache.clear_mine_func"]("*", clear_mine_func_flag="acl") is True
    assert host.changed == [("store", "mine", "m1", {"test.ping": True})]
    with pytest.raises(CommandError):
        runners["cache.clear_mine_func"]("*")


async def test_values_are_stored_and_flushed_by_the_master(runners, host):
    runners["cache.store"]("mybank", "k", [1])
    runners["cache.flush"]("mybank", "k")
    runners["cache.flush"]("mybank")
    assert host.changed == [
        ("store", "mybank", "k", [1]), ("flush", "mybank", "k", None), ("flush", "mybank", None, None),
    ]  # fmt: skip


async def test_the_master_reads_the_mine_whoever_it_is_for(runners):
    assert runners["mine.get"]("*", "acl") == {"m1": "mine"}
    assert runners["mine.get"]("*", "acl,test.ping") == {"acl": {"m1": "mine"}, "test.ping": {"m1": True, "m2": False}}
    assert runners["mine.get"]("*", ["test.ping", "nosuch"]) == {"test.ping": {"m1": True, "m2": False}}


async def test_the_mine_is_updated_by_its_minions(runners, host):
    host.returns = {"m2": {"return": None}, "m1": {"return": True}}
    assert runners["mine.update"]("*", clear=True) == {"m1": True, "m2": None}
    assert host.published == [("*", "mine.update", {"clear": True, "mine_functions": None})]


async def test_a_pillar_is_made_for_a_minion_that_is_away(runners):
    assert runners["pillar.show_pillar"]("m1") == {"who": "m1", "role": "none"}
    assert runners["pillar.show_pillar"]("m1", role="web") == {"who": "m1", "role": "web"}
    assert runners["pillar.show_pillar"]("m2") == {}
    assert runners["pillar.show_pillar"]("m2", os="Debian")["who"] == "m2"


async def test_without_a_minion_the_pillar_is_the_masters_own(runners):
    assert runners["pillar.show_pillar"]()["who"] == "box_master"


async def test_the_top_file_is_shown_merged_with_its_matchers(runners):
    wanted = {"base": {"m1": ["site"], "os:Debian": [{"match": "grain"}, "site"]}}
    assert runners["pillar.show_top"]("m1") == wanted
    assert runners["pillar.show_top"]() == wanted


async def test_a_top_file_that_cannot_be_read_is_an_error(runners, tmp_path):
    (tmp_path / "pillar" / "top.sls").write_text("base: [")
    assert "Rendering Primary Top file failed" in runners["pillar.show_top"]("m1")[0]


async def test_pillars_that_were_made_are_forgotten(runners, host):
    assert runners["pillar.show_pillar_cache"]("m1") == {"m1": {"old": 1}}
    assert runners["pillar.clear_pillar_cache"]("m1") is True
    assert host.changed == [("flush", "pillar", "m1", None)]


async def test_a_compound_target_names_a_minion_or_not(runners):
    assert runners["match.compound_matches"]("m1", "m1") == {"res": "m1"}
    assert runners["match.compound_matches"]("m1", "m2") == {"res": False}
