"""
States to try state runs with: they do nothing, and return what they are told to.

.. code-block:: yaml

    unsupported:
      test.fail_without_changes:
        - name: "OS not supported!"
        - failhard: True
"""

from __future__ import annotations

import random
from typing import Any

from trisalt.errors import InvocationError
from trisalt.state.result import returned
from trisalt.state.words import tag


def _pretended():
    """Each state has its own: what is in a return twice is a reference where a job is shown as YAML."""
    return {"testing": {"old": "Unchanged", "new": "Something pretended to change"}}


def nop(name, **kwargs):
    """
    Do nothing, successfully: where a file would have no state otherwise, or for ``use``
    """
    return returned(name, True, "Success!")


def succeed_without_changes(name, **kwargs):
    """
    Succeed, and change nothing

    comment
        What it says.
    """
    return returned(name, True, kwargs.get("comment", "Success!"))


def fail_without_changes(name, **kwargs):
    """
    Fail, and change nothing

    comment
        What it says.
    """
    if __opts__["test"]:
        return returned(name, False, "If we weren't testing, this would be a failure!")
    return returned(name, False, kwargs.get("comment", "Failure!"))


def succeed_with_changes(name, **kwargs):
    """
    Succeed, and pretend that something has changed

    comment
        What it says.
    """
    if __opts__["test"]:
        return returned(name, None, "If we weren't testing, this would be successful with changes", _pretended())
    return returned(name, True, kwargs.get("comment", "Success!"), _pretended())


def fail_with_changes(name, **kwargs):
    """
    Fail, and pretend that something has changed

    comment
        What it says.
    """
    if __opts__["test"]:
        return returned(name, None, "If we weren't testing, this would be failed with changes", _pretended())
    return returned(name, False, kwargs.get("comment", "Failure!"), _pretended())


def configurable_test_state(
    name: str,
    changes: Any = True,
    result: Any = True,
    comment: str = "",
    warnings: Any = None,
    allow_test_mode_failure: bool = False,
) -> dict[str, Any]:
    """
    Return what the arguments say

    changes
        Whether it changes something: ``True``, ``False`` or ``Random``.

    result
        Whether it succeeds: ``True``, ``False`` or ``Random``.

    comment
        What it says.

    warnings
        A text, or several, to warn of.

    allow_test_mode_failure
        A test run fails too if the result is false.
    """
    changed = _chosen("changes", changes)
    outcome = _chosen("result", result)
    if warnings is not None and not isinstance(warnings, str | list):
        raise InvocationError(
            "You have specified the state option 'warnings' with invalid arguments. "
            "It must be a string or a list of strings"
        )
    if __opts__["test"]:
        trial = True if changes is False else None
        outcome = False if allow_test_mode_failure and result is False else trial
        comment = comment or "This is a test"
    made = returned(name, outcome, comment, _pretended() if changed else None)
    if warnings is not None:
        made["warnings"] = [warnings] if isinstance(warnings, str) else warnings
    return made


def _chosen(option: str, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if str(value).lower() != "random":
        raise InvocationError(
            f"You have specified the state option '{option}' with invalid arguments. "
            "It must be either True, False, or 'Random'"
        )
    return random.choice((True, False))


def show_notification(name, text=None, **kwargs):
    """
    Say something

    text
        What it says.
    """
    if not text:
        raise InvocationError("Missing required argument text.")
    return returned(name, True, text)


def mod_watch(name, sfun=None, **kwargs):
    """
    Say which of the watched states have changed something. What ``result``, ``comment`` and ``changes`` say in the
    state is returned instead.
    """
    watched = (__low__.get("__reqs__") or {}).get("watch", [])
    changed = [f"{chunk['state']}: {chunk['__id__']}" for chunk in watched if __running__[tag(chunk)]["changes"]]
    return returned(
        name,
        kwargs.get("result", True),
        kwargs.get("comment", "Watch statement fired."),
        kwargs.get("changes", {"Requisites with changes": changed}),
    )


def check_pillar(
    name: str,
    present: Any = None,
    boolean: Any = None,
    integer: Any = None,
    string: Any = None,
    listing: Any = None,
    dictionary: Any = None,
    verbose: bool = False,
) -> dict[str, Any]:
    """
    Check that the pillar has keys, and of what type they are

    present
        Keys of any type.

    boolean, integer, string, listing, dictionary
        Keys of that type.

    verbose
        Tell of the keys that passed, too.

    .. code-block:: yaml

        pillar-is-complete:
          test.check_pillar:
            - present: [foo]
            - integer: [bar]
    """
    wanted = {
        None: present, bool: boolean, int: integer, (str,): string, list: listing, dict: dictionary,
    }  # fmt: skip
    if not any(wanted.values()):
        raise InvocationError("Missing required argument text.")
    failed, fine = {}, {}
    for kind, keys in wanted.items():
        for key in [keys] if isinstance(keys, str) else keys or ():
            value = __salt__["pillar.get"](key, None)
            if value is None:
                failed[key] = "is missing"
            elif kind is not None and not isinstance(value, kind):
                failed[key] = f"is not {kind}"
            else:
                fine[key] = kind
    comment = "".join(f'Pillar key "{key}" {why}.\n' for key, why in failed.items())
    if verbose and fine:
        comment += "Those keys passed the check:\n" + "".join(f"- {key} ({kind})\n" for key, kind in fine.items())
    return returned(name, not failed, comment)
