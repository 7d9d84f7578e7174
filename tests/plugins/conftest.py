"""What tests of plugins share: a host that answers plugins, and the execution modules that are loaded."""

import pytest

from trisalt.loader.dunders import Plugins
from trisalt.worker import upcall


@pytest.fixture
def host(request):
    """The host of plugins that a test's file describes by its class `Host`, in its place for one test."""
    host = request.module.Host()
    before = upcall.install(host)
    yield host
    upcall.install(before)


@pytest.fixture
def plugins(tmp_path):
    """The plugins of a minion of which nothing is configured but where it may write."""
    return Plugins({"id": "m1", "cachedir": str(tmp_path), "extension_modules": str(tmp_path / "extmods")})


@pytest.fixture
def salt(plugins):
    """The execution modules, as `plugins` loads them."""
    return plugins.loader("modules")
