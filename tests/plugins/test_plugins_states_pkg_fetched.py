"""`pkg.downloaded`, `pkg.patch_installed` and `pkg.patch_downloaded`: real apt, and real dnf and zypper, which fetch from
a repository served here."""

import functools
import http.server
import os
import shutil
import threading

import pytest

from tests.support.debian import need
from tests.support.debrepo import Debian
from tests.support.rpmrepo import Rpms, advisory
from trisalt.loader.dunders import Plugins


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    if os.geteuid() != 0:
        pytest.skip("needs root, as rpm does for a root of its own")
    need("dnf", "zypper", "rpm", "createrepo-c")
    rpms = Rpms(tmp_path_factory.mktemp("rpms"))
    for version in ("1.0", "2.0"):
        rpms.package("one", version)
    handler = functools.partial(_Quiet, directory=str(rpms.repo))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        rpms.publish(advisories=advisory("TS-2026-1", "one", "2.0"), url=url)
        yield rpms
        server.shutdown()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture(params=["RedHat", "Suse"])
def salt(made, request, monkeypatch):
    """The states and the execution modules of a family, in a root with nothing installed and nothing fetched."""
    made.reset()
    for fetched in made.root.glob("var/cache/dnf/*/packages"):
        shutil.rmtree(fetched)
    shutil.rmtree(made.root / "var/cache/zypp/packages", ignore_errors=True)
    monkeypatch.setenv("PATH", f"{made.bin}:/usr/sbin:/usr/bin:/sbin:/bin")
    grains = {"os_family": request.param, "os": request.param, "osarch": "x86_64", "kernel": "Linux"}
    opts = {"id": "m1", "zypper.lock_timeout": 0, "test": False, "cachedir": str(made.folder)}
    plugins = Plugins(opts, grains=grains)
    if request.param == "Suse":  # where zypper keeps what it fetches is not asked of it
        here = f"{made.root}/var/cache/zypp/packages"
        monkeypatch.setitem(plugins.loader("modules")["pkg.list_downloaded"].__globals__, "_FETCHED", here)
    return plugins


def files(salt):
    found = salt.loader("modules")["pkg.list_downloaded"]()
    return {
        (name, version): os.path.basename(row["path"]) for name, rows in found.items() for version, row in rows.items()
    }


def preview(salt, fun, *args, **kwargs):
    """What a state with test=True says, and that it fetched and installed nothing."""
    before = files(salt), salt.loader("modules")["pkg.list_pkgs"]()
    salt.opts["test"] = True
    try:
        ret = salt.loader("states")[fun](*args, **kwargs)
    finally:
        salt.opts["test"] = False
    assert (files(salt), salt.loader("modules")["pkg.list_pkgs"]()) == before
    assert ret["changes"] == {}
    return ret["result"], ret["comment"]


def test_what_was_fetched_is_told_and_nothing_is_installed(salt):
    would = (None, "The following packages would be downloaded: one")
    assert preview(salt, "pkg.downloaded", "one", version="1.0-1") == would
    first = salt.loader("states")["pkg.downloaded"]("one", version="1.0-1")
    assert (first["result"], first["comment"]) == (True, "")
    assert first["changes"]["one"]["old"] == ""
    assert os.path.isfile(first["changes"]["one"]["new"]["1.0-1"]["path"])
    assert files(salt)["one", "1.0-1"] == "one-1.0-1.noarch.rpm"
    assert salt.loader("modules")["pkg.list_pkgs"]() == {}
    again = salt.loader("states")["pkg.downloaded"]("one", version="1.0-1")
    assert (again["result"], again["changes"]) == (True, {})


def test_an_advisory_is_fetched_then_installed(salt):
    modules, states = salt.loader("modules"), salt.loader("states")
    modules["pkg.install"]("one", version="1.0-1")
    would = (None, "The following advisory patches would be downloaded: TS-2026-1")
    assert preview(salt, "pkg.patch_downloaded", "TS-2026-1") == would
    fetched = states["pkg.patch_downloaded"]("TS-2026-1")
    assert fetched["result"] is True
    assert ("one", "2.0-1") in files(salt)
    assert modules["pkg.list_patches"]()["TS-2026-1"]["installed"] is False
    assert preview(salt, "pkg.patch_installed", "TS-2026-1") == would
    done = states["pkg.patch_installed"]("TS-2026-1")
    assert (done["result"], done["changes"]) == (True, {"one": {"old": "1.0-1", "new": "2.0-1"}})
    assert set(modules["pkg.list_installed_patches"]()) == {"TS-2026-1"}
    again = states["pkg.patch_installed"]("TS-2026-1")
    assert (again["result"], again["comment"], again["changes"]) == (
        True, "Advisory patch TS-2026-1 is already installed", {},
    )  # fmt: skip


@pytest.fixture
def debian(tmp_path, monkeypatch):
    debian = Debian(tmp_path)
    for version in ("1.0", "1.1"):
        debian.package("one", version)
    debian.publish()
    # What is fetched by `file:` stays where it is.
    debian.sources(f"deb [trusted=yes] copy:{debian.repo} ./")
    for name, value in debian.environment.items():
        monkeypatch.setenv(name, value)
    return debian


def test_apt_fetches_the_version_that_is_asked_for(debian, tmp_path):
    grains = {"os_family": "Debian", "os": "Debian", "osarch": "amd64", "kernel": "Linux"}
    salt = Plugins({"id": "m1", "cachedir": str(tmp_path), "test": False}, grains=grains)
    would = (None, "The following packages would be downloaded: one")
    assert preview(salt, "pkg.downloaded", "one", version=">1.0") == would
    downloaded = salt.loader("states")["pkg.downloaded"]
    assert downloaded("one", version=">1.0", refresh=True)["comment"] == "Packages downloaded: one"
    assert files(salt) == {("one", "1.1"): "one_1.1_all.deb"}
    assert salt.loader("modules")["pkg.list_pkgs"]() == {}
    assert downloaded("one", version=">1.0")["comment"].endswith("(matching specified versions) are already downloaded")
    assert downloaded("nosuch")["result"] is False


def test_apt_knows_no_patches(debian, tmp_path):
    states = Plugins({"id": "m1", "cachedir": str(tmp_path)}, grains={"os_family": "Debian"}).loader("states")
    for function in ("patch_installed", "patch_downloaded"):
        ret = states[f"pkg.{function}"]("DSA-1")
        said = f"The pkg.{function} state is not available on this platform"
        assert (ret["result"], ret["comment"]) == (False, said)
