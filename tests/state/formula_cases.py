"""Formulas of our own in the manner of public ones, for both sides: the trees below `formulas/`, hosts, and pillars.

A formula's map of defaults is of one host and one pillar; so each is compiled for each of both.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.interop.beside import Call

ROOT = Path(__file__).with_name("formulas")

HOSTS: dict[str, dict[str, Any]] = {
    "bookworm": {
        "os": "Debian", "os_family": "Debian", "oscodename": "bookworm", "osfinger": "Debian-12", "osrelease": "12",
        "osmajorrelease": 12, "osarch": "amd64", "kernel": "Linux", "roles": ["web", "db"], "server_id": 7,
    },
    "xenial": {
        "os": "Ubuntu", "os_family": "Debian", "oscodename": "xenial", "osfinger": "Ubuntu-16.04",
        "osrelease": "16.04", "osmajorrelease": 16, "osarch": "aarch64", "kernel": "Linux", "roles": "web",
        "server_id": 7,
    },
    "centos": {
        "os": "CentOS", "os_family": "RedHat", "oscodename": "Core", "osfinger": "CentOS-6", "osrelease": "6.9",
        "osmajorrelease": 6, "osarch": "x86_64", "kernel": "Linux", "server_id": 7,
    },
}  # fmt: skip

# What is compiled, and the pillars it is compiled with beside none.
FORMULAS: dict[str, tuple[list[str], dict[str, Any]]] = {
    "people": (["people", "people.admins"], {
        "persons": {
            "alice": {"uid": 1001, "groups": ["adm", "dev"], "admin": True, "rules": ["ALL=(root) /x", "a=b c"],
                      "password": "$6$x", "mode": 755, "group": "staff"},
            "bob": None, "carol": {"gone": True, "purge": True}, "dave": {"gone": True}, "eve": {"gone": False},
        },
    }),
    "web": (["web.sites", "web.daemon"], {
        "web": {
            "service": {"enable": False, "opts": {"sig": "web: master"}},
            "sites": {
                "one": {"overwrite": False, "config": [{"server": [{"name": "x y"}, {"listen": ["80 default"]}]}]},
                "off": {"enabled": False}, "own": {"source": "salt://x/y.conf", "live": "/tmp/live"},
            },
            "config": {"user": "nobody"}, "lookup": {"links": True},
            "tofs": {"switch": ["roles", "os", "osfinger"], "files": {"site": ["other.conf"]}},
        },
    }),
    "gate": (["gate"], {
        "gate": {
            "auth": {"joe": [{"present": True, "enc": "ssh-rsa"}, {"name": "AAA", "present": True, "options": ["no-pty"]}],
                     "jim": [{"name": "BBB"}]},
            "generate_rsa": True, "provide_ed25519": True, "ed25519": "key", "lookup": {"service": "sshd2"},
        },
    }),
    "store": (["store", "store.client"], {
        "store": {"version": "9.6", "upstream": False,
                  "accounts": {"a": {"ensure": "absent"}, "b": {"name": "bee", "password": "x", "login": False}},
                  "tables": {"t": {"owner": "bee", "rows": 8}}},
    }),
    "sites": (["sites.front", "sites.daemon.running"], {
        "sites": {"lookup": {"user": "w"}, "retry": {"attempts": 5},
                  "hosts": {"example.org": {"root": False}, "it's \"one\"": {"user": "joe", "x": {"y": [1, None]}}}},
    }),
    "names": (["names"], {
        "names": {
            "zones": {"example.org": {"signed": True, "serial": "auto"},
                      "1.168.192.in-addr.arpa": {"reverse": {"net": "192.168.1.0/24", "of": ["example.org"]}}},
            "views": {"inside": {"zones": {"my.zone": {}}}}, "mode": 750,
            "known": {"example.org": {"A": {"www": "192.168.1.10", "mail": ["192.168.1.11", "1.2.3.4"]}}},
        },
    }),
    "tongue": (["tongue", "tongue.run"], {
        "tongue": {"version": ["7.4", 8.2], "extra": "remi",
                   "pools": {"www": {"enabled": True, "settings": {"user": "x", "l": [1, "two"], "n": None, "b": True}},
                             "old": {"enabled": False}}},
    }),
    "grants": (["grants"], {
        "grants": {"password": False, "user": {
            "frank": {"password": "x", "host": "h", "rows": [{"base": "foo", "grants": ["select", "all"], "table": "t"},
                                                             {"base": "bar", "grants": ["all"], "option": True}]},
            "bob": {"hash": "*6C8", "hosts": ["%", "h2"]}, "nop": {"password": None, "host": "h"}}},
    }),
    "clones": (["clones"], {
        "clones": {"settings": {"roots": {"base": ["/a"], "dev": ["/b"]}, "owner": 5}, "dir_opts": {"mode": 755},
                   "options": {"default": {"url": "https://g", "options": {"rev": "main"}}, "dev": {"update": True}},
                   "list": {"base": ["one", {"two": {"rev": "v1"}}], "dev": ["one"]}},
    }),
    "gauge": (["gauge"], {"gauge": {"wanted": ["one", "none", "two"], "args": {"n": 5}, "lookup": {"kernel": "k"}}}),
    "boxes": (["boxes"], {
        "boxes": {"config": ["a: \"b\"", "c\td"], "compose": {
            "reg": {"image": "registry:2", "environment": {"A": 1, "B": "x y"},
                    "ports": ["127.0.0.1:5000:5000", "80", {"1/udp": 5}], "links": ["db:sql"]},
            "db": {"called": "db", "image": "sql"}}},
    }),
    "watcher": (["watcher", "watcher.conf"], {
        "watcher": {"switch": ["id", "roles", "nosuch"], "lookup": {"agent": {"version": "5.0", "pkgs": ["agent", "x"]}}},
    }),
    "cache": (["cache"], {"cache": {"from": "source", "state": "dead", "version": "3.2"}}),
    "spin": (["spin"], {
        "spin": {"mode": "0600", "jobs": {
            "/var/log/a": {"config": ["weekly", "a \"b\""]}, "plain": ["daily"], "c": {"contents": "a\n b: 'c'\n\tq\n"},
            "d": {"path": ["/a", "<b>"], "config": [{"x": "y"}]}}},
    }),
    "parcels": (["parcels"], {
        "parcels": {"wanted": ["git", {"vim": "1:2"}, "o'k", None], "required": {"states": ["clock"]}},
    }),
    "stack": (["stack", "stack.context"], {
        "stack": {"lookup": {"winner": "lookup", "list": [7]}, "winner": "pillar", "strategy": "recurse",
                  "merge_lists": True, "sub": {"lookup": {"a": 1}}},
    }),
    "clock": (["clock"], {"clock": {"conf": "salt://a"}}),
    "words": (["words"], {
        "words": {"present": ["de_DE.UTF-8 UTF-8", "fr"], "requires": "fr", "conf": {"lang": "x", "all": "a\"b"},
                  "zone": {"pkg": {"name": "tz"}}},
    }),
    "split": (["split"], {"split": {"overwrite": False, "enable": False, "lookup": {"file": "/x"}}}),
    "counter": ([f"counter.{name}" for name in (
        "site", "order", "start", "piped", "json", "changed", "deep.in.er", "blank", "future", "past", "named", "twice",
        "beyond", "stages", "unmarked", "undefined", "listed")], {"port": 8080}),
    "objects": ([f"objects.{name}" for name in ("web", "sees", "takes", "map", "names", "piped", "blank", "within")], {
        "n": 7, "objects": {"lookup": {"pkg": "merged", "more": [1]}},
    }),
    "workshop": (["workshop"], {
        "workshop": {
            "benches": {"_all": {"place": "/bench/{name}", "n": None, "l": ["{name}"]}, "one": {"mode": "0700"},
                        "two": {"user": "joe", "place": "/two"}},
            "people": {"ann": {}, "bob": {"source": "salt://x", "home": "/b"}, "eve": {"gone": True}, "kim": {"gone": False}},
            "secret": "it's",
        },
    }),
    "dumps": (["dumps"], {"dumps": {"beta": {"q": "a: b", "p": [1, [2]]}, "zeta": {"mode": "0600"}}}),
    "atlas": ([f"atlas{name}" for name in ("", ".worlds", ".kept", ".unsafe", ".aliases")], {
        "atlas": {"lookup": ["no map"], "a": {"b": 1}},
    }),
    "calls": (["calls", "calls.undefined"], {"calls": {"numbers": [1, 2.5]}, "there": 1}),
}  # fmt: skip

# Those without pillar first: in one process, stock still knows that of the calls before.
CALLS = [Call("state.show_low_sls", sls) for mods, _own in FORMULAS.values() for sls in mods]
CALLS += [Call("state.show_low_sls", sls, pillar=own) for mods, own in FORMULAS.values() for sls in mods]
# What those who write formulas look at their maps with.
CALLS += [
    Call("jinja.load_map", "atlas/map.jinja", "atlas"),
    Call("jinja.load_map", "atlas/map.jinja", "number"),
    Call("jinja.import_yaml", "atlas/data.yaml"),
    Call("jinja.import_json", "atlas/data.json"),
    Call("cp.hash_file", "salt://atlas/data.yaml"),
]
