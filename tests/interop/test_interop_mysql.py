"""The module `mysql` beside stock's with the same library, and the states `mysql_*`, on a server of the test's own.

Stock's answers were recorded of the same calls, where PyMySQL was beside it. `TRISALT_RECORD=1` records anew.
"""

import json
import os
from pathlib import Path

import pytest

from tests.interop import beside
from tests.interop.beside import Call, agree, each, returns
from tests.interop.states import PHASES, Row, ask, done, each_phase, pending, refused
from tests.support.lab import open_lab
from tests.support.mariadb import open_mariadb

pytestmark = [pytest.mark.interop, pytest.mark.timeout(180)]

RECORDED = Path(__file__).parent / "mysql_answers.json"
GRAINS = {"id": "m1", "kernel": "Linux", "os": "Debian", "os_family": "Debian", "shell": "/bin/sh"}
HASH = "*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19"
NO = returns(False, 1)
FAILED = "what the server refuses is the job's retcode"
SQL = """-- a comment; of a line
CREATE TABLE t (id INT PRIMARY KEY, name VARCHAR(20)); # another
INSERT INTO t VALUES (1, 'a;b'), (2, NULL);
/* and; another */ SELECT id, name FROM t;
UPDATE t SET name = '#%s'"""
TIMELESS = "it answers with the library of today"
QUERY = ("columns", "results", "rows returned", "rows affected")
REVOKED = ["GRANT USAGE ON *.* TO `joe`@`localhost`", "GRANT SELECT ON `d1`.* TO `joe`@`localhost`",
           "GRANT SELECT ON `d\\_1`.* TO `joe`@`localhost`", "GRANT SELECT ON `d%`.* TO `joe`@`localhost`",
           "GRANT SELECT, SELECT (`id`) ON `d1`.`t` TO `joe`@`localhost`"]  # fmt: skip
CALLS = [
    Call("mysql.db_list"),
    Call("mysql.db_create", "d1", character_set="utf8mb4"),
    Call("mysql.db_create", "d1"),
    Call("mysql.db_create", "d-`2", character_set="utf8mb4", collate="utf8mb4_general_ci"),
    Call("mysql.db_get", "d1"),
    Call("mysql.db_get", "nope"),
    Call("mysql.db_exists", "d-`2"),
    Call("mysql.db_exists", "nope"),
    Call("mysql.alter_db", "d1", character_set="latin1", collate="latin1_swedish_ci"),
    Call("mysql.alter_db", "d1"),
    Call("mysql.db_get", "d1"),
    Call("mysql.db_create", "d3", character_set="x y", why="a set of characters is one word",
         ours={"error": "'x y' is neither a character set nor a collation"}),
    Call("mysql.file_query", "d1", "W/q.sql", only=QUERY, why=TIMELESS, ours={
        "columns": [["id", "name"]], "results": [[[1, "a;b"], [2, None]]], "rows returned": 2, "rows affected": 4}),
    Call("mysql.file_query", "d1", "W/nope.sql", ours=NO, why=FAILED),
    Call("mysql.query", "d1", "SELECT * FROM t", only=QUERY, why=TIMELESS, ours={
        "columns": ["id", "name"], "results": [[1, "#%s"], [2, "#%s"]], "rows returned": 2, "rows affected": None}),
    Call("mysql.query", "d1", "DELETE FROM t WHERE id = 2", only=QUERY, why=TIMELESS, ours={
        "columns": None, "results": None, "rows returned": None, "rows affected": 1}),
    Call("mysql.query", "nope", "SELECT 1", why=FAILED, ours=returns({}, 1)),
    Call("mysql.db_tables", "nope"),
    Call("mysql.db_check", "d1", "nope"),
    Call("mysql.user_list"),
    Call("mysql.user_exists", "joe"),
    Call("mysql.user_create", "joe", "localhost", "pw"),
    Call("mysql.user_create", "joe", "localhost", "pw"),
    Call("mysql.user_create", "nopw", "localhost", why=FAILED, ours=NO),
    Call("mysql.user_create", "nopw", "%", allow_passwordless=True),
    Call("mysql.user_create", "hash", "localhost", password_hash=HASH),
    Call("mysql.user_create", "odd", "localhost", password_hash="' OR 1", why=FAILED, ours=NO),
    Call("mysql.user_create", "sock", "localhost", allow_passwordless=True, unix_socket=True),
    Call("mysql.user_create", "o'brien", "localhost", "p`w\"%s"),
    Call("mysql.user_exists", "o'brien", password="p`w\"%s"),
    Call("mysql.user_exists", "joe"),
    Call("mysql.user_exists", "joe", password="pw"),
    Call("mysql.user_exists", "joe", password="no"),
    Call("mysql.user_exists", "joe", "%"),
    Call("mysql.user_exists", "joe", passwordless=True),
    Call("mysql.user_exists", "hash", password_hash=HASH),
    Call("mysql.user_exists", "nopw", "%", passwordless=True),
    Call("mysql.user_exists", "sock", passwordless=True, unix_socket=True),
    Call("mysql.user_info", "nobody"),
    Call("mysql.user_grants", "joe"),
    Call("mysql.user_grants", "o'brien"),
    Call("mysql.user_grants", "nobody"),
    Call("mysql.user_chpass", "joe", password="new"),
    Call("mysql.user_exists", "joe", password="new"),
    Call("mysql.user_chpass", "joe", password_hash=HASH),
    Call("mysql.user_exists", "joe", password_hash=HASH),
    Call("mysql.user_chpass", "joe", why=FAILED, ours=NO),
    Call("mysql.user_chpass", "joe", allow_passwordless=True),
    Call("mysql.user_exists", "joe", passwordless=True),
    Call("mysql.user_chpass", "nobody", password="x"),
    Call("mysql.grant_exists", "SELECT,INSERT", "d1.*", "joe"),
    Call("mysql.grant_add", "SELECT,INSERT", "d1.*", "joe"),
    Call("mysql.grant_exists", "SELECT,INSERT", "d1.*", "joe"),
    Call("mysql.grant_exists", "select, insert", "`d1`.*", "joe"),
    Call("mysql.grant_exists", "INSERT", "d1.*", "joe"),
    Call("mysql.grant_exists", "ALL PRIVILEGES", "d1.*", "joe"),
    Call("mysql.user_grants", "joe"),
    Call("mysql.grant_add", "SELECT", "d1.*", "nobody", why=FAILED, ours=NO),
    Call("mysql.grant_add", "ODD", "d1.*", "joe", why=FAILED, ours=NO),
    Call("mysql.grant_add", "SELECT ON *.* TO x; --", "d1.*", "joe", why="a privilege is words",
         ours={"error": "'SELECT ON *.* TO x; --' is no privilege"}),
    Call("mysql.grant_add", "SELECT", "d1", "joe", why="told in a sentence",
         ours={"error": "'d1' is nothing to grant something on: database.table, database.* or *.*"}),
    Call("mysql.grant_add", "ALL PRIVILEGES", "*.*", "joe", grant_option=True),
    Call("mysql.grant_exists", "ALL", "*.*", "joe", grant_option=True),
    Call("mysql.grant_add", "SELECT", "d_1.*", "joe"),
    Call("mysql.grant_exists", "SELECT", "d_1.*", "joe"),
    Call("mysql.grant_add", "SELECT", "d%.*", "joe", escape=False, why="a wildcard", ours=returns(True)),
    Call("mysql.grant_add", "SELECT, SELECT (id)", "d1.t", "joe", why="a column", ours=returns(True)),
    Call("mysql.grant_exists", "SELECT (id)", "d1.t", "joe", why="a column", ours=returns(True)),
    Call("mysql.grant_revoke", "INSERT", "d1.*", "joe"),
    Call("mysql.grant_exists", "INSERT", "d1.*", "joe"),
    Call("mysql.grant_revoke", "ALL PRIVILEGES", "*.*", "joe", grant_option=True, why="two statements of the server's",
         ours=returns(True)),
    Call("mysql.user_grants", "joe", why="what was revoked", ours=returns(REVOKED)),
    Call("mysql.tokenize_grant", "GRANT SELECT, INSERT ON testdb.* TO 'testuser'@'localhost'"),
    Call("mysql.quote_identifier", "a`b"),
    Call("mysql.quote_identifier", "a%b", for_grants=True),
    Call("mysql.user_remove", "joe"),
    Call("mysql.user_remove", "joe"),
    Call("mysql.db_remove", "d-`2"),
    Call("mysql.db_remove", "d-`2"),
    Call("mysql.db_remove", "mysql"),
    Call("mysql.get_master_status"),
    Call("mysql.get_slave_status"),
    Call("mysql.slave_lag"),
    Call("mysql.verify_login", "root"),
    Call("mysql.verify_login", "root", "bad"),
    Call("mysql.plugin_status", "unix_socket"),
    Call("mysql.plugin_status", "nope"),
    Call("mysql.plugin_add", "unix_socket"),
    Call("mysql.plugin_add", "nope", why=FAILED, ours=NO),
    Call("mysql.plugin_remove", "nope"),
    Call("mysql.db_list", connection_unix_socket="/nope", why=FAILED, ours=returns([], 1)),
    Call("mysql.version", connection_port="x", why="told in a sentence", ours={"error": "mysql.port is not a number: 'x'"}),
]  # fmt: skip

LATIN = {"character_set": {"before": "utf8mb4", "now": "latin1"},
         "collate": {"before": "utf8mb4_general_ci", "now": "latin1_swedish_ci"}}  # fmt: skip
AWAY = {"connection_unix_socket": "/nope"}
UNREACHED = refused(
    "MySQL Error 2003: Can't connect to MySQL server on 'localhost' ([Errno 2] No such file or directory)"
)
TO_FRANK = {"database": "app.*", "user": "frank"}
NEEDED = refused("The arguments grant, database and user are needed")


def row(fun, name, preview, applied, again, phases=PHASES, **kwargs):
    """A state whose three answers stand here."""
    return Row(fun, name, preview=preview, applied=applied, again=again, phases=phases, why="ours alone", **kwargs)


def same(fun, name, answer, **kwargs):
    """A state that changes nothing, or fails."""
    return row(fun, name, answer, answer, answer, **kwargs)


ROWS = [
    row("mysql_database.present", "app",
        pending("Database app is not present and needs to be created", app="Present"),
        done("The database app has been created", app="Present"), done("Database app is already present"),
        character_set="utf8mb4", collate="utf8mb4_general_ci"),
    row("mysql_database.present", "app", pending("Database app is going to be updated", **LATIN),
        done("Database app has been updated", **LATIN), done("Database app is already present"),
        character_set="latin1", collate="latin1_swedish_ci"),
    same("mysql_database.present", "app", refused("'x y' is neither a character set nor a collation"), collate="x y",
         phases=["applied"]),
    same("mysql_database.present", "app", UNREACHED, **AWAY),
    row("mysql_user.present", "frank", pending("User frank@localhost is set to be added", frank="Present"),
        done("The user frank@localhost has been added", frank="Present"),
        done("User frank@localhost is already present with the desired password"), password="it's 100%s"),
    row("mysql_user.present", "frank", pending("Password for user frank@localhost is set to be changed", frank="Updated"),
        done("Password for user frank@localhost has been changed", frank="Updated"),
        done("User frank@localhost is already present with the desired password hash"), password_hash=HASH),
    row("mysql_user.present", "frank", pending("Password for user frank@localhost is set to be cleared", frank="Updated"),
        done("Password for user frank@localhost has been cleared", frank="Updated"),
        done("User frank@localhost is already present with passwordless login"), allow_passwordless=True),
    row("mysql_user.present", "door", pending("User door@localhost is set to be added with passwordless login", door="Present"),
        done("The user door@localhost has been added with passwordless login", door="Present"),
        done("User door@localhost is already present with passwordless login"), allow_passwordless=True, unix_socket=True),
    same("mysql_user.present", "eve",
         refused("Either password or password_hash must be specified, unless allow_passwordless is True")),
    same("mysql_user.present", "eve", UNREACHED, password="x", **AWAY),
    row("mysql_grants.present", "g", pending("MySQL grant g is set to be created", g="Present"),
        done("Grant select,insert on app.* to frank@localhost has been added", g="Present"),
        done("Grant select,insert on app.* to frank@localhost is already present"), grant="select,insert", **TO_FRANK),
    row("mysql_grants.present", "g", pending("MySQL grant g is set to be created", g="Present"),
        done("Grant select on app.* to frank@localhost has been added", g="Present"),
        done("Grant select on app.* to frank@localhost is already present"), grant="select", revoke_first=True, **TO_FRANK),
    row("mysql_grants.absent", "g", pending("MySQL grant g is set to be revoked", g="Absent"),
        done("Grant select on app.* for frank@localhost has been revoked", g="Absent"),
        done("Grant select on app.* to frank@localhost is not present, so it cannot be revoked"), grant="select", **TO_FRANK),
    row("mysql_grants.present", "all", pending("MySQL grant all is set to be created", all="Present"),
        done("Grant all privileges on *.* to frank@localhost has been added", all="Present"),
        done("Grant all privileges on *.* to frank@localhost is already present"), grant="all privileges",
        database="*.*", user="frank", grant_option=True),
    same("mysql_grants.present", "g", NEEDED, grant="select", user="frank"),
    same("mysql_grants.present", "g", refused("'select;' is no privilege"), grant="select;", **TO_FRANK),
    same("mysql_grants.present", "g", UNREACHED, grant="select", **TO_FRANK, **AWAY),
    row("mysql_query.run", "q", pending("Query would execute, storing result in W/out"),
        done("Query executed. Output into W/out", query="Executed. Output into W/out"),
        done("No execution needed. The result is already there"), database="app", query="SELECT 1, 'x'", output="W/out",
        overwrite=False),
    same("mysql_query.run", "q", refused("Database nope is not present"), database="nope", query="SELECT 1"),
    same("mysql_query.run_file", "W/nope.sql", refused("The file W/nope.sql does not exist"), database="app"),
    row("mysql_user.absent", "frank", pending("User frank@localhost is set to be removed", frank="Absent"),
        done("User frank@localhost has been removed", frank="Absent"),
        done("User frank@localhost is not present, so it cannot be removed")),
    row("mysql_database.absent", "app", pending("Database app is present and needs to be removed", app="Absent"),
        done("Database app has been removed", app="Absent"), done("Database app is not present, so it cannot be removed")),
    same("mysql_database.absent", "mysql", refused("Unable to remove database mysql"), phases=["applied"]),
    same("mysql_database.absent", "app", UNREACHED, **AWAY),
]  # fmt: skip


def answered(kind):
    """What one side answers to the calls, and ours to the states."""
    with open_lab() as lab:
        lab.root.chmod(0o755)
        place = lab.root / "place"
        place.mkdir()
        (place / "q.sql").write_text(SQL)
        with open_mariadb(lab.root / "my") as socket:
            how = {"grains": GRAINS, "places": {"W": str(place)}, "mysql.user": "root", "mysql.unix_socket": socket}
            calls = beside.ask(lab, kind, CALLS, **how)
            found = {"calls": calls, "rows": ask(lab, kind, ROWS, **how) if kind == "ours" else []}
        return json.loads(json.dumps(found).replace(str(place), "W"))


@pytest.fixture(scope="module")
def answers():
    if os.geteuid() != 0:
        pytest.skip("only root has another account run a server")
    if os.environ.get("TRISALT_RECORD"):
        RECORDED.write_text(json.dumps(answered("stock")["calls"], indent=1) + "\n")
    recorded = json.loads(RECORDED.read_text())
    assert len(recorded) == len(CALLS), "the calls are others: record them anew"
    return {"ours": answered("ours"), "stock": recorded}


@each(CALLS)
def test_ours_answers_as_stock_does(answers, number):
    call = CALLS[number]
    stock, ours = answers["stock"][number], answers["ours"]["calls"][number]
    if call.only:
        ours = {name: ours["return"].get(name) for name in call.only}
    if call.fun == "mysql.user_list":  # the name of the host is among them
        stock, ours = ({(row["User"]) for row in each["return"]} for each in (stock, ours))
    agree(call, stock, ours)


@each_phase(ROWS)
def test_a_state_says_what_is_so(answers, number, phase):
    assert answers["ours"]["rows"][number][phase] == ROWS[number].ours[phase]
