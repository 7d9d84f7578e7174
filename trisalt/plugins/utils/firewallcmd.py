"""firewall-cmd, as the files of the module `firewalld` ask it."""

from __future__ import annotations

from typing import Any, NoReturn

from trisalt.errors import CommandError

# What is about firewalld itself, or is kept whatever is said.
_EITHER = ("--version", "--reload", "--runtime-to-permanent", "--get-default-zone", "--set-default-zone")


def within(zone: str | None) -> list[str]:
    """The words that name a zone; none for the default one."""
    return [f"--zone={zone}"] if zone else []


def said(*words: str, permanent: bool = True) -> str:
    """What firewall-cmd said. Raises CommandError with what it complained of."""
    found = _run(words, permanent)
    return found["stdout"] if found["retcode"] == 0 else _refuse(found)


def answer(*words: str, permanent: bool = True) -> bool:
    """Whether firewall-cmd said yes. Raises CommandError with what it complained of."""
    found = _run(words, permanent)
    return found["stdout"] == "yes" if found["stdout"] in ("yes", "no") else _refuse(found)


def _refuse(found: dict[str, Any]) -> NoReturn:
    raise CommandError(f"firewall-cmd failed: {found['stderr'] or found['stdout']}")


def _run(words: tuple[str, ...], permanent: bool) -> dict[str, Any]:
    kept = ["--permanent"] if permanent and not words[0].startswith(_EITHER) else []
    return __utils__["tool.run"](["firewall-cmd", *kept, *words], ignore_retcode=True)
