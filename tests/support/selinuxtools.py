"""semanage and its kin on a policy that is a file: for hosts whose kernel has no SELinux.

Run as a script by the names of the programs (`install`). What they print is what policycoreutils 3.4 prints.
"""

import json
import os
import re
import sys
from pathlib import Path

PROGRAMS = ("setsebool", "semodule", "semanage", "restorecon")
KINDS = {
    "a": "all files", "f": "regular file", "d": "directory", "c": "character device", "b": "block device",
    "s": "socket", "l": "symbolic link", "p": "named pipe",
}  # fmt: skip


def install(folder: Path, policy: dict) -> Path:
    """Put the programs and their policy into a folder; the folder to put before the others in PATH."""
    (folder / "bin").mkdir(parents=True)
    (folder / "policy.json").write_text(json.dumps(policy))
    for name in PROGRAMS:
        program = folder / "bin" / name
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S {__file__} {folder} {name} "$@"\n')
        program.chmod(0o755)
    return folder / "bin"


def fail(text):
    sys.exit(text)


def option(words, name):
    return words[words.index(name) + 1] if name in words else None


def setsebool(policy, words):
    persist = words[:1] == ["-P"]
    words = words[1:] if persist else words
    for name, value in [word.split("=") for word in words] if "=" in words[0] else [words]:
        if name not in policy["booleans"]:
            fail(f"Boolean {name} is not defined")
        _now, later = policy["booleans"][name]
        policy["booleans"][name] = [value, value if persist else later]


def semodule(policy, words):
    modules = policy["modules"]
    if words == ["--list-modules=full"]:
        for name, enabled in sorted(modules.items()):
            print(f"100 {name:<20} pp {'' if enabled else 'disabled'}".rstrip())
        return
    command, name = words
    if command == "--install":
        modules[Path(name).stem] = True
    elif name not in modules:
        fail(f"libsemanage.semanage_direct_remove_key: Unable to remove module {name} at priority 400.")
    elif command == "--remove":
        del modules[name]
    else:
        modules[name] = command == "--enable"


def semanage(policy, words):
    kind, command, *rest = words
    if kind == "boolean":
        print("SELinux boolean                State  Default Description\n")
        for name, (now, later) in sorted(policy["booleans"].items()):
            print(f"{name:<30} ({now:<5},{later:>5})  Allow {name.replace('_', ' ')}")
    elif command == "--list":
        listed(policy, kind)
    elif kind == "fcontext":
        fcontext(policy, command, rest)
    else:
        port(policy, command, rest)


def listed(policy, kind):
    if kind == "fcontext":
        print("SELinux fcontext                                   type               Context\n")
        for spec, files, context in policy["contexts"]:
            print(f"{spec:<50} {files:<18} {context} ")
    else:
        print("SELinux Port Type              Proto    Port Number\n")
        for of_type, protocol, ports in policy["ports"]:
            print(f"{of_type:<30} {protocol:<8} {', '.join(ports)}")


def fcontext(policy, command, rest):
    spec, files = rest[-1], KINDS[option(rest, "--ftype") or "a"]
    there = [row for row in policy["contexts"] if row[:2] == [spec, files]]
    if command == "--add" and there:
        fail(f"ValueError: File context for {spec} already defined")
    if command != "--add" and not there:
        fail(f"ValueError: File context for {spec} is not defined")
    policy["contexts"] = [row for row in policy["contexts"] if row not in there]
    if command != "--delete":
        user, level = option(rest, "--seuser") or "system_u", option(rest, "--range") or "s0"
        policy["contexts"].append([spec, files, f"{user}:object_r:{option(rest, '--type')}:{level}"])


def port(policy, command, rest):
    protocol, of_type, number = option(rest, "--proto"), option(rest, "--type"), rest[-1]
    there = [row for row in policy["ports"] if row[1] == protocol and number in row[2]]
    if command == "--add" and there:
        fail(f"ValueError: Port {protocol}/{number} already defined")
    if command != "--add" and not there:
        fail(f"ValueError: Port {protocol}/{number} is not defined")
    for row in there:
        row[2].remove(number)
    if command != "--delete":
        next(row for row in policy["ports"] if row[:2] == [of_type, protocol])[2].insert(0, number)


def restorecon(policy, words):
    path = words[-1]
    todo = [row for row in policy["wrong"] if row[0] == path or ("-R" in words and row[0].startswith(f"{path}/"))]
    for name, old, new in todo:
        print(f"{'Would relabel' if '-n' in words else 'Relabeled'} {name} from {old} to {new}")
    if "-n" not in words:
        policy["wrong"] = [row for row in policy["wrong"] if row not in todo]


if __name__ == "__main__":
    place, program, *given = sys.argv[1:]
    path = os.path.join(place, "policy.json")
    with open(os.path.join(place, "said"), "a", encoding="utf-8") as said:
        said.write(json.dumps([program, *[re.sub(r"^/.*/place-\w+", "W", word) for word in given]]) + "\n")
    with open(path, encoding="utf-8") as file:
        policy = json.load(file)
    {"setsebool": setsebool, "semodule": semodule, "semanage": semanage, "restorecon": restorecon}[program](
        policy, given
    )
    with open(path, "w", encoding="utf-8") as file:
        json.dump(policy, file)
