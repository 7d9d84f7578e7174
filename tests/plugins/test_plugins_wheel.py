"""Wheel functions as a worker loads them: over real key files, with a host that remembers what it is told."""

import pytest

from trisalt.errors import CommandError
from trisalt.loader.dunders import Plugins
from trisalt.master.keyring import Keyring, State, make_pair


class Host:
    """A master that remembers the events it is told."""

    def __init__(self):
        self.told = []

    def call(self, kind, fields):
        assert kind == "fire_event"
        self.told.append((fields["tag"], fields["data"].get("act"), fields["data"].get("id")))
        return True


@pytest.fixture(scope="module")
def pems(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pairs")
    found = []
    for name in ("a", "b"):
        _private, public = make_pair(folder, name)
        with open(public) as file:
            found.append(file.read())
    return found


@pytest.fixture
def keyring(tmp_path, pems):
    keyring = Keyring(tmp_path)
    keyring.prepare()
    keyring.store("web1", pems[0], State.PENDING)
    keyring.store("web2", pems[1], State.PENDING)
    keyring.store("db1", pems[0], State.ACCEPTED)
    keyring.store("old1", pems[0], State.REJECTED)
    return keyring


@pytest.fixture
def wheel(tmp_path, keyring, host):
    return Plugins({"pki_dir": str(tmp_path), "hash_type": "sha256", "rotate_aes_key": True}).loader("wheel")


def test_keys_are_listed_by_state(wheel):
    assert wheel["key.list"]("pre") == {"minions_pre": ["web1", "web2"]}
    assert wheel["key.list"]("acc") == {"minions": ["db1"]}
    everything = {
        "minions": ["db1"],
        "minions_pre": ["web1", "web2"],
        "minions_rejected": ["old1"],
        "minions_denied": [],
    }
    assert wheel["key.list"]("all") == everything
    assert {**wheel["key.list_all"](), "local": []} == {**everything, "local": []}
    with pytest.raises(CommandError, match="zzz"):
        wheel["key.list"]("zzz")


def test_accepting_tells_and_rotates_nothing(wheel, host, keyring):
    assert wheel["key.accept"]("web*") == {"minions": ["web1", "web2"]}
    assert keyring.list(State.ACCEPTED) == ["db1", "web1", "web2"]
    assert host.told == [("salt/key", "accepted", "web1"), ("salt/key", "accepted", "web2")]
    assert wheel["key.accept"]("nosuch") == {}


def test_a_rejected_key_is_accepted_only_when_included(wheel, keyring):
    assert wheel["key.accept"]("old1") == {"minions_rejected": ["old1"]}
    assert wheel["key.accept"]("old1", include_rejected=True) == {"minions": ["old1"]}
    assert keyring.state("old1") is State.ACCEPTED


def test_rejecting_rotates_the_shared_key_once(wheel, host, keyring):
    assert wheel["key.reject"]("*", include_accepted=True) == {"minions_rejected": ["db1", "old1", "web1", "web2"]}
    assert keyring.list(State.ACCEPTED) == []
    assert [row for row in host.told if row[0] == "key"] == [("key", None, None)]
    assert {row[2] for row in host.told if row[1] == "rejected"} == {"db1", "web1", "web2"}


def test_deleting_is_from_every_state_and_rotates(wheel, host, keyring):
    assert wheel["key.delete"]("*1") == {}
    assert [keyring.list(state) for state in (State.ACCEPTED, State.PENDING, State.REJECTED)] == [[], ["web2"], []]
    assert ("key", None, None) in host.told
    host.told.clear()
    wheel["key.delete"]("nosuch")
    assert host.told == []


def test_a_master_that_must_not_rotate_is_not_told_to(tmp_path, keyring, host):
    wheel = Plugins({"pki_dir": str(tmp_path), "rotate_aes_key": False}).loader("wheel")
    wheel["key.delete"]("web1")
    assert host.told == [("salt/key", "delete", "web1")]


def test_dictionaries_of_states_name_keys_too(wheel, keyring):
    assert wheel["key.accept_dict"]({"minions_pre": ["web1"], "minions_rejected": ["old1"]}) == {"minions": ["web1"]}
    assert wheel["key.reject_dict"]({"minions_pre": ["web2"]}) == {"minions_rejected": ["web2"]}
    assert wheel["key.delete_dict"]({"minions": ["db1"], "nonsense": ["web1"]}) == {}
    assert keyring.list(State.ACCEPTED) == ["web1"]
    with pytest.raises(CommandError):
        wheel["key.delete_dict"]("web1")


def test_keys_are_printed_and_fingerprinted(wheel, pems):
    assert wheel["key.print"]("db1") == wheel["key.key_str"]("db1") == {"minions": {"db1": pems[0].strip()}}
    fingers = wheel["key.finger"]("web*")["minions_pre"]
    assert set(fingers) == {"web1", "web2"}
    assert len(fingers["web1"].split(":")) == 32


def test_a_pair_is_made_and_kept_nowhere(wheel, keyring):
    pair = wheel["key.gen"](keysize=2048)
    assert pair["priv"].startswith("-----BEGIN ")
    assert "PUBLIC KEY" in pair["pub"]
    for keysize in (1024, 65536, "2048"):
        with pytest.raises(CommandError):
            wheel["key.gen"](keysize=keysize)


def test_a_pair_is_made_and_accepted_once(wheel, host, keyring):
    pair = wheel["key.gen_accept"]("new1")
    assert keyring.read("new1", State.ACCEPTED) == pair["pub"].strip()
    assert host.told == [("salt/key", "accepted", "new1")]
    assert wheel["key.gen_accept"]("new1") == {}
    assert wheel["key.gen_accept"]("new1", force=True)["pub"] != pair["pub"]


@pytest.mark.parametrize("id", ["../evil", "a/b", "", "."])
def test_an_id_that_is_a_path_makes_no_key(wheel, tmp_path, id):
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(Exception, match=r"."):
        wheel["key.gen_accept"](id)
    assert sorted(tmp_path.rglob("*")) == before
    assert wheel["key.delete_dict"]({"minions": [id]}) == {}
