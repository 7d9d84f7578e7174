"""Calls and states of `lvm` and `quota` beside stock's. There is no device mapper and no quota where tests run: programs
that stand in for LVM's and quota's remember in a folder what they were told, and answer in the words of the real ones.
"""

from tests.interop.beside import Call, refuses, returns
from tests.interop.states import Row, done, refused

# By the name that it is called by, as LVM's own program is. A volume is a file: its group, or its size in sectors.
LVM = r"""#!/bin/bash
state=W/volumes
last=${@: -1}; group=; name=; size=
parse() { while [ $# -gt 0 ]; do case $1 in
    -n|--thinpool) name=$2; shift;; -s) group=${2%%/*}; shift;; -L|-l|-V) size=$2; shift;;
    --maxlogicalvolumes) shift;; -*|W/dev/*) ;; *) [ -z "$group" ] && group=$1;; esac; shift; done; }
sectors() { case $size in 500M) echo 1024000;; 1G) echo 2097152;; *) echo 4194304;; esac; }
case ${0##*/} in
lvm) printf '  LVM version:     2.03.16(2) (2022-05-18)\n  Driver version:  4.47.0\n';;
pvdisplay)
    for f in $state/*.pv; do d=W/dev/$(basename $f .pv)
    [ -e $f ] && { [ $# = 1 ] || [ $d = $last ]; } && found=1 && echo "  $d:$(cat $f):41940992:-1:8:8:-1:4096:5119:5119:0:U"; done
    [ $# = 1 ] || [ -n "$found" ] || { echo "  Failed to find physical volume \"$last\"." >&2; exit 5; };;
vgdisplay)
    [ $# = 1 ] || [ -e $state/$last.vg ] || { echo "  Volume group \"$last\" not found" >&2; exit 5; }
    for f in $state/*.vg; do
    [ -e $f ] && echo "  $(basename $f .vg):r/w:772:-1:0:0:0:-1:0:1:1:20967424:4096:5119:0:5119:VG"; done;;
lvdisplay)
    f=$state/$(echo $last | tr / _).lv
    [ -e $f ] || { echo "  Failed to find logical volume \"$last\"" >&2; exit 5; }
    echo "  $last:vg1:3:1:-1:0:$(cat $f):5:-1:0:-1:253:0";;
pvcreate) for d in "$@"; do case $d in W/dev/*) echo > $state/$(basename $d).pv;; esac; done;;
pvremove) for d in "$@"; do case $d in W/dev/*) rm $state/$(basename $d).pv;; esac; done;;
vgcreate|vgextend)
    parse "$@"; touch $state/$group.vg
    for d in "$@"; do case $d in W/dev/*) echo $group > $state/$(basename $d).pv;; esac; done;;
vgremove) rm $state/$1.vg;;
lvcreate) parse "$@"; sectors > $state/_dev_${group}_$name.lv;;
lvresize|lvextend) parse "$@"; sectors > $state/$(echo $last | tr / _).lv;;
lvremove) rm $state/_dev_${1/\//_}.lv;;
esac
"""
QUOTA = r"""#!/bin/bash
state=W/volumes
case ${0##*/} in
repquota)
    [ "$2" = -u ] && kind=User || kind=Group
    printf '*** Report for quotas on device /dev/sdb1\nBlock grace time: 7days; Inode grace time: 7days\n'
    printf '  Block limits File limits\n%s used soft hard grace used soft hard grace\n------\n' $kind
    echo 'root      --      20       0       0      0       2     0     0      0'
    [ ! -e $state/limits$2 ] || echo "larry     +-    2000 $(cut -d' ' -f1,2 $state/limits$2) 0 5 $(cut -d' ' -f3,4 $state/limits$2) 0";;
setquota) echo "$3 $4 $5 $6" > $state/limits$1;;
quotastats) printf 'Kernel quota version: 6.6.0\nNumber of dquot lookups: 5\n';;
quotaon)
    [ $1 = -p ] || { [ $1 = -g ] && touch $state/on-group || touch $state/on-user; exit 0; }
    [ $2 = /mnt ] || { echo "quotaon: Mountpoint $2 not found" >&2; exit 1; }
    for kind in group user; do s=off; [ -e $state/on-$kind ] && s=on; echo "$kind quota on /mnt (/dev/sdb1) is $s"; done
    exit 1;;
quotaoff) [ $1 = -g ] && rm $state/on-group || rm $state/on-user;;
esac
"""
LVM_NAMES = (
    *("lvm", "pvdisplay", "vgdisplay", "lvdisplay", "pvcreate", "pvremove", "vgcreate", "vgextend", "vgremove"),
    *("lvcreate", "lvresize", "lvextend", "lvremove", "pvresize"),
)
QUOTA_NAMES = ("repquota", "setquota", "quotastats", "quotaon", "quotaoff", "warnquota")

UNUSED = "what is left as it is has not failed"
SENTENCE = "a wrong argument is told in a sentence"
MODE = "the programs' own exit status tells the mode, and no failure"
CALLS = [
    Call("lvm.version"),
    Call("lvm.fullversion"),
    Call("lvm.pvcreate", "W/dev/nope"),
    Call("lvm.pvcreate", ""),
    Call("lvm.pvcreate", "W/dev/a,W/dev/b", dataalignment="1m", metadatasize=1000),
    Call("lvm.pvcreate", "W/dev/a", override=False),
    Call("lvm.pvdisplay"),
    Call("lvm.pvdisplay", "W/dev/a", real=True),
    Call("lvm.pvdisplay", "W/dev/nope"),
    Call("lvm.vgcreate", "vg1", "W/dev/a", maxlogicalvolumes=5),
    Call("lvm.vgcreate", "", ""),
    Call("lvm.vgdisplay", "vg1"),
    Call("lvm.vgdisplay", "nope"),
    Call("lvm.vgdisplay", "nope", quiet=True),
    Call("lvm.vgextend", "vg1", "W/dev/b"),
    Call("lvm.lvcreate", "lv1", "vg1", size="1G"),
    Call("lvm.lvcreate", "sn", "vg1", extents=5, snapshot="lv1"),
    Call("lvm.lvcreate", "t", "vg1", size="1G", thinpool=True),
    Call("lvm.lvcreate", "x", "vg1"),
    Call("lvm.lvcreate", "x", "vg1", size="1G", extents=5),
    Call("lvm.lvdisplay", "/dev/vg1/lv1"),
    Call("lvm.lvresize", "2G", "/dev/vg1/lv1"),
    Call("lvm.lvresize", "2G", ours=refuses("The path of a logical volume is missing"), why=SENTENCE),
    Call("lvm.lvextend", extents="+100%FREE", lvpath="/dev/vg1/lv1", resizefs=True),
    Call("lvm.pvresize", "W/dev/a"),
    Call("lvm.lvremove", "lv1", "vg1"),
    Call("lvm.vgremove", "vg1"),
    Call("lvm.vgremove", "-f", ours=refuses("Invalid name of a volume: '-f'"), why=SENTENCE),
    Call("lvm.pvremove", "W/dev/a,W/dev/b"),
    Call("lvm.pvremove", "W/dev/a", ours=returns(True), why=UNUSED),
    Call("lvm.pvremove", "W/dev/a", override=False, ours=returns("W/dev/a is not a physical volume"), why=UNUSED),
    Call("quota.report", "/mnt"),
    Call("quota.set", "/mnt", user="larry", **{"block-soft-limit": 1048576}),
    Call("quota.set", "/mnt", user="larry", **{"file-hard-limit": 7}, why="limits that are not named stay", ours=returns(
        {"User: larry": {"block-soft-limit": 1048576, "block-hard-limit": 0, "file-soft-limit": 0, "file-hard-limit": 7}})),
    Call("quota.set", "/mnt", user="larry", blocks=1, why=SENTENCE, ours=refuses(
        "quota.set takes no blocks: there are block-soft-limit, block-hard-limit, file-soft-limit, file-hard-limit")),
    Call("quota.set", "/mnt"),
    Call("quota.set", "/mnt", user="a", group="b"),
    Call("quota.stats"),
    Call("quota.warn", ours=returns(True), why="warnquota is what the program is called"),
    Call("quota.get_mode", "/mnt", ours=returns({"/mnt": {"device": "/dev/sdb1", "group": "off", "user": "off"}}), why=MODE),
    Call("quota.get_mode", "/nope", ours=refuses("quotaon: Mountpoint /nope not found"), why=SENTENCE),
]  # fmt: skip
THERE = "Volume Group vg1 already present\nW/dev/a is part of Volume Group"
ROWS = [
    Row("lvm.pv_present", "W/dev/a"),
    Row("lvm.pv_present", "W/dev/b"),
    Row("lvm.pv_present", "W/dev/nope", preview=refused("Failed to create Physical Volume W/dev/nope"), why="it cannot be",
        phases=["preview"]),
    Row("lvm.vg_present", "vg1", devices="W/dev/a"),
    Row("lvm.vg_present", "vg1", devices=["W/dev/a", "W/dev/b"], why="what is to be added has not been yet",
        preview={"result": None, "comment": f"{THERE}\nW/dev/b is set to be added to Volume Group",
                 "changes": {"W/dev/b": "added to vg1"}},
        applied=done(f"{THERE}\nW/dev/b is part of Volume Group", **{"W/dev/b": "added to vg1"})),
    Row("lvm.vg_present", "vg1", devices="W/dev/nope"),
    Row("lvm.lv_present", "lv1", vgname="vg1", size="1G"),
    Row("lvm.lv_present", "lv1", vgname="vg1", size="2G"),
    Row("lvm.lv_present", "lv1", vgname="vg1", size="500M"),
    Row("lvm.lv_present", "lv1", vgname="vg1", size="500M", force=True),
    Row("lvm.lv_present", "lv2", vgname="vg1", extents="100%FREE"),
    Row("lvm.lv_present", "lv2", vgname="vg1", size="x", preview=refused("Size x is invalid."),
        applied=refused("Size x is invalid."), again=refused("Size x is invalid."), why=SENTENCE),
    Row("lvm.lv_present", "lv2", vgname="vg1", size="1G", extents=5),
    Row("lvm.lv_absent", "lv1", vgname="vg1"),
    Row("lvm.vg_absent", "vg1"),
    Row("lvm.pv_absent", "W/dev/a"),
    Row("quota.mode", "/mnt", mode=True, quotatype="user"),
    Row("quota.mode", "/mnt", mode=False, quotatype="user"),
    Row("quota.mode", "/mnt", mode="on", quotatype="group", phases=["applied", "again"], why="on is what YAML has for True",
        applied=done("Set quota for /mnt to on", quota="/mnt"), again=done("Quota for /mnt already set to on")),
]  # fmt: skip


def programs(folder):
    """The programs, in a folder `bin` of this folder, and two devices."""
    for name in ("bin", "dev", "volumes"):
        (folder / name).mkdir()
    for device in ("a", "b"):
        (folder / "dev" / device).touch()
    for name, text in [*((name, LVM) for name in LVM_NAMES), *((name, QUOTA) for name in QUOTA_NAMES)]:
        path = folder / "bin" / name
        path.write_text(text.replace("W/", f"{folder}/"))
        path.chmod(0o755)
    return folder / "bin"
