"""Beacons on real files, processes and descriptors: what is not compared with stock's."""

import os

import pytest


@pytest.fixture
def beacons(plugins):
    return plugins.loader("beacons")


@pytest.fixture
def look(beacons):
    def look(name, *config):
        valid, said = beacons[f"{name}.validate"](list(config))
        assert valid, said
        return beacons[f"{name}.beacon"]([*config, {"_beacon_name": name}])

    return look


def changes(seen):
    return [(os.path.basename(one["path"]), one["change"]) for one in seen]


@pytest.fixture
def tree(tmp_path):
    root = tmp_path / "tree"
    (root / "sub").mkdir(parents=True)
    (root / "file").write_text("1")
    return root


def watch(root, **options):
    return {"files": {str(root): {"mask": ["create", "delete", "close_write", "moved_to"], **options}}}


def test_inotify_begins_with_the_first_look(look, tree):
    assert look("inotify", watch(tree)) == []
    (tree / "file").write_text("2")
    (tree / "new").write_text("")
    (tree / "sub" / "deep").write_text("")
    assert changes(look("inotify", watch(tree))) == [
        ("file", "IN_CLOSE_WRITE"),
        ("new", "IN_CREATE"),
        ("new", "IN_CLOSE_WRITE"),
    ]
    assert look("inotify", watch(tree)) == []


def test_inotify_tells_by_which_directory_it_saw(look, tree):
    look("inotify", watch(tree, recurse=True))
    (tree / "sub" / "deep").write_text("")
    (tree / "file").unlink()
    assert [(one["tag"], one["path"]) for one in look("inotify", watch(tree, recurse=True))] == [
        (str(tree / "sub"), str(tree / "sub" / "deep")),
        (str(tree / "sub"), str(tree / "sub" / "deep")),
        (str(tree), str(tree / "file")),
    ]


def test_inotify_watches_what_is_new_when_it_should(look, tree):
    look("inotify", watch(tree, auto_add=True))
    (tree / "fresh").mkdir()
    assert changes(look("inotify", watch(tree, auto_add=True))) == [("fresh", "IN_CREATE|IN_ISDIR")]
    (tree / "fresh" / "in").write_text("")
    assert ("in", "IN_CREATE") in changes(look("inotify", watch(tree, auto_add=True)))


@pytest.mark.parametrize("exclude", ["TREE/sub", "TREE/s*", {"/sub": {"regex": True}}])
def test_inotify_leaves_out_what_it_should(look, tree, exclude):
    if isinstance(exclude, str):
        exclude = exclude.replace("TREE", str(tree))
    config = watch(tree, recurse=True, exclude=[exclude])
    look("inotify", config)
    (tree / "sub" / "deep").write_text("")
    (tree / "file").unlink()
    assert changes(look("inotify", config)) == [("file", "IN_DELETE")]


def test_inotify_tells_a_change_once_when_it_should(look, tree):
    config = [watch(tree), {"coalesce": True}]
    look("inotify", *config)
    for _ in range(3):
        (tree / "file").write_text("x")
    assert changes(look("inotify", *config)) == [("file", "IN_CLOSE_WRITE")]


def test_inotify_watches_a_path_from_when_it_is_there(look, tree):
    later = tree / "later"
    assert look("inotify", watch(later)) == []
    later.write_text("1")
    assert look("inotify", watch(later)) == []
    later.write_text("2")
    assert changes(look("inotify", watch(later))) == [("later", "IN_CLOSE_WRITE")]


def test_inotify_watches_a_file_that_was_replaced(look, tree):
    look("inotify", watch(tree / "file"))
    (tree / "fresh").write_text("2")
    (tree / "fresh").rename(tree / "file")
    look("inotify", watch(tree / "file"))
    (tree / "file").write_text("3")
    assert changes(look("inotify", watch(tree / "file"))) == [("file", "IN_CLOSE_WRITE")]


def test_inotify_lets_go_of_its_descriptor(beacons, look, tree):
    before = len(os.listdir("/proc/self/fd"))
    look("inotify", watch(tree))
    assert len(os.listdir("/proc/self/fd")) == before + 1
    look("inotify", watch(tree / "sub"))
    assert len(os.listdir("/proc/self/fd")) == before + 1
    beacons["inotify.close"]([watch(tree), {"_beacon_name": "inotify"}])
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("wrong", [[{"(": {"regex": True}}], [{"*": {"regex": True}}]])
def test_inotify_refuses_a_pattern_that_is_none(beacons, tree, wrong):
    valid, said = beacons["inotify.validate"]([watch(tree, exclude=wrong)])
    assert (valid, said.startswith("Configuration for inotify beacon: exclude: ")) == (False, True)


def logged(path):
    return [{"file": str(path)}, {"tags": {"seen": {"regex": ".*bad.*"}}}]


def append(path, text):
    with open(path, "a") as file:
        file.write(text)


def test_a_line_is_told_when_it_is_finished(look, tmp_path):
    path = tmp_path / "log"
    path.write_text("bad before\n")
    assert look("log", *logged(path)) == []
    append(path, "one bad li")
    assert look("log", *logged(path)) == []
    append(path, "ne\nok\n")
    assert [one["raw"] for one in look("log", *logged(path))] == ["one bad line"]


@pytest.mark.parametrize("how", ["replaced", "truncated"])
def test_a_log_that_is_begun_anew_is_read_from_its_beginning(look, tmp_path, how):
    path = tmp_path / "log"
    path.write_text("a longer line than those that come\n")
    look("log", *logged(path))
    if how == "replaced":
        path.rename(tmp_path / "log.1")
    path.write_text("bad\n")
    assert [one["raw"] for one in look("log", *logged(path))] == ["bad"]


def test_a_log_that_is_not_there_is_told(look, tmp_path):
    (seen,) = look("log", *logged(tmp_path / "none"))
    assert (seen["tag"], seen["match"], "No such file" in seen["error"]) == ("global", "no", True)


@pytest.mark.parametrize(("name", "given"), [("memusage", "much"), ("swapusage", "")])
def test_a_limit_that_is_no_percentage_is_refused(beacons, name, given):
    valid, said = beacons[f"{name}.validate"]([{"percent": given}])
    assert (valid, said) == (False, f"Configuration for {name} beacon: {given!r} is no percentage.")


def test_each_beacon_has_its_own_memory(beacons, tmp_path):
    path = tmp_path / "log"
    path.write_text("")
    for name in ("a", "b"):
        assert beacons["log.beacon"]([*logged(path), {"_beacon_name": name}]) == []
    append(path, "bad\n")
    for name in ("a", "b"):
        assert len(beacons["log.beacon"]([*logged(path), {"_beacon_name": name}])) == 1


def test_a_function_of_status_that_is_not_there_is_an_error(beacons):
    with pytest.raises(Exception, match=r"there is no function status\.nosuch"):
        beacons["status.beacon"]([{"nosuch": ["all"]}])
