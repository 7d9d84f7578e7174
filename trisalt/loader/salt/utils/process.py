"""Processes."""

import os
import pwd


def os_is_running(pid):
    """Whether a process lives."""
    try:
        os.kill(int(pid), 0)
    except PermissionError:
        return True
    except (OSError, ValueError):
        return False
    return True


def get_pidfile(pidfile):
    """The number in a file."""
    with open(pidfile, encoding="ascii") as file:
        return int(file.read().strip())


def check_pidfile(pidfile):
    """Whether there is such a file."""
    return os.path.isfile(pidfile)


def set_pidfile(pidfile, user=None):
    """Write this process's number to a file."""
    os.makedirs(os.path.dirname(pidfile), exist_ok=True)
    with open(pidfile, "w", encoding="ascii") as file:
        file.write(str(os.getpid()))
    if user:
        entry = pwd.getpwnam(user)
        os.chown(pidfile, entry.pw_uid, entry.pw_gid)


def appendproctitle(name):
    """A process's name is its daemon's."""


def get_process_info(pid=None):
    """`{"pid", "name", "start_time"}` of a process; None where there is none."""
    import psutil  # few ask for it

    try:
        found = psutil.Process(pid or os.getpid())
        return {"pid": found.pid, "name": found.name(), "start_time": found.create_time()}
    except psutil.Error:
        return None
