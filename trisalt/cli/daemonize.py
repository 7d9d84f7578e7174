"""What makes a process a daemon: fork, pidfile, user, umask, open files. Called by the daemons' commands before Trio."""

from __future__ import annotations


class UserUnknown(Exception):
    """There is no such user (exit status 67)."""


class AlreadyRunning(Exception):
    """The pidfile names a living process of ours."""


def daemonize() -> None:
    """Leave the terminal: fork twice, a session of its own, `/` as folder, stdio to the null device."""
    raise NotImplementedError


def raise_open_files(wanted: int) -> None:
    """Raise the soft limit of open files to `wanted`, capped at the hard one, and log what was and what is."""
    raise NotImplementedError


def drop_user(user: str) -> None:
    """Become `user` with its groups, if we are not. Raises UserUnknown."""
    raise NotImplementedError
