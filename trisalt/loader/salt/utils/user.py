"""System users and groups."""

import grp
import os
import pwd

from trisalt.errors import CommandError

HAS_PWD = HAS_GRP = True


def get_user():
    """Who this process runs as."""
    return pwd.getpwuid(os.geteuid()).pw_name


def get_specific_user():
    """Who this process runs as; `sudo_NAME` where that is root by way of sudo."""
    user = get_user()
    if user == "root" and (sudo := os.environ.get("SUDO_USER")):
        return f"sudo_{sudo}"
    return user


def get_uid(user=None):
    """The number of a user; of this process's without a name; None where there is none."""
    if not user:
        return os.geteuid()
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError:
        return None


def get_gid(group=None):
    """The number of a group; of this process's without a name; None where there is none."""
    if not group:
        return os.getegid()
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        return None


def get_default_group(user):
    """The primary group of a user; None where there is no such user."""
    try:
        return grp.getgrgid(pwd.getpwnam(user).pw_gid).gr_name
    except KeyError:
        return None


def get_group_list(user, include_default=True):
    """The groups of a user, sorted."""
    try:
        primary = pwd.getpwnam(user).pw_gid
    except KeyError:
        return []
    names = {grp.getgrgid(number).gr_name for number in os.getgrouplist(user, primary)}
    if not include_default:
        names.discard(get_default_group(user))
    return sorted(names)


def get_group_dict(user=None, include_default=True):
    """The groups of a user with their numbers; all groups without a user."""
    names = [entry.gr_name for entry in grp.getgrall()] if user is None else get_group_list(user, include_default)
    return {name: grp.getgrnam(name).gr_gid for name in names}


def get_gid_list(user, include_default=True):
    """The numbers of a user's groups, sorted."""
    return sorted(set(get_group_dict(user, include_default).values())) if get_uid(user) is not None else []


def chugid(runas, group=None):
    """Become another user. Raises CommandExecutionError."""
    try:
        entry = pwd.getpwnam(runas)
    except KeyError:
        raise CommandError(f"User '{runas}' does not exist") from None
    target = entry.pw_gid if group is None else get_gid(group)
    if target is None:
        raise CommandError(f"Failed to fetch the GID for '{group}'.")
    groups = os.getgrouplist(runas, target)
    if os.geteuid() == entry.pw_uid and set(groups) == {*os.getgroups(), os.getegid()}:
        return
    if os.geteuid() != 0:
        raise CommandError(f"Could not change from uid {os.geteuid()} to {entry.pw_uid}")
    os.setgroups(groups)
    os.setgid(target)
    os.setuid(entry.pw_uid)


def chugid_and_umask(runas, umask, group=None):
    """Become another user, and take another umask."""
    if (runas and runas != get_user()) or group:
        chugid(runas or get_user(), group)
    if umask is not None:
        os.umask(umask)
