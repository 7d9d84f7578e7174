"""Arguments of functions and of command lines."""

import copy
import inspect
import shlex
from collections import namedtuple

from salt.utils.data import is_true

from trisalt.errors import InvocationError
from trisalt.loader.signature import argspec
from trisalt.loader.words import KEYWORD, condition_args, parse_value, parse_words

ArgSpec = namedtuple("ArgSpec", "args varargs keywords defaults")

KWARG_REGEX = KEYWORD

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
    found = KEYWORD.match(string_) if isinstance(string_, str) else None
    return found.groups() if found else (None, None)


def parse_input(args, condition=True, no_parse=None, **kwargs):
    """Words of a command line as (args, kwargs), or, conditioned, as they travel."""
    words = [str(word) if not isinstance(word, dict) else word for word in args]
    plain = [word for word in words if isinstance(word, str)]
    parsed, keywords = parse_words(plain, no_parse=no_parse or ())
    for word in words:
        if isinstance(word, dict):
            keywords.update({key: value for key, value in word.items() if key != "__kwarg__"})
    return (condition_args(parsed, keywords), keywords) if condition else (parsed, keywords)


def shlex_split(s, **kwargs):
    """A text as a shell would split it; anything else as it is."""
    return shlex.split(s, **kwargs) if isinstance(s, str) else s


def get_function_argspec(func, is_class_method=None):
    """The names, `*args`, `**kwargs` and defaults of a function."""
    if not callable(func):
        raise TypeError(f"{func} is not a callable")
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
    return ArgSpec(args, varargs, keywords, tuple(defaults) or None)


def arg_lookup(fun, aspec=None):
    """`{"args": those a function must have, "kwargs": the others with their defaults}`."""
    spec = aspec or get_function_argspec(fun)
    defaults = spec.defaults or ()
    needed = len(spec.args) - len(defaults)
    return {"args": spec.args[:needed], "kwargs": dict(zip(spec.args[needed:], defaults, strict=True))}


def argspec_report(functions, module=""):
    """What `sys.argspec` tells, of a module or all of them."""
    names = [name for name in functions if not module or name == module or name.startswith(f"{module}.")]
    return {name: argspec(functions[name]) for name in sorted(names)}


def split_input(val, mapper=None):
    """A list, or a text of items between commas, as a list."""
    mapper = mapper or (lambda item: item)
    items = val if isinstance(val, list) else [part.strip() for part in str(val).split(",")]
    return [mapper(item) for item in items]


def test_mode(**kwargs):
    """Whether a keyword `test` in any spelling is true."""
    return any(isinstance(key, str) and key.lower() == "test" and is_true(value) for key, value in kwargs.items())


test_mode.__test__ = False


def format_call(fun, data, initial_ret=None, expected_extra_kws=(), is_class_method=None):
    """`{"args", "kwargs"}` for calling a function with what stands in `data` under its parameters' names."""
    ret = initial_ret if initial_ret is not None else {}
    ret["args"], ret["kwargs"] = [], {}
    spec = get_function_argspec(fun, is_class_method)
    looked = arg_lookup(fun, spec)
    ret["kwargs"].update({key: data.get(key, default) for key, default in looked["kwargs"].items()})
    missing = [name for name in looked["args"] if name not in data]
    if missing:
        used = f"{fun.__name__} takes at least {len(looked['args'])} argument{'s'[: len(looked['args']) > 1]}"
        raise InvocationError(f"{used} ({len(looked['args']) - len(missing)} given)")
    ret["args"] = [data[name] for name in looked["args"]]
    if spec.keywords:
        extra = {key: value for key, value in data.items() if key not in expected_extra_kws}
        known = {*looked["args"], *ret["kwargs"]}
        ret["kwargs"].update({key: copy.deepcopy(value) for key, value in extra.items() if key not in known})
    return ret


def parse_function(s):
    """`fun(a, b=1)` as (name, args, kwargs); (None, None, None) for what is no call."""
    text = s.strip() if isinstance(s, str) else ""
    name, found, rest = text.partition("(")
    if not found or not rest.endswith(")") or not name:
        return None, None, None
    words = shlex.shlex(rest[:-1], posix=True, punctuation_chars=",")
    words.whitespace_split, words.commenters = True, ""
    items = [word for word in words if word.strip(",")]
    pairs = [parse_kwarg(item) for item in items]
    args = [item for item, (key, _value) in zip(items, pairs, strict=True) if key is None]
    return name, args, {key: value for key, value in pairs if key is not None}


def prepare_kwargs(all_kwargs, class_init_kwargs):
    """Keyword arguments split in those that a class takes, and the others."""
    return (
        {key: value for key, value in all_kwargs.items() if key in class_init_kwargs},
        {key: value for key, value in all_kwargs.items() if key not in class_init_kwargs},
    )
