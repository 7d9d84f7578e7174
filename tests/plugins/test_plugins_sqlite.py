"""`sqlite3` states on files of the test's own. Texts and changes are those of Salt 3007, which was asked the same."""

import sqlite3
from contextlib import closing

import pytest

from trisalt.loader.dunders import Plugins

PLAIN = "CREATE TABLE t (id INT, name TEXT)"
QUOTED = "CREATE TABLE `t` (id INT, name TEXT)"
COLUMNS = ["name TEXT PRIMARY KEY", "n INT"]
LISTED = "CREATE TABLE `u` (name TEXT PRIMARY KEY,n INT)"
WIDER = "CREATE TABLE `u` (name TEXT PRIMARY KEY,n INT,z INT)"
SCHEMA = "schema is the statement that makes the table, or the list of its columns"
WHERE = {"where_sql": "name = ?", "where_args": ["a"]}
MANY = "More than one row matched the specified query"
LOST = "The row as data says is not the one that where_sql finds: nothing was changed"
UNCOUNTED = "Incorrect number of bindings supplied. The current statement uses 1, and there are 2 supplied."


@pytest.fixture
def db(tmp_path):
    with closing(sqlite3.connect(tmp_path / "app.db")) as connection:
        connection.executescript(
            f'{PLAIN}; CREATE TABLE rows (name TEXT PRIMARY KEY COLLATE NOCASE, n INT, `odd ``"name` TEXT);'
            "INSERT INTO rows VALUES ('a', 1, NULL), ('b', 1, 'x')"
        )
    return tmp_path / "app.db"


@pytest.fixture
def state(db):
    plugins = Plugins({"id": "m1", "test": False})

    def state(function, name, *, test=False, **kwargs):
        plugins.opts["test"] = test
        ret = plugins.loader("states")[f"sqlite3.{function}"](name, **{"db": str(db), **kwargs})
        return ret["result"], ret["comment"], ret["changes"]

    return state


def asked(db, sql):
    with closing(sqlite3.connect(db)) as connection:
        return connection.execute(sql).fetchall()


@pytest.mark.parametrize(
    ("function", "name", "kwargs", "preview", "applied", "changes", "again"),
    [
        ("table_present", "u", {"schema": COLUMNS}, "'u' will be created", "Created table 'u'", {"new": LISTED},
         "'u' exists with matching schema"),
        ("table_present", "U", {"schema": "create table  if not exists u (id  INT);"}, "'U' will be created",
         "Created table 'U'", {"new": "CREATE TABLE u (id  INT)"}, "'U' exists with matching schema"),
        ("table_present", "q`", {"schema": ["n INT"]}, "'q`' will be created", "Created table 'q`'",
         {"new": "CREATE TABLE `q``` (n INT)"}, "'q`' exists with matching schema"),
        ("table_present", "t", {"schema": QUOTED, "force": True}, "'t' will be replaced", "Replaced 't'",
         {"old": PLAIN, "new": QUOTED}, "'t' exists with matching schema"),
        ("table_absent", "t", {}, "'t' will be dropped", "'t' was dropped", {"old": PLAIN}, "'t' is already absent"),
        ("table_absent", "T", {}, "'T' will be dropped", "'T' was dropped", {"old": PLAIN}, "'T' is already absent"),
        ("row_present", "x", {"table": "rows", "data": {"name": "c", "n": 5}, "where_sql": "name='c'"},
         "Row will be inserted into rows", "Inserted row", {"new": {"name": "c", "n": 5}}, "Row exists"),
        ("row_present", "x", {"table": "rows", "data": {"N": "7"}, "update": True, **WHERE},
         "Row will be update in rows", "Row updated",
         {"old": {"name": "a", "n": 1, 'odd `"name': None}, "new": {"N": "7"}}, "Row exists"),
        ("row_present", "x", {"table": "rows", "data": {"name": "A"}, "update": True, **WHERE},
         "Row will be update in rows", "Row updated",
         {"old": {"name": "a", "n": 1, 'odd `"name': None}, "new": {"name": "A"}}, "Row exists"),
        ("row_present", "x", {"table": "rows", "data": {'odd `"name': "'; DROP TABLE rows; --"}, "update": True, **WHERE},
         "Row will be update in rows", "Row updated",
         {"old": {"name": "a", "n": 1, 'odd `"name': None}, "new": {'odd `"name': "'; DROP TABLE rows; --"}}, "Row exists"),
        ("row_absent", "x", {"table": "rows", **WHERE}, "Row will be removed in rows", "Row removed",
         {"old": {"name": "a", "n": 1, 'odd `"name': None}}, "Row is absent"),
    ],
)  # fmt: skip
def test_what_a_preview_says_is_done_once(state, db, function, name, kwargs, preview, applied, changes, again):
    before = db.read_bytes()
    assert state(function, name, test=True, **kwargs) == (None, preview, changes)
    assert db.read_bytes() == before
    assert state(function, name, **kwargs) == (True, applied, changes)
    after = db.read_bytes()
    assert after != before
    assert state(function, name, **kwargs) == (True, again, {})
    assert db.read_bytes() == after


@pytest.mark.parametrize("test", [True, False])
@pytest.mark.parametrize(
    ("function", "name", "kwargs", "comment"),
    [
        ("table_present", "t", {"schema": QUOTED}, f"Expected schema={QUOTED}\nactual schema={PLAIN}"),
        ("table_present", "bad", {"schema": "CREATE TABLE bad (id INT"}, "incomplete input"),
        ("table_present", "v", {"schema": "CREATE TABLE other (id INT)"}, "The schema makes no table v"),
        ("table_present", "v", {"schema": "CREATE TEMP TABLE v (id INT)"}, "The schema makes no table v"),
        ("table_present", "v", {"schema": f"{PLAIN}; DROP TABLE rows"}, "You can only execute one statement at a time."),
        ("table_present", "v", {"schema": []}, SCHEMA),
        ("table_present", "v", {"schema": {"id": "INT"}}, SCHEMA),
        ("table_present", "v", {"schema": ["id INT"], "db": "W/no/such.db"}, "unable to open database file"),
        ("table_absent", "v", {"db": "W/no/such.db"}, "unable to open database file"),
        ("table_absent", "v", {"db": "W/text"}, "file is not a database"),
        ("row_present", "x", {"table": "rows", "data": {"n": 2}, **WHERE}, "Existing data doesnot match desired state"),
        ("row_present", "x", {"table": "rows", "data": {"n": 1}, "where_sql": "n = 1"}, MANY),
        ("row_present", "x", {"table": "nope", "data": {"n": 1}, **WHERE}, "no such table: nope"),
        ("row_present", "x", {"table": "main.rows", "data": {"n": 1}, **WHERE}, "no such table: main.rows"),
        ("row_present", "x", {"table": "rows", "data": {"no": 1}, **WHERE}, "table rows has no column named no"),
        ("row_present", "x", {"table": "rows", "data": {}, **WHERE}, "data is a map of columns and their values"),
        ("row_present", "x", {"table": "rows", "data": {"n": [1]}, **WHERE}, "n: [1] is no value that a column can hold"),
        ("row_present", "x", {"table": "rows", "data": {"n": 2**70}, **WHERE}, "Python int too large to convert to SQLite INTEGER"),
        ("row_absent", "x", {"table": "rows", "where_sql": "n = 1"}, MANY),
        ("row_absent", "x", {"table": "rows", "where_sql": "odd odd"}, 'near "odd": syntax error'),
        ("row_absent", "x", {"table": "rows", "where_sql": "n = ?", "where_args": "1"}, "where_args is a list of values"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_before_anything_changes(state, db, tmp_path, function, name, kwargs, comment, test):
    (tmp_path / "text").write_text("no database at all, and long enough to be seen as none\n" * 4)
    before = db.read_bytes()
    placed = {key: value.replace("W/", f"{tmp_path}/") if key == "db" else value for key, value in kwargs.items()}
    assert state(function, name, test=test, **placed) == (False, comment, {})
    assert db.read_bytes() == before


@pytest.mark.parametrize(
    ("data", "condition", "comment"),
    [
        ({"name": "c"}, {"where_sql": "name = 'd'"}, LOST),
        ({"name": "c"}, WHERE, LOST),
        ({"n": 5}, {"where_sql": "name = ?1", "where_args": ["a"]}, UNCOUNTED),
        ({"name": "b"}, WHERE, "UNIQUE constraint failed: rows.name"),
    ],
)
def test_a_row_that_would_not_be_found_again_is_taken_back(state, db, data, condition, comment):
    before = asked(db, "SELECT * FROM rows")
    assert state("row_present", "x", table="rows", data=data, update=True, **condition) == (False, comment, {})
    assert asked(db, "SELECT * FROM rows") == before


def test_a_table_that_cannot_be_made_does_not_cost_the_one_that_was_there(state, db):
    with closing(sqlite3.connect(db)) as connection:
        connection.executescript("INSERT INTO t VALUES (1, 'x')")
    # It can be made in a database that has nothing, and not in this one.
    schema = "CREATE TABLE t AS SELECT abs(-9223372036854775808) AS n FROM sqlite_master"
    assert state("table_present", "t", schema=schema, force=True) == (False, "integer overflow", {})
    assert asked(db, "SELECT * FROM t") == [(1, "x")]


def test_only_a_table_makes_the_file(state, tmp_path):
    new = tmp_path / "new.db"
    created = {"new": "CREATE TABLE `v` (id INT)"}
    assert state("table_absent", "v", db=str(new)) == (True, "'v' is already absent", {})
    assert state("row_absent", "x", db=str(new), table="v", where_sql="1")[1] == "no such table: v"
    assert state("table_present", "v", db=str(new), schema=["id INT"], test=True)[::2] == (None, created)
    assert not new.exists()
    assert state("table_present", "v", db=str(new), schema=["id INT"])[::2] == (True, created)
    assert asked(new, "SELECT * FROM v") == []
