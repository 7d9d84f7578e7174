"""Is high data well formed? Every complaint, in stock's words. Pure.

Source: stock Salt 3008.3.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

from trisalt.state.words import STATE_REQUISITE_KEYWORDS


def verify_high(high: Any) -> list[str]:
    """What is wrong with high data; nothing when it can be compiled."""
    if not isinstance(high, Mapping):
        return ["High data is not a dictionary and is invalid"]
    errors: list[str] = []
    for id, body in high.items():
        if isinstance(id, str) and id.startswith("__"):
            continue
        if type(body) is not dict and not isinstance(body, Mapping):
            errors.append(f"The type {id} in {body} is not formatted as a dictionary")
            continue
        if not isinstance(id, str):
            errors.append(
                f"ID '{id}' in SLS '{body.get('__sls__')}' is not formed as a string, "
                f"but is type {type(id).__name__}. It may need to be quoted."
            )
        for module, arguments in body.items():
            if not str(module).startswith("__"):
                errors += _verify_state(id, str(module), arguments, body.get("__sls__"))
    return errors


def _verify_state(id: Any, module: str, arguments: Any, sls: Any) -> list[str]:
    if arguments is None:
        return [
            f"ID '{id}' in SLS '{sls}' contains a short declaration ({module}) with a trailing colon. "
            "When not passing any arguments to a state, the colon must be omitted."
        ]
    if not isinstance(arguments, list):
        return [f"State '{id}' in SLS '{sls}' is not formed as a list"]
    errors = []
    functions = [module.partition(".")[2]] if "." in module else []
    for argument in arguments:
        if isinstance(argument, str):
            functions.append(argument)
            if " " in argument.strip():
                errors.append(
                    f'The function "{argument}" in state "{id}" in SLS "{sls}" has whitespace, a function with '
                    'whitespace is not supported, perhaps this is an argument that is missing a ":"'
                )
        elif argument and (type(argument) is dict or isinstance(argument, Mapping)):
            name = next(iter(argument))
            if name == "names" or name in STATE_REQUISITE_KEYWORDS:
                errors += _verify_argument(id, name, argument, sls)
    if not functions:
        errors.append(f"No function declared in state '{id}' in SLS '{sls}'")
    elif len(functions) > 1:
        errors.append(
            f"Too many functions declared in state '{id}' in SLS '{sls}'. Please choose one of the following: "
            + ", ".join(functions)
        )
    return errors


def _verify_argument(id: Any, name: Any, argument: Mapping[Any, Any], sls: Any) -> list[str]:
    value = argument[name]
    if name == "names":
        if isinstance(value, list):
            return []
        return [f"The 'names' argument in state '{id}' in SLS '{sls}' needs to be formed as a list"]
    if isinstance(value, list):
        errors = [error for requisite in value for error in _verify_requisite(id, requisite, sls)]
    else:
        errors = [f"The {name} statement in state '{id}' in SLS '{sls}' needs to be formed as a list"]
    if len(argument) != 1:
        errors.append(f"Multiple dictionaries defined in argument of state '{id}' in SLS '{sls}'")
    return errors


def _verify_requisite(id: Any, requisite: Any, sls: Any) -> list[str]:
    if isinstance(requisite, str):
        return []
    if not isinstance(requisite, Mapping) or len(requisite) != 1:
        return [
            f"Requisite declaration {requisite} in state {id} in SLS {sls} is not formed as a single key dictionary"
        ]
    ((kind, value),) = requisite.items()
    errors = []
    if "." in str(kind):
        errors.append(
            f"Invalid requisite type '{kind}' in state '{id}', in SLS '{sls}'. Requisite types must not contain "
            f"dots, did you mean '{str(kind).partition('.')[0]}'?"
        )
    if not isinstance(value, Hashable):
        errors.append(f'Illegal requisite "{value}" in SLS "{sls}", please check your syntax.\n')
    return errors
