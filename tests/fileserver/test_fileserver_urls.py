"""`trisalt.fileserver.urls`: salt:// URLs and clean paths."""

from __future__ import annotations

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trisalt.fileserver import urls


@pytest.mark.parametrize(
    ("url", "path", "saltenv"),
    [
        ("salt://a/b", "a/b", None),
        ("salt:///a/b", "a/b", None),
        ("a/b", "a/b", None),
        ("salt://a?saltenv=dev", "a", "dev"),
        ("salt://a?x=1&saltenv=dev", "a", "dev"),
        ("salt://a?env=dev", "a", None),
        ("salt://|a?saltenv=dev", "a?saltenv=dev", None),
        ("|what?.txt", "what?.txt", None),
    ],
)
def test_urls_are_read_as_stock_reads_them(url, path, saltenv):
    assert urls.parse(url) == urls.SaltUrl(path=path, saltenv=saltenv)


def test_another_scheme_is_refused():
    with pytest.raises(ValueError, match="not a salt"):
        urls.parse("https://a/b")


@pytest.mark.parametrize(
    ("path", "saltenv"), [("a/b", None), ("a/b", "dev"), ("a?b", None), ("|a", None), ("a|b", None)]
)
def test_what_is_created_is_read_back(path, saltenv):
    assert urls.parse(urls.create(path, saltenv)) == urls.SaltUrl(path=path, saltenv=saltenv)


@pytest.mark.parametrize("path", ["", ".", "..", "../x", "a/../../x", "/etc/passwd", "a\0b", "a/../.."])
def test_a_path_that_leaves_its_root_is_not_clean(path):
    assert urls.clean(path) is None


@given(st.lists(st.sampled_from(["..", ".", "a", "b", "", "/"]), max_size=8).map("/".join))
def test_a_clean_path_stays_inside(path):
    clean = urls.clean(path)
    if clean is not None:
        assert posixpath.normpath(posixpath.join("/root", clean)).startswith("/root/")
        assert ".." not in clean.split("/")
