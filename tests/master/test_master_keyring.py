"""The key files: where a key is, how it moves, and who signs on by rule."""

import os
import stat
import subprocess
import sys

import pytest
import structlog.testing
from hypothesis import given
from hypothesis import strategies as st

import trisalt
from trisalt.errors import ConfigError, RemoteProtocolError
from trisalt.master.keyring import Keyring, State, fingerprint, is_public_key, make_pair, request_rotation
from trisalt.wire.keys import PrivateKey, PublicKey

A, D, P, R = State.ACCEPTED, State.DENIED, State.PENDING, State.REJECTED
NOW = 1_800_000_000.0
BAD_IDS = ["", ".", "..", ".hidden", "a/b", "../m1", "a\\b", "a\nb", "a\0b", "x" * 256]


@pytest.fixture(scope="module")
def pem():
    return PrivateKey.generate(1024).public.pem


@pytest.fixture(scope="module")
def other():
    return PrivateKey.generate(1024).public.pem


@pytest.fixture
def ring(tmp_path):
    ring = Keyring(tmp_path / "pki")
    ring.prepare()
    return ring


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


def where(ring, id):
    return {state for state in State if ring.read(id, state) is not None}


# -- folders and files ----------------------------------------------------------------------------------------------


def test_folders_are_for_their_owner_only(ring, tmp_path):
    for name in ("", "minions", "minions_pre", "minions_rejected", "minions_denied", "minions_autosign"):
        assert mode(tmp_path / "pki" / name) == 0o700
    os.chmod(tmp_path / "pki" / "minions", 0o755)
    ring.prepare()
    assert mode(tmp_path / "pki" / "minions") == 0o700


def test_permissive_folders_are_for_a_group_too(tmp_path):
    Keyring(tmp_path / "pki", permissive=True).prepare()
    assert mode(tmp_path / "pki" / "minions_pre") == 0o750


def test_a_key_is_a_file_with_the_stripped_key(ring, tmp_path, pem):
    ring.store("m1", pem, P)
    path = tmp_path / "pki" / "minions_pre" / "m1"
    assert path.read_text() == pem
    assert mode(path) == 0o600
    assert os.listdir(path.parent) == ["m1"]


def test_a_key_as_older_versions_left_it_is_read(ring, tmp_path, pem):
    path = tmp_path / "pki" / "minions" / "m1"
    path.write_bytes(pem.replace("\n", "\r\n").encode() + b"\r\n\r\n")
    path.chmod(0o644)
    assert ring.read("m1", A) == pem
    assert ring.state("m1") is A
    assert mode(path) == 0o644


def test_nothing_is_remembered_of_files(ring, tmp_path, pem):
    assert ring.state("m1") is None
    (tmp_path / "pki" / "minions_pre" / "m1").write_text(pem)
    assert ring.state("m1") is P
    os.rename(tmp_path / "pki" / "minions_pre" / "m1", tmp_path / "pki" / "minions_rejected" / "m1")
    assert ring.state("m1") is R
    assert ring.list_all() == {A: [], D: [], P: [], R: ["m1"]}


@pytest.mark.parametrize("id", BAD_IDS)
def test_what_is_no_id_never_leaves_its_folder(ring, tmp_path, pem, id):
    (tmp_path / "pki" / "m1").write_text(pem)
    for state in State:
        assert ring.read(id, state) is None
        with pytest.raises(RemoteProtocolError):
            ring.store(id, pem, state)
    assert ring.state(id) is None
    assert ring.move(id, A, State) is None
    assert ring.accept(id, include_rejected=True, include_denied=True) is None
    assert not ring.delete(id)
    assert not ring.autosigned(id, now=NOW)
    assert (tmp_path / "pki" / "m1").exists()


def test_lists_are_sorted_whatever_the_case_without_hidden_files_and_folders(ring, tmp_path, pem):
    for id in ("m10", "M2", "a", "m1"):
        ring.store(id, pem, P)
    folder = tmp_path / "pki" / "minions_pre"
    (folder / ".key_cache").write_text("x")
    (folder / "folder").mkdir()
    assert ring.list(P) == ["a", "m1", "m10", "M2"]


def test_a_ring_without_folders_is_empty_and_makes_them_when_a_key_comes(tmp_path, pem):
    ring = Keyring(tmp_path / "pki")
    assert ring.list_all() == {state: [] for state in State}
    assert ring.local_keys() == ring.local_fingerprints() == {}
    ring.store("m1", pem, P)
    assert ring.accept("m1") is P
    assert where(ring, "m1") == {A}
    assert mode(tmp_path / "pki" / "minions") == 0o700


def test_globs_match_by_state_and_by_comma(ring, pem):
    ring.store("web1", pem, A)
    ring.store("web2", pem, P)
    ring.store("db", pem, D)
    assert ring.match("web*", State) == {A: ["web1"], P: ["web2"]}
    assert ring.match("web1,db", (D, A)) == {D: ["db"], A: ["web1"]}
    assert ring.match("WEB1", State) == {}


def in_words(value):
    """A test's name is the same in every run: a set has no order of its own."""
    return "+".join(sorted(state.name for state in value)) if isinstance(value, set) else str(value)


# -- states ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("states", "counts"),
    [({A, D}, A), ({P, D}, P), ({R, A}, R), ({A, P}, A), ({R, P, D}, R), ({D}, D), (set(), None)],
    ids=in_words,
)
def test_one_state_counts(ring, tmp_path, pem, states, counts):
    for state in states:
        (tmp_path / "pki" / state.value / "m1").write_text(pem)
    assert ring.state("m1") is counts


@pytest.mark.parametrize("target", [A, P, R])
def test_a_stored_key_is_in_one_state_but_for_denied(ring, tmp_path, pem, other, target):
    for state in State:
        (tmp_path / "pki" / state.value / "m1").write_text(other)
    ring.store("m1", pem, target)
    assert where(ring, "m1") == {target, D}
    assert ring.read("m1", target) == pem


def test_a_denied_key_leaves_the_others_alone(ring, pem, other):
    ring.store("m1", pem, A)
    ring.store("m1", other, D)
    assert (ring.read("m1", A), ring.read("m1", D)) == (pem, other)


@pytest.mark.parametrize(
    ("start", "how", "came_from"),
    [
        ({P}, {}, P),
        ({R}, {}, None),
        ({D}, {}, None),
        ({R}, {"include_rejected": True}, R),
        ({D}, {"include_denied": True}, D),
        ({P, D}, {"include_denied": True}, P),
        ({A}, {"include_rejected": True, "include_denied": True}, None),
    ],
    ids=in_words,
)
def test_what_accepting_takes(ring, tmp_path, pem, start, how, came_from):
    for state in start:
        (tmp_path / "pki" / state.value / "m1").write_text(pem)
    assert ring.accept("m1", **how) is came_from
    assert where(ring, "m1") == (start if came_from is None else (start - {came_from}) | {A})


@pytest.mark.parametrize(
    ("start", "how", "came_from"),
    [
        ({P}, {}, P),
        ({A}, {}, None),
        ({A}, {"include_accepted": True}, A),
        ({D}, {"include_denied": True}, D),
        ({A, D}, {"include_accepted": True}, A),
    ],
    ids=in_words,
)
def test_what_rejecting_takes(ring, tmp_path, pem, start, how, came_from):
    for state in start:
        (tmp_path / "pki" / state.value / "m1").write_text(pem)
    assert ring.reject("m1", **how) is came_from
    assert where(ring, "m1") == (start if came_from is None else (start - {came_from}) | {R})


def test_accepting_a_denied_key_puts_it_in_the_old_ones_place(ring, pem, other):
    ring.store("m1", pem, A)
    ring.store("m1", other, D)
    assert ring.accept_from("m1", D)
    assert where(ring, "m1") == {A}
    assert ring.read("m1", A) == other


def test_deleting_tells_where_the_key_was(ring, pem):
    ring.store("m1", pem, A)
    ring.store("m1", pem, D)
    assert set(ring.delete("m1", (A, P))) == {A}
    assert where(ring, "m1") == {D}
    assert set(ring.delete("m1")) == {D}
    assert not ring.delete("m1")


# -- what is a key --------------------------------------------------------------------------------------------------


def private_half():
    return PrivateKey.generate(1024).pem.decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no key",
        "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----",
        "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
        "-----BEGIN PUBLIC KEY-----\n!!!!\n-----END PUBLIC KEY-----",
        "-----BEGIN PUBLIC KEY-----\nMIKA\n-----END PUBLIC KEY-----",
        "x" * 20_000,
    ],
    ids=lambda text: repr(text[:40]),
)
def test_what_is_no_key_is_never_accepted(ring, text):
    ring.store("m1", text, P)
    with pytest.raises(RemoteProtocolError):
        ring.accept("m1")
    with pytest.raises(RemoteProtocolError):
        ring.store("m1", text, A)
    assert where(ring, "m1") == {P}


def test_a_private_key_is_no_public_one():
    assert not is_public_key(private_half())


def test_keys_of_all_sizes_are_keys(pem):
    assert is_public_key(pem)
    assert is_public_key(pem.replace("\n", "\r\n") + "\n")
    assert is_public_key(PrivateKey.generate(2048).public.pem)


@given(data=st.data())
def test_what_the_wire_takes_for_a_key_is_one_here_and_garbage_never_raises(data, pem):
    # Bytes of a key changed, cut or added: whatever a sign-in could use may be accepted, and nothing ends the command.
    text = list(pem)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text) - 1))
        text[at : at + data.draw(st.integers(0, 2))] = data.draw(st.text(max_size=2))
    changed = "".join(text)
    try:
        PublicKey.from_pem(changed)
    except RemoteProtocolError:
        is_public_key(changed)
    else:
        assert is_public_key(changed) or changed.strip().splitlines()[0] != pem.splitlines()[0]


@given(st.text())
def test_any_text_can_be_asked_whether_it_is_a_key(text):
    assert not is_public_key(text)


# -- fingerprints ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hash_type", ["sha256", "md5", "sha512"])
def test_a_fingerprint_is_that_of_the_key_itself(ring, pem, hash_type):
    assert fingerprint(pem, hash_type) == PublicKey.from_pem(pem).fingerprint(hash_type)
    assert fingerprint(pem.replace("\n", "\r\n") + "\n", hash_type) == fingerprint(pem, hash_type)


def test_fingerprints_are_by_the_rings_hash(tmp_path, pem):
    ring = Keyring(tmp_path / "pki", hash_type="md5")
    ring.store("m1", pem, P)
    assert ring.fingerprint("m1", P) == fingerprint(pem, "md5")
    assert ring.fingerprint("m1", A) is None


def test_an_unknown_hash_is_named():
    with pytest.raises(ConfigError, match="crc32"):
        fingerprint("a\nb\nc", "crc32")


def test_local_keys_are_the_files_of_both_halves_and_no_links(ring, tmp_path, pem):
    folder = tmp_path / "pki"
    (folder / "host.pem").write_text(private_half())
    (folder / "host.pub").write_text(pem)
    (folder / "master.pub").symlink_to("host.pub")
    (folder / ".hidden.pub").write_text(pem)
    (folder / "notes").write_text("x")
    assert list(ring.local_fingerprints()) == ["host.pem", "host.pub"]
    assert ring.local_fingerprints("*.pub,x") == {"host.pub": fingerprint(pem)}
    assert set(ring.local_keys()) == {"host.pub", "master.pub"}


# -- rules ----------------------------------------------------------------------------------------------------------


RULES = "# web9\n\nexact\nweb*\ndb[0-9]\\d{2}\n(a|b)\n  blank  \n[\n"


@pytest.mark.parametrize(
    ("id", "named"),
    [
        ("exact", True),
        ("exactly", False),
        ("web9", True),
        ("xweb9", False),
        ("db042", True),
        ("db042x", False),
        ("a", True),
        ("ab", False),
        ("blank", True),
        ("# web9", False),
        ("m1", False),
    ],
)
def test_lines_are_names_globs_or_whole_regular_expressions(ring, tmp_path, id, named):
    path = tmp_path / "rules"
    path.write_text(RULES)
    path.chmod(0o600)
    assert ring.autosigned(id, now=NOW, autosign_file=str(path)) is named
    assert ring.autorejected(id, str(path)) is named


def test_rules_that_are_not_there_name_nobody(ring, tmp_path):
    assert not ring.autorejected("m1", None)
    assert not ring.autorejected("m1", str(tmp_path / "nothing"))
    assert not ring.autosigned(
        "m1", now=NOW, autosign_file=str(tmp_path), autosign_grains_dir=str(tmp_path / "nothing")
    )


@pytest.mark.parametrize(
    ("bits", "permissive", "taken"),
    [
        (0o600, False, True),
        (0o644, False, True),
        (0o620, False, False),
        (0o602, False, False),
        (0o660, True, True),
        (0o662, True, False),
    ],
)
def test_rules_that_others_may_write_are_ignored_and_said_once(tmp_path, bits, permissive, taken):
    ring = Keyring(tmp_path / "pki", permissive=permissive)
    path = tmp_path / "rules"
    path.write_text("m*\n")
    path.chmod(bits)
    with structlog.testing.capture_logs() as logs:
        assert ring.autorejected("m1", str(path)) is taken
        assert ring.autosigned("m1", now=NOW, autosign_file=str(path)) is taken
    assert [row["event"] for row in logs] == ([] if taken else ["auth.rules_ignored"])


def stub(tmp_path, id, age_min):
    path = tmp_path / "pki" / "minions_autosign" / id
    path.touch()
    os.utime(path, (NOW - 60 * age_min,) * 2)
    return path


def test_a_stub_signs_one_minion_on_once(ring, tmp_path):
    path = stub(tmp_path, "m1", 5)
    assert not ring.autosigned("m2", now=NOW)
    assert path.exists()
    assert ring.autosigned("m1", now=NOW)
    assert not path.exists()
    assert not ring.autosigned("m1", now=NOW)


def test_a_stub_dies_of_age(ring, tmp_path):
    path = stub(tmp_path, "m1", 121)
    assert not ring.autosigned("m1", now=NOW)
    assert not path.exists()
    stub(tmp_path, "m1", 121)
    assert ring.autosigned("m1", now=NOW, autosign_timeout=122)


def test_a_grain_signs_on_when_its_value_stands_in_its_file(ring, tmp_path):
    folder = tmp_path / "grains"
    folder.mkdir()
    (folder / "serial").write_text("# those of rack 1\nA1\nA2\n")
    (folder / "serial").chmod(0o600)

    def signed(**grains):
        return ring.autosigned("m1", now=NOW, autosign_grains_dir=str(folder), grains=grains)

    assert signed(serial="A2")
    assert not signed(serial="A3")
    assert not signed(serial="# those of rack 1")
    assert not signed(other="A1")
    assert not signed(**{"../grains/serial": "A1"})
    (folder / "serial").chmod(0o666)
    assert not signed(serial="A1")


# -- pairs, and the drop file ---------------------------------------------------------------------------------------


def test_a_pair_is_two_files(tmp_path):
    private, public = make_pair(tmp_path, "new")
    assert (mode(private), os.path.basename(public)) == (0o400, "new.pub")
    with open(private, "rb") as file:
        pem = file.read()
    assert pem.startswith(b"-----BEGIN RSA PRIVATE KEY-----")
    with open(public) as file:
        assert file.read() == PrivateKey.from_pem(pem).public.pem
    with pytest.raises(RemoteProtocolError):
        make_pair(tmp_path, "../new")


def test_the_drop_file_is_as_the_master_wants_it(tmp_path):
    request_rotation(tmp_path, "host_master")
    request_rotation(tmp_path, "host_master")
    assert (tmp_path / ".dfn").read_text() == "host_master"
    assert mode(tmp_path / ".dfn") == 0o400


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_an_account_that_is_not_there_is_named_and_nothing_is_left(tmp_path):
    with pytest.raises(ConfigError, match="nosuchuser"):
        request_rotation(tmp_path, "x", user="nosuchuser")
    assert os.listdir(tmp_path) == []


def test_who_keeps_keys_imports_no_rsa():
    code = (
        "import sys; from trisalt.master.keyring import Keyring; Keyring('/nowhere').list_all();"
        "print([name for name in ('cryptography', 'trio', 'structlog', 'attr', 'typing', 're') if name in sys.modules])"
    )
    env = {"PYTHONPATH": os.path.dirname(os.path.dirname(trisalt.__file__))}
    done = subprocess.run([sys.executable, "-S", "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
