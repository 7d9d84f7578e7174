"""The rows of `test_interop_files.py` about managed files: sources, hashes, templates, differences, and the change."""

import json
import re

from tests.interop.filerows import TEXT, Row, content, refuses, returns, sh

HELLO = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03"
SUM = {"hash_type": "sha256", "hsum": HELLO}
WRONG = {"hash_type": "sha256", "hsum": "0" * 64}
LOOK = sh("find . -printf '%p %u %g %m %y %l\\n' | sort; cat f")
NOWHERE = "http://127.0.0.1:1/x"


def files(text=r"old\n"):
    return sh(f"rm -rf -- *; mkdir d; printf '%b' '{text}' > f; chmod 644 f; ln -s f l; printf 'hello\\n' > loc; "
              "printf 'x\\0y' > bin; : > e")  # fmt: skip


def no_temporary(answer):
    """The name of a file for one use is another each time."""
    return json.loads(re.sub(r"__salt\.tmp\.\w+", "TMP", json.dumps(answer)))


def first_lines(answer):
    return answer if "error" not in answer else {"error": answer["error"].splitlines()[:1]}


def is_refused(answer):
    return {"error": "error" in answer}


SOURCES = [
    sh("rm -rf -- *; mkdir -p ../srv/sub; cd ../srv; printf 'hello\\n' > a.txt; chmod 640 a.txt; "
       "printf 'os {{ grains.os }} {{ x }} {{ name }} {{ source }} {{ mode }}\\n' > t.j; "
       "printf 'os {{ nosuch.a }}' > bad.j; printf sub > sub/s; "
       f"printf '{HELLO}  a.txt\\n' > SUMS; printf '{HELLO}  a.txt\\n' > ../w/SUMS; printf 'hello\\n' > ../w/loc"),
    *(Row("file.source_list", source, "", "base") for source in (
        "salt://a.txt", "salt://nosuch", ["salt://nosuch", "salt://a.txt"], ["salt://nosuch"], [{"salt://a.txt": "md5=1"}],
        "W/loc", ["W/nosuch", "W/loc"], ["file://W/loc"], "rel", ["rel"], [], "", None, "salt://a.txt?saltenv=base",
        ["salt://a.txt?saltenv=dev", "salt://a.txt"], "salt://|a.txt", [{"a": "b", "c": "d"}], NOWHERE,
        [{NOWHERE: "h"}, "salt://a.txt"], ["salt://sub"], [{"W/loc": "q"}], "ftp2://x")),
    Row("file.source_list", [{"salt://nosuch": "x"}, "salt://sub/s"], "hh", "base"),
    Row("file.get_hash", "W/loc"),
    Row("file.get_hash", "W/loc", "md5"),
    Row("file.get_hash", "W/loc", "nosuch"),
    Row("file.get_hash", "W/nosuch"),
    Row("file.get_sum", "W/loc"),
    Row("file.get_sum", "W/nosuch"),
    Row("file.get_sum", "W/loc", "nosuch"),
    Row("file.check_hash", "W/loc", "sha256:00"),
    Row("file.check_hash", "W/loc", f"sha256:{HELLO}"),
    Row("file.check_hash", "W/loc", HELLO),
    Row("file.check_hash", "W/loc", "md5=b1946ac92492d2347c6235b4d2611184"),
    Row("file.check_hash", "W/loc", "123"),
    Row("file.check_hash", "W/loc", 5),
    Row("file.check_hash", "W/loc", "foo=bar"),
    Row("file.check_hash", "W/nosuch", "md5=b1946ac92492d2347c6235b4d2611184"),
    Row("file.extract_hash", "W/SUMS", "sha256", "a.txt"),
    Row("file.extract_hash", "W/SUMS", "sha256", "etc/a.txt"),
    Row("file.extract_hash", "W/SUMS", "sha256", "b.txt"),
    Row("file.extract_hash", "W/SUMS", "md5", "a.txt"),
    Row("file.extract_hash", "W/SUMS"),
    Row("file.extract_hash", "W/SUMS", None, "a.txt"),
    Row("file.extract_hash", "W/SUMS", "nosuch", "a.txt"),
    Row("file.extract_hash", "W/SUMS", "sha256", "b.txt", source="http://x/a.txt"),
    Row("file.extract_hash", "W/SUMS", "sha256", "b.txt", source_hash_name="a.txt"),
    Row("file.extract_hash", "W/nosuch", "sha256", "a"),
    sh("printf 'd41d8cd98f00b204e9800998ecf8427e *b.txt\\nMD5 (c.txt) = d41d8cd98f00b204e9800998ecf8427f\\n"
       "da39a3ee5e6b4b0d3255bfef95601890afd80709 ./x/d.txt\\nd41d8cd98f00b204e9800998ecf84270 x/d.txt\\n' > sums; "
       "printf 'd41d8cd98f00b204e9800998ecf8427e' > one; printf 'sha1=da39a3ee5e6b4b0d3255bfef95601890afd80709\\n' > eq"),
    Row("file.extract_hash", "W/sums", "md5", "q/b.txt"),
    Row("file.extract_hash", "W/sums", "md5", "c.txt",
        ours=returns({"hsum": "d41d8cd98f00b204e9800998ecf8427f", "hash_type": "md5"}),
        why="a line of the BSD kind names its file too"),
    Row("file.extract_hash", "W/sums", "sha1", "d.txt"),
    Row("file.extract_hash", "W/sums", "md5", "d.txt"),
    Row("file.extract_hash", "W/sums", None, "d.txt"),
    Row("file.extract_hash", "W/sums", "sha1", "zz"),
    Row("file.extract_hash", "W/one", "md5", "zz"),
    Row("file.extract_hash", "W/one", "sha256", "zz"),
    Row("file.extract_hash", "W/one", None, "zz"),
    Row("file.extract_hash", "W/eq", "sha1", "zz"),
    *(Row("file.get_source_sum", "x", "salt://a.txt", hashed) for hashed in (
        f"sha256={HELLO}", HELLO, "d41d8cd98f00b204e9800998ecf8427e", "salt://SUMS", "W/SUMS", "salt://nosuch", "abc",
        "md5=abc", "foo=abc", "", f"SHA256={HELLO}", "z" * 64, f"sha256: {HELLO}", "ftp2://x/y", "sha256=" + "0" * 63)),
    Row("file.get_source_sum", "x", "salt://a.txt", "W/nosuch",
        ours=refuses("Source hash file W/nosuch not found"), why=TEXT),
    Row("file.get_source_sum", "x", "salt://a.txt", NOWHERE, only=is_refused),
    Row("file.get_source_sum", "zz", "http://q/zz", "salt://SUMS", source_hash_name="a.txt"),
    Row("file.get_source_sum", source="salt://a.txt", source_hash="salt://SUMS"),
]  # fmt: skip


def managed(source, template=None, source_hash="", user=None, group=None, mode=None, saltenv="base", context=None,
            defaults=None, skip=False, only=no_temporary, **kwargs):  # fmt: skip
    return Row("file.get_managed", "W/f", template, source, source_hash, None, user, group, mode, None, saltenv, context,
               defaults, skip, only=only, **kwargs)  # fmt: skip


GET_MANAGED = [
    managed("salt://a.txt"),
    managed(
        "salt://t.j",
        "jinja",
        context={"x": 1},
        only=lambda answer: {
            **no_temporary(answer),
            "return": [part if not isinstance(part, dict) else "a hash" for part in no_temporary(answer)["return"]],
        },
    ),
    managed("salt://t.j", "jinja", only=first_lines),
    managed("salt://bad.j", "jinja", only=first_lines),
    managed("salt://sub/s", "jinja", defaults={"x": 2}),
    managed("salt://sub/s", "nosuch"),
    managed("salt://nosuch"),
    managed("salt://nosuch", "jinja"),
    managed("W/loc"),
    managed("W/nosuch"),
    managed("file://W/loc"),
    managed("rel"),
    managed("W/loc", source_hash="sha256=" + "0" * 64),
    managed("W/loc", source_hash=f"sha256={HELLO}"),
    managed("W/loc", "jinja"),
    managed("salt://a.txt", source_hash=f"sha256={HELLO}"),
    managed("salt://a.txt", source_hash="md5=" + "0" * 32),
    managed(NOWHERE),
    managed(NOWHERE, skip=True, only=lambda answer: answer["return"][2][:36]),
    managed(NOWHERE, source_hash=f"sha256={HELLO}", only=lambda answer: answer["return"][2][:36]),
    managed(""),
    managed(None),
    managed("salt://a.txt", mode="keep"),
    managed("salt://a.txt?saltenv=dev"),
    managed("salt://a.txt", saltenv="dev"),
    managed("salt://sub"),
    sh("rm -f ../__salt.tmp.*"),
    Row("file.apply_template_on_contents", "a {{ x }} {{ grains.os }}", "jinja", {"x": 1}, None, "base"),
    Row("file.apply_template_on_contents", "a {{ x }}", "jinja", {}, {"x": 2}, "base"),
    Row("file.apply_template_on_contents", "a {{ x }}", "jinja", {"x": 3}, {"x": 2}, "base"),
    Row("file.apply_template_on_contents", "a", "nosuch", {}, None, "base"),
    Row("file.apply_template_on_contents", "a {{ y.z }}", "jinja", {}, None, "base", only=first_lines),
    Row("file.apply_template_on_contents", "a\n", "jinja", None, None, "base"),
    Row("file.apply_template_on_contents", "a {% if %}", "jinja", None, None, "base", only=first_lines),
]

DIFF = [
    files(),
    sh("printf 'a\\nb\\n' > 1; printf 'a\\nc\\n' > 2; printf 'x\\0y' > b1; printf 'x\\0z' > b2; printf 'b\\na\\n' > 3; "
       "printf ' a \\n#c\\nb\\n' > 4; printf 'a\\nb' > nn; printf '\\351\\n' > l1; printf 'abcdefgh\\351\\n' > l2; "
       "printf 'a\\fb\\n' > ff; printf 'a\\r\\nb\\r\\n' > cr"),
    *(Row("file.get_diff", f"W/{one}", f"W/{two}") for one, two in (
        "12", "11", ("1", "b1"), ("b1", "1"), ("b1", "b2"), ("1", "e"), ("e", "1"), ("1", "nn"), ("nn", "1"), ("1", "l1"),
        ("1", "l2"), ("1", "cr"), ("1", "ff"), ("1", "no"), ("no", "1"), ("d", "1"))),
    Row("file.get_diff", "W/1", "W/2", show_filenames=False),
    Row("file.get_diff", "W/1", "W/2", show_changes=False),
    Row("file.get_diff", "W/b1", "W/b2", show_changes=False),
    Row("file.get_diff", "W/1", "W/2", template=True),
    Row("file.get_diff", "W/1", "W/3", ignore_ordering=True),
    Row("file.get_diff", "W/1", "W/1", ignore_ordering=True),
    Row("file.get_diff", "W/1", "W/4", ignore_whitespace=True),
    Row("file.get_diff", "W/1", "W/4", ignore_whitespace=True, ignore_comment_characters="#"),
    Row("file.get_diff", "W/1", "W/4", ignore_comment_characters=["#"]),
    Row("file.get_diff", "W/1", "W/4", ignore_ordering=True),
    Row("file.get_diff", "W/4", "W/3", ignore_ordering=True, ignore_comment_characters="#", ignore_whitespace=True),
    Row("file.get_diff", "salt://a.txt", "W/1"),
    Row("file.get_diff", "salt://nosuch.txt", "W/1"),
]  # fmt: skip


def check(fun, name="W/f", source=None, user=None, group=None, mode=None, attrs=None, template=None, context=None,
          contents=None, **kwargs):  # fmt: skip
    return Row(f"file.{fun}", name, source, "", None, user, group, mode, attrs, template, context, None, "base",
               contents, **kwargs)  # fmt: skip


def checks(fun):
    return [
        check(fun, contents="old\n"),
        check(fun, contents="new\n"),
        check(fun, "W/new", contents="n"),
        check(fun, "W/new"),
        check(fun),
        check(fun, source="salt://a.txt"),
        check(fun, source="salt://nosuch"),
        check(fun, source=["salt://nosuch", "salt://a.txt"]),
        check(fun, source=["salt://nosuch"]),
        check(fun, source="W/loc"),
        check(fun, source="W/nosuch"),
        check(fun, source="salt://t.j", template="jinja", context={"x": 1}),
        check(fun, source="salt://t.j", template="jinja", only=first_lines),
        check(fun, source=NOWHERE),
        check(fun, "W/l", contents="n\n", follow_symlinks=True),
        check(fun, "W/l", contents="n\n"),
        check(fun, "W/l", contents="old\n"),
        check(fun, "W/d", contents="q"),
        check(fun, contents="x\0z"),
        check(fun, contents=""),
        check(fun, attrs="A", contents="old\n"),
        check(fun, "W/new", source="salt://a.txt", mode="0640"),
    ]


def meta(name="W/f", sfn="", source=None, source_sum=None, user=None, group=None, mode=None, attrs=None, contents=None,
         **kwargs):  # fmt: skip
    return Row(
        "file.check_file_meta", name, sfn, source, source_sum, user, group, mode, attrs, "base", contents, **kwargs
    )


SET = "The following values are set to be changed:\n"
OLD_NEW, OLD_HELLO = (f"diff: --- \n+++ \n@@ -1 +1 @@\n-old\n+{new}\n\n" for new in ("new", "hello"))


def told(comment, **kwargs):
    """What is not the content is told too."""
    return check("check_managed", **kwargs, ours=returns([None, SET + comment]), why="each difference is told")


CHECK = [
    files(),
    *checks("check_managed"),
    told("mode: 0600\n", mode="0600"),
    told("user: nobody\n", user="nobody"),
    told("user: nosuchuser\n", user="nosuchuser"),
    told(f"{OLD_NEW}group: nogroup\n", group="nogroup", contents="new\n"),
    told(f"{OLD_HELLO}mode: keep\n", mode="keep", source="salt://a.txt"),
    *checks("check_managed_changes"),
    *(check("check_managed_changes", **asked) for asked in (
        {"mode": "0600"}, {"user": "nobody"}, {"user": "nosuchuser"}, {"group": "nogroup", "contents": "new\n"},
        {"mode": "keep", "source": "salt://a.txt"})),
    check("check_managed_changes", "W/new", contents="n\n", new_file_diff=True),
    check("check_managed_changes", "W/new", source="salt://a.txt", new_file_diff=True, why="a new file has a difference",
          ours=returns({"diff": "--- \n+++ \n@@ -0,0 +1 @@\n+hello\n"})),
    check("check_managed_changes", source="salt://a.txt", mode="keep", keep_mode=True, why="the mode is the source's",
          ours=returns({"diff": "--- \n+++ \n@@ -1 +1 @@\n-old\n+hello\n", "mode": "0640"})),
    check("check_managed_changes", contents="old\n\n", ignore_whitespace=True),
    check("check_managed_changes", contents="old\n#c\n", ignore_comment_characters="#"),
    check("check_managed_changes", contents="old\nz\n", ignore_comment_characters="#"),
    check("check_managed_changes", contents="old\n", ignore_comment_characters="#"),
    meta(contents="old\n"),
    meta(contents="new\n"),
    meta(source="salt://a.txt", source_sum=SUM),
    meta(sfn="W/loc", source="W/loc", source_sum=SUM),
    meta(sfn="W/bin", source="W/bin", source_sum=SUM),
    meta("W/new", contents="x"),
    meta("W/new", source="salt://a.txt", source_sum=SUM),
    meta("W/new"),
    meta(mode="0600"),
    meta(mode=600),
    meta(mode="'0600'"),
    meta(mode="keep"),
    meta(user="nobody", group="nogroup", mode="0600"),
    meta(user="root", group="root", mode="0644"),
    meta(user=65534),
    meta(user="nosuchuser"),
    meta(source="salt://nosuch", source_sum=SUM),
    meta("W/l", mode="0600"),
    meta("W/l", mode="0600", follow_symlinks=True),
    meta(contents="é\n"),
    meta("W/new", contents="n\n", new_file_diff=True),
    meta("W/d", contents="x"),
    meta("W/e", contents="x"),
    meta(contents=""),
    meta(attrs="A"),
    meta(contents="n", mode="0600", user="nobody"),
    sh("ls -A"),
]  # fmt: skip


def manage(name="W/f", sfn="", ret=None, source=None, source_sum=None, user=None, group=None, mode=None, attrs=None,
           backup="", **kwargs):  # fmt: skip
    return Row("file.manage_file", name, sfn, ret, source, source_sum or {}, user, group, mode, attrs, "base", backup,
               **kwargs)  # fmt: skip


SALT = {"source": "salt://a.txt", "source_sum": SUM}
HERE = {"sfn": "W/loc", "source": "W/loc"}
MANAGE = [
    files(),
    manage(contents="new\n"),
    manage(contents="new\n"),
    manage(contents="new2\n", mode="0600"),
    manage(contents="x\n", show_changes=False),
    manage(contents="x\n", user="nobody", group="nogroup", mode="0640"),
    LOOK,
    manage("W/new", contents="n\n"),
    manage("W/new2", contents="n\n", mode="0600"),
    manage("W/new3", contents="", mode="0640"),
    manage("W/new4"),
    manage("W/new5", contents="n\n", user="nobody", group="nogroup", mode="0640"),
    manage("W/new6", mode="0640"),
    LOOK,
    files(),
    manage(),
    manage(mode="0600"),
    manage(user="nosuchuser"),
    manage("W/no/x", contents="a"),
    manage("W/no/x", contents="a", makedirs=True),
    manage("W/no2/x", contents="a", makedirs=True, mode="0640"),
    manage("W/no3/x", contents="a", makedirs=True, dir_mode="0711", user="nobody"),
    LOOK,
    files(),
    manage(**SALT),
    manage(**SALT),
    manage("W/new", **SALT),
    manage("W/n2", **SALT, mode="0600"),
    manage("W/n3", **SALT, keep_mode=True, mode="keep"),
    manage("W/n4", source="salt://nosuch"),
    manage(source="salt://nosuch", source_sum=WRONG),
    LOOK,
    files(),
    manage(**HERE, source_sum=SUM),
    manage(**HERE, source_sum=SUM),
    files(),
    manage(**HERE, source_sum=WRONG),
    manage("W/new", **HERE, source_sum=WRONG),
    manage("W/new", **HERE, source_sum=WRONG, skip_verify=True),
    manage("W/new2", sfn="W/loc", source="file://W/loc", source_sum=SUM),
    LOOK,
    files(),
    manage("W/l", contents="n\n"),
    LOOK,
    files(),
    manage("W/l", contents="n\n", follow_symlinks=False),
    LOOK,
    files(),
    manage("W/l", contents="old\n", follow_symlinks=False, why="a link is no file, whatever it leads to",
           ours=returns({"name": "W/l", "changes": {"diff": "Replace symbolic link with regular file"},
                         "comment": "File W/l updated", "result": True})),
    files(r"x\0z"),
    manage(contents="new\n"),
    manage(contents="x\0y"),
    manage(contents="x\0z"),
    files(r"\0351\n"),
    manage(contents="new\n"),
    manage(contents="é\n"),
    manage(contents="é\n", encoding="latin-1"),
    content("f"),
    manage(contents="€\n", encoding="latin-1"),
    manage(contents="€\n", encoding="latin-1", encoding_errors="replace"),
    manage(contents="a", encoding="nosuch"),
    content("f"),
    manage("W/d", contents="x", why="a directory is never replaced", ours=returns(
        {"name": "W/d", "changes": {}, "comment": "Specified target W/d is a directory", "result": False})),
    files(),
    manage(contents="a\n", backup=".bak"),
    manage(contents="c\n", backup="minion"),
    manage(contents="d\n", backup="both"),
    manage(contents="e\n", backup="master"),
    LOOK,
    files(),
    manage(contents="new\n", ret={"name": "W/f", "changes": {"q": 1}, "comment": "c0", "result": True}),
    manage(contents="new\n", ret={"name": "W/f", "changes": {}, "comment": "", "result": False}),
    manage(contents="new3\n", ret={"name": "W/f", "changes": {}, "comment": "c1", "result": None}),
    files(r"b\na\n"),
    manage(contents="a\nb\n", ignore_ordering=True),
    manage(contents="a\n  b\n", ignore_whitespace=True, ignore_ordering=True),
    manage(contents="#c\nb\na\n", ignore_comment_characters="#"),
    manage(contents="#c\nb\nz\n", ignore_comment_characters="#"),
    LOOK,
    files(),
    manage(contents="n\n", attrs="A"),
    manage(contents="n\n", template="jinja"),
    manage("W/new", contents="n\n", new_file_diff=True),
    manage("W/n5", **SALT, new_file_diff=True),
    manage("W/n6", contents="x\0y", new_file_diff=True),
    manage("W/n7", contents="", new_file_diff=True),
    manage("W/n8", new_file_diff=True),
    manage(contents="5"),
    manage("W/d/sub", contents="q", user="nosuchuser", mode="0600"),
    LOOK,
    sh("ls ../var/cache/salt/minion/file_backup/ | wc -l"),
]  # fmt: skip


def no_times(answer):
    """Kept versions without when, which their names say too."""
    text = re.sub(r"\w{3}_\w{3}_\d\d_\d\d:\d\d:\d\d_\d{6}_\d{4}", "WHEN", json.dumps(answer))
    return json.loads(re.sub(r"\w{3} \w{3} \d\d \d{4} \d\d:\d\d:\d\d\.\d{6}", "WHEN", text))


# A kept version is named after the time, which stock puts together from two looks at the clock: not around a full second.
INSIDE_A_SECOND = sh("until date +%N | grep -q '^[2-5]'; do sleep 0.05; done")

BACKUP = [
    files(r"first\n"),
    sh("rm -rf ../var/cache/salt/minion/file_backup; chown nobody f; chmod 640 f"),
    *(Row("file.list_backups", "W/f", *limit) for limit in ((), (1,))),
    *(row for text in ("2\n", "3 3\n", "4\n") for row in (INSIDE_A_SECOND, manage(contents=text, backup="minion"))),
    *(Row("file.list_backups", "W/f", *limit, only=no_times) for limit in ((), (1,), ("x",), (0,))),
    Row("file.list_backup", "W/f", only=no_times),
    Row("file.list_backups", "W/nosuch"),
    sh("cd ../var/cache/salt/minion/file_backup; find . -type f -printf '%f %m %u\\n' | sed 's/_.* / /' | sort"),
    Row("file.restore_backup", "W/f", 9),
    Row("file.restore_backup", "W/f", "x"),
    Row("file.restore_backup", "W/nosuch", 0),
    INSIDE_A_SECOND,
    Row("file.restore_backup", "W/f", 1, only=no_times),
    LOOK,
    Row("file.list_backups", "W/f", only=no_times),
    Row("file.delete_backup", "W/f", 9),
    Row("file.delete_backup", "W/f", "x"),
    Row("file.delete_backup", "W/f", 0, only=no_times),
    Row("file.remove_backup", "W/f", 0, only=no_times),
    Row("file.list_backups", "W/f", only=no_times),
]

MANAGED_ROWS = [*SOURCES, *GET_MANAGED, *DIFF, *CHECK, *MANAGE, *BACKUP]
