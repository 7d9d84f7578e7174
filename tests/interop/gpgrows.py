"""Calls of `gpg` and its states beside stock's, with keys that are made for them. `ONE`, `TWO` … stand for their marks."""

import itertools
import os
import subprocess
from contextlib import contextmanager

from tests.interop.beside import Call, returns
from tests.interop.states import Row, done, refused

HOMES = ("home", "new", "ring")
HOME = {"gnupghome": "W/home"}
PREVIEW = "a preview looks where the key is to come from"
AGAIN = "a second run changes nothing"
TRUST = {"fingerprint": "ONE", **HOME}
SIGNED = {"filename": "W/msg", **HOME}


def said(answer):
    """A text that stock gives as bytes."""
    value = answer["return"]
    inner = value["comment"] if isinstance(value, dict) else value
    plain = str(inner).removeprefix("b'").removesuffix("'").replace("\\n", "\n")
    return plain.strip() if plain.count("\n") < 2 else plain.splitlines()[0]


def without_subkeys(answer):
    """Of subkeys that are only read stock leaves their marks out."""
    return [{name: value for name, value in key.items() if name != "subkeys"} for key in answer["return"]]


CALLS = [
    Call("gpg.list_keys", **HOME),
    Call("gpg.import_key", filename="W/one.asc", **HOME),
    Call("gpg.import_key", filename="W/one.asc", **HOME),
    Call("gpg.import_key", text="junk", **HOME),
    Call("gpg.import_key", filename="W/nope", **HOME),
    Call("gpg.import_key", **HOME),
    Call("gpg.get_key", keyid="ONE16", **HOME),
    Call("gpg.get_key", fingerprint="ONE", **HOME),
    Call("gpg.get_key", keyid="AAAA", **HOME),
    Call("gpg.read_key", path="W/both.asc", keyid="ONE16", **HOME, only=without_subkeys),
    Call("gpg.trust_key", trust_level="not_trusted", **TRUST),
    Call("gpg.list_keys", **HOME),
    Call("gpg.trust_key", trust_level="nope", **TRUST),
    Call("gpg.trust_key", trust_level="fully", **HOME),
    Call("gpg.verify", signature="W/one.sig", **SIGNED),
    Call("gpg.verify", signature="W/one.sig", trustmodel="nope", **SIGNED),
    Call("gpg.verify", filename="W/one.asc", signature="W/one.sig", **HOME),
    Call("gpg.verify", filename="W/nope", signature="W/one.sig", **HOME),
    Call("gpg.verify", filename="W/clear", **HOME),
    Call("gpg.verify", signature="W/both.sig", signed_by_any=["TWO", "ONE"], **SIGNED),
    Call("gpg.verify", signature="W/both.sig", signed_by_all=["TWO"], **SIGNED,
         only=lambda answer: (answer["return"]["res"], answer["return"]["message"])),
    Call("gpg.verify", **HOME),
    Call("gpg.import_key", filename="W/both.asc", select="TWO", **HOME),
    Call("gpg.import_key", filename="W/both.asc", select="nosuch", **HOME),
    Call("gpg.import_key", filename="W/two.sec", **HOME, why="a secret key that was not there is new",
         ours=returns({"res": True, "message": "Successfully imported key(s).", "fingerprints": ["TWO", "TWO"]})),
    Call("gpg.list_secret_keys", **HOME),
    Call("gpg.read_key", path="W/msg", text="x", **HOME),
    Call("gpg.export_key", keyids="ONE", bare=True, **HOME, only=said),
    Call("gpg.export_key", keyids=["AAAA"], **HOME),
    Call("gpg.export_key", keyids="TWO", output="W/two.out", **HOME),
    Call("gpg.sign", keyid="TWO", use_passphrase=True, **SIGNED),
    Call("gpg.sign", keyid="TWO", **SIGNED, only=said),
    Call("gpg.encrypt", text="hi", recipients="nobody@example.com", **HOME),
    Call("gpg.encrypt", recipients=["TWO"], sign=True, output="W/out.gpg", always_trust=True, **SIGNED),
    Call("gpg.decrypt", filename="W/out.gpg", **HOME, only=said),
    Call("gpg.decrypt", filename="W/out.gpg", output="W/out.txt", **HOME),
    Call("gpg.decrypt", text="nope", **HOME),
    Call("gpg.delete_key", keyid="TWO16", use_passphrase=False, **HOME),
    Call("gpg.delete_key", keyid="TWO16", delete_secret=True, use_passphrase=False, **HOME),
    Call("gpg.delete_key", keyid="TWO16", fingerprint="TWO", **HOME),
    Call("gpg.delete_key", fingerprint="TWO", **HOME),
    Call("gpg.create_key", key_type="NOPE", **HOME),
    Call("gpg.create_key", use_passphrase=True, **HOME),
    Call("gpg.list_keys", user="nosuchuser"),
    Call("gpg.import_key", filename="W/old.asc", gnupghome="W/new"),
    Call("gpg.import_key", filename="W/sub.asc", gnupghome="W/new"),
]  # fmt: skip

MISSING = "none of the specified sources were found or contained the (unexpired) key AAAAAAAAAAAAAAAA."
KEPT = (
    "Key ONE16:\n  * GPG Public Key ONE16 already in keychain\n  * GPG Public Key ONE16 already in correct trust state"
)
NOTHING = (
    "Key SUB16:\n  * Attempted to update SUB16 because it has expired subkeys, but no new signatures or keys were found"
)
RING = {"gnupghome": "W/ring", "keyring": "W/ring.kbx"}
NEW = {"gnupghome": "W/new", "skip_keyserver": True}
ROWS = [
    Row("gpg.present", "x", keys=["ONE16"], source=["W/nope", "W/one.asc"], trust="marginally", **NEW,
        again=done(KEPT), why=AGAIN),
    Row("gpg.present", "AAAAAAAAAAAAAAAA", source="W/one.asc", **NEW,
        preview=refused(f"Key AAAAAAAAAAAAAAAA:\n  * {MISSING}"), why=PREVIEW),
    Row("gpg.present", "OLD16", source="W/renewed.asc", **NEW),
    Row("gpg.present", "SUB16", source="W/sub.asc", subkey_maxage=36500, **NEW, preview=done(NOTHING), why=PREVIEW),
    Row("gpg.present", "SUB16", source="W/sub2.asc", subkey_maxage=36500, **NEW),
    Row("gpg.present", "ONE16", trust="nope", gnupghome="W/new"),
    Row("gpg.present", "ONE16", **NEW),
    Row("gpg.absent", "x", keys=["ONE16", "AAAAAAAAAAAAAAAA"], gnupghome="W/new"),
    Row("gpg.present", "ONE16", source="W/one.asc", skip_keyserver=True, **RING),
    Row("gpg.absent", "ONE16", keyring_absent_if_empty=True, **RING,
        again=done("ONE16 not found in GPG keychain"), why=AGAIN),
]  # fmt: skip


@contextmanager
def keys(folder):
    """Keys, and what they have signed, in a folder: its files are copied for each side. Gives what stands for what."""
    folder.mkdir(mode=0o700)
    home = folder / "home"
    home.mkdir(mode=0o700)
    seconds = itertools.count()

    def gpg(*words):
        argv = ["gpg", "--homedir", home, "--batch", "--yes", "--pinentry-mode", "loopback", "--passphrase", ""]
        # Each later than the one before: nothing is younger than its key.
        argv += ["--faked-system-time", f"20200101T0000{next(seconds):02}!", "--armor"]
        done = subprocess.run([*argv, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def marks(name):
        lines = gpg("--with-colons", "--list-keys", name).splitlines()
        return [line.split(":")[9] for line in lines if line.startswith("fpr")]

    try:
        places = {}
        for name, usage, expires in (
            ("one", "default", "never"), ("two", "default", "never"), ("old", "sign", "2020-02-01"),
            ("sub", "sign", "never"),
        ):  # fmt: skip
            algorithm = "future-default" if usage == "default" else "ed25519"
            gpg("--quick-gen-key", f"{name} <{name}@example.com>", algorithm, usage, expires)
            mark = marks(name)[0]
            places |= {name.upper(): mark, f"{name.upper()}16": mark[-16:]}
        gpg("--quick-add-key", places["SUB"], "cv25519", "encr", "2020-02-01")
        for name in ("one", "two", "sub"):
            mark = marks(name)[1]
            places |= {f"{name.upper()}SUB": mark, f"{name.upper()}SUB16": mark[-16:]}
        for name in ("one", "two", "old", "sub"):
            (folder / f"{name}.asc").write_text(gpg("--export", name))
        (folder / "both.asc").write_text(gpg("--export", "one", "two"))
        (folder / "two.sec").write_text(gpg("--export-secret-keys", "two"))
        (folder / "msg").write_text("hello\n")
        gpg("--local-user", "one", "--output", folder / "one.sig", "--detach-sign", folder / "msg")
        gpg(
            "--local-user",
            "one",
            "--local-user",
            "two",
            "--output",
            folder / "both.sig",
            "--detach-sign",
            folder / "msg",
        )
        gpg("--local-user", "one", "--output", folder / "clear", "--clearsign", folder / "msg")
        gpg("--quick-set-expire", places["OLD"], "never")
        (folder / "renewed.asc").write_text(gpg("--export", "old"))
        gpg("--quick-set-expire", places["SUB"], "never", marks("sub")[1])
        (folder / "sub2.asc").write_text(gpg("--export", "sub"))
        yield places
    finally:
        end(home)


def end(home):
    """Have the processes of a home of GnuPG's end."""
    if os.path.isdir(home):
        subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False, capture_output=True)
