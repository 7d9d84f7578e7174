"""Manage the password entries of a host: /etc/shadow."""

from __future__ import annotations

from typing import Any

from trisalt.errors import CommandError

__virtualname__ = "shadow"

_NOBODY = dict.fromkeys(("name", "passwd", "lstchg", "min", "max", "warn", "inact", "expire"), "")


def __virtual__() -> str:
    return __virtualname__


def default_hash() -> str:
    """
    What stands for a password that was never set.

    CLI Example:

        salt '*' shadow.default_hash
    """
    return "!"


def info(name: str, root: str | None = None) -> dict[str, Any]:
    """
    The password entry of an account: hash, and days as shadow(5) counts them; every value is empty when there is none.

    CLI Example:

        salt '*' shadow.info root
    """
    return __utils__["accounts.shadow"](root).get(str(name), dict(_NOBODY))


def list_users(root: str | None = None) -> list[str]:
    """
    The accounts with a password entry, sorted.

    CLI Example:

        salt '*' shadow.list_users
    """
    return sorted(__utils__["accounts.shadow"](root))


def gen_password(password: Any, crypt_salt: Any = None, algorithm: str = "sha512") -> str:
    """
    Hash a password: `sha512`, `sha256`, `md5`, `blowfish` or `crypt`, with a random salt when none is given.

    CLI Example:

        salt '*' shadow.gen_password 'a password' crypt_salt=saltsalt algorithm=sha256
    """
    return __utils__["crypted.hashed"](str(password), None if crypt_salt is None else str(crypt_salt), algorithm)


def set_password(name: str, password: str, use_usermod: bool = False, root: str | None = None) -> bool:
    """
    Set an account's password, given as its hash (see `gen_password`). It is handed over where no list of processes
    shows it; `use_usermod` gives it to usermod instead, for the sake of what that does beside.

    CLI Example:

        salt '*' shadow.set_password root '$6$saltsalt$...'
    """
    text = str(password)
    if ":" in text or "\n" in text:
        raise CommandError("A password's hash holds no colon and no new line")
    where = _where(root)
    if use_usermod:
        argv = ["usermod", *where, "-p", text, "--", name]
        # Not the words themselves: one of them is the hash.
        return _succeeds(argv, log_callback=lambda _line: "usermod -p", output_loglevel="quiet")
    if not info(name, root)["name"] and not __utils__["accounts.user"](name, root):
        __context__["retcode"] = 1
        return False
    return _succeeds(["chpasswd", *where, "-e"], stdin=f"{name}:{text}\n", stdin_raw_newlines=True)


def del_password(name: str, root: str | None = None) -> bool:
    """
    Take an account's password away: it may log in without one, where the host allows that.

    CLI Example:

        salt '*' shadow.del_password name
    """
    return _succeeds(["passwd", *_where(root), "-q", "-d", "--", name])


def lock_password(name: str, root: str | None = None) -> bool:
    """
    Lock an account's password; what it was is kept for `unlock_password`.

    CLI Example:

        salt '*' shadow.lock_password name
    """
    if info(name, root)["passwd"].startswith("!"):
        return True
    return _succeeds(["passwd", *_where(root), "-q", "-l", "--", name])


def unlock_password(name: str, root: str | None = None) -> bool:
    """
    Unlock an account's password.

    CLI Example:

        salt '*' shadow.unlock_password name
    """
    known = info(name, root)
    if known["name"] and not known["passwd"].startswith("!"):
        return True
    return _succeeds(["passwd", *_where(root), "-q", "-u", "--", name])


def set_inactdays(name: str, inactdays: Any, root: str | None = None) -> bool:
    """
    Set for how many days after its password ran out an account may still log in.

    CLI Example:

        salt '*' shadow.set_inactdays name 7
    """
    return _chage(name, "-I", "inact", inactdays, root)


def set_maxdays(name: str, maxdays: Any, root: str | None = None) -> bool:
    """
    Set after how many days an account's password runs out.

    CLI Example:

        salt '*' shadow.set_maxdays name 90
    """
    return _chage(name, "-M", "max", maxdays, root)


def set_mindays(name: str, mindays: Any, root: str | None = None) -> bool:
    """
    Set for how many days a new password may not be changed.

    CLI Example:

        salt '*' shadow.set_mindays name 7
    """
    return _chage(name, "-m", "min", mindays, root)


def set_warndays(name: str, warndays: Any, root: str | None = None) -> bool:
    """
    Set how many days before its password runs out an account is warned.

    CLI Example:

        salt '*' shadow.set_warndays name 7
    """
    return _chage(name, "-W", "warn", warndays, root)


def set_date(name: str, date: Any, root: str | None = None) -> bool:
    """
    Set when the password was last changed: a date, or days since 1970; 0 asks for a new one at the next login.

    CLI Example:

        salt '*' shadow.set_date name 0
    """
    return _succeeds(["chage", *_where(root), "-d", date, "--", name])


def set_expire(name: str, expire: Any, root: str | None = None) -> bool:
    """
    Set when an account is no longer to be used: a date, or days since 1970; -1 for never.

    CLI Example:

        salt '*' shadow.set_expire name 2030-01-31
    """
    return _succeeds(["chage", *_where(root), "-E", expire, "--", name])


def _chage(name: str, flag: str, field: str, days: Any, root: str | None) -> bool:
    if str(info(name, root)[field]) == str(days):
        return True
    return _succeeds(["chage", *_where(root), flag, days, "--", name])


def _where(root: str | None) -> list[str]:
    return [] if root is None else ["-R", root]


def _succeeds(argv: list[Any], **options: Any) -> bool:
    return __utils__["tool.succeeds"](argv, **options)
