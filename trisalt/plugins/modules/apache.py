"""Apache: what it is made of and told to do, its virtual hosts, its configuration as text, and its status page."""

from __future__ import annotations

import re
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any

from trisalt.errors import CommandError

PROGRAMS = {"RedHat": "apachectl", "Suse": "apache2ctl", "Debian": "apache2ctl", "FreeBSD": "apachectl"}
SIGNALS = ("start", "stop", "restart", "graceful", "graceful-stop")
HEADER = "# This file is managed by Salt."
PATIENCE_S = 60


def __virtual__() -> Any:
    if shutil.which(_program()):
        return "apache"
    return False, "The apache execution module cannot be loaded: apache is not installed."


def version() -> str:
    """
    The version of the server.

    CLI Example:

        salt '*' apache.version
    """
    return _asked("-v").partition("\n")[0].partition(": ")[2]


def fullversion() -> dict[str, Any]:
    """
    The version, and what the server was compiled with.

    CLI Example:

        salt '*' apache.fullversion
    """
    found: dict[str, Any] = {"compiled_with": []}
    for line in _asked("-V").splitlines():
        if line.strip().startswith("-D "):
            found["compiled_with"].append(line.strip()[3:].strip())
        elif ": " in line:
            name, _, value = line.partition(": ")
            found[name.strip().lower().replace(" ", "_")] = value.strip()
    return found


def modules() -> dict[str, list[str]]:
    """
    The modules that are in use: `static` and `shared`.

    CLI Example:

        salt '*' apache.modules
    """
    found: dict[str, list[str]] = {"static": [], "shared": []}
    for line in _asked("-M").splitlines():
        name, _, kind = line.strip().partition(" ")
        if kind in ("(static)", "(shared)"):
            found[kind.strip("()")].append(name)
    return found


def servermods() -> list[str]:
    """
    The modules that are compiled into the server.

    CLI Example:

        salt '*' apache.servermods
    """
    return [line.strip() for line in _asked("-l").splitlines() if line.strip().endswith(".c")]


def directives() -> dict[str, str]:
    """
    The directives that the server knows, and where each may stand.

    CLI Example:

        salt '*' apache.directives
    """
    found: dict[str, str] = {}
    name = ""
    for line in _asked("-L").splitlines():
        if line[:1].isspace() and name:
            found[name] = "\n".join(filter(None, (found[name], line.strip())))
        elif match := re.match(r"(\S.*\(\S+\.c\))$", line):
            name = match[1]
            found[name] = ""
    return found


def vhosts() -> dict[str, Any]:
    """
    The virtual hosts, as the server's configuration has them.

    CLI Example:

        salt '*' apache.vhosts
    """
    found: dict[str, Any] = {}
    group: dict[str, Any] = {}
    for line in _asked("-S").splitlines():
        words = line.split()
        if not words:
            continue
        if line.startswith((" ", "\t")):
            if words[0] == "default" and len(words) > 2:
                group["default"] = {"vhost": words[2], "conf": re.sub(r"[()]", "", words[3])}
            elif words[0] == "port" and len(words) > 4:
                group[words[3]] = {"port": words[1], "vhost": words[3], "conf": re.sub(r"[()]", "", words[4])}
        elif len(words) == 3 and words[2].startswith("("):
            found[words[0]] = {words[1]: {"vhost": words[1], "conf": re.sub(r"[()]", "", words[2])}}
        elif words[-1:] == ["NameVirtualHost"]:
            group = found.setdefault(words[0], {})
    return found


def signal(signal: str | None = None) -> str | None:
    """
    Have the server started, stopped, restarted, or restarted when its requests are done: what it said.

    CLI Example:

        salt '*' apache.signal graceful
    """
    if signal not in SIGNALS:
        return None
    found = __utils__["tool.run"]([_program(), "-k", signal])
    if found["stdout"] or found["stderr"]:
        return "\n".join(filter(None, (found["stdout"], found["stderr"])))
    return f'Command: "{_program()} -k {signal}" completed successfully!'


def useradd(pwfile: str, user: str, password: Any, opts: str = "") -> dict[str, Any]:
    """
    Add a user to a file of htpasswd's, or change the password.

    CLI Example:

        salt '*' apache.useradd /etc/apache2/htpasswd joe secret
    """
    return __utils__["htpasswd.add"](pwfile, user, password, opts)


def userdel(pwfile: str, user: str) -> Any:
    """
    Take a user out of a file of htpasswd's: what it said, by lines.

    CLI Example:

        salt '*' apache.userdel /etc/apache2/htpasswd joe
    """
    found = __utils__["htpasswd.delete"](pwfile, user)
    if found is None:
        return "Error: The specified htpasswd file does not exist"
    return found["stderr"].splitlines()


def server_status(profile: str = "default") -> Any:
    """
    What the server's status page says, by names; `error` when it cannot be read.

    `apache.server-status` of the minion's configuration or pillar has, by profile, `url`, and `user`, `pass` and
    `realm` where it needs a password.

    CLI Example:

        salt '*' apache.server_status other-profile
    """
    profiles = __salt__["config.get"]("apache.server-status", {}) or {}
    known = profiles.get(profile) or {}
    url = str(known.get("url") or "http://localhost/server-status")
    if not url.startswith(("http://", "https://")):
        raise CommandError(f"{url} is no address of a status page")
    opener = urllib.request.build_opener()
    if known.get("user") and known.get("pass"):
        passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
        passwords.add_password(known.get("realm") or None, url, known["user"], known["pass"])
        opener.add_handler(urllib.request.HTTPBasicAuthHandler(passwords))
    try:
        with opener.open(f"{url}?auto", timeout=PATIENCE_S) as page:
            text = page.read().decode("utf-8", errors="replace")
    except (OSError, urllib.error.URLError):
        return "error"
    found: dict[str, Any] = {}
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon:
            found[name] = value.strip() if name == "Scoreboard" else __utils__["tool.number"](value.strip())
    return found


def config(name: str, config: Any, edit: bool = True) -> str:
    """
    Configuration from data, as text, and with `edit` written to the file `name`.

    `config` is a list of `{directive: value}`. A value that is a map is a section, with what it is for under `this`;
    a list is the directive several times.

    CLI Example:

        salt '*' apache.config /etc/apache2/conf.d/ports.conf config="[{'Listen': '22'}]"
    """
    entries = config if isinstance(config, list) else [config]
    if not all(isinstance(entry, Mapping) for entry in entries):
        raise CommandError("The configuration is a list of maps: a directive, and its value")
    text = "\n".join("\n".join(_lines(key, value)) for entry in entries for key, value in entry.items())
    text = f"{text}\n" if text else ""
    if edit:
        __utils__["rewrite.replace"](name, f"{HEADER}\n{text}")
    return text


def _lines(key: str, value: Any) -> Iterator[str]:
    """A directive: one line, one for each of a list and an empty one, or a section."""
    if isinstance(value, Mapping):
        yield f"<{key} {value['this']}>" if value.get("this") is not None else f"<{key}>"
        for inner, each in value.items():
            if inner == "this":
                continue
            yield from _lines(inner, each)
            if isinstance(each, Mapping):
                yield ""
        yield f"</{key}>"
    elif isinstance(value, list):
        for each in value:
            yield from _lines(key, each)
        yield ""
    else:
        yield f"{key} {value}"


def _program() -> str:
    return PROGRAMS.get(str(__grains__.get("os_family")), "apachectl")


def _asked(*words: str) -> str:
    """What the server prints of itself; complaints about its configuration are none of it."""
    return __utils__["tool.run"]([_program(), *words], ignore_retcode=True)["stdout"]
