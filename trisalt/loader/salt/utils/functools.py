"""Functions made of functions."""

import types


def namespaced_function(function, global_dict, defaults=None, preserve_context=None):
    """A function with other globals: a plugin takes one of another plugin as its own."""
    made = types.FunctionType(
        function.__code__,
        global_dict,
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
    made.__doc__ = doc or f"This function is an alias of ``{fun.__name__}``.\n\n{fun.__doc__ or ''}"
    return made
