"""apt's sources: files of one-line entries (`*.list`), and of stanzas (`*.sources`, deb822).

Text in, text out, and what is not changed stays as its author wrote it, comments included; which is why this is no
library's parser. An entry is a dict: `type`, `uri`, `dist`, `comps`, `options`, `disabled`, `comment`, and where it
stands: `at` (line, or first line of the stanza), `types`, `uris` and `suites` of its stanza.

Used by `pkg` on Debian and its kin.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from trisalt.errors import InvocationError

_ENTRY = re.compile(r"(?P<off>(?:#\s*)*)(?P<type>deb|deb-src)\s+(?:\[(?P<options>[^]]*)\]\s*)?(?P<rest>\S.*)")
# The options of a line that a stanza has a field for; others are written as apt names them.
_FIELDS = {"arch": "Architectures", "signed-by": "Signed-By", "trusted": "Trusted", "lang": "Languages"}
_OPTIONS = {field.lower(): option for option, field in _FIELDS.items()}
_PLAIN = ("types", "uris", "suites", "components", "enabled")


def parse(line: str) -> dict[str, Any] | None:
    """One line as an entry, or nothing where it is none; one behind a `#` is disabled."""
    match = _ENTRY.fullmatch(line.strip())
    if match is None:
        return None
    rest, _, comment = match["rest"].partition("#")
    words = rest.split()
    # A comment may begin like an entry: prose has no address for its second word.
    if len(words) < 2 or ":" not in words[0]:
        return None
    if match["off"] and len(words) < 3 and not words[1].endswith("/"):
        return None
    pairs = (option.partition("=") for option in (match["options"] or "").split())
    return {
        "type": match["type"],
        "options": {key.lower(): value for key, _, value in pairs},
        "uri": words[0],
        "dist": words[1],
        "comps": words[2:],
        "disabled": bool(match["off"]),
        "comment": comment.strip(),
    }


def line(entry: Mapping[str, Any]) -> str:
    """An entry as one line."""
    options = " ".join(f"{key}={value}" for key, value in entry["options"].items() if value)
    words = [entry["type"], f"[{options}]" if options else "", entry["uri"], entry["dist"], *entry["comps"]]
    text = " ".join(word for word in words if word)
    if entry.get("comment"):
        text += f"{' ' if entry['comps'] else '  '}#{entry['comment']}"
    return f"# {text}" if entry["disabled"] else text


def entries(path: str, text: str) -> list[dict[str, Any]]:
    """All entries of a file."""
    if not path.endswith(".sources"):
        found = []
        for number, row in enumerate(text.splitlines()):
            entry = parse(row)
            if entry:
                alone = {"types": [entry["type"]], "uris": [entry["uri"]], "suites": [entry["dist"]]}
                found.append({**entry, **alone, "at": number, "file": path})
        return found
    found = []
    for start, _end, fields in _stanzas(text):
        values = {name.lower(): value for name, value in fields.items()}
        types, uris, suites, comps = (
            values.get(name, "").split() for name in ("types", "uris", "suites", "components")
        )
        options = {
            _OPTIONS.get(name, name): value if name == "signed-by" else ",".join(value.split())
            for name, value in values.items()
            if name not in _PLAIN and not name.startswith("x-")
        }
        shared = {
            "comps": comps, "options": options, "comment": "", "types": types, "uris": uris, "suites": suites,
            "disabled": values.get("enabled", "yes").lower() in ("no", "false", "0", "off"), "at": start, "file": path,
        }  # fmt: skip
        for kind in types:
            for uri in uris:
                found += [{**shared, "type": kind, "uri": uri, "dist": suite} for suite in suites]
    return found


def row(entry: Mapping[str, Any]) -> dict[str, Any]:
    """An entry as `pkg.list_repos` shows it."""
    return {
        "file": entry["file"],
        "comps": list(entry["comps"]),
        "disabled": entry["disabled"],
        "enabled": not entry["disabled"],
        "dist": entry["dist"],
        "suites": list(entry["suites"]),
        "type": entry["type"],
        "types": list(entry["types"]),
        "uri": entry["uri"],
        "uris": list(entry["uris"]),
        "line": line(entry),
        "architectures": [arch for arch in entry["options"].get("arch", "").split(",") if arch],
        "signedby": entry["options"].get("signed-by", ""),
    }


def matches(entry: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether an entry is the one that a repository's line names; of components, one in common is enough."""
    return (
        entry["type"] == wanted["type"]
        and entry["uri"].rstrip("/") == wanted["uri"].rstrip("/")
        and entry["dist"] == wanted["dist"]
        and (not wanted["comps"] or bool(set(wanted["comps"]) & set(entry["comps"])))
    )


def added(path: str, text: str, entry: Mapping[str, Any]) -> str:
    """The text with an entry more, at its end."""
    if text and not text.endswith("\n"):
        text += "\n"
    if not path.endswith(".sources"):
        return f"{text}{line(entry)}\n"
    return f"{text}\n{_stanza(entry)}" if text.strip() else _stanza(entry)


def replaced(path: str, text: str, old: Mapping[str, Any], new: Mapping[str, Any] | None) -> str:
    """The text with an entry changed, or gone; what shares its stanza stays as it is."""
    lines = text.splitlines(keepends=True)
    if not path.endswith(".sources"):
        lines[old["at"] : old["at"] + 1] = [f"{line(new)}\n"] if new else []
        return "".join(lines)
    start, end, _ = next(stanza for stanza in _stanzas(text) if stanza[0] == old["at"])
    shape = (old["types"], old["uris"], old["suites"])
    body = lines[start:end]
    if shape == ([old["type"]], [old["uri"]], [old["dist"]]):
        lines[start:end] = _with(body, _fields(new)) if new else []
        return "".join(lines).lstrip("\n") if not new else "".join(lines)
    # Others share the stanza: they keep it, and each that cannot is given a copy.
    parts = []
    for name, whole, mine, narrowed in (
        ("Suites", old["suites"], old["dist"], {}),
        ("URIs", old["uris"], old["uri"], {"Suites": old["dist"]}),
        ("Types", old["types"], old["type"], {"Suites": old["dist"], "URIs": old["uri"]}),
    ):
        rest = [word for word in whole if word != mine]
        if rest:
            parts.append(_with(body, {**narrowed, name: " ".join(rest)}))
    if new:
        parts.append(_with(body, _fields(new)))
    if end == len(lines) and body and not body[-1].endswith("\n"):
        parts = [[*part[:-1], part[-1].rstrip("\n") + "\n"] for part in parts]
    lines[start:end] = [row for number, part in enumerate(parts) for row in (*(["\n"] if number else []), *part)]
    return "".join(lines)


def checked(entry: Mapping[str, Any]) -> None:
    """Refuse what would end its line, or its field, and become something else."""
    words = [entry["uri"], entry["dist"], entry.get("comment") or "", *entry["comps"]]
    for word in [*words, *entry["options"], *(str(value) for value in entry["options"].values())]:
        if "\n" in word or "\r" in word or (word not in (entry.get("comment"),) and re.search(r"[\s\[\]]", word)):
            raise InvocationError(f"Invalid value in a repository: {word!r}")


def _stanzas(text: str) -> Iterable[tuple[int, int, dict[str, str]]]:
    """First line, line behind the last, and fields of each stanza."""
    start: int | None = None
    fields: dict[str, str] = {}
    name = ""
    rows = [*text.splitlines(), ""]
    for number, raw in enumerate(rows):
        if not raw.strip():
            if start is not None and fields:
                yield start, number, fields
            start, fields, name = None, {}, ""
            continue
        start = number if start is None else start
        if raw.startswith("#"):
            continue
        if raw[0].isspace():
            if name:
                fields[name] += f"\n{raw.strip()}"
        elif ":" in raw:
            name, _, value = raw.partition(":")
            fields[name] = value.strip()


def _fields(entry: Mapping[str, Any]) -> dict[str, str]:
    found = {
        "Types": entry["type"],
        "URIs": entry["uri"],
        "Suites": entry["dist"],
        "Components": " ".join(entry["comps"]),
        "Enabled": "no" if entry["disabled"] else "",
    }
    for option, field in _FIELDS.items():
        value = entry["options"].get(option, "")
        found[field] = value if option == "signed-by" else value.replace(",", " ")
    known = {name.lower(): name for name in found}
    for option, value in entry["options"].items():
        if option not in _FIELDS and option not in known:
            found[option.capitalize()] = value.replace(",", " ")
    return found


def _stanza(entry: Mapping[str, Any]) -> str:
    return "".join(f"{name}: {value}\n" for name, value in _fields(entry).items() if value)


def _with(body: list[str], fields: Mapping[str, str]) -> list[str]:
    """A stanza's lines with these fields set; an empty one is taken out."""
    left = {name.lower(): (name, value) for name, value in fields.items()}
    result: list[str] = []
    skipping = False
    for raw in body:
        key = raw.partition(":")[0].strip().lower() if not raw.startswith("#") and not raw[0].isspace() else None
        if key is None:
            if not (skipping and raw[0].isspace()):
                result.append(raw)
            continue
        skipping = False
        if key in left:
            name, value = left.pop(key)
            same = _value(body, key) == value
            if same:
                result.append(raw)
            else:
                skipping = True
                if value:
                    result.append(f"{name}: {_folded(value)}\n")
        else:
            result.append(raw)
    if result and not result[-1].endswith("\n"):
        result[-1] += "\n"
    return result + [f"{name}: {_folded(value)}\n" for name, value in left.values() if value]


def _value(body: list[str], key: str) -> str | None:
    for _start, _end, fields in _stanzas("".join(body)):
        for name, value in fields.items():
            if name.lower() == key:
                return value
    return None


def _folded(value: str) -> str:
    return value.replace("\n", "\n ")
