"""What tests of `salt-key` share: a master's folders with keys in every state, and the command in this process."""

import io
import sys

import pytest

from tests.cli.key.masters import KEYS, Master
from trisalt.cli.salt_key import main
from trisalt.wire.keys import PrivateKey


@pytest.fixture(scope="session")
def pems():
    return {id: PrivateKey.generate(1024).public.pem for id in KEYS}


@pytest.fixture
def master(tmp_path, pems):
    master = Master(tmp_path)
    for id, state in KEYS.items():
        master.keyring.store(id, pems[id], state)
    return master


@pytest.fixture
def run(master, monkeypatch, capsys):
    """Run the command; exit status, stdout, stderr. `answer` is what stdin says; nothing, when it is at its end."""
    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.delenv("SALT_SALTFILE", raising=False)

    def run(*words, answer=""):
        monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
        try:
            status = main(["-c", str(master.etc), *words])
        except SystemExit as exc:
            status = exc.code
        return (status, *capsys.readouterr())

    return run
