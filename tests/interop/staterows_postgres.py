"""The rows of `postgres_*`: states on a PostgreSQL server of the test's own, in order, each on what those before it left.

`S` is the folder of its socket, which also holds its data; `T` a folder that is the server's.
"""

from tests.interop.states import Row, done, pending, refused

DB = {"db_host": "S", "db_user": "postgres"}
IN = {**DB, "maintenance_db": "app"}


def state(fun, *args, **kwargs):
    return Row(f"postgres_{fun}", *args, **({**DB, **kwargs} if "db_host" not in kwargs else kwargs))


VERSION = "a version is a text of the statement"
ALREADY = done("The requested privilege(s) are already set")
GRANTABLE = "the right to grant is granted"
EACH = "all that there are, are all"
PLUS = "a function is found by its name and its types"
HERE = {"owner": "postgres", "options": {"seq_page_cost": "0.7"}}
ELSEWHERE = (
    "Tablespace fast is not at the right location. This is\n"
    "            unfixable without dropping and recreating the tablespace."
)


def granted(what, who, **more):
    return {"applied": done(f"The privilege(s): {what} have been granted to {who}", **{who: "Present"}), **more}


def revoked(what, who):
    return {
        "preview": pending(f"The privilege(s): {what} are set to be revoked from {who}", **{who: "Absent"}),
        "applied": done(f"The privilege(s): {what} have been revoked from {who}", **{who: "Absent"}),
    }


ROWS = [
    state("user.present", "app"),
    state("user.present", "app", login=True, createdb=True),
    state("user.present", "app", login=False, createdb=False, inherit=True, replication=True, createroles=True),
    state("user.present", "boss", superuser=True, createdb=True, createroles=True, login=True, inherit=True),
    state("user.present", "kim", login=True, password="secret", encrypted="scram-sha-256", valid_until="2036-05-06"),
    state("user.present", "kim", login=True, password="secret", encrypted="scram-sha-256"),
    state("user.present", "kim", password="other", encrypted="scram-sha-256"),
    state("user.present", "kim", password="third", encrypted="md5", refresh_password=True, always=True),
    state("user.present", "kim", valid_until="2037-05-06 10:00:00"),
    state("user.present", "kim", default_password="first", encrypted="md5"),
    state("user.present", "ann", default_password="first", encrypted="md5", login=True),
    state("user.present", "bob", password="md5aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", encrypted="md5"),
    state("group.present", "team"),
    state("group.present", "team", createdb=True),
    state("user.present", "kim", groups="team"),
    state("user.present", "kim", groups=["team", "app"]),
    state("user.present", "zoe", groups="team,app"),
    state("user.absent", "nobody"),
    state("user.absent", "zoe"),
    state("group.absent", "nogroup"),
    state("database.present", "app", owner="app"),
    state("database.present", "app", owner="kim"),
    state("database.present", "latin", encoding="LATIN1", lc_collate="C", lc_ctype="C", template="template0"),
    state("database.present", "latin", encoding="UTF8", lc_collate="C", lc_ctype="C"),
    state("database.present", "latin", owner="nosuchrole", but=["latin"]),
    state("database.present", "other", owner="nosuchrole", but=["other"]),
    state("database.absent", "other"),
    state("database.absent", "latin"),
    state("schema.present", "app", "work", db_host="S", db_user="postgres"),
    state("schema.present", "app", "kims", owner="kim", db_host="S", db_user="postgres"),
    state("schema.present", "nodb", "work", db_host="S", db_user="postgres", but=["work"]),
    state("schema.absent", "app", "work", db_host="S", db_user="postgres"),
    state("schema.absent", "app", "work", db_host="S", db_user="postgres"),
    state("extension.present", "hstore", **IN),
    state("extension.present", "hstore", schema="kims", **IN),
    state("extension.present", "citext", ext_version="1.5", **IN, why=VERSION,
          applied=done("The extension citext has been installed", citext="Installed"),
          again=done("Extension citext is already present")),
    state("extension.present", "citext", ext_version="1.6", **IN, why=VERSION,
          preview=pending("Extension citext is set to be upgraded", citext="Upgraded"),
          applied=done("The extension citext has been upgraded", citext="Upgraded"),
          again=done("Extension citext is already present")),
    state("extension.present", "nosuchextension", **IN, but=["nosuchextension"]),
    state("extension.absent", "hstore", **IN),
    state("extension.absent", "hstore", if_exists=True, cascade=True, **IN),
    state("language.present", "plpgsql", **IN),
    state("language.absent", "plpgsql", **IN, but=["plpgsql"], why="it is asked for, and is needed",
          applied=refused("Failed to remove language plpgsql"), again=refused("Failed to remove language plpgsql")),
    state("language.present", "nosuchlanguage", **IN, but=["nosuchlanguage"]),
    state("language.absent", "nosuchlanguage", **IN),
    state("tablespace.present", "fast", "T", owner="kim", options={"seq_page_cost": "0.5"}),
    state("tablespace.present", "fast", "T", owner="postgres", options={"seq_page_cost": "0.7"},
          why="what is changed is told",
          preview=pending("Tablespace fast owner to be altered\nTablespace fast options to be altered", fast=HERE),
          applied=done("Tablespace fast owner changed\nTablespace fast opts changed", fast=HERE)),
    state("tablespace.present", "fast", "/elsewhere", preview=refused(ELSEWHERE), why="a preview knows it, too"),
    state("tablespace.present", "bad", "/nosuchfolder", but=["bad"], why="it is the state's failure",
          applied=refused("Failed to create tablespace bad"), again=refused("Failed to create tablespace bad")),
    state("database.present", "app", tablespace="fast"),
    state("tablespace.absent", "nosuchspace"),
    state("privileges.present", "ann", object_name="things", object_type="table", privileges=["SELECT", "INSERT"],
          **IN),
    state("privileges.present", "ann", object_name="things", object_type="table", privileges=["SELECT"], grant_option=True, **IN,
          why=GRANTABLE, **granted("SELECT", "ann", again=ALREADY)),
    state("privileges.present", "bob", object_name="things", object_type="table", privileges=["ALL"], **IN,
          again=ALREADY, why=EACH),
    state("privileges.present", "bob", object_name="ALL", object_type="table", privileges=["SELECT"], **IN,
          preview=ALREADY, applied=ALREADY, again=ALREADY, why=EACH),
    state("privileges.present", "bob", object_name="numbers", object_type="sequence", privileges=["USAGE"], **IN),
    state("privileges.present", "bob", object_name="kims", object_type="schema", privileges=["ALL"], **IN),
    state("privileges.present", "bob", object_name="app", object_type="database",
          privileges=["CONNECT", "TEMPORARY"], **IN),
    state("privileges.present", "bob", object_name="fast", object_type="tablespace", privileges=["CREATE"], **IN),
    state("privileges.present", "bob", object_name="plus(integer)", object_type="function", privileges=["EXECUTE"], **IN,
          why=PLUS, **granted("EXECUTE", "bob", again=ALREADY)),
    state("privileges.present", "bob", object_name="team", object_type="group", **IN),
    state("privileges.present", "bob", object_name="team", object_type="group", grant_option=True, **IN, why=GRANTABLE,
          **granted("team", "bob", again=ALREADY)),
    state("privileges.present", "nosuch", object_name="things", object_type="table", privileges=["SELECT"], **IN,
          but=["nosuch"]),
    state("privileges.absent", "ann", object_name="things", object_type="table", privileges=["INSERT"], **IN),
    state("privileges.absent", "bob", object_name="things", object_type="table", privileges=["ALL"], **IN, why=EACH,
          **revoked("ALL", "bob")),
    state("privileges.absent", "bob", object_name="kims", object_type="schema", privileges=["USAGE"], **IN),
    state("privileges.absent", "bob", object_name="team", object_type="group", **IN),
    state("privileges.absent", "bob", object_name="plus(integer)", object_type="function", privileges=["EXECUTE"], **IN,
          why=PLUS, **revoked("EXECUTE", "bob")),
    state("group.absent", "team"),
    state("user.absent", "kim", but=["kim"]),
    state("user.present", "far", db_host="/nosuchfolder", db_user="postgres", but=["far"]),
    Row("postgres_initdb.present", "S/new", auth="trust", user="postgres", runas="postgres"),
    Row("postgres_initdb.present", "S/new2", auth="nosuch", user="postgres", runas="postgres", but=["S/new2"]),
]  # fmt: skip
SCHEMA = (
    "create table things(a int); create sequence numbers;"
    " create function plus(int) returns int language sql as 'select 1';"
)
