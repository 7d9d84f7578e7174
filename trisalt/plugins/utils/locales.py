"""Names of locales, and the lists in which Debian keeps them. Pure.

Used by `locale`.
"""

from __future__ import annotations


def normal(name: str) -> str:
    """A locale's name with its character set written one way: `en_US.UTF-8` and `en_US.utf8` are one."""
    base, _, rest = name.strip().partition(" ")[0].partition(".")
    charset, at, modifier = rest.partition("@")
    charset = charset.lower().replace("-", "")
    return f"{base}{'.' if charset else ''}{charset}{at}{modifier}"


def parts(name: str) -> tuple[str, str]:
    """A locale's source and character map, as localedef(1) takes them."""
    locale, _, charmap = name.partition(" ")
    base, _, rest = locale.partition(".")
    charset, at, modifier = rest.partition("@")
    return f"{base}{at}{modifier}", charmap or charset or "UTF-8"


def supported(text: str, name: str) -> str | None:
    """The line of /usr/share/i18n/SUPPORTED for a locale: as it is given, or with its only or own character set."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if name in lines:
        return name
    found = [line for line in lines if line.partition(" ")[0] == name]
    if not found and "." not in name:
        found = [line for line in lines if line == f"{name}.UTF-8 UTF-8"]
    return found[0] if found else None


def with_line(text: str, line: str) -> str:
    """/etc/locale.gen with a locale in it: a line that was a comment is one no more."""
    lines, fresh = [], [line]
    for known in text.splitlines():
        if fresh and known.strip().lstrip("#").strip() == line:
            lines += fresh
            fresh = []
        else:
            lines.append(known)
    return "".join(f"{one}\n" for one in lines + fresh)
