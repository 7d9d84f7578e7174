"""Functions made of functions."""

import types

from salt.utils.args import get_function_argspec

from trisalt.errors import CommandError


def namespaced_function(function, global_dict, defaults=None, preserve_context=None):
    """A function with other globals: a plugin takes one of another plugin as its own."""
    made = types.FunctionType(
        function.__code__,
        {**function.__globals__, **global_dict},
        name=function.__name__,
        argdefs=defaults or function.__defaults__,
        closure=function.__closure__,
    )
    made.__dict__.update(function.__dict__)
    made.__doc__, made.__kwdefaults__ = function.__doc__, function.__kwdefaults__
    made.__module__ = global_dict.get("__name__")
    return made


def alias_function(fun, name, doc=None):
    """The same function under another name."""
    made = types.FunctionType(fun.__code__, fun.__globals__, name, fun.__defaults__, fun.__closure__)
    made.__dict__.update(fun.__dict__)
    made.__kwdefaults__ = fun.__kwdefaults__
    if doc and isinstance(doc, str):
        made.__doc__ = doc
    else:
        made.__doc__ = f"\nThis function is an alias of ``{fun.__name__}``.\n" + (fun.__doc__ or "")
    return made


def call_function(salt_function, *args, **kwargs):
    """Call a function with what a state file says: values, and mappings as keywords. Raises CommandExecutionError."""
    spec = get_function_argspec(salt_function)
    values = []
    for item in args:
        if isinstance(item, dict):
            kwargs.update(item)
        else:
            values.append(item)
    needed = spec.args[: len(spec.args) - len(spec.defaults or ())]
    missing = [name for name in needed[len(values) :] if name not in kwargs]
    if missing:
        raise CommandError(f"Missing arguments: {', '.join(missing)}")
    if not spec.keywords:
        kwargs = {key: value for key, value in kwargs.items() if key in spec.args}
    return salt_function(*values, **kwargs)
