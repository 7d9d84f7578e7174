"""Arguments of functions and of command lines."""

import inspect
from collections import namedtuple

from trisalt.errors import InvocationError
from trisalt.loader.words import KEYWORD, condition_args, parse_value

ArgSpec = namedtuple("ArgSpec", "args varargs keywords defaults")

yamlify_arg = parse_value
condition_input = condition_args


def clean_kwargs(**kwargs):
    """Keyword arguments without those that begin with two underscores."""
    return {key: value for key, value in kwargs.items() if not key.startswith("__")}


def invalid_kwargs(invalid_kwargs, raise_exc=True):
    """Complain about keyword arguments that a function does not take."""
    if isinstance(invalid_kwargs, dict):
        invalid_kwargs = [f"{key}={value}" for key, value in invalid_kwargs.items()]
    text = "The following keyword arguments are not valid: {}".format(", ".join(invalid_kwargs))
    if raise_exc:
        raise InvocationError(text)
    return text


def parse_kwarg(string_):
    """`name=value` as a pair; `(None, None)` for another text."""
    found = KEYWORD.match(string_)
    return found.groups() if found else (None, None)


def get_function_argspec(func, is_class_method=None):
    """The names, `*args`, `**kwargs` and defaults of a function."""
    args, defaults, varargs, keywords = [], [], None, None
    for name, parameter in inspect.signature(func).parameters.items():
        if parameter.kind is parameter.VAR_POSITIONAL:
            varargs = name
        elif parameter.kind is parameter.VAR_KEYWORD:
            keywords = name
        else:
            args.append(name)
            if parameter.default is not parameter.empty:
                defaults.append(parameter.default)
    return ArgSpec(args[1:] if is_class_method else args, varargs, keywords, tuple(defaults) or None)


def split_input(val, mapper=None):
    """A list, or a text of items between commas, as a list."""
    items = val if isinstance(val, list) else [item.strip() for item in str(val).split(",")]
    return [mapper(item) if mapper else item for item in items]


def test_mode(**kwargs):
    """Whether a keyword `test` in any spelling is true."""
    from salt.utils.data import is_true

    return any(isinstance(key, str) and key.lower() == "test" and is_true(value) for key, value in kwargs.items())
