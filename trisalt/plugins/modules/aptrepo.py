"""apt's sources, and the keys they are signed with."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from typing import Any

from trisalt.errors import CommandError, CommandNotFound, InvocationError

__virtualname__ = "pkg"

_KEYRINGS = "/etc/apt/keyrings"
_WITH_PPAS = ("Ubuntu", "Mint", "neon")


def __virtual__() -> Any:
    if __grains__.get("os_family") == "Debian":
        return __virtualname__
    return False, "The pkg module could not be loaded: unsupported OS family"


def list_repos(**kwargs: Any) -> dict[str, list[dict[str, Any]]]:
    """
    The sources that apt knows, by their address.

    CLI Example:

        salt '*' pkg.list_repos
    """
    found: dict[str, list[dict[str, Any]]] = {}
    for entry in _entries():
        found.setdefault(entry["uri"], []).append(__utils__["aptsources.row"](entry))
    return found


def get_repo(repo: str, **kwargs: Any) -> dict[str, Any]:
    """
    One source, named by its line; empty where there is none.

    CLI Example:

        salt '*' pkg.get_repo 'deb http://deb.example.org/debian bookworm main'
    """
    wanted = __utils__["aptsources.parse"](str(repo))
    for entry in _entries() if wanted else ():
        if __utils__["aptsources.matches"](entry, wanted):
            return __utils__["aptsources.row"](entry)
    return {}


def mod_repo(repo: str, saltenv: str = "base", aptkey: bool = True, **kwargs: Any) -> dict[str, Any]:
    """
    Change a source, or add it: `repo` is its whole line. `file` is where a new one is written (`*.list`, or
    `*.sources` for a stanza); `comps`, `architectures`, `signedby`, `trusted`, `comments`, `disabled` say more than the
    line. `key_url`, `key_text`, or `keyid` and `keyserver` are the key it is signed with, kept where `signedby` says,
    or else, with `aptkey`, among those that apt trusts for every source. The lists are refreshed afterwards, but for
    `refresh=False`. A line `ppa:user/name` is added by add-apt-repository.

    CLI Example:

        salt '*' pkg.mod_repo 'deb http://deb.example.org/debian bookworm main' comps=main,contrib
    """
    if str(repo).startswith("ppa:"):
        return _ppa(str(repo), __utils__["packages.true"](kwargs.get("refresh", True)))
    wanted = __utils__["aptsources.parse"](str(repo))
    if wanted is None:
        raise InvocationError(
            f"Name {repo} is not valid. This must be the complete repo entry as seen in the sources file"
        )
    wanted |= {key: str(kwargs[key]) for key in ("uri", "dist", "type") if kwargs.get(key)}
    comps, options = list(wanted["comps"]), dict(wanted["options"])
    if kwargs.get("comps"):
        comps = __utils__["packages.words"](kwargs["comps"])
    for option, key in (("arch", "architectures"), ("signed-by", "signedby")):
        if kwargs.get(key):
            options[option] = ",".join(__utils__["packages.words"](kwargs[key]))
    if "trusted" in kwargs:
        options["trusted"] = "yes" if __utils__["packages.true"](kwargs["trusted"]) else "no"
    matching = {**wanted, "comps": []}
    known = [entry for entry in _entries() if __utils__["aptsources.matches"](entry, matching)]
    # Of several with the same suite, the one that has a component in common; else the first.
    known.sort(key=lambda entry: not set(entry["comps"]) & set(wanted["comps"]))
    old = known[0] if known else None
    # What the line and the arguments do not say stays, but for architectures: a line without them means all.
    kept = {key: value for key, value in (old["options"] if old else {}).items() if key != "arch"}
    comment = (
        " ".join(__utils__["packages.words"](kwargs["comments"], separator=None)) if kwargs.get("comments") else None
    )
    entry = {
        **wanted,
        "comps": comps or (list(old["comps"]) if old else []),
        "options": kept | options,
        "comment": comment if comment is not None else (old or wanted)["comment"],
        "disabled": _disabled(kwargs, old["disabled"] if old else wanted["disabled"]),
    }  # fmt: skip
    if entry["options"].get("signed-by", "").startswith("-----BEGIN"):
        raise InvocationError("A key inside the source itself cannot be changed here")
    __utils__["aptsources.checked"](entry)
    _keep_keys(entry["options"], aptkey, saltenv, kwargs)
    path = (
        old["file"]
        if old
        else str(kwargs.get("file") or __utils__["apt.directory"]("Dir::Etc::sourcelist/f", "/etc/apt/sources.list"))
    )
    if not os.path.isabs(path):
        raise InvocationError(f"{path} is not an absolute path")
    text = _text(path)
    if old:
        text = __utils__["aptsources.replaced"](path, text, old, entry)
    else:
        text = __utils__["aptsources.added"](path, text, entry)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    __utils__["rewrite.replace"](path, text)
    if __utils__["packages.true"](kwargs.get("refresh", kwargs.get("refresh_db", True))):
        __salt__["pkg.refresh_db"]()
    return {repo: get_repo(__utils__["aptsources.line"]({**entry, "disabled": False, "comment": ""}))}


def del_repo(repo: str, **kwargs: Any) -> str:
    """
    Remove a source, named by its line. A file in which nothing is left is removed too.

    CLI Example:

        salt '*' pkg.del_repo 'deb http://deb.example.org/debian bookworm main'
    """
    wanted = __utils__["aptsources.parse"](str(repo))
    gone: list[str] = []
    while wanted:
        entry = next((one for one in _entries() if __utils__["aptsources.matches"](one, wanted)), None)
        if entry is None:
            break
        path = entry["file"]
        text = __utils__["aptsources.replaced"](path, _text(path), entry, None)
        main = __utils__["apt.directory"]("Dir::Etc::sourcelist/f", "/etc/apt/sources.list")
        if text.strip() or path == main:
            __utils__["rewrite.replace"](path, text)
            gone.append(f"Repo '{repo}' has been removed from {path}.\n")
        else:
            os.unlink(path)
            gone.append(f"File {path} containing repo '{repo}' has been removed.")
    if not gone:
        raise CommandError(f"Repo {repo} doesn't exist in the sources.list(s)")
    if __utils__["packages.true"](kwargs.get("refresh", True)):
        __salt__["pkg.refresh_db"]()
    return "".join(dict.fromkeys(gone))


def get_repo_keys(aptkey: bool = True, keydir: str | None = None) -> dict[str, Any]:
    """
    The keys that apt trusts, by the end of their fingerprint: `{keyid, fingerprint, uid, …, file}`.

    CLI Example:

        salt '*' pkg.get_repo_keys
    """
    folders = [keydir] if keydir else [_KEYRINGS, _trusted(), "/usr/share/keyrings"]
    found: dict[str, Any] = {}
    for folder in folders:
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
            if name.endswith((".gpg", ".asc")):
                found |= _keys(os.path.join(folder, name))
    return found


def add_repo_key(
    path: str | None = None,
    text: str | None = None,
    keyserver: str | None = None,
    keyid: str | None = None,
    saltenv: str = "base",
    aptkey: bool = True,
    keydir: str | None = None,
    keyfile: str | None = None,
) -> bool:
    """
    Keep a key for apt: from a path or URL, from a text, or `keyid` from a `keyserver`. It is a file named `keyfile`
    in `keydir` (/etc/apt/keyrings), for a source to name with `signed-by`. Which folder it is decides whom it vouches
    for: what is in /etc/apt/trusted.gpg.d is trusted for every source.

    CLI Example:

        salt '*' pkg.add_repo_key salt://apt/sources/test.asc keyfile=test.asc
    """
    if path or text:
        data = _key(path, text, saltenv)
        keyfile = keyfile or os.path.basename(path or "")
    elif keyserver and keyid:
        data = _from_keyserver(keyserver, keyid)
        keyfile = keyfile or f"{keyid}.asc"
    else:
        raise InvocationError("add_repo_key() requires a path, a text, or a keyserver and a keyid")
    if not keyfile:
        raise InvocationError("A key needs a keyfile, the name of the file it is kept in")
    if not keyfile.startswith("/"):
        keyfile = os.path.join(keydir or _KEYRINGS, os.path.basename(keyfile))
    _keep_key(data, keyfile)
    return True


def del_repo_key(name: str | None = None, aptkey: bool = True, keydir: str | None = None, **kwargs: Any) -> bool:
    """
    Remove the files of a key: `keyid` is the end of its fingerprint.

    CLI Example:

        salt '*' pkg.del_repo_key keyid=0123ABCD
    """
    keyid = str(kwargs.get("keyid") or name or "").upper()
    if not keyid:
        raise InvocationError("del_repo_key() requires a keyid")
    rows = [row for key, row in get_repo_keys(keydir=keydir).items() if row["fingerprint"].endswith(keyid)]
    for path in {row["file"] for row in rows}:
        os.unlink(path)
    return bool(rows)


def _entries() -> list[dict[str, Any]]:
    """Every source of every file, in the order in which apt reads them."""
    folder = __utils__["apt.directory"]("Dir::Etc::sourceparts/d", "/etc/apt/sources.list.d/").rstrip("/")
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    files = [os.path.join(folder, name) for name in names if name.endswith((".list", ".sources"))]
    found = []
    for path in [__utils__["apt.directory"]("Dir::Etc::sourcelist/f", "/etc/apt/sources.list"), *files]:
        found += __utils__["aptsources.entries"](path, _text(path))
    return found


def _text(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def _disabled(kwargs: Mapping[str, Any], otherwise: bool) -> bool:
    if "disabled" in kwargs:
        return __utils__["packages.true"](kwargs["disabled"])
    return not __utils__["packages.true"](kwargs["enabled"]) if "enabled" in kwargs else otherwise


def _keep_keys(options: Mapping[str, str], aptkey: bool, saltenv: str, given: Mapping[str, Any]) -> None:
    """Keep the keys a source is signed with, where it says, or among those that are trusted for every source."""
    ids, server = __utils__["packages.words"](given.get("keyid") or ()), given.get("keyserver")
    if bool(ids) != bool(server):
        raise InvocationError("both keyserver and keyid options required.")
    ring = options.get("signed-by")
    if not ring and not aptkey and (ids or given.get("key_url") or given.get("key_text")):
        if options.get("trusted") != "yes":
            raise CommandError("missing 'signedby' or 'trusted' option when apt-key is missing")
        return
    for keyid in ids:
        data = _from_keyserver(str(server), keyid)
        _keep_key(data, ring or os.path.join(_trusted(), f"{keyid}.asc"))
    if given.get("key_url") or given.get("key_text"):
        data = _key(given.get("key_url"), given.get("key_text"), saltenv)
        # By its name apt knows that a file is a key, and of which kind.
        kind = "asc" if _is_armored(data) else "gpg"
        _keep_key(data, ring or os.path.join(_trusted(), f"{_fingerprint(data)}.{kind}"))


def _trusted() -> str:
    """Where the keys are that apt trusts for every source."""
    folder: str = __utils__["apt.directory"]("Dir::Etc::trustedparts/d", "/etc/apt/trusted.gpg.d/")
    return folder


def _is_armored(data: bytes) -> bool:
    return data.lstrip().startswith(b"-----BEGIN")


def _key(path: str | None, text: Any, saltenv: str) -> bytes:
    if not path:
        return str(text).encode()
    place = __salt__["cp.cache_file"](path, saltenv) if "://" in path else path
    if not place or not os.path.isfile(place):
        raise CommandError(f"Unable to cache file: {path}")
    with open(place, "rb") as file:
        return file.read()


def _keep_key(data: bytes, keyfile: str) -> None:
    if _is_armored(data) and keyfile.endswith(".gpg"):
        data = _gpg(["--dearmor"], data)
    elif not _is_armored(data) and keyfile.endswith(".asc"):
        data = _gpg(["--enarmor"], data)
    os.makedirs(os.path.dirname(keyfile), exist_ok=True)
    __utils__["rewrite.replace"](keyfile, data.decode("utf-8", "surrogateescape"))


def _fingerprint(data: bytes) -> str:
    """The fingerprint of the first key in a text. Raises CommandError where there is none."""
    listing = _gpg(["--with-colons", "--show-keys"], data).decode(errors="replace")
    found = re.search(r"^fpr:(?:[^:]*:){8}([0-9A-F]+):", listing, re.M)
    if found is None:
        raise CommandError("There is no key in what was given as the key of the source")
    return found[1]


def _ppa(repo: str, refresh: bool) -> dict[str, Any]:
    """Have add-apt-repository add an archive of Launchpad's; it fetches the key too."""
    if __grains__.get("os") not in _WITH_PPAS:
        raise CommandError(f'cannot parse "ppa:" style repo definitions: {repo}')
    if shutil.which("add-apt-repository") is None:
        raise CommandError(f"{repo} needs add-apt-repository, of the package software-properties-common")
    before = {entry["uri"] for entry in _entries()}
    __utils__["apt.must"](["add-apt-repository", "--yes", *([] if refresh else ["--no-update"]), repo])
    rows = [__utils__["aptsources.row"](entry) for entry in _entries() if entry["uri"] not in before]
    return {repo: rows[0] if rows else {}}


def _keys(path: str) -> dict[str, Any]:
    """The keys in a file, by the last 16 digits of their fingerprint."""
    found = __salt__["cmd.run_all"](
        ["gpg", "--batch", "--no-tty", "--with-colons", "--show-keys", path], python_shell=False, ignore_retcode=True
    )
    keys: dict[str, Any] = {}
    row: dict[str, Any] = {}
    for line in found["stdout"].splitlines():
        words = line.split(":")
        if words[0] == "pub":
            row = {"keyid": words[4][-8:], "file": path, "uid": "", "fingerprint": words[4]}
            row |= {
                "size": words[2],
                "date": words[5],
                "expiry": words[6],
                "validity": words[1],
                "capability": words[11],
            }
            keys[words[4]] = row
        elif words[0] == "fpr" and row and len(row["fingerprint"]) <= 16:
            row["fingerprint"] = words[9]
        elif words[0] == "uid" and row and not row["uid"]:
            row["uid"] = words[9]
    return keys


def _from_keyserver(server: str, keyid: str) -> bytes:
    """A key from a server, by a keyring of its own that is gone afterwards."""
    if not re.fullmatch(r"(0x)?[0-9A-Fa-f]{8,40}", keyid):
        raise InvocationError(f"Invalid keyid: {keyid}")
    with tempfile.TemporaryDirectory(prefix="trisalt-gpg-") as home:
        try:
            _gpg(["--homedir", home, "--keyserver", server, "--recv-keys", keyid])
        except CommandError as exc:
            raise CommandError(f"Error: key retrieval failed: {exc}") from None
        return _gpg(["--homedir", home, "--armor", "--export", keyid])


def _gpg(words: list[str], data: bytes = b"") -> bytes:
    try:
        done = subprocess.run(["gpg", "--batch", "--no-tty", *words], input=data, capture_output=True, check=False)
    except FileNotFoundError:
        raise CommandNotFound("'gpg' is needed. It is part of the package gnupg") from None
    if done.returncode:
        raise CommandError(f"gpg failed: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout
