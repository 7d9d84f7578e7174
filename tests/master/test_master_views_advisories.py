"""Advisories: a file that is read or told to be none, versions in their order, and which minions it is about."""

import itertools
import shutil
import subprocess

import pytest

from tests.support.views import open_house, user
from trisalt.master.mine import ACL_MARK
from trisalt.master.views.advisories import BadAdvisory, compare, conditions, holds, read_file

IN_ORDER = ["1.0~rc1", "1.0", "1.0-1~bpo1", "1.0-1", "1.0-1+b1", "1.0a", "1.0+dfsg", "1.0.1", "1.2-3", "1.10", "1:0.1"]


def test_versions_are_in_debians_order():
    for (i, one), (j, other) in itertools.product(enumerate(IN_ORDER), repeat=2):
        assert compare(one, other) == (i > j) - (i < j), (one, other)
    dpkg = shutil.which("dpkg")
    for one, other in itertools.pairwise(IN_ORDER) if dpkg else ():
        assert subprocess.run([dpkg, "--compare-versions", one, "lt", other]).returncode == 0, (one, other)


@pytest.mark.parametrize(
    ("wanted", "version", "is_one"),
    [
        ("< 3.0.17-1", "3.0.16-1", True),
        ("<3.0.17-1", "3.0.17-1", False),
        (">= 2, < 3", "2.5", True),
        (">= 2, < 3", "3", False),
        ("3008.3", "3008.3", True),
        ("!= 3008.3", "3007.1", True),
        ("<= 1", "", False),
        ("*", "7", True),
    ],
)
def test_a_version_is_one_of_those_that_are_wanted_or_not(wanted, version, is_one):
    assert holds(conditions(wanted), version) is is_one


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "no YAML"),
        ("text", "a list"),
        ("- 7", "advisory 1: a map with an id"),
        ("- {id: a, text: b}", "says of nothing"),
        ("- {id: a, text: b, versoin: '1'}", "versoin means nothing"),
        ("- {id: a, text: b, version: '1', severity: odd}", "severity is one of"),
        ("- {id: a, text: b, version: '1', reference: 'javascript:alert(1)'}", "an address of http"),
        ("- {id: a, text: b, packages: {x: 'older than 3'}}", "no condition on a version"),
        ("- {id: a, text: b, packages: [x]}", "are maps"),
        ("- !!python/object/apply:os.system ['true']", "no YAML"),
    ],
)
def test_a_file_that_is_none_is_told_by_what_is_wrong(tmp_path, text, said):
    path = tmp_path / "advisories.yaml"
    path.write_text(text)
    with pytest.raises(BadAdvisory, match=said):
        read_file(str(path))


ADVISORIES = """
advisories:
  - {id: A1, text: old OpenSSL, severity: error, reference: 'https://example.org/A1', packages: {openssl: '< 3.0.17-1'}}
  - {id: A2, text: old Salt, version: '< 3008', grains: {os: Rocky}}
  - {id: A3, text: for nobody, grains: {os: Plan9}}
"""


async def test_an_advisory_is_an_issue_of_the_minions_that_it_is_about(tmp_path):
    path = tmp_path / "advisories.yaml"
    path.write_text(ADVISORIES)
    async with open_house(tmp_path, console_advisories=str(path)) as house:
        mine = house.desk.store.banks.store
        await mine("mine", "web1", {"pkg.list_pkgs": {"openssl": "3.0.16-1"}})
        await mine("mine", "db1", {"pkg.list_pkgs": {ACL_MARK: 1, "__data__": {"openssl": "3.0.16-1,3.0.17-1"}}})
        await mine("mine", "web2", {"pkg.list_pkgs": {"openssl": "3.0.17-1"}})
        found = {item["text"]: item for item in (await house.ask("issues"))["items"] if item["kind"] == "advisory"}
        assert set(found) == {"A1: old OpenSSL: db1, web1", "A2: old Salt: web2"}
        assert found["A1: old OpenSSL: db1, web1"]["reference"] == "https://example.org/A1"
        assert (found["A2: old Salt: web2"]["severity"], found["A2: old Salt: web2"]["link"]) == (
            "warning",
            "/app/minions/web2",
        )
        # Whoever might not ask for grains is not told what is installed.
        assert not [item for item in (await house.ask("issues", user("web")))["items"] if item["kind"] == "advisory"]
        assert [item for item in (await house.ask("issues", user("grains")))["items"] if item["kind"] == "advisory"]
        path.write_text("{")
        kinds = {item["kind"]: item for item in (await house.ask("issues"))["items"]}
        assert "no YAML" in kinds["advisories"]["text"]
        assert "advisories" not in {item["kind"] for item in (await house.ask("issues", user("all")))["items"]}
