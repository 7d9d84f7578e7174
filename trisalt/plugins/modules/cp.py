"""
Copy files from the master, and look at what it has; `cp_send` has what travels without its file server.
"""

from __future__ import annotations

import logging
import os
from typing import Any

from trisalt.errors import CommandError, TrisaltError
from trisalt.fileserver.client import FileClient, client_of
from trisalt.fileserver.replace import replacing

log = logging.getLogger(__name__)


def _client() -> FileClient:
    return client_of(__opts__, __context__)


def _env(saltenv: str | None) -> str:
    return saltenv or __opts__.get("saltenv") or "base"


def _named(text: str, template: str | None, saltenv: str, kwargs: dict[str, Any]) -> str:
    """A path that may be a template."""
    if not template:
        return text
    if template not in ("jinja", "py"):
        raise CommandError(f"Attempted to render file paths with unavailable engine {template}")
    try:
        return __utils__["template.render"](text, template, saltenv=saltenv, **_seen(kwargs))
    except TrisaltError as exc:
        raise CommandError(f"Failed to render file path with error: {exc}") from exc


def _seen(kwargs: dict[str, Any]) -> dict[str, Any]:
    """What a template sees of the keywords of a call: each by its name, and what `context` holds."""
    names = {key: value for key, value in kwargs.items() if not key.startswith("__") and key != "context"}
    return {"names": names, "context": kwargs.get("context")}


# -- from the master ------------------------------------------------------------------------------------------------


def get_file(
    path: str, dest: str, saltenv: str | None = None, makedirs: bool = False, template: str | None = None,
    gzip: int | None = None, **kwargs: Any,
) -> str | bool:  # fmt: skip
    """
    Copy a file of the master to this minion. The path where it is now; "" when there is no such file.

    A `dest` that is a directory, or ends in a slash, keeps the name. `makedirs` makes the directories above. With
    `template` the two paths are templates; `gzip` is a level of compression, 1 to 9.

    CLI Example:

    .. code-block:: bash

        salt '*' cp.get_file salt://path/to/file /minion/dest
        salt '*' cp.get_file "salt://{{grains.os}}/vimrc" /etc/vimrc template=jinja
    """
    saltenv = _env(saltenv)
    path, dest = _named(path, template, saltenv, kwargs), _named(dest, template, saltenv, kwargs)
    client = _client()
    found = client.get_file(path, dest, makedirs, saltenv, gzip)
    if not found and client.hash_file(path, saltenv):
        log.error("The directory of %s is not there, and makedirs was not asked for", dest)
        return False
    return found


def get_template(
    path: str, dest: str, template: str = "jinja", saltenv: str | None = None, makedirs: bool = False, **kwargs: Any
) -> str | bool:
    """
    Render a file of the master and write what comes of it; keywords are variables of the template

    A ``dest`` that is a directory, or ends in a slash, keeps the name; with an empty one it is a file of the cache.

    CLI Example:

    .. code-block:: bash

        salt '*' cp.get_template salt://path/to/template /minion/dest
    """
    saltenv = _env(saltenv)
    client = _client()
    cached = client.cache_file(path, saltenv)
    if not cached:
        return ""
    if not dest:
        dest, makedirs = client.external_dest(path, saltenv), True
    elif dest.endswith("/") or os.path.isdir(dest):
        dest = os.path.join(dest, os.path.basename(cached))
    try:
        with open(cached, encoding="utf-8", newline="") as file:
            text = __utils__["template.render"](file.read(), template, saltenv=saltenv, path=cached, **_seen(kwargs))
    except (OSError, UnicodeDecodeError) as exc:
        raise CommandError(f"{path} cannot be read as a template: {exc}") from exc
    folder = os.path.dirname(os.path.abspath(dest))
    if not os.path.isdir(folder):
        if not makedirs:
            log.error("The directory %s is not there, and makedirs was not asked for", folder)
            return ""
        os.makedirs(folder, exist_ok=True)
    with replacing(dest, mode=0o600) as file:
        file.write(text.encode())
    return dest


def get_dir(
    path: str, dest: str, saltenv: str | None = None, template: str | None = None, gzip: int | None = None,
    **kwargs: Any,
) -> list[str]:  # fmt: skip
    """
    Copy a directory of the master, with all that is in it, below `dest`; the files that are there now

    CLI Example:

    .. code-block:: bash

        salt '*' cp.get_dir salt://path/to/dir/ /minion/dest
    """
    saltenv = _env(saltenv)
    path, dest = _named(path, template, saltenv, kwargs), _named(dest, template, saltenv, kwargs)
    return _client().get_dir(path, dest, saltenv, gzip)


def get_url(
    path: str, dest: str | None = "", saltenv: str | None = None, makedirs: bool = False, source_hash: str | None = None
) -> str | bytes | bool:
    """
    Fetch a file of the master (`salt://`), of a web server, or of this host

    With an empty `dest` it goes into the minion's cache; with None its content is returned. A file of this host is
    named, not copied.

    CLI Example:

    .. code-block:: bash

        salt '*' cp.get_url salt://my/file /tmp/this_file_is_mine
        salt '*' cp.get_url http://www.slashdot.org /tmp/index.html
    """
    saltenv = _env(saltenv)
    # An empty destination on a command line may come as the word.
    dest = None if dest == "None" else dest
    found = _client().get_url(path, dest, makedirs, saltenv, source_hash=source_hash)
    if not found and path.startswith("salt://"):
        log.error("Unable to fetch file %s from saltenv %s.", path, saltenv)
        return False
    return found


def get_file_str(path: str, saltenv: str | None = None) -> str | bytes | bool:
    """
    Fetch a file, and return what is in it; False when there is none

    CLI Example:

    .. code-block:: bash

        salt '*' cp.get_file_str salt://my/file
    """
    found = cache_file(path, saltenv)
    if not found:
        return False
    try:
        with open(found, "rb") as file:
            data = file.read()
    except OSError:
        return False
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


# -- the minion's cache ---------------------------------------------------------------------------------------------


def cache_file(
    path: str, saltenv: str | None = None, source_hash: str | None = None, verify_ssl: bool = True,
    use_etag: bool = False,
) -> str | bool:  # fmt: skip
    """
    Have a file in the minion's cache; the path where it is, False when there is none

    `source_hash` is a hex digest: a file of a web server that is cached already, and agrees, is not fetched again.

    CLI Example:

    .. code-block:: bash

        salt '*' cp.cache_file salt://path/to/file
        salt '*' cp.cache_file 'salt://path/to/file?saltenv=base'
    """
    found = _client().cache_file(path, _env(saltenv), source_hash, verify_ssl=verify_ssl, use_etag=use_etag)
    if not found:
        log.error("Unable to cache file '%s' from saltenv '%s'.", path, _env(saltenv))
    return found or False


def cache_files(paths: Any, saltenv: str | None = None) -> list[str | bool]:
    """
    Have several files in the minion's cache: a list of them, or one text with commas

    CLI Example:

    .. code-block:: bash

        salt '*' cp.cache_files salt://pathto/file1,salt://pathto/file1
    """
    return [found or False for found in _client().cache_files(paths, _env(saltenv))]


def cache_dir(
    path: str, saltenv: str | None = None, include_empty: bool = False, include_pat: str | None = None,
    exclude_pat: str | None = None,
) -> list[str]:  # fmt: skip
    """
    Have a directory of the master in the minion's cache, as far as the patterns let its files in

    A pattern is a glob, or a regular expression after `E@`; it is held against the `salt://` URL of each file.

    CLI Example:

    .. code-block:: bash

        salt '*' cp.cache_dir salt://path/to/dir
        salt '*' cp.cache_dir salt://path/to/dir include_pat='E@*.py$'
    """
    return _client().cache_dir(path, _env(saltenv), include_empty, include_pat, exclude_pat)


def cache_master(saltenv: str | None = None) -> list[str]:
    """
    Have all files of the master in the minion's cache

    CLI Example:

    .. code-block:: bash

        salt '*' cp.cache_master
    """
    return _client().cache_master(_env(saltenv))


def cache_local_file(path: str) -> str:
    """
    Copy a file of this host into the minion's cache

    CLI Example:

    .. code-block:: bash

        salt '*' cp.cache_local_file /etc/hosts
    """
    return _client().cache_local_file(path)


def cache_dest(url: str, saltenv: str | None = None) -> str:
    """
    Where a file would stand in the minion's cache, whether it is there or not

    CLI Example:

    .. code-block:: bash

        salt '*' cp.cache_dest https://foo.com/bar.rpm
        salt '*' cp.cache_dest salt://my/file dev
    """
    return _client().cache_dest(url, _env(saltenv))


def is_cached(path: str, saltenv: str | None = None) -> str:
    """
    Where the minion's cache has a file; "" when it has not

    CLI Example:

    .. code-block:: bash

        salt '*' cp.is_cached salt://path/to/file
    """
    return _client().is_cached(path, _env(saltenv))


def list_minion(saltenv: str | None = None) -> list[str]:
    """
    The files of an environment, and of this host, that the minion's cache has

    CLI Example:

    .. code-block:: bash

        salt '*' cp.list_minion
    """
    cache = __opts__["cachedir"]
    found = []
    for folder in (os.path.join(cache, "files", _env(saltenv)), os.path.join(cache, "localfiles")):
        for top, _folders, files in os.walk(folder):
            found += [os.path.join(top, name) for name in files]
    return sorted(found)


# -- what there is --------------------------------------------------------------------------------------------------


def envs() -> list[str]:
    """
    The environments that the master's file server has

    CLI Example:

    .. code-block:: bash

        salt '*' cp.envs
    """
    return _client().envs()


def list_states(saltenv: str | None = None) -> list[str]:
    """
    The names of the SLS files of an environment

    CLI Example:

    .. code-block:: bash

        salt '*' cp.list_states
    """
    return _client().list_states(_env(saltenv))


def list_master(saltenv: str | None = None, prefix: str = "") -> list[str]:
    """
    The files of the master

    CLI Example:

    .. code-block:: bash

        salt '*' cp.list_master
    """
    return _client().file_list(_env(saltenv), prefix)


def list_master_dirs(saltenv: str | None = None, prefix: str = "") -> list[str]:
    """
    The directories of the master's file server

    CLI Example:

    .. code-block:: bash

        salt '*' cp.list_master_dirs
    """
    return _client().dir_list(_env(saltenv), prefix)


def list_master_symlinks(saltenv: str | None = None, prefix: str = "") -> dict[str, str]:
    """
    The symbolic links of the master's file server, and where they point

    CLI Example:

    .. code-block:: bash

        salt '*' cp.list_master_symlinks
    """
    return _client().symlink_list(_env(saltenv), prefix)


def hash_file(path: str, saltenv: str | None = None) -> dict[str, str] | str:
    """
    The hash of a file of the master, or of this host: `{hsum, hash_type}`; "" when there is none

    CLI Example:

    .. code-block:: bash

        salt '*' cp.hash_file salt://path/to/file
    """
    return _client().hash_file(path, _env(saltenv)) or ""


def stat_file(path: str, saltenv: str | None = None, octal: bool = True) -> str | int | None:
    """
    The mode of a file of the master, or of this host: its permissions as octal digits, or the whole number

    CLI Example:

    .. code-block:: bash

        salt '*' cp.stat_file salt://path/to/file
    """
    info = _client().hash_and_stat_file(path, _env(saltenv))[1]
    if not info:
        return None
    return f"{info[0] & 0o7777:04o}" if octal else info[0]
