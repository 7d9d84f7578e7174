"""The rows of `test_interop_files.py` about finding."""

from tests.interop.filerows import RETCODE, Row, returns, sh


def wrong(text, **kwargs):
    return {"ours": returns(f"error: {text}", 1), "why": RETCODE, **kwargs}


def find(path="W", **kwargs):
    return Row("file.find", path, **kwargs)


LINK = "a link is one, wherever it leads"
FIND = [
    sh("rm -rf -- *; mkdir -p d/sub/deep empty; printf 'one\\n' > a.txt; printf 'twotwo\\n' > B.TXT; head -c 2000 "
       "/dev/zero | tr '\\0' x > d/big; echo sub > d/sub/s.conf; echo deep > d/sub/deep/z.txt; ln -s a.txt l; "
       "ln -s nosuch broken; ln -s d ld; mkfifo p; chmod 600 a.txt; chmod 755 d/big; chown nobody:nogroup d/sub/s.conf; "
       "touch -d '3 days ago' d/big; touch -d '2 hours ago' a.txt; : > e"),
    *(find(path) for path in ("W", "W/", "W/nosuch", "W/*.txt", "W/a.txt", "W/l", "W/ld", "W/ld/", "W/[ad]*")),
    *(find(type=kinds) for kinds in ("f", "d", "p", "fd", "s")),
    find(type="l", why=LINK, ours=returns(["W/broken", "W/l", "W/ld"])),
    find(type="q", **wrong('invalid file type "q"')),
    *(find(name=name) for name in ("*.txt", "A*", "a.txt", "[aB]*")),
    find(iname="*.txt"),
    *(find(regex=regex) for regex in (".*/s.*", "s", ".*txt$", "a")),
    find(iregex=".*TXT$"),
    find(regex="(", **wrong('invalid regular expression: "("')),
    *(find(size=size) for size in ("0", "2000", "+1k", "-10", "7b", "+2K")),
    *(find(size=size, **wrong(f'invalid size: "{size}"')) for size in ("1k-3k", "10+", "x", "1q")),
    *(find(mtime=mtime, type="f") for mtime in ("1d", "+1d", "-1d", "2d", "1w", "+1h30m", "1m", "1.5h", "-1w 1d")),
    *(find(mtime=mtime, **wrong(f"invalid time interval: '{mtime}'")) for mtime in ("x", "1h-5h", "1y", "2")),
    find(owner="nobody"),
    find(owner="65534"),
    find(owner="nobody,root", type="f", why="several are asked for",
         ours=returns(["W/B.TXT", "W/a.txt", "W/d/big", "W/d/sub/deep/z.txt", "W/d/sub/s.conf", "W/e", "W/l"])),
    find(owner="nosuchuser", **wrong('no such user "nosuchuser"')),
    find(group="nogroup"),
    find(group="nosuchgroup", **wrong('no such group "nosuchgroup"')),
    find(perm="600", **wrong('invalid option "perm"')),
    find(maxdepth=0),
    find(maxdepth=1),
    find(mindepth=2),
    find(mindepth=1, maxdepth=1),
    find(maxdepth="x", **wrong('invalid maxdepth: "x"')),
    find(grep="two"),
    find(grep="^de", type="f"),
    find(grep="(", **wrong('invalid regular expression: "("')),
    find(type="f", print="name"),
    find(type="f", maxdepth=1, print="path,name,size"),
    find(type="f", maxdepth=1, print="name,size,mode,user,group,type"),
    find(name="a.txt", print="md5,path"),
    find(name="d", print="md5"),
    find(name="broken", print="size,type"),
    find(name="a.txt", print="nosuch", **wrong('invalid print field "nosuch"')),
    find(print="", **wrong('missing value for "print" option')),
    find(name="*.txt", mindepth=1, size="-100", type="f", owner="root"),
    find(name="a.txt", exec="echo hi {}"),
    find(name="a.txt", exec="cat {} {}x", why="what a command complains of is told",
         ours=returns(["cat W/a.txt W/a.txtx:\none\n\ncat: W/a.txtx: No such file or directory\n"])),
    find(name="a.txt", exec="nosuchcommand {}"),
    find(name="a.txt", exec="false"),
    find(type="f", maxdepth=1, exec="echo {}", print="name"),
    Row("file.diskusage", "W/d"),
    Row("file.diskusage", "W"),
    Row("file.diskusage", "W/nosuch"),
    Row("file.diskusage", "W/a.txt"),
    Row("file.statvfs", "W/a.txt"),
    Row("file.statvfs", "W/nosuch"),
    find(name="e", delete="f", print="name"),
    find(name="empty", delete="", **wrong('missing value for "delete" option')),
    find(name="B.TXT", delete="f"),
    find(name="x", delete="q", **wrong('invalid file type "q"')),
    find(name="broken", delete="l"),
    find(name="l", delete="f"),
    find(name="sub", delete="d"),
    find(name="*", type="f", maxdepth=1, delete="d"),
    sh("find . | sort"),
    find("W/d", mindepth=1, delete="fd"),
    sh("find . | sort"),
]  # fmt: skip
