"""GnuPG by its own program: whose keychain, what is said on the way in and out, and what its listings mean.

Data goes in and out by pipes, so that files are opened with the minion's rights and the keychain with its user's;
passphrases go in by a pipe, too. Used by the modules `gpg`, which import it.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Iterable, Sequence
from typing import Any

import attrs

from trisalt.errors import CommandError, CommandNotFound

OWNER_TRUST = {"expired": 1, "unknown": 2, "not_trusted": 3, "marginally": 4, "fully": 5, "ultimately": 6}
# How stock Salt 3008.3 tells of a level, and of a letter in a listing.
TRUST_WORDS = {
    "expired": "Expired", "unknown": "Unknown", "not_trusted": "Not Trusted", "marginally": "Marginally",
    "fully": "Fully Trusted", "ultimately": "Ultimately Trusted",
}  # fmt: skip
_LETTERS = {
    "e": "Expired", "q": "Unknown", "n": "Not Trusted", "f": "Fully Trusted", "m": "Marginally Trusted",
    "u": "Ultimately Trusted", "r": "Revoked", "-": "Unknown",
}  # fmt: skip
_STATUS = "[GNUPG:] "
_ARMOR = b"-----BEGIN PGP"


@attrs.frozen(kw_only=True)
class Keychain:
    """Which keys: a home of GnuPG's, a keyring of its own in place of the home's, and whose processes open them."""

    home: str
    keyring: str | None = None
    owner: pwd.struct_passwd | None = None


@attrs.frozen(kw_only=True)
class Done:
    """What gpg answered. `status` are its lines for programs, each as a word and the rest."""

    stdout: bytes
    stderr: str
    retcode: int
    status: list[tuple[str, str]]

    def said(self, *words: str) -> list[str]:
        """What is said of these words."""
        return [rest for word, rest in self.status if word in words]


def keychain(user: Any, gnupghome: str | None, keyring: str | None, config_dir: str) -> Keychain:
    """The keychain of a user, by default of who runs this; `salt` is the one that pillars are decrypted with."""
    if user == "salt":
        return Keychain(home=gnupghome or os.path.join(config_dir, "gpgkeys"), keyring=keyring)
    try:
        entry = pwd.getpwnam(str(user)) if user else pwd.getpwuid(os.geteuid())
    except KeyError:
        raise CommandError(f"User {user!r} is not available") from None
    other = entry if entry.pw_uid != os.geteuid() else None
    return Keychain(home=gnupghome or os.path.join(entry.pw_dir, ".gnupg"), keyring=keyring, owner=other)


def run(
    chain: Keychain,
    words: Sequence[str],
    data: bytes = b"",
    *,
    passphrase: str | None = None,
    beside: bytes | None = None,
) -> Done:
    """Have gpg work on a keychain, which is made where there is none. `data` is its input; `{beside}` among the words
    stands for a file with that content."""
    if shutil.which("gpg") is None:
        raise CommandNotFound("'gpg' is needed. It is part of the package gnupg")
    _make(chain)
    argv = [
        "gpg",
        "--homedir",
        chain.home,
        "--batch",
        "--yes",
        "--no-tty",
        "--status-fd",
        "2",
        "--display-charset",
        "utf-8",
    ]
    if chain.keyring:
        argv += ["--no-default-keyring", "--keyring", os.path.abspath(chain.keyring)]
    feeds: list[tuple[int, bytes]] = []
    ends: list[int] = []
    for content, option in ((passphrase.encode() if passphrase is not None else None, "passphrase"), (beside, "")):
        if content is None:
            continue
        reads, writes = os.pipe()
        ends.append(reads)
        feeds.append((writes, content))
        if option:
            argv += ["--pinentry-mode", "loopback", "--passphrase-fd", str(reads)]
        else:
            argv.append("--enable-special-filenames")
            words = [word.replace("{beside}", f"-&{reads}") for word in words]
    whose: dict[str, Any] = {}
    if chain.owner:
        groups = os.getgrouplist(chain.owner.pw_name, chain.owner.pw_gid)
        whose = {"user": chain.owner.pw_uid, "group": chain.owner.pw_gid, "extra_groups": groups}
    try:
        process = subprocess.Popen(
            [*argv, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, pass_fds=ends,
            cwd="/", env={**os.environ, "LC_ALL": "C.UTF-8", "LANGUAGE": "C", "GNUPGHOME": chain.home}, **whose,
        )  # fmt: skip
    finally:
        for end in ends:
            os.close(end)
    threads = [threading.Thread(target=_feed, args=feed, daemon=True) for feed in feeds]
    for thread in threads:
        thread.start()
    stdout, stderr = process.communicate(data)
    for thread in threads:
        thread.join()
    lines = stderr.decode("utf-8", "replace").splitlines()
    status = [line.removeprefix(_STATUS).partition(" ") for line in lines if line.startswith(_STATUS)]
    return Done(
        stdout=stdout,
        stderr="\n".join(line for line in lines if not line.startswith(_STATUS)),
        retcode=process.returncode,
        status=[(word, rest) for word, _, rest in status],
    )


def listed(text: str) -> list[dict[str, Any]]:
    """The keys of a listing with colons, as stock tells of them."""
    keys: list[dict[str, Any]] = []
    current: dict[str, Any] = {}
    for line in text.splitlines():
        field = line.split(":") + [""] * 12
        match field[0]:
            case "pub" | "sec":
                current = {"keyid": field[4], "uids": [], "fingerprint": "", **_dates(field), "keyLength": field[2]}
                current |= {"ownerTrust": _trust(field[8]), "trust": _trust(field[1])}
                keys.append(current)
            case "sub" | "ssb" if keys:
                current = {"keyid": field[4], "fingerprint": "", **_dates(field), "keyLength": field[2]}
                current["trust"] = _trust(field[1])
                keys[-1].setdefault("subkeys", []).append(current)
            case "fpr" if current and not current["fingerprint"]:
                current["fingerprint"] = field[9]
            case "uid" if keys:
                keys[-1]["uids"].append(_plain(field[9]))
    return keys


def found(text: str) -> list[dict[str, Any]]:
    """The keys that a key server has told of."""
    keys: list[dict[str, Any]] = []
    for line in text.splitlines():
        field = line.split(":") + [""] * 6
        if field[0] == "pub":
            key: dict[str, Any] = {"keyid": field[1], "uids": []}
            if field[5]:
                key |= {"expires": _day(field[5]), "expired": int(field[5]) < time.time()}
            keys.append({**key, "created": _day(field[4]), "keyLength": field[3]})
        elif field[0] == "uid" and keys:
            keys[-1]["uids"].append(field[1])
    return keys


def matching(keys: Iterable[dict[str, Any]], ident: str) -> list[dict[str, Any]]:
    """Those keys that a fingerprint, a key id, its last eight digits or a part of a user id names."""
    text = str(ident).strip().removeprefix("0x")
    digits = text.replace(" ", "").upper()
    if re.fullmatch(r"[0-9A-F]{8,40}", digits):
        return [key for key in keys if key["fingerprint"].endswith(digits)]
    return [key for key in keys if text and any(text in uid for uid in key["uids"])]


def blocks(chain: Keychain, data: bytes) -> list[bytes]:
    """The keys in a file, each as bytes of its own."""
    if _ARMOR in data:
        data = run(chain, ["--dearmor"], data).stdout
    parts: list[bytes] = []
    at = 0
    while at < len(data):
        tag, end = _packet(data, at)
        # A public or a secret key begins another.
        if tag in (5, 6) or not parts:
            parts.append(b"")
        parts[-1] += data[at:end]
        at = end
    return parts


# -- inside ------------------------------------------------------------------------------------------------------------


def _make(chain: Keychain) -> None:
    if os.path.isdir(chain.home):
        return
    try:
        os.makedirs(chain.home, mode=0o700)
        if chain.owner:
            os.chown(chain.home, chain.owner.pw_uid, chain.owner.pw_gid)
    except OSError as exc:
        raise CommandError(f"Unable to make {chain.home}: {exc.strerror}") from exc


def _feed(end: int, content: bytes) -> None:
    try:
        with os.fdopen(end, "wb") as pipe:
            pipe.write(content)
    except BrokenPipeError:
        # gpg did not want all of it, and has said why.
        pass


def _packet(data: bytes, at: int) -> tuple[int, int]:
    """The tag of a packet of RFC 4880, and where it ends. What is cut off ends with the data."""
    head, rest = data[at], data[at + 1 : at + 6]
    if head & 0x40:
        first = rest[0] if rest else 0
        if first < 192:
            size, length = 1, first
        elif first < 224:
            size, length = 2, ((first - 192) << 8) + (rest[1] if len(rest) > 1 else 0) + 192
        else:
            size, length = 5, int.from_bytes(rest[1:5], "big")
        return head & 0x3F, min(at + 1 + size + length, len(data))
    kind = head & 3
    if kind == 3:
        return (head >> 2) & 0xF, len(data)
    size = 1 << kind
    return (head >> 2) & 0xF, min(at + 1 + size + int.from_bytes(rest[:size], "big"), len(data))


def _dates(field: list[str]) -> dict[str, Any]:
    expires = {"expires": _day(field[6]), "expired": field[1] == "e"} if field[6] else {}
    return {**expires, "created": _day(field[5])}


def _day(seconds: str) -> str:
    return time.strftime("%Y-%m-%d", time.localtime(int(seconds))) if seconds.isdigit() else seconds


def _trust(letter: str) -> str:
    return _LETTERS.get(letter, "Unknown")


def _plain(text: str) -> str:
    """A user id as it is: a colon and the like are written as `\\x3a`."""
    return re.sub(r"\\x([0-9a-fA-F]{2})", lambda found: chr(int(found[1], 16)), text)
