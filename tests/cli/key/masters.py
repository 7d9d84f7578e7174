"""The keys of a master that is down, as tests of `salt-key` find them."""

from trisalt.master.keyring import Keyring, State

A, D, P, R = State.ACCEPTED, State.DENIED, State.PENDING, State.REJECTED
KEYS = {"a1": A, "A2": A, "m1": P, "m10": P, "m2": P, "rej": R, "den": D}


class Master:
    """The folders of a master that is down."""

    def __init__(self, root):
        self.root = root
        self.cache = root / "cache"
        self.pki = root / "pki"
        self.keyring = Keyring(self.pki)
        self.etc = root / "etc"
        self.run = "/run"
        for folder in (self.etc, self.cache):
            folder.mkdir(exist_ok=True)
        self.keyring.prepare()
        self.configure()

    def configure(self, **more):
        options = {
            "root_dir": self.root, "pki_dir": "/pki", "cachedir": "/cache", "sock_dir": self.run,
            "key_logfile": "/log", "log_file": "/log", "id": "here_master", "user": "root", **more,
        }  # fmt: skip
        (self.etc / "master").write_text("".join(f"{key}: {value}\n" for key, value in options.items()))

    def states(self):
        """Id to the states it is in, one after the other."""
        found = {}
        for state in State:
            for id in self.keyring.list(state):
                found.setdefault(id, []).append(state)
        return {id: states[0] if len(states) == 1 else set(states) for id, states in found.items()}

    @property
    def asked_for_rotation(self):
        return (self.cache / ".dfn").exists()
