"""The rows of `test_interop_files.py`. They run in this order: what one leaves, the next finds."""


class Row:
    """One call, or a step beside the calls; `only` picks what is compared of both answers.

    A step is a line of shell in the folder (`sh`), a file that is written anew (`put`), or what files hold (`get`).
    """

    SAME = object()
    READ_ONLY = frozenset({"/dev/null", "/a/../b//c/", "/a", "/c", "/a/b"})

    def __init__(self, fun="", *args, sh="", put=None, get=(), ours=SAME, why="", only=None, test=False, **kwargs):
        self.fun, self.args, self.kwargs, self.sh, self.test = fun, args, kwargs, sh, test
        self.ours, self.why, self.only = ours, why, only
        self.put, self.get, self.is_step = put, list(get), not fun
        assert ours is self.SAME or why, "a difference has a reason"

    def __str__(self):
        words = [str(arg) for arg in self.args] + [f"{key}={value}" for key, value in self.kwargs.items()]
        return " ".join([self.fun, *words, *(["test"] if self.test else [])])

    def plain(self, answer):
        """An answer without what differs from run to run."""
        if self.only is not None:
            return self.only(answer)
        value = answer.get("return")
        if isinstance(value, dict):
            noise = {
                "pid",
                "inode",
                "atime",
                "mtime",
                "ctime",
                "st_atime",
                "st_mtime",
                "st_ctime",
                "f_bavail",
                "f_bfree",
            }
            noise |= {"f_ffree", "f_favail"}
            answer = answer | {"return": {key: item for key, item in value.items() if key not in noise}}
        return answer


def returns(value, retcode=0):
    return {"return": value, "retcode": retcode}


def refuses(text):
    return {"error": text}


def sh(line, **kwargs):
    return Row(sh=line, **kwargs)


def content(names, **kwargs):
    return Row(get=names.split(), **kwargs)


def sorted_return(answer):
    return sorted(answer.get("return", answer))


RETCODE = "a job that could not do what it was asked has failed"
TEXT = "what is wrong is said in words"
TOLD = "a path that is not there is told"

BASICS = [
    sh(
        "mkdir -p d/sub; printf 'one\\ntwo\\nthree\\n' > a; chmod 644 a; ln -s a l; ln -s nosuch broken; mkfifo p; "
        "echo x > d/x.txt; echo yy > d/sub/y.conf; ln a hard; : > empty"
    ),
    Row("sys.argspec", "file.*"),
    # -- what is known of one
    Row("file.access", "W/a", "r"),
    Row("file.access", "W/a", "q"),
    Row("file.access", "W/a", "f"),
    Row("file.access", "W/nosuch", "f"),
    Row("file.stats", "W/a"),
    Row("file.stats", "W/l"),
    Row("file.stats", "W/l", follow_symlinks=False),
    Row("file.stats", "W/a", "md5"),
    Row("file.stats", "W/nosuch"),
    Row("file.stats", "W/d", "md5"),
    Row("file.stats", "W/broken"),
    Row("file.lstat", "W/l"),
    Row("file.lstat", "W/nosuch"),
    Row("file.lstat", "w"),
    Row("file.is_hardlink", "W/a"),
    Row("file.is_hardlink", "W/empty"),
    Row("file.is_hardlink", "W/nosuch", ours=returns(False), why="a question of yes or no has such an answer"),
    Row("file.is_link", "W/l"),
    Row("file.is_link", "W/a"),
    Row("file.is_link", "W/nosuch"),
    Row("file.is_link", "W/l", True),
    Row("file.readlink", "W/l"),
    Row("file.readlink", "W/l", True),
    Row("file.readlink", "W/a"),
    Row("file.readlink", "l"),
    Row("file.readlink", "W/nosuch"),
    Row("file.readdir", "W/d", only=sorted_return),
    Row("file.readdir", "d"),
    Row("file.readdir", "W/a"),
    Row("file.readdir", "W/nosuch"),
    Row("file.pardir"),
    Row("file.normpath", "/a/../b//c/"),
    Row("file.join", "/a", "b", "/c"),
    Row("file.join", "a", "b"),
    Row("file.join", ours=refuses("file.join takes at least one part"), why=TEXT),
    Row("file.dirname", "/a/b"),
    Row("file.basename", "/a/b"),
    Row("file.path_exists_glob", "W/*"),
    Row("file.path_exists_glob", "W/zz*"),
    Row("file.file_exists", "W/a"),
    Row("file.file_exists", "W/d"),
    Row("file.directory_exists", "W/d"),
    Row("file.directory_exists", "W/a"),
    # -- reading and writing
    Row("file.read", "W/a"),
    Row("file.read", "W/a", True),
    Row("file.read", "W/nosuch"),
    Row("file.read", "W/d"),
    sh("printf 'a\\r\\nb\\rc\\n' > dos; printf 'x\\351\\n' > latin"),
    Row("file.read", "W/dos"),
    Row("file.read", "W/latin", only=lambda answer: "error" in answer),
    Row("file.write", "W/w", "l1", "l2"),
    Row("file.write", "W/w", args=["x", "y"]),
    Row("file.write", "W/w", args="one"),
    content("w"),
    Row("file.write", "W/w"),
    content("w"),
    Row("file.write", "W/no/w", "x", only=lambda answer: "No such file or directory" in answer["error"]),
    Row("file.write", "W/d", "x", ours=refuses("W/d is not a regular file"), why=TEXT),
    Row("file.write", "W/w", 1, None),
    content("w"),
    Row("file.append", "W/w", "z", "q"),
    Row("file.append", "W/w", args=["k"]),
    content("w"),
    Row("file.append", "W/newap", "k"),
    sh("printf 'noeol' > n"),
    Row("file.append", "W/n", "more"),
    content("n"),
    Row("file.append", "W/no/n", "more"),
    Row("file.prepend", "W/n", "first", "second"),
    Row("file.prepend", "W/newpre", "first"),
    Row("file.prepend", "W/n", args=["x"]),
    content("n newpre"),
    Row("file.prepend", "W/no/n", "x", only=lambda answer: "No such file or directory" in answer["error"]),
    Row("file.write", "W/l", "through the link"),
    sh(
        "cat a; readlink l; stat -c %h a; printf 'one\\ntwo\\nthree\\n' > a; chmod 644 a; ln -f a hard",
        ours={"return": "through the link\na\n1\n"},
        why="a file is replaced as a whole: its other names keep what it was",
    ),
    Row("file.seek_read", "W/a", 4, 2),
    Row("file.seek_read", "W/nosuch", 4, 2),
    Row("file.seek_write", "W/a", "XX", 1, ours=returns(2), why="a text of the command line is written"),
    Row("file.seek_write", "W/nosuch", "x", 2),
    sh(
        "cat a; printf 'one\\ntwo\\nthree\\n' > a",
        ours={"return": "oXX\ntwo\nthree\n"},
        why="a text of the command line is written",
    ),
    Row("file.truncate", "W/n", 3),
    content("n"),
    Row("file.truncate", "W/nosuch", 3),
    Row("file.truncate", "W/n", "x", ours=refuses("A length is a number of bytes, not 'x'"), why=TEXT),
    Row("file.touch", "W/t"),
    Row("file.touch", "W/t", 100, 200),
    sh("stat -c '%X %Y' t"),
    Row("file.touch", "W/t", 100),
    Row("file.touch", "W/t", mtime=300),
    sh("stat -c '%Y' t"),
    Row("file.touch", "W/t", "x"),
    Row("file.touch", "W/no/t"),
    Row("file.touch", "W/d", 100, 200),
    sh("stat -c '%Y' d"),
    # -- copying and moving
    sh(
        "echo 1 > c1; chmod 600 c1; chown nobody c1; echo 2 > c2; mkdir -p cd/s cd2; echo 3 > cd/s/f; chmod 640 cd/s/f; "
        "chown nobody cd; echo k > cd2/k; ln -s c2 cl"
    ),
    Row("file.copy", "W/c1", "W/c2"),
    sh("stat -c '%U %G %a' c2; cat c2"),
    Row("file.copy", "W/c1", "W/cd2"),
    Row("file.copy", "W/cd", "W/cd3"),
    Row("file.copy", "W/cd", "W/cd2", True),
    sh(
        "find cd2 -printf '%p %u %m %y\\n' | sort",
        why="a copied file has the mode of what is copied",
        ours={"return": "cd2 nobody 755 d\ncd2/k root 644 f\ncd2/s root 755 d\ncd2/s/f root 640 f\n"},
    ),
    sh("chmod 644 cd/s/f"),
    Row("file.copy", "W/cd", "W/cd2", True, True),
    sh("find cd2 -printf '%p %u %m %y\\n' | sort"),
    Row("file.copy", "W/c1", "W/cl"),
    sh("cat c2; readlink cl"),
    Row("file.copy", "a", "W/a2"),
    Row("file.copy", "W/nosuch", "W/a2"),
    Row("file.copy", "W/a", "W/no/a2"),
    Row("file.copy", "W/a", "W/a2"),
    Row("file.rename", "W/a2", "W/a3"),
    Row("file.rename", "W/nosuch", "W/a3"),
    Row("file.rename", "a", "W/a3"),
    Row("file.move", "W/a3", "W/a4"),
    Row("file.move", "W/nosuch", "W/a4"),
    Row("file.move", "W/a4", "x"),
    Row("file.move", "x", "W/a4"),
    Row("file.move", "W/a4", "W/a5", True),
    sh("ls; cat a5"),
    # -- links
    Row("file.symlink", "W/a", "W/sl"),
    Row("file.symlink", "W/a", "W/sl"),
    Row("file.symlink", "W/d", "W/sl"),
    Row("file.symlink", "W/d", "W/sl", force=True),
    Row("file.symlink", "W/a", "W/sl", atomic=True),
    Row("file.symlink", "W/a", "rel"),
    Row("file.symlink", "a", "W/rel"),
    Row("file.symlink", "W/a", "W/w"),
    Row("file.symlink", "W/a", "W/w", force=True),
    Row("file.symlink", "W/a", "W/d", force=True),
    Row("file.symlink", "W/a", "W/no/x"),
    sh("readlink sl rel w; ls -A"),
    Row("file.link", "W/a", "W/hl"),
    Row("file.link", "W/a", "W/hl"),
    Row("file.link", "a", "W/hl"),
    Row("file.link", "W/nosuch", "W/hl2"),
    # -- directories
    Row("file.mkdir", "W/m/k/d"),
    Row("file.mkdir", "W/m/k/d"),
    Row("file.mkdir", "W/md", user="nobody", group="nogroup", mode="0700"),
    Row("file.mkdir", "W/md", mode="0755"),
    Row("file.mkdir", "W/a"),
    Row("file.mkdir", "W/a/b"),
    Row("file.mkdir", "W/mq/r", user="nobody", mode="0700"),
    Row("file.mkdir", "W/mr/r", group="nogroup"),
    Row("file.makedirs", "W/mm/x/y"),
    Row("file.makedirs", "W/mm/x/y"),
    Row("file.makedirs", "W/mm/x/y/"),
    Row("file.makedirs", "W/mm/x/y/"),
    Row("file.makedirs", "W/mo/x/y", user="nobody", mode="0750"),
    Row("file.makedirs", "W/a/x", ours=returns("The path 'W/a' already exists and is not a directory", 1), why=RETCODE),
    Row("file.makedirs", "W/a/x/y", only=lambda answer: "W/a" in answer["error"]),
    Row("file.makedirs_perms", "W/mp/x/y"),
    Row("file.makedirs_perms", "W/mz/x/y", user="nobody", group="nogroup", mode="0711"),
    Row("file.makedirs_perms", "W/my/x", mode=700),
    sh("find m* -printf '%p %u %g %m %y\\n' | sort"),
    Row(
        "file.makedirs_perms",
        "W/mn/x",
        user="nosuchuser",
        ours=refuses("W/mn/x is not made: User does not exist"),
        why=TEXT,
    ),
    sh("rm -rf mn"),
    # -- removing
    Row("file.rmdir", "W/mp"),
    Row("file.rmdir", "W/mp/x/y"),
    Row("file.rmdir", "W/mp", True),
    Row("file.rmdir", "W/a"),
    Row("file.rmdir", "W/nosuch"),
    Row("file.rmdir", "W/mm", recurse=True, verbose=True),
    Row("file.rmdir", "W/cd2", recurse=True, verbose=True),
    Row("file.rmdir", "W/mo", recurse=True, older_than=5),
    sh("ls -d m*"),
    Row("file.remove", "W/t"),
    Row("file.remove", "W/t"),
    Row("file.remove", "w"),
    Row("file.remove", "W/m"),
    Row("file.remove", "W/sl"),
    Row("file.remove", "W/broken"),
    sh("ln -s d dl; mkdir below; ln -s ../d below/out; echo k > below/k"),
    Row("file.remove", "W/below"),
    sh("find d | sort; ls"),
]

PERMS = [
    sh("rm -rf -- *; echo x > f; chmod 644 f; ln -s f l; mkdir d; mkfifo p; echo a > a"),
    Row("file.chown", "W/f", "nobody", "nogroup"),
    Row("file.chown", "W/f", "nosuchuser", "nogroup", ours=returns("User does not exist\n", 1), why=RETCODE),
    Row(
        "file.chown",
        "W/f",
        "nosuchuser",
        "nosuchgroup",
        ours=returns("User does not exist\nGroup does not exist\n", 1),
        why=RETCODE,
    ),
    Row("file.chown", "W/nosuch", "nobody", "nogroup", ours=returns("File not found", 1), why=RETCODE),
    Row("file.chown", "W/f", "", ""),
    Row("file.get_user", "W/f"),
    Row("file.get_group", "W/f"),
    Row("file.get_uid", "W/f"),
    Row("file.get_gid", "W/f"),
    Row("file.chown", "W/f", 0, 0),
    Row("file.lchown", "W/l", "nobody", "nogroup"),
    Row("file.lchown", "W/nosuch", "nobody", "nogroup"),
    Row("file.get_user", "W/l", follow_symlinks=False),
    Row("file.get_user", "W/l"),
    Row("file.chgrp", "W/f", "nogroup"),
    Row("file.chgrp", "W/f", "nosuchgroup", ours=returns("Group does not exist\n", 1), why=RETCODE),
    Row("file.set_mode", "W/f", "0600"),
    Row("file.set_mode", "W/f", 755),
    Row("file.set_mode", "W/f", "4755"),
    Row("file.set_mode", "W/f", "x", ours=returns("Invalid Mode x", 1), why=RETCODE),
    Row("file.set_mode", "W/nosuch", "0644"),
    Row("file.get_mode", "W/f"),
    Row("file.get_mode", "W/nosuch"),
    Row("file.get_mode", "W/l", follow_symlinks=False),
    Row("file.get_user", "W/nosuch"),
    Row("file.get_gid", "W/nosuch"),
    Row("file.uid_to_user", 0),
    Row("file.uid_to_user", 99887),
    Row("file.uid_to_user", "", ours=returns(""), why="no number has no name"),
    Row("file.gid_to_group", 0),
    Row("file.gid_to_group", 99887),
    Row("file.gid_to_group", ""),
    Row("file.gid_to_group", "root"),
    Row("file.user_to_uid", "root"),
    Row("file.user_to_uid", "nosuchuser"),
    Row("file.user_to_uid", 5),
    Row("file.user_to_uid", None),
    Row("file.group_to_gid", "root"),
    Row("file.group_to_gid", "nosuchgroup"),
    Row("file.group_to_gid", 5),
    Row("file.group_to_gid", None),
    Row("file.is_blkdev", "W/f"),
    Row("file.is_blkdev", "W/nosuch"),
    Row("file.is_chrdev", "/dev/null"),
    Row("file.is_fifo", "W/p"),
    Row("file.is_fifo", "W/f"),
    Row("file.is_fifo", "x"),
    Row("file.get_devmm", "/dev/null"),
    Row("file.get_devmm", "W/f"),
    Row("file.get_devmm", "W/nosuch"),
    Row("file.mknod", "W/np", "p"),
    Row("file.mknod", "W/np", "p"),
    Row("file.mknod", "W/nx", "z"),
    Row("file.mknod", "W/nc", "c", 1, 3, "root", "root", "0666"),
    Row("file.mknod", "W/nb", "b", 7, 200),
    Row("file.mknod", "W/nn/nb", "p"),
    Row("file.mknod_fifo", "W/nf", "nobody", "nogroup", "0666"),
    Row("file.mknod_fifo", "W/nf", mode="0666"),
    Row("file.mknod_fifo", "W/no/nf"),
    Row(
        "file.mknod_fifo",
        "W/ng",
        "nosuchuser",
        ours=returns({"name": "W/ng", "changes": {}, "comment": "User does not exist\n", "result": False}),
        why="a node that its owner cannot have is not made",
    ),
    Row("file.mknod_chrdev", "W/nc", 1, 3, mode="0666"),
    Row("file.mknod_blkdev", "W/nb2", 7, 201),
    sh("rm -f ng; find n* -printf '%p %u %g %m %y\\n' | sort; stat -c '%t %T' nc nb"),
    Row("file.lsattr", "W/nosuch"),
    Row("file.lsattr", "W/f"),
    Row("file.chattr", "W/f", operator="add", attributes="A"),
    Row("file.lsattr", "W/f"),
    Row("file.chattr", "W/f", operator="remove", attributes="A"),
    Row("file.chattr", "W/f", operator="bad", attributes="A"),
    Row("file.chattr", "W/f", operator="add", attributes="Z"),
    Row("file.chattr", "W/f", operator="add"),
    Row("file.get_selinux_context", "W/f"),
    Row("file.set_selinux_context", "W/f"),
    # -- check_perms
    sh("rm -rf -- *; echo x > f; chmod 644 f; ln -s f l; mkdir -m 755 d"),
    Row("file.check_perms", "W/f", None, "root", "root", "0644"),
    Row("file.check_perms", "W/f", None, "root", "root", "0600", test=True),
    Row("file.check_perms", "W/f", None, "root", "root", "0600"),
    Row("file.check_perms", "W/f", None, "nobody", None, None, test=True),
    Row("file.check_perms", "W/f", None, "nobody", None, None),
    Row("file.check_perms", "W/f", None, None, "nogroup", None),
    Row("file.check_perms", "W/f", None, "root", "root", 644),
    Row("file.check_perms", "W/f", None, "nosuchuser", "nosuchgroup", "0644", test=True),
    Row("file.check_perms", "W/f", None, "nosuchuser", "nosuchgroup", "0644"),
    Row("file.check_perms", "W/f", None, "", "", None),
    Row(
        "file.check_perms",
        "W/f",
        {"name": "W/f", "changes": {}, "comment": [], "result": True},
        "nobody",
        "nogroup",
        "0640",
    ),
    Row(
        "file.check_perms",
        "W/f",
        {"name": "W/f", "changes": {"a": 1}, "comment": "hello", "result": True},
        "root",
        "root",
        "0644",
    ),
    Row(
        "file.check_perms",
        "W/f",
        {"name": "W/f", "changes": {}, "comment": "hello", "result": True},
        "nosuchuser",
        None,
        None,
    ),
    Row("file.check_perms", "W/f", {}, "root", "root", "0600"),
    Row("file.check_perms", "W/nosuch", None, "root", "root", "0600"),
    Row("file.check_perms", "W/f", None, None, None, "x"),
    Row("file.check_perms", "W/f", None, None, None, "x", test=True),
    Row("file.check_perms", "W/f", None, 0, 0, "0644"),
    Row("file.check_perms", "W/f", None, 65534, 65534, None),
    Row("file.check_perms", "W/f", None, 99887, None, None),
    Row("file.check_perms", "W/f", None, "root", "root", None, "A", test=True),
    Row("file.check_perms", "W/f", None, "root", "root", None, "A"),
    Row("file.check_perms", "W/f", None, "root", "root", None, ""),
    Row("file.check_perms", "W/l", None, "nobody", "nogroup", "0600"),
    Row("file.check_perms", "W/l", None, "root", "root", "0644", follow_symlinks=True),
    Row("file.check_perms", "W/d", None, "nobody", "nogroup", "0700", test=True),
    Row("file.check_perms", "W/d", None, "nobody", "nogroup", "0700"),
    Row("file.check_perms", "W/f", None, None, None, "4755"),
    Row("file.check_perms", "W/f", None, "nobody", None, "4755"),
    Row("file.check_perms", "W/f", None, None, None, "keep"),
    Row("file.check_perms", "W/f", None, None, None, "'0644'"),
    Row("file.check_perms", "W/f", None, None, None, "0o644"),
    Row(
        "file.check_perms",
        "W/f",
        None,
        "root",
        "root",
        "0755",
        setype="etc_t",
        only=lambda answer: {**answer, "retcode": 0},
    ),
    sh("find . -printf '%p %u %g %m %y\\n' | sort"),
]
