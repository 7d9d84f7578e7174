"""Publications, sealed and opened: both ends without a socket."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trisalt.errors import RemoteProtocolError
from trisalt.wire import codec
from trisalt.wire.crypticle import Crypticle, WrongKey, generate_key_string
from trisalt.wire.session import open_publication, seal_publication

AES, OTHER = (Crypticle(generate_key_string()) for _ in range(2))
JOB = {
    "fun": "test.ping",
    "arg": [],
    "tgt": "*",
    "jid": "20261122124714045046",
    "ret": "",
    "tgt_type": "glob",
    "user": "root",
}
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


def test_a_recorded_publication_is_understood(vectors, master_key):
    job = open_publication(
        bytes.fromhex(vectors["publication"]["frames"][-1]),
        crypticle=Crypticle(vectors["aes_key"]),
        master_pub=master_key.public,
    )
    assert (job["fun"], job["tgt"], job["serial"]) == ("test.ping", "vec1", 1)


def test_our_publication_holds_what_stocks_does(vectors, master_key):
    recorded = codec.unpack(bytes.fromhex(vectors["publication"]["frames"][-1]))
    aes = Crypticle(vectors["aes_key"])
    job = aes.loads(recorded["load"])
    payload = codec.unpack(seal_publication(job, crypticle=aes, serial=1, key=master_key, algo=recorded["sig_algo"]))
    assert list(payload) == list(recorded)
    assert aes.open(payload["load"]) == aes.open(recorded["load"])


def publish(job=JOB, *, crypticle=AES, serial=1, key=None, algo="PKCS1v15-SHA1") -> bytes:
    return seal_publication(job, crypticle=crypticle, serial=serial, key=key, algo=algo)


@pytest.mark.parametrize("algo", ["PKCS1v15-SHA1", "PKCS1v15-SHA224"])
def test_a_publication_comes_back(master_key, algo):
    payload = publish(key=master_key, algo=algo)
    assert open_publication(payload, crypticle=AES, master_pub=master_key.public) == {**JOB, "serial": 1}


def test_serials_rise_under_one_key(master_key):
    payload = publish(key=master_key, serial=5)
    assert open_publication(payload, crypticle=AES, master_pub=master_key.public, last_serial=4)["serial"] == 5
    for last in (5, 6):
        with pytest.raises(RemoteProtocolError, match="serial 5 is not above"):
            open_publication(payload, crypticle=AES, master_pub=master_key.public, last_serial=last)


def test_a_publication_may_do_without_a_serial(master_key):
    payload = publish({**JOB, "serial": 9}, key=master_key, serial=None)
    assert "serial" not in open_publication(payload, crypticle=AES, master_pub=master_key.public, last_serial=9)


@pytest.mark.parametrize("serial", ["9", None, 1.5, True, [], -1, 0])
def test_a_serial_is_a_number_above_0(master_key, serial):
    ciphertext = AES.dumps({**JOB, "serial": serial})
    payload = codec.pack(
        {
            "enc": "aes",
            "load": ciphertext,
            "sig_algo": "PKCS1v15-SHA1",
            "sig": master_key.sign(ciphertext, "PKCS1v15-SHA1"),
        }
    )
    with pytest.raises(RemoteProtocolError, match="serial"):
        open_publication(payload, crypticle=AES, master_pub=master_key.public)


def test_another_shared_key_is_told_apart_so_that_both_can_be_tried(master_key):
    payload = publish(key=master_key, crypticle=OTHER)
    with pytest.raises(WrongKey):
        open_publication(payload, crypticle=AES, master_pub=master_key.public)
    assert open_publication(payload, crypticle=OTHER, master_pub=master_key.public)


def test_a_forged_signature_is_no_reason_to_sign_in_again(master_key, other_key):
    for crypticle in (AES, OTHER):
        with pytest.raises(RemoteProtocolError, match="signature") as raised:
            open_publication(publish(key=other_key, crypticle=crypticle), crypticle=AES, master_pub=master_key.public)
        assert not isinstance(raised.value, WrongKey)
    with pytest.raises(RemoteProtocolError, match="signature"):
        open_publication(publish(key=other_key), crypticle=AES, master_pub=master_key.public, require_signature=False)


def test_unsigned_publications_are_refused_unless_allowed(master_key):
    with pytest.raises(RemoteProtocolError, match="not signed"):
        open_publication(publish(), crypticle=AES, master_pub=master_key.public)
    assert open_publication(publish(), crypticle=AES, master_pub=master_key.public, require_signature=False)


@pytest.mark.parametrize(
    "change",
    [
        {"fun": None},
        {"fun": ["test.ping", 5]},
        {"jid": ""},
        {"jid": "../x"},
        {"jid": 5},
        {"arg": "x"},
        {"arg": None},
        {"tgt": None},
    ],
)
def test_what_is_no_job_is_dropped(master_key, change):
    with pytest.raises(RemoteProtocolError, match="no job"):
        open_publication(publish({**JOB, **change}, key=master_key), crypticle=AES, master_pub=master_key.public)


@pytest.mark.parametrize(
    "change", [{"fun": ["test.ping", "test.echo"], "arg": [[], ["x"]]}, {"tgt": ["a"]}, {"jid": "mine"}]
)
def test_jobs_of_several_functions_and_jids_of_ones_own_are_jobs(master_key, change):
    payload = publish({**JOB, **change}, key=master_key)
    assert open_publication(payload, crypticle=AES, master_pub=master_key.public)


@given(st.binary(max_size=100), anything)
def test_garbage_for_a_publication_raises_nothing_but_a_remote_error(master_key, data, value):
    public = master_key.public
    for payload in (
        data,
        codec.pack(value),
        codec.pack({"enc": "aes", "load": value, "sig": value, "sig_algo": value}),
        codec.pack({"enc": "aes", "load": AES.dumps(value)}),
    ):
        with pytest.raises(RemoteProtocolError):
            open_publication(payload, crypticle=AES, master_pub=public, require_signature=False)
