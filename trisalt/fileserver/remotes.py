"""`gitfs_remotes` and the options around it: of which ref, below which root and where each environment is served. Pure.

Source of the rules: stock Salt 3008.3's gitfs, beside which tests/fileserver/test_fileserver_gitfs.py runs.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import attrs

from trisalt.errors import ConfigError
from trisalt.fileserver.served import matches, words

REF_TYPES = ("branch", "tag", "sha")
FOLDERS = {"branch": "heads/", "tag": "tags/"}

HEEDED = frozenset(
    {
        *("all_saltenvs", "base", "disable_saltenv_mapping", "fallback", "mountpoint", "name", "ref_types", "root"),
        *("refspecs", "saltenv", "saltenv_blacklist", "saltenv_whitelist", "update_interval"),
        *("user", "password", "insecure_auth", "privkey", "pubkey", "passphrase", "ssl_verify", "proxy"),
    }
)
"""Options of one remote."""

UNHEEDED = frozenset({"depth"})
"""Those that stock knows too: the whole history is fetched."""

REFSPECS = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
"""What a mirror fetches, unless a remote says otherwise: all branches and tags."""

# What stock's clones have as the branches of a remote are a mirror's own.
REFSPEC = re.compile(r"(\+?refs/[^\s:^~?\[\\]+):refs/(?:(?:heads|remotes/origin)|(tags))/([^\s:^~?\[\\]+)")

OF_AN_ENV = frozenset({"ref", "root", "mountpoint"})


@attrs.frozen(kw_only=True)
class Place:
    """Where an environment is: the first of `refs` that there is, its folder `root`, shown below `mountpoint`."""

    refs: tuple[str, ...]
    root: str = ""
    mountpoint: str = ""


@attrs.frozen(kw_only=True)
class SignIn:
    """How one signs in to a repository; what is not said here is what git's own configuration says."""

    user: str = ""
    password: str = attrs.field(default="", repr=False)
    privkey: str = ""
    passphrase: str = attrs.field(default="", repr=False)
    ssl_verify: bool = True
    proxy: str = ""


@attrs.frozen(kw_only=True)
class Remote:
    """One repository. `places` are environments with options of their own; `unheeded` what has no effect here."""

    url: str
    sign_in: SignIn = attrs.field(factory=SignIn)
    name: str = ""
    base: str = "master"
    fallback: str = ""
    all_saltenvs: str = ""
    root: str = ""
    mountpoint: str = ""
    ref_types: tuple[str, ...] = REF_TYPES
    mapped: bool = True
    whitelist: tuple[str, ...] = ()
    blacklist: tuple[str, ...] = ()
    places: Mapping[str, Mapping[str, str]] = attrs.field(factory=dict)
    update_interval: float = 60.0
    refspecs: tuple[str, ...] = REFSPECS
    unheeded: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """The URL without who signs in."""
        head, at, tail = self.url.rpartition("@")
        scheme, mark, _user = head.partition("://")
        return f"{scheme}://{tail}" if at and mark else self.url

    def envs(self, refs: Iterable[str]) -> set[str]:
        """The environments that a repository with these refs (`heads/master`, …) has."""
        # One with a ref of its own is there, whether or not the ref is: it may have the fallback.
        found, taken = {env for env, place in self.places.items() if "ref" in place}, self._taken()
        for ref in refs:
            for kind in self.ref_types:
                folder = FOLDERS.get(kind)
                if folder and ref.startswith(folder):
                    name = ref.removeprefix(folder)
                    if name == self.base:
                        found.add("base")
                    if self.mapped and (name in self.places or (name != "base" and name not in taken)):
                        found.add(name)
        return {env for env in found if self._allows(env)}

    def place(self, saltenv: str) -> Place | None:
        """Where an environment is, if the repository has it."""
        if not self._allows(saltenv):
            return None
        own = self.places.get(saltenv)
        taken = own is None and not self.fallback and saltenv in self._taken()
        if saltenv != "base" and "ref" not in (own or {}) and (taken or not self.mapped):
            return None
        own = own or {}
        ref = self.all_saltenvs or own.get("ref") or (self.base if saltenv == "base" else saltenv)
        return Place(
            refs=tuple(dict.fromkeys(name for name in (ref, self.fallback) if name)),
            root=own.get("root", self.root),
            mountpoint=own.get("mountpoint", self.mountpoint),
        )

    def _taken(self) -> set[str]:
        """Refs that are environments of other names, and so none of their own."""
        elsewhere = {place["ref"] for place in self.places.values() if "ref" in place}
        return elsewhere if "ref" in self.places.get("base", ()) else elsewhere | {self.base}

    def _allows(self, saltenv: str) -> bool:
        return (not self.whitelist or matches(saltenv, self.whitelist)) and not matches(saltenv, self.blacklist)


def read_remotes(opts: Mapping[str, Any]) -> list[Remote]:
    """The remotes of a configuration. Raises ConfigError."""
    remotes = []
    for entry in opts.get("gitfs_remotes") or ():
        url, own = next(iter(entry.items())) if isinstance(entry, Mapping) and len(entry) == 1 else (entry, None)
        remotes.append(read_remote(url, own, opts, "gitfs"))
    seen: set[tuple[str, str]] = set()
    for remote in remotes:
        if (remote.url, remote.name) in seen:
            raise ConfigError(f"gitfs_remotes: {remote.shown} is there twice: give one of them a 'name'")
        seen.add((remote.url, remote.name))
    return remotes


def read_remote(url: object, own: object, opts: Mapping[str, Any], of: str) -> Remote:
    """One remote with its `own` options, and those of the kind (`gitfs`, `git_pillar`). Raises ConfigError."""
    kind = "gitfs_remotes" if of == "gitfs" else of
    if not isinstance(url, str) or not url or url.startswith("-") or not url.isprintable() or "::" in url:
        raise ConfigError(f"{kind}: an entry is a URL, or a URL with its options: {type(url).__name__}")
    where = f"{kind}: {Remote(url=url).shown}"
    options = _options(own, where)
    if unknown := options.keys() - HEEDED - UNHEEDED:
        raise ConfigError(f"{where}: unknown options: {', '.join(sorted(map(str, unknown)))}")

    def value(name: str, default: Any) -> Any:
        given = options.get(name, opts.get(f"{of}_{name}"))
        return default if given is None else given

    sign_in = _sign_in(url, value, where)
    places: dict[str, dict[str, str]] = {}
    for given in (opts.get(f"{of}_saltenv"), options.get("saltenv")):
        for env, of_env in _options(given, f"{where}: saltenv").items():
            fields = _options(of_env, f"{where}: saltenv {env}")
            if unknown := fields.keys() - OF_AN_ENV:
                raise ConfigError(f"{where}: saltenv {env}: unknown options: {', '.join(sorted(map(str, unknown)))}")
            read = {name: str(field) for name, field in fields.items()}
            read |= {name: _folder(read[name], where) for name in ("root", "mountpoint") if name in read}
            places[str(env)] = places.get(str(env), {}) | read
    ref_types = tuple(_words(value("ref_types", REF_TYPES)))
    if not set(ref_types) <= set(REF_TYPES):
        raise ConfigError(f"{where}: ref_types are {', '.join(REF_TYPES)}")
    try:
        update_interval = float(value("update_interval", 60))
    except (TypeError, ValueError):
        raise ConfigError(f"{where}: update_interval is a number of seconds") from None
    return Remote(
        url=url,
        sign_in=sign_in,
        name=str(options.get("name") or ""),
        base=str(value("base", "master")),
        fallback=str(value("fallback", "")),
        all_saltenvs=str(options.get("all_saltenvs") or ""),
        root=_folder(str(value("root", "")), where),
        mountpoint=_folder(str(value("mountpoint", "")), where),
        ref_types=ref_types,
        mapped=not value("disable_saltenv_mapping", False),
        whitelist=tuple(_words(value("saltenv_whitelist", ()))),
        blacklist=tuple(_words(value("saltenv_blacklist", ()))),
        places=places,
        update_interval=update_interval,
        refspecs=_refspecs(value("refspecs", ()), where),
        unheeded=tuple(sorted(options.keys() & UNHEEDED)),
    )


def _words(value: object) -> list[str]:
    """A list, or a text with commas."""
    return [word.strip() for item in words(value) for word in item.split(",")]


def _refspecs(value: object, where: str) -> tuple[str, ...]:
    """What to fetch, as refspecs of a mirror."""
    read = []
    for text in words(value):
        found = REFSPEC.fullmatch(text.strip())
        if found is None:
            raise ConfigError(f"{where}: refspecs are like +refs/heads/*:refs/remotes/origin/*, not {text!r}")
        source, tags, name = found.groups()
        read.append(f"{source}:refs/{tags or 'heads'}/{name}")
    return tuple(read) or REFSPECS


def _sign_in(url: str, value: Callable[[str, Any], Any], where: str) -> SignIn:
    """Who signs in, and how. A private key's public one is not needed: ssh makes it of the other."""
    user, password, privkey, passphrase, proxy = (
        str(value(name, "")) for name in ("user", "password", "privkey", "passphrase", "proxy")
    )
    if any(not text.isprintable() for text in (user, password, privkey, passphrase, proxy)):
        raise ConfigError(f"{where}: a name, password or path has signs that cannot be printed")
    scheme = url.partition("://")[0].lower()
    over_http = scheme in ("http", "https")
    if password and not user:
        raise ConfigError(f"{where}: a password needs a user")
    if over_http and user and scheme == "http" and not value("insecure_auth", False):
        raise ConfigError(f"{where}: a password would be sent for all to read; insecure_auth allows it")
    if privkey and not posixpath.isabs(privkey):
        raise ConfigError(f"{where}: privkey is the absolute path of a file")
    if passphrase and not privkey:
        raise ConfigError(f"{where}: a passphrase needs a privkey")
    return SignIn(
        user=user if over_http else "",
        password=password if over_http else "",
        privkey="" if over_http else privkey,
        passphrase="" if over_http else passphrase,
        ssl_verify=bool(value("ssl_verify", True)),
        proxy=proxy,
    )


def _options(given: object, where: str) -> dict[str, Any]:
    """A map, or a list of them: `- root: salt`."""
    if given is None:
        return {}
    if isinstance(given, Mapping):
        return dict(given)
    if not isinstance(given, list | tuple) or not all(isinstance(item, Mapping) for item in given):
        raise ConfigError(f"{where}: options are a list of `name: value`")
    return {name: value for item in given for name, value in item.items()}


def _folder(path: str, where: str) -> str:
    """A folder inside a repository, or `salt://` one; empty for the whole."""
    path = path.removeprefix("salt://").strip("/")
    if not path:
        return ""
    path = posixpath.normpath(path)
    if path == ".." or path.startswith("../") or "\0" in path:
        raise ConfigError(f"{where}: {path} leads out of the repository")
    return "" if path == "." else path
