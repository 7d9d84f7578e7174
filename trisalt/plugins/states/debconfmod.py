"""Answers to the questions that Debian's packages ask.

postfix:
  debconf.set:
    - data:
        postfix/mailname: {type: string, value: mail.example.com}
        postfix/main_mailer_type: {type: select, value: Satellite system}
"""

from __future__ import annotations

from typing import Any

from trisalt.errors import TrisaltError
from trisalt.state.result import returned

__virtualname__ = "debconf"


def __virtual__() -> Any:
    if __grains__.get("os_family") != "Debian":
        return False, "debconf state only runs on Debian systems"
    if "debconf.show" not in __salt__:
        return False, "debconf module could not be loaded"
    return __virtualname__


def set_file(
    name: str, source: str, template: str | None = None, context: Any = None, defaults: Any = None, **kwargs: Any
) -> dict[str, Any]:
    """
    The answers of a file are given, each time. The file may be a template.
    """
    for what, given in (("Context", context), ("Defaults", defaults)):
        if given is not None and not isinstance(given, dict):
            return returned(name, False, f"{what} must be formed as a dict")
    if __opts__["test"]:
        return returned(name, None, "Debconf selections would have been set.")
    saltenv = str(__env__)
    try:
        if template:
            done = __salt__["debconf.set_template"](source, template, context, defaults, saltenv)
        else:
            done = __salt__["debconf.set_file"](source, saltenv)
    except TrisaltError as exc:
        return returned(name, False, str(exc))
    if done:
        return returned(name, True, "Debconf selections were set.")
    return returned(name, False, "Unable to set debconf selections from file.")


def set(name: str, data: Any, **kwargs: Any) -> dict[str, Any]:
    """
    Questions of a package, which is the name, have these answers: `{question: {type, value}}`. That of a password is in
    no changes.
    """
    if not isinstance(data or {}, dict) or not all(
        isinstance(answer, dict) and {"type", "value"} <= answer.keys() for answer in (data or {}).values()
    ):
        return returned(name, False, "data is a map of questions, with a type and a value for each")
    try:
        there = {question: (kind, value) for question, kind, value in __salt__["debconf.show"](name) or ()}
        unchanged, changes, wrong = [], {}, []
        for question, answer in (data or {}).items():
            kind, value = str(answer["type"]), _text(answer)
            if there.get(question) == (kind, value):
                unchanged.append(question)
                continue
            shown = "(password hidden)" if kind == "password" else value
            if __opts__["test"]:
                changes[question] = shown if kind == "password" else f"New value: {shown}"
            elif __salt__["debconf.set"](name, question, kind, value):
                changes[question] = shown
            else:
                changes[question] = "Failed to set!"
                wrong.append(question)
    except TrisaltError as exc:
        return returned(name, False, str(exc))
    if not changes:
        return returned(name, True, "All specified answers are already set")
    comment = f"Unchanged answers: {' '.join(unchanged)} " if unchanged else ""
    if wrong:
        return returned(name, False, "Some settings failed to be applied.", changes)
    return returned(name, None if __opts__["test"] else True, comment, changes)


def _text(answer: dict[str, Any]) -> str:
    value = answer["value"]
    if answer["type"] == "boolean":
        return "true" if value is True or str(value).lower() in ("true", "yes", "1") else "false"
    return str(value).strip()
