"""The shelves of the host beside stock's: accounts, crontabs, keys, repositories, files; the same calls in the same order.

`CALLS` is the table. A row is a call; where ours answers something else on purpose, `ours` says what, and `why`. In a
row `TMP` is a folder, `TAG` a word, `USER`, `OTHER`, `GROUP` and
`CRONTAB` are names of accounts, `UID` and its kin numbers: the same for both sides, made and unmade for each.
"""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.interop.beside import SAME, Call, agree, ask, each, refuses, returns
from tests.support.debian import need
from tests.support.lab import open_lab
from tests.support.names import new_id, open_names
from tests.support.wheels import make_environment, write_wheel

pytestmark = [
    pytest.mark.interop,
    pytest.mark.timeout(180),
    pytest.mark.skipif(os.getuid() != 0, reason="only root makes accounts"),
]

GRAINS = {"id": "m1", "os": "Debian", "os_family": "Debian", "kernel": "Linux", "osrelease": "12", "init": "unknown"}
HOSTS = (
    "# head\n127.0.0.1 localhost lo   # loop\n::1\tlocalhost ip6\n10.0.0.1 a b c\n10.0.0.1 d\nbad\n10.0.0.2   only\n"
)
TAB = """# head
SHELL=/bin/sh
0 1 * * * /bin/pre # tail

# Lines below here are managed by Salt, do not edit
FOO="bar baz"
# a comment SALT_CRON_IDENTIFIER:x1
1 2 3 4 5 /bin/x1
# first
# second SALT_CRON_IDENTIFIER:x2
#DISABLED#1 2 3 4 5 /bin/x2
# SALT_CRON_IDENTIFIER:x3
@reboot /bin/x3
#DISABLED#@weekly /bin/x4
"""
RETCODE = "a refusal is the job's retcode"
NO_CHANGE = "what is as it was asked to be is present"
ASKED = "that something is not there is an answer, not a failure"
TOLD = "a failure is told as one"


def jobs(answer, _port):
    """Jobs of at without their numbers, which both sides share; in the order of their times."""
    rows = (
        [{k: v for k, v in row.items() if k != "job"} for row in answer.get("jobs", [])]
        if isinstance(answer, dict)
        else []
    )
    return sorted(rows, key=lambda row: (row["date"], row["time"]))


def settled(answer, _port):
    """Kernel parameters that do not change by themselves."""
    return {
        name: answer[name]
        for name in ("kernel.hostname", "kernel.sem", "net.ipv4.ip_local_port_range", "vm.swappiness")
    }


def lasting(answer, _port):
    """Of all accounts those that no other test makes at the same time."""
    names = ("root", "daemon", "games", "nobody", "users", "audio")
    return [row for row in answer if (row if isinstance(row, str) else row["name"]) in names]


def without_original(answer, _port):
    return {**answer, "comment": answer["comment"].partition("\nOriginal contents")[0]}


ACCOUNTS = [
    Call("user.add", "USER", system=True, uid="UID", gid="users", groups=["games"], home="TMP/home", shell="/bin/sh", fullname="Some One",
         roomnumber="5", workphone="1", homephone="2", other="x"),
    Call("user.add", "USER"),
    Call("user.info", "USER"),
    Call("user.info", "trisalt-nobody"),
    Call("user.list_groups", "USER"),
    Call("user.list_groups", "trisalt-nobody"),
    Call("user.primary_group", "USER"),
    Call("user.primary_group", "trisalt-nobody", ours=refuses("User 'trisalt-nobody' does not exist"), why=TOLD),
    Call("user.add", "OTHER", gid="trisalt-nogroup"),
    Call("user.add", "OTHER", uid="abc"),
    Call("user.add", "OTHER", uid=0),
    Call("user.add", "bad name"),
    Call("user.chuid", "USER", "UID2"),
    Call("user.chuid", "USER", 0),
    Call("user.chuid", "trisalt-nobody", 5),
    Call("user.chgid", "USER", 60),
    Call("user.chgid", "USER", "users", ours=returns(True), why="a group has a name, too"),
    Call("user.chgid", "USER", 99999),
    Call("user.chshell", "USER", "/bin/false"),
    Call("user.chshell", "trisalt-nobody", "/bin/sh"),
    Call("user.chhome", "USER", "TMP/other"),
    Call("user.chhome", "USER", "TMP/third", persist=True),
    Call("user.chgroups", "USER", "games,audio"),
    Call("user.chgroups", "USER", ["video"], append=True),
    Call("user.chgroups", "USER", ["trisalt-nogroup"]),
    Call("user.list_groups", "USER"),
    Call("user.chgroups", "USER", ""),
    Call("user.chfullname", "USER", "Full Name"),
    Call("user.chfullname", "trisalt-nobody", "x", ours=refuses("User 'trisalt-nobody' does not exist"), why=TOLD),
    Call("user.chfullname", "USER", "a,b",
         ours=refuses("Invalid fullname 'a,b': it may hold no comma, colon or new line"), why="a comma ends a field"),
    Call("user.chother", "USER", "o"),
    Call("user.chloginclass", "USER", "x"),
    Call("user.get_loginclass", "USER"),
    Call("user.list_users", only=lasting),
    Call("user.getent", only=lasting),
    Call("shadow.info", "USER"),
    Call("shadow.info", "trisalt-nobody"),
    Call("shadow.default_hash"),
    Call("shadow.set_password", "USER", "$6$abcdefgh$x"),
    Call("shadow.set_password", "trisalt-nobody", "x", ours=returns(False, 1), why=RETCODE),
    Call("shadow.lock_password", "USER"),
    Call("shadow.info", "USER"),
    Call("shadow.unlock_password", "USER"),
    Call("shadow.set_password", "USER", "$6$abcdefgh$y", use_usermod=True),
    Call("shadow.set_maxdays", "USER", 6),
    Call("shadow.set_mindays", "USER", 3),
    Call("shadow.set_warndays", "USER", 4),
    Call("shadow.set_inactdays", "USER", 5),
    Call("shadow.set_maxdays", "USER", "7", ours=returns(True), why="a number may be written as a text"),
    Call("shadow.set_maxdays", "USER", "abc"),
    Call("shadow.set_date", "USER", "2020-01-02"),
    Call("shadow.set_date", "USER", "nonsense"),
    Call("shadow.set_expire", "USER", 16000),
    Call("shadow.info", "USER"),
    Call("shadow.del_password", "USER"),
    Call("shadow.del_password", "trisalt-nobody"),
    Call("shadow.list_users", only=lasting),
    Call("shadow.gen_password", "pw", "abcdefgh"),
    Call("shadow.gen_password", "pw", "abcdefgh", "sha256"),
    Call("shadow.gen_password", "pw", "abcdefgh", "md5"),
    Call("shadow.gen_password", "pw", "ab", "crypt"),
    Call("shadow.gen_password", "pw", "rounds=6000$abcdefgh"),
    Call("group.add", "GROUP", "GID"),
    Call("group.add", "GROUP"),
    Call("group.info", "GROUP"),
    Call("group.info", "trisalt-nogroup"),
    Call("group.adduser", "GROUP", "USER"),
    Call("group.adduser", "GROUP", "trisalt-nobody"),
    Call("group.members", "GROUP", ["USER"], ours=returns(True), why="members may be a list"),
    Call("group.members", "GROUP", "USER,games"),
    Call("group.members", "GROUP", "trisalt-nobody"),
    Call("group.info", "GROUP"),
    Call("group.deluser", "GROUP", "USER"),
    Call("group.deluser", "GROUP", "USER"),
    Call("group.deluser", "trisalt-nogroup", "USER"),
    Call("group.chgid", "GROUP", "GID2"),
    Call("group.chgid", "GROUP", 0),
    Call("group.chgid", "trisalt-nogroup", 5, ours=returns(False, 6), why=RETCODE),
    Call("group.getent", only=lasting),
    Call("group.delete", "GROUP"),
    Call("group.delete", "GROUP"),
    Call("user.rename", "USER", "games"),
    Call("user.rename", "USER", "OTHER", ours=returns(True), why="it was renamed"),
    Call("user.delete", "OTHER", True, True),
    Call("user.delete", "OTHER"),
]  # fmt: skip

CRON = [
    Call("cron.raw_cron", "CRONTAB"),
    Call("cron.list_tab", "CRONTAB"),
    Call("cron.list_tab", "trisalt-nobody"),
    Call("cron.set_job", "CRONTAB", "*", "*", "*", "*", 1, "/bin/a"),
    Call("cron.set_job", "CRONTAB", "*", "*", "*", "*", 1, "/bin/a", ours=returns("present"), why=NO_CHANGE),
    Call("cron.set_job", "CRONTAB", "*", "*", "*", "*", 2, "/bin/a"),
    Call("cron.set_job", "CRONTAB", 5, "*/2", "1-3", "jan", "mon", "/bin/b % x", comment="two\nlines", identifier="b"),
    Call("cron.set_job", "CRONTAB", 5, "*/2", "1-3", "jan", "mon", "/bin/b % x", comment="two\nlines", identifier="b"),
    Call("cron.set_job", "CRONTAB", "1", "1", "*", "*", "*", "/bin/d", comment="only comment"),
    Call("cron.set_job", "CRONTAB", "1", "1", "*", "*", "*", "/bin/d", comment="other", identifier="d"),
    Call("cron.set_job", "CRONTAB", "1", "2", "*", "*", "*", "/bin/d2", identifier="d", commented=True),
    Call("cron.raw_cron", "CRONTAB"),
    Call("cron.list_tab", "CRONTAB"),
    Call("cron.set_job", "CRONTAB", "61", "2", "*", "*", "*", "/bin/e"),
    Call("cron.get_entry", "CRONTAB", identifier="b"),
    Call("cron.get_entry", "CRONTAB", cmd="/bin/a"),
    Call("cron.get_entry", "CRONTAB", "nosuch"),
    Call("cron.set_special", "CRONTAB", "@hourly", "/bin/a"),
    Call("cron.set_special", "CRONTAB", "@daily", "/bin/s2", identifier="s", comment="c"),
    Call("cron.set_special", "CRONTAB", "@daily", "/bin/s3", identifier="s", commented=True),
    Call("cron.get_entry", "CRONTAB", identifier="s"),
    Call("cron.set_special", "CRONTAB", "@nonsense", "/bin/t"),
    Call("cron.set_env", "CRONTAB", "MAILTO", "me@x"),
    Call("cron.set_env", "CRONTAB", "MAILTO", "me@x"),
    Call("cron.set_env", "CRONTAB", "MAILTO", "you@x"),
    Call("cron.set_env", "CRONTAB", "EMPTY"),
    Call("cron.set_env", "CRONTAB", "SP", 'a b "c"'),
    Call("cron.raw_cron", "CRONTAB"),
    Call("cron.list_tab", "CRONTAB"),
    Call("cron.rm_env", "CRONTAB", "EMPTY"),
    Call("cron.rm_env", "CRONTAB", "EMPTY"),
    Call("cron.rm_job", "CRONTAB", "/bin/d2", minute=5),
    Call("cron.rm_job", "CRONTAB", "/bin/d2", identifier="d", minute=1),
    Call("cron.rm", "CRONTAB", "/bin/b % x"),
    Call("cron.rm", "CRONTAB", "/bin/b % x", identifier="b"),
    Call("cron.rm_special", "CRONTAB", "/bin/a"),
    Call("cron.rm_special", "CRONTAB", "x", identifier="s"),
    Call("cron.raw_cron", "CRONTAB"),
    Call("cron.rm_job", "trisalt-nobody", "/bin/a"),
    Call("cron.set_job", "trisalt-nobody", "*", "*", "*", "*", 1, "/bin/a"),
    Call("cron.write_cron_file_verbose", "CRONTAB", "TMP/tab"),
    Call("cron.write_cron_file", "CRONTAB", "TMP/tab"),
    Call("cron.write_cron_file", "CRONTAB", "/nonexistent"),
    Call("cron.list_tab", "CRONTAB"),
    Call("cron.set_job", "CRONTAB", "1", "1", "*", "*", "*", "/bin/new", identifier="new"),
    Call("cron.raw_cron", "CRONTAB"),
    Call("at.at", "3:05am 2031-05-06", "/bin/echo", "a b", tag="TAG", only=jobs),
    Call("at.at", "5:15pm 2031-05-07", "x; y", tag="TAG", only=jobs),
    Call("at.atq", "TAG", only=jobs),
    Call("at.jobcheck", tag="TAG", hour=17, only=jobs),
    Call("at.jobcheck", tag="TAG", hour=18),
    Call("at.at", "nonsense", "x"),
    Call("at.at", "12:05am"),
    Call("at.atc", 99999999),
    Call("at.atrm", 99999999),
    Call("at.atrm", "all", "TAG", only=lambda answer, _port: len(answer["jobs"]["removed"]), ours=returns(2), why="it went well"),
]  # fmt: skip

KEY = "AAAAC3NzaC1lZDI1NTE5AAAAIE8SqHyUztHy39ComD4ZePWVOUoUPsA11UOSivCn0fmB"
EC = (
    "AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBOIGuNyL+LQ2VZDXWmh6H5mlv+W3NSem+rVACDTLJ+BHMVr7FVkgsvsm3z/"
    "komxUzc+eTZK4movgztgZ1NWPy7E="
)
SSH = [
    Call("user.add", "USER", home="TMP/keys", gid="users"),
    Call("ssh.auth_keys", "USER"),
    Call("ssh.auth_keys", "trisalt-nobody"),
    Call("ssh.set_auth_key", "USER", KEY, "ssh-ed25519", "me@x"),
    Call("ssh.set_auth_key", "USER", KEY, "ssh-ed25519", "me@x"),
    Call("ssh.set_auth_key", "USER", KEY, "ed25519", "other", ["no-pty", 'command="a b"']),
    Call("ssh.set_auth_key", "USER", EC, "ecdsa-sha2-nistp256"),
    Call("ssh.set_auth_key", "USER", "nonsense", "ssh-rsa", ours=returns("Invalid public key"), why="it is no key"),
    Call("ssh.set_auth_key", "USER", KEY, "nosuch"),
    Call("ssh.set_auth_key", "USER", "a b"),
    Call("ssh.set_auth_key", "trisalt-nobody", KEY, "ed25519", ours=returns("fail", 1), why=RETCODE),
    Call("ssh.check_key", "USER", KEY, "ssh-ed25519", "other", ["no-pty", 'command="a b"']),
    Call("ssh.check_key", "USER", KEY, "ssh-ed25519", "x", []),
    Call("ssh.check_key_file", "USER", "TMP/key.pub"),
    Call("ssh.rm_auth_key", "USER", EC),
    Call("ssh.rm_auth_key", "USER", EC),
    Call("ssh.rm_auth_key", "trisalt-nobody", EC),
    Call("ssh.auth_keys", "USER", fingerprint_hash_type="md5", only=lambda answer, _port: {**answer.get(KEY, {})}),
    Call("ssh.auth_keys", "USER", fingerprint_hash_type="nope"),
    Call("ssh.set_auth_key_from_file", "USER", "TMP/key.pub"),
    Call("ssh.rm_auth_key_from_file", "USER", "TMP/key.pub"),
    Call("ssh.rm_auth_key_from_file", "USER", "TMP/key.pub"),
    Call("ssh.user_keys", "USER"),
    Call("ssh.key_is_encrypted", "/nonexistent"),
    Call("ssh.set_known_host", hostname="h.example", key=KEY, enc="ssh-ed25519", config="TMP/known", hash_known_hosts=False),
    Call("ssh.set_known_host", hostname="h.example", key=KEY, enc="ssh-ed25519", config="TMP/known", hash_known_hosts=False),
    Call("ssh.get_known_host_entries", None, "h.example", config="TMP/known"),
    Call("ssh.get_known_host_entries", None, "other.example", config="TMP/known"),
    Call("ssh.check_known_host", None, "h.example", key=KEY, config="TMP/known"),
    Call("ssh.check_known_host", None, "h.example", key=EC, config="TMP/known"),
    Call("ssh.check_known_host", None, "h.example", fingerprint="aa:bb", config="TMP/known"),
    Call("ssh.check_known_host", None, "other.example", key=KEY, config="TMP/known"),
    Call("ssh.set_known_host", hostname="h.example", key=EC, enc="ecdsa-sha2-nistp256", config="TMP/known"),
    Call("ssh.rm_known_host", None, "h.example", config="TMP/known", only=without_original),
    Call("ssh.rm_known_host", None, "h.example", config="TMP/known"),
    Call("ssh.set_known_host", ours=returns({"status": "error", "error": "hostname argument required"}, 1), why=RETCODE),
    Call("ssh.rm_known_host", None, "h", config="/nonexistent/k",
         ours=returns({"status": "error", "error": "Known hosts file /nonexistent/k does not exist"}, 1), why=RETCODE),
    Call("ssh.set_known_host", hostname="h", port=222, config="TMP/known",
         ours=returns({"status": "error",
                       "error": "argument port can not be used in conjunction with argument hash_known_hosts"}, 1),
         why=RETCODE),
    Call("user.delete", "USER", True, True),
]  # fmt: skip

W, B, C = "TMP/work", "TMP/bare.git", "TMP/clone"
GIT = [
    Call("git.version"),
    Call("git.init", B, bare=True),
    Call("git.init", W),
    Call("git.status", W),
    Call("git.add", W, "a", ours=SAME),
    Call("git.add", W, "nosuch"),
    Call("git.status", W),
    Call("git.commit", W, "first"),
    Call("git.current_branch", W),
    Call("git.branch", W, "dev"),
    Call("git.branch", W, "dev"),
    Call("git.checkout", W, "dev"),
    Call("git.checkout", W, "nosuch"),
    Call("git.checkout", W),
    Call("git.checkout", W, opts="-b topic"),
    Call("git.list_branches", W),
    Call("git.revision", W),
    Call("git.revision", W, short=True),
    Call("git.revision", W, "nosuch"),
    Call("git.rev_parse", W, opts="--is-bare-repository"),
    Call("git.tag", W, "v1", message="one"),
    Call("git.tag", W, "v1", message="one"),
    Call("git.list_tags", W),
    Call("git.describe", W),
    Call("git.remote_set", W, B),
    Call("git.remote_get", W),
    Call("git.remote_get", W, "nosuch"),
    Call("git.remote_set", W, "https://h/x", remote="up", https_user="u", https_pass="p"),
    Call("git.remotes", W),
    Call("git.remote_get", W, "up", redact_auth=False),
    Call("git.push", W, "origin", "topic"),
    Call("git.push", W, "origin", "dev:master", opts="--tags"),
    Call("git.push", W, "origin", "nosuch"),
    Call("git.ls_remote", W),
    Call("git.ls_remote", W, ref="topic"),
    Call("git.ls_remote", W, "/nonexistent"),
    Call("git.remote_refs", B, heads=True),
    Call("git.remote_refs", B, filter="*/v1"),
    Call("git.clone", C, B),
    Call("git.clone", C, B),
    Call("git.clone", "TMP/x", "https://u:secret@127.0.0.1:1/x"),
    Call("git.list_branches", C, remote=True),
    Call("git.fetch", C),
    Call("git.pull", C),
    Call("git.merge", C, "nosuch"),
    Call("git.merge_base", C, ["HEAD", "origin/topic"]),
    Call("git.merge_base", C, ["HEAD", "origin/topic"], is_ancestor=True),
    Call("git.merge_base", C, ["HEAD"], is_ancestor=True),
    Call("git.stash", W),
    Call("git.stash", W, "pop"),
    Call("git.reset", W, opts="--hard HEAD"),
    Call("git.rebase", W, "dev"),
    Call("git.symbolic_ref", W, "HEAD"),
    Call("git.symbolic_ref", W, "nosuch"),
    Call("git.config_get", "nosuch.x", cwd=W, ours=returns(None), why=ASKED),
    Call("git.config_set", "foo.bar", multivar=["a", "b"], cwd=W),
    Call("git.config_get", "foo.bar", cwd=W),
    Call("git.config_get", "foo.bar", cwd=W, all=True),
    Call("git.config_get_regexp", "foo.*", cwd=W),
    Call("git.config_unset", "foo.bar", cwd=W, only=lambda answer, _port: answer),
    Call("git.config_unset", "foo.bar", cwd=W, all=True),
    Call("git.config_get", "foo.bar"),
    Call("git.worktree_add", W, "TMP/wt"),
    Call("git.is_worktree", "TMP/wt"),
    Call("git.is_worktree", W),
    Call("git.list_worktrees", W),
    Call("git.worktree_rm", "TMP/wt"),
    Call("git.worktree_rm", "TMP/wt"),
    Call("git.list_worktrees", W, stale=True),
    Call("git.worktree_prune", W),
    Call("git.archive", W, "TMP/x.tar"),
    Call("git.submodule", W, "update", init=True),
    Call("git.status", "/"),
    Call("git.status", "/nonexistent"),
    Call("git.status", W, user="trisalt-nobody"),
    Call("git.rm", W, "a"),
    Call("git.discard_local_changes", W, "nosuch"),
]  # fmt: skip

V = {"bin_env": "TMP/venv"}
PIP = [
    Call("pip.install", "tri-two", **V),
    Call("pip.install", "tri-one==9", **V),
    Call("pip.install", **V),
    Call("pip.install", requirements="TMP/nope.txt", **V),
    Call("pip.list", "tri", **V),
    Call("pip.freeze", **V, only=lambda lines, _port: [line for line in lines if line.startswith("tri")]),
    Call("pip.is_installed", "tri-one", **V),
    Call("pip.uninstall", "tri-two", **V),
    Call("pip.normalize", "A_b.C"),
    Call("pip.install", "x", bin_env="/nonexistent"),
    Call("virtualenv.get_site_packages", "TMP/venv"),
    Call("virtualenv.get_site_packages", "/nonexistent"),
]

FILES = [
    Call("hosts.list_hosts"),
    Call("hosts.get_ip", "a"),
    Call("hosts.get_ip", "nosuch"),
    Call("hosts.get_alias", "10.0.0.1"),
    Call("hosts.get_alias", "9.9.9.9"),
    Call("hosts.has_pair", "10.0.0.1", "d"),
    Call("hosts.has_pair", "10.0.0.1", "x"),
    Call("hosts.set_host", "10.0.0.9", "nine", "a comment"),
    Call("hosts.set_host", "10.0.0.1", "new more"),
    Call("hosts.rm_host", "10.0.0.1", "more"),
    Call("hosts.add_host", "10.0.0.1", "e"),
    Call("hosts.add_host", "10.0.0.7", "f g"),
    Call("hosts.set_comment", "10.0.0.2", "why"),
    Call("hosts.set_comment", "10.0.0.99", "why"),
    Call("hosts.set_host", "10.0.0.9", ""),
    Call("hosts.list_hosts"),
    Call("hosts.set_host", "nonsense", "x",
         ours=refuses("'nonsense' does not appear to be an IPv4 or IPv6 address"), why="it is no address"),
    Call("sysctl.default_config"),
    Call("sysctl.get", "kernel.hostname"),
    Call("sysctl.show", only=settled),
    Call("sysctl.show", config_file="TMP/sysctl.conf"),
    Call("sysctl.show", config_file="/nonexistent"),
    Call("sysctl.assign", "nosuch.key", 1),
    Call("sysctl.assign", "kernel.pid_max", "abc"),
    Call("sysctl.persist", "kernel.domainname", "(none)", config="TMP/fresh.conf"),
    Call("sysctl.persist", "kernel.domainname", "(none)", config="TMP/fresh.conf"),
    Call("sysctl.persist", "nosuch.key", 1, config="TMP/fresh.conf"),
    Call("sysctl.show", config_file="TMP/fresh.conf", ours=returns({"kernel.domainname": "(none)"}), why="what cannot be set is not kept"),
    Call("kmod.available"),
    Call("kmod.check_available", "nosuch"),
    Call("kmod.mod_list", True),
    Call("kmod.load", "trisalt_nosuch"),
    Call("kmod.remove", "trisalt_nosuch"),
    Call("sysfs.read", "class/net/lo/mtu"),
    Call("sysfs.read", "/sys/kernel/cpu_byteorder"),
    Call("sysfs.read", "class/net/lo/power"),
    Call("sysfs.read", "class/net/lo/nosuch"),
    Call("sysfs.read", "class/net/lo/ifalias"),
    Call("sysfs.read", ["mtu", "address", "nosuch"], "class/net/lo"),
    Call("sysfs.read", ["mtu"]),
    Call("sysfs.read", "../etc/hostname", ours=returns(False), why="it is not below /sys"),
    Call("sysfs.attr", "class/net/lo/type"),
    Call("sysfs.attr", "class/net/lo"),
    Call("sysfs.attr", "class/net/nosuch", "1"),
    Call("sysfs.target", "class/net/lo"),
    Call("sysfs.target", "class/net/lo/type", False),
    Call("sysfs.target", "class/nosuch"),
    Call("sysfs.interfaces", "class/net/lo/queues"),
    Call("sysfs.interfaces", "class/net/lo/type"),
    Call("xml.get_value", "TMP/doc.xml", ".//x"),
    Call("xml.get_value", "TMP/doc.xml", ".//e"),
    Call("xml.get_value", "TMP/doc.xml", ".//nosuch"),
    Call("xml.set_value", "TMP/doc.xml", ".//x", "n\u00e9w"),
    Call("xml.set_value", "TMP/doc.xml", ".//e", 5),
    Call("xml.get_attribute", "TMP/doc.xml", ".//x[@id='3']"),
    Call("xml.get_attribute", "TMP/doc.xml", ".//nosuch"),
    Call("xml.set_attribute", "TMP/doc.xml", ".//x[@id='3']", "by", "gal"),
    Call("cp.get_file_str", "TMP/doc.xml"),
    Call("udev.info", "/sys/class/net/lo", needs="udevadm"),
    Call("udev.env", "/sys/class/net/lo", needs="udevadm"),
    Call("udev.name", "/dev/null", needs="udevadm"),
    Call("udev.links", "/sys/class/net/lo", needs="udevadm"),
    Call("udev.path", "/sys/class/net/lo", needs="udevadm"),
    Call("udev.info", "/dev/trisalt-nosuch", needs="udevadm"),
    Call("udev.exportdb", ["net"], needs="udevadm"),
    Call("locale.list_avail", only=lambda names, _port: [name for name in names if name in ("C", "C.utf8", "POSIX")]),
    Call("locale.avail", "C.UTF-8"),
    Call("locale.avail", "xx_XX.UTF-8"),
    Call("locale.gen_locale", "xx_XX.UTF-8", ours=returns(False, 1), why=RETCODE),
    Call("timezone.get_zonecode"),
    Call("timezone.get_offset"),
    Call("alternatives.install", "GROUP", "TMP/link", "/bin/true", 10),
    Call("alternatives.install", "GROUP", "TMP/link", "/bin/false", 20),
    Call("alternatives.install", "GROUP", "TMP/link", "/bin/nosuch", 30),
    Call("alternatives.display", "GROUP"),
    Call("alternatives.show_link", "GROUP"),
    Call("alternatives.show_current", "GROUP"),
    Call("alternatives.show_current", "trisalt-nosuch"),
    Call("alternatives.check_exists", "GROUP", "/bin/true"),
    Call("alternatives.check_installed", "GROUP", "/bin/true"),
    Call("alternatives.set", "GROUP", "/bin/true"),
    Call("alternatives.set", "GROUP", "/bin/sh"),
    Call("alternatives.auto", "GROUP"),
    Call("alternatives.remove", "GROUP", "/bin/false"),
    Call("alternatives.remove", "GROUP", "/bin/true"),
]  # fmt: skip

NAMES = [
    "user",
    "group",
    "shadow",
    "cron",
    "at",
    "ssh",
    "git",
    "pip",
    "virtualenv",
    "timezone",
    "locale",
    "alternatives",
    "hosts",
    "sysctl",
    "kmod",
    "temp",
    "sysfs",
    "xml",
]
# Stock lists no functions of `timezone`, though it has them.
SIGNATURES = [
    Call(f"sys.{function}", name) for name in NAMES if name != "timezone" for function in ("list_functions", "argspec")
]
CALLS = [*ACCOUNTS, *CRON, *SSH, *GIT, *PIP, *FILES, *SIGNATURES]


def prepare(folder: Path) -> None:
    """The folder as both sides find it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o755)
    (folder / "hosts").write_text(HOSTS)
    (folder / "tab").write_text(TAB)
    (folder / "key.pub").write_text(f"ssh-ed25519 {KEY} me@file\n")
    (folder / "sysctl.conf").write_text("# c\nnet.a = 1\n;x\nnet.b=2\n\nnet.c = a b  c\nbroken\n")
    (folder / "doc.xml").write_text('<r a="1"><x id="3" k="v">one</x><x id="4">two</x><e/></r>')
    (folder / "work").mkdir()
    (folder / "work" / "a").write_text("one\n")
    (folder / ".gitconfig").write_text("[init]\n\tdefaultBranch = master\n[advice]\n\tdetachedHead = false\n")
    for version in ("1.0", "1.1"):
        write_wheel(folder, "tri-one", version)
    write_wheel(folder, "tri-two", "0.5", ["tri-one"])
    make_environment(folder)


def clean(names, tag):
    for line in subprocess.run(["atq"], capture_output=True, text=True, check=True).stdout.splitlines():
        number = line.split()[0]
        if tag in subprocess.run(["at", "-c", number], capture_output=True, text=True, check=False).stdout:
            subprocess.run(["atrm", number], check=True)
    for name in names:
        subprocess.run(["crontab", "-u", name, "-r"], capture_output=True, check=False)
        subprocess.run(["userdel", "-rf", name], capture_output=True, check=False)
        subprocess.run(["groupdel", "-f", name], capture_output=True, check=False)
        subprocess.run(["update-alternatives", "--remove-all", name], capture_output=True, check=False)


@pytest.fixture(scope="module")
def answers():
    """`{kind: [answer of each row]}`."""
    need("cron", "at", "kmod", "locales", "openssh-client")
    with open_lab() as lab, open_names(4) as names:
        lab.root.chmod(0o755)
        folder = lab.root / "host"
        words = {
            "TMP": str(folder),
            "TAG": f"trisalt{os.getpid()}",
            "USER": names[0],
            "OTHER": names[1],
            "GROUP": names[2],
            "CRONTAB": names[3],
            **{word: new_id() for word in ("UID", "UID2", "GID", "GID2")},
        }
        env = {
            **{name: text for name, text in lab.env.items() if not name.startswith(("PIP_", "GIT_"))},
            "HOME": str(folder), "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder), "PIP_NO_COMPILE": "1",
            "PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            **{f"GIT_{who}_{what}": text for who in ("AUTHOR", "COMMITTER")
               for what, text in (("NAME", "One"), ("EMAIL", "one@x"), ("DATE", "2020-01-01T00:00:00Z"))},
        }  # fmt: skip
        found = {}
        for kind in ("stock", "ours"):
            prepare(folder)
            subprocess.run(["useradd", "-M", words["CRONTAB"]], check=True)
            opts = {"hosts.file": str(folder / "hosts")}
            try:
                found[kind] = ask(lab, kind, CALLS, grains=GRAINS, opts=opts, places=words, env=env)
            finally:
                clean(names, words["TAG"])
        yield found


def plain(answer, fun):
    """An answer without what differs from run to run: numbers of processes, names of temporary files, times taken."""
    text = json.dumps(answer)
    text = re.sub(r'"pid": \d+', '"pid": 0', text)
    text = re.sub(r"after \d+ ms", "after a while", text)
    if fun.startswith("cron."):
        text = re.sub(r'\\"[^"\\]*\\":(\d+): bad', r"FILE:\1: bad", text)
    return json.loads(text)


@each(CALLS)
def test_ours_answers_as_stock_does(answers, number):
    call = CALLS[number]
    stock, ours = (plain(answers[kind][number], call.fun) for kind in ("stock", "ours"))
    if call.only and "error" not in stock:
        stock, ours = ({**answer, "return": call.only(answer["return"], 0)} for answer in (stock, ours))
    agree(call, stock, ours)


def test_every_shelf_is_in_the_table():
    # What temp makes has another name each time; of cp and udev the signatures are held elsewhere.
    assert {call.fun.partition(".")[0] for call in CALLS} == {*NAMES, "sys", "cp", "udev"} - {"temp"}
