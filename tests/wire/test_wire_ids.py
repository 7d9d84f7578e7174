from __future__ import annotations

import os.path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trisalt.wire.ids import valid_minion_id


@pytest.mark.parametrize("id", ["web1", "web-1.example.org", "a b", "ünïcode", "Z@foo", "x" * 255, "a,b", "-x"])
def test_ids_that_may_be(id):
    assert valid_minion_id(id)


@pytest.mark.parametrize(
    "id",
    [
        "",
        ".",
        "..",
        "../x",
        "a/b",
        "a\\b",
        "a\0b",
        "a\nb",
        ".key_cache",
        "x" * 256,
        "ü" * 128,
        "\udcff",
        None,
        7,
        b"web1",
        ["a"],
    ],
)
def test_ids_that_may_not_be(id):
    assert not valid_minion_id(id)


@given(st.text())
def test_a_valid_id_is_one_file_in_the_directory_it_is_joined_to(id):
    if valid_minion_id(id):
        assert os.path.normpath(os.path.join("/pki/minions", id)) == "/pki/minions/" + id
        assert len(id.encode()) <= 255
