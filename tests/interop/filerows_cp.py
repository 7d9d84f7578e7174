"""The rows of `test_interop_files.py` about the module `cp`, with this host's own files as the file server."""

from tests.interop.filerows import Row, content, sh

LOOK = sh("find . -mindepth 1 -printf '%p %y %s\\n' | sort")


def listed(answer):
    """A list in any order, without what others of these rows have put there."""
    value = answer.get("return")
    return {**answer, "return": sorted(value)} if isinstance(value, list) else answer


CP_ROWS = [
    sh("rm -rf -- *; rm -rf ../srv/* ../var/cache/salt/minion/files ../var/cache/salt/minion/file_lists; cd ../srv; mkdir -p web/conf/empty; "
       "printf 'hello\\n' > a.txt; chmod 640 a.txt; printf 'x {{ grains.os }} {{ more }}\\n' > web/t.j; "
       "printf 'port: 80\\n' > web/init.sls; printf 'c\\0d' > web/conf/bin; ln -s a.txt link"),
    Row("cp.envs"),
    Row("cp.list_master", only=listed),
    Row("cp.list_master", prefix="web", only=listed),
    Row("cp.list_master_dirs", only=listed),
    Row("cp.list_master_symlinks"),
    Row("cp.list_states"),
    Row("cp.hash_file", "salt://a.txt"),
    Row("cp.hash_file", "salt://nosuch"),
    Row("cp.stat_file", "salt://a.txt"),
    Row("cp.stat_file", "salt://a.txt", octal=False),
    Row("cp.stat_file", "salt://nosuch"),
    Row("cp.is_cached", "salt://a.txt"),
    Row("cp.cache_dest", "salt://a.txt"),
    Row("cp.cache_dest", "http://host/a/b.txt?q=1"),
    Row("cp.get_file", "salt://a.txt", "W/a"),
    Row("cp.get_file", "salt://a.txt", "W/"),
    Row("cp.get_file", "salt://nosuch", "W/n"),
    Row("cp.get_file", "salt://a.txt", "W/no/a"),
    Row("cp.get_file", "salt://a.txt", "W/yes/a", makedirs=True),
    Row("cp.get_file", "salt://{{ 'a' }}.txt", "W/templ", template="jinja"),
    Row("cp.get_template", "salt://web/t.j", "W/t", more=1),
    Row("cp.get_template", "salt://nosuch", "W/t2"),
    Row("cp.get_template", "salt://web/t.j", ""),
    Row("cp.get_dir", "salt://web", "W/got", only=listed),
    Row("cp.get_dir", "salt://web/", "W/got2", only=listed),
    Row("cp.get_url", "salt://a.txt", "W/u"),
    Row("cp.get_url", "salt://nosuch", "W/u2"),
    Row("cp.get_url", "salt://a.txt"),
    Row("cp.get_url", "salt://a.txt", None),
    Row("cp.get_file_str", "salt://a.txt"),
    Row("cp.get_file_str", "salt://nosuch"),
    Row("cp.cache_file", "salt://a.txt"),
    Row("cp.cache_file", "salt://nosuch"),
    Row("cp.cache_files", ["salt://a.txt", "salt://web/init.sls"]),
    Row("cp.cache_dir", "salt://web", only=listed),
    Row("cp.cache_dir", "salt://web", include_pat="*.sls"),
    Row("cp.cache_dir", "salt://web", exclude_pat="E@conf|sls", only=listed),
    Row("cp.is_cached", "salt://a.txt"),
    Row("cp.cache_local_file", "W/a"),
    LOOK,
    Row("cp.recv", {"x/one": "1\n", "x/two": "2\n"}, "W"),
    Row("cp.recv", {"x/one": "1\n"}, "W/other"),
    Row("cp.recv", {"x/one": "1\n"}, "W/no/other"),
    content("one two other"),
    Row("cp.recv_chunked", "W/new/c", "b25l", False, False, 0o640),
    Row("cp.recv_chunked", "W/new/c", "dHdv", True, False),
    Row("cp.recv_chunked", "W/new/dir", None),
    LOOK,
]  # fmt: skip
