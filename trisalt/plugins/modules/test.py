"""
Functions to try a minion with: whether it answers, what it makes of arguments, how it fails.
"""

import builtins
import importlib
import sys
import time
import traceback
from collections import Counter

import trisalt
from trisalt.errors import CommandError, InvocationError

__func_alias__ = {"true_": "true", "false_": "false", "try_": "try"}
__outputter__ = {"outputter": "txt", "versions_report": "txt", "versions": "txt"}

# What `versions_report` tells of: the name shown, and the distribution it is.
DEPENDENCIES = {
    "attrs": "attrs",
    "cryptography": "cryptography",
    "Jinja2": "jinja2",
    "msgpack": "msgpack",
    "psutil": "psutil",
    "PyYAML": "pyyaml",
    "PyZMQ": "pyzmq",
    "structlog": "structlog",
    "trio": "trio",
}


def ping():
    """
    Answer: the minion is there, and takes jobs. Not an ICMP ping.

    Returns ``True``.

    CLI Example:

    .. code-block:: bash

        salt '*' test.ping
    """
    return True


def true_():
    """
    Always return True

    CLI Example:

    .. code-block:: bash

        salt '*' test.true
    """
    return True


def false_():
    """
    Always return False

    CLI Example:

    .. code-block:: bash

        salt '*' test.false
    """
    return False


# -- arguments -----------------------------------------------------------------------------------------------------


def echo(text):
    """
    Give back the text that was sent

    CLI Example:

    .. code-block:: bash

        salt '*' test.echo 'foo bar baz quo qux'
    """
    return text


def outputter(data):
    """
    Return the data that is passed in, with the text outputter

    CLI Example:

    .. code-block:: bash

        salt '*' test.outputter foobar
    """
    return data


def kwarg(**kwargs):
    """
    Return the keyword arguments, those that the publication adds among them

    CLI Example:

    .. code-block:: bash

        salt '*' test.kwarg num=1 txt="two" env='{a: 1, b: "hello"}'
    """
    return kwargs


def arg(*args, **kwargs):
    """
    Return the arguments, to see what the command line and the publication made of them

    CLI Example:

    .. code-block:: bash

        salt '*' test.arg 1 "two" 3.1 txt="hello" wow='{a: 1, b: "hello"}'
    """
    return {"args": args, "kwargs": kwargs}


def arg_type(*args, **kwargs):
    """
    Return the types of the arguments

    CLI Example:

    .. code-block:: bash

        salt '*' test.arg_type 1 'int'
    """
    return {
        "args": [str(type(value)) for value in args],
        "kwargs": {key: str(type(val)) for key, val in kwargs.items()},
    }


def arg_repr(*args, **kwargs):
    """
    Return the arguments as Python shows them

    CLI Example:

    .. code-block:: bash

        salt '*' test.arg_repr 1 "two" 3.1 txt="hello" wow='{a: 1, b: "hello"}'
    """
    return {"args": repr(args), "kwargs": repr(kwargs)}


def arg_clean(*args, **kwargs):
    """
    Like test.arg, without what the publication adds

    CLI Example:

    .. code-block:: bash

        salt '*' test.arg_clean 1 "two" 3.1 txt="hello" wow='{a: 1, b: "hello"}'
    """
    return {"args": args, "kwargs": _clean(kwargs)}


def cross_test(func, args=None):
    """
    Execute a minion function via the loader of functions, as one module calls another

    CLI Example:

    .. code-block:: bash

        salt '*' test.cross_test file.gid_to_group 0
    """
    return _function(func)(*(args or []))


def try_(module, return_try_exception=False, **kwargs):
    """
    Try to run a function; on an exception return None, or the exception's text with ``return_try_exception``

    CLI Example:

    .. code-block:: bash

        salt '*' test.try module=test.echo text=hello
    """
    try:
        return _function(module)(**_clean(kwargs))
    except Exception as exc:
        return str(exc) if return_try_exception else None


# -- versions, options ---------------------------------------------------------------------------------------------


def version():
    """
    The version of Salt that this minion speaks as

    CLI Example:

    .. code-block:: bash

        salt '*' test.version
    """
    return trisalt.SALT_VERSION


def versions_information():
    """
    The versions of Python, of the libraries and of the system underneath, as a map

    CLI Example:

    .. code-block:: bash

        salt '*' test.versions_information
    """
    import platform

    release = _os_release()
    dist = " ".join(
        part for part in (release.get("ID"), release.get("VERSION_ID"), release.get("VERSION_CODENAME")) if part
    )
    return {
        "Salt Version": {"Salt": trisalt.SALT_VERSION, "trisalt": trisalt.__version__},
        "Python Version": {"Python": sys.version.replace("\n", " ")},
        "Dependency Versions": {name: _installed(package) for name, package in DEPENDENCIES.items()},
        "System Versions": {
            "dist": dist,
            "locale": sys.getfilesystemencoding(),
            "machine": platform.machine(),
            "release": platform.release(),
            "system": platform.system(),
            "version": release.get("PRETTY_NAME", platform.version()),
        },
    }


def versions_report():
    """
    The same versions as a text for people

    CLI Example:

    .. code-block:: bash

        salt '*' test.versions_report
    """
    information = versions_information()
    width = max(len(name) for rows in information.values() for name in rows) + 2
    lines = []
    for title, rows in information.items():
        lines.append(f"{title}:")
        lines += [f"{name:>{width}}: {value or 'Not Installed'}" for name, value in rows.items()]
        lines.append(" ")
    return "\n".join(lines[:-1])


def versions():
    """
    The same versions as a text for people, as test.versions_report does

    CLI Example:

    .. code-block:: bash

        salt '*' test.versions
    """
    return versions_report()


def get_opts():
    """
    All options of this minion, as they took effect

    CLI Example:

    .. code-block:: bash

        salt '*' test.get_opts
    """
    return {key: value for key, value in __opts__.items() if key not in ("grains", "pillar")}


def opts_pkg():
    """
    Return the configuration options with the grains, as a function sees them

    CLI Example:

    .. code-block:: bash

        salt '*' test.opts_pkg
    """
    return {**get_opts(), "grains": dict(__grains__)}


def conf_test():
    """
    The value of the option test.foo, or what stands for it where it is not set

    CLI Example:

    .. code-block:: bash

        salt '*' test.conf_test
    """
    return __salt__["config.option"]("test.foo")


def attr_call():
    """
    Call grains.items via an attribute of the function mapping

    CLI Example:

    .. code-block:: bash

        salt '*' test.attr_call
    """
    return __salt__.grains.items()


# -- what is loaded ------------------------------------------------------------------------------------------------


def module_report():
    """
    Return a dict containing all of the execution modules with a report on the overall availability

    CLI Example:

    .. code-block:: bash

        salt '*' test.module_report
    """
    functions = list(__salt__)
    modules = __salt__.modules()
    return {
        "functions": functions,
        "function_attrs": [name for name in functions if callable(__salt__[name])],
        "function_subs": functions,
        "modules": modules,
        "module_attrs": modules,
        "missing_attrs": [],
        "missing_subs": [],
    }


def not_loaded():
    """
    The modules that did not load on this host

    CLI Example:

    .. code-block:: bash

        salt '*' test.not_loaded
    """
    return sorted(__salt__.missing())


def provider(module):
    """
    Which file stands behind a function or module of that name

    CLI Example:

    .. code-block:: bash

        salt '*' test.provider service
    """
    return _files(module).get(module, "")


def providers():
    """
    Each module by the name it is called, with the file that stands behind it

    CLI Example:

    .. code-block:: bash

        salt '*' test.providers
    """
    return _files()


def _files(module=None):
    """The file behind each module; of several, the one of `providers`, or that most of its functions are from."""
    found = {}
    for name in __salt__:
        shelf = name.partition(".")[0]
        if module in (None, shelf):
            found.setdefault(shelf, Counter())[__salt__[name].__module__.rpartition(".")[2]] += 1
    named = __opts__.get("providers") or {}
    return {
        shelf: named[shelf] if named.get(shelf) in files else files.most_common(1)[0][0]
        for shelf, files in found.items()
    }


# -- time and chance -----------------------------------------------------------------------------------------------


def sleep(length):
    """
    Do nothing for so many seconds: a job that takes time.

    CLI Example:

    .. code-block:: bash

        salt '*' test.sleep 20
    """
    time.sleep(float(length))
    return True


def rand_sleep(max=60):
    """
    Do nothing for a random time, at most so many seconds: minions that answer one after the other

    CLI Example:

    .. code-block:: bash

        salt '*' test.rand_sleep 60
    """
    import random  # here and below, because every job that tries a minion loads this file

    time.sleep(random.uniform(0, float(max)))
    return True


def fib(num):
    """
    The Fibonacci number of that index, and the seconds it took. Used for performance tests.

    CLI Example:

    .. code-block:: bash

        salt '*' test.fib 3
    """
    start = time.time()
    this, following = 0, 1
    for _ in range(int(num)):
        this, following = following, this + following
    return this, time.time() - start


def collatz(start):
    """
    Collatz's sequence from a number down to one, and the seconds it took. Used for performance tests.

    CLI Example:

    .. code-block:: bash

        salt '*' test.collatz 3
    """
    start = int(start)
    if start < 1:
        raise InvocationError("The starting number must be at least 1")
    began = time.time()
    steps = []
    while start != 1:
        steps.append(start)
        start = start * 3.0 + 1 if start % 2 else start / 2
    return steps, time.time() - began


def rand_str(size=9999999999, hash_type=None):
    """
    This function is kept for older callers: see test.random_hash

    CLI Example:

    .. code-block:: bash

        salt '*' test.rand_str
    """
    return random_hash(size, hash_type)


def random_hash(size=9999999999, hash_type=None):
    """
    Return the hash of a random number between 1 and ``size``

    CLI Example:

    .. code-block:: bash

        salt '*' test.random_hash
        salt '*' test.random_hash hash_type=sha512
    """
    import hashlib
    import random

    number = random.SystemRandom().randint(1, int(size))
    try:
        return hashlib.new(hash_type or __opts__.get("hash_type") or "sha256", str(number).encode()).hexdigest()
    except ValueError as exc:
        raise InvocationError(str(exc)) from exc


# -- failing -------------------------------------------------------------------------------------------------------


def retcode(code=42):
    """
    End with this retcode, and True

    CLI Example:

    .. code-block:: bash

        salt '*' test.retcode 42
    """
    __context__["retcode"] = code
    return True


def exception(message="Test Exception"):
    """
    Raise an exception

    CLI Example:

    .. code-block:: bash

        salt '*' test.exception 'Oh noes!'
    """
    raise Exception(message)


def raise_exception(name, *args, **kwargs):
    """
    Raise an exception: a built-in one, or one of ``salt.exceptions``. When there is none of that name, return
    ``False``.

    CLI Example:

    .. code-block:: bash

        salt '*' test.raise_exception TypeError "An integer is required"
        salt '*' test.raise_exception salt.exceptions.CommandExecutionError "Something went wrong"
    """
    module, _, attribute = name.rpartition(".")
    try:
        holder = importlib.import_module(module) if module else builtins
    except ImportError:
        return False
    found = getattr(holder, attribute, None)
    if not (isinstance(found, type) and issubclass(found, Exception)):
        return False
    raise found(*args, **_clean(kwargs))


def assertion(assertion):
    """
    Assert the given argument

    CLI Example:

    .. code-block:: bash

        salt '*' test.assertion False
    """
    if not assertion:
        raise AssertionError


def stack():
    """
    Return the current stack trace

    CLI Example:

    .. code-block:: bash

        salt '*' test.stack
    """
    return "".join(traceback.format_stack())


def tty(*args, **kwargs):
    """
    This function is cmd.tty

    CLI Example:

    .. code-block:: bash

        salt '*' test.tty tty0 'This is a test'
    """
    return "ERROR: This function has been moved to cmd.tty"


# -- helpers -------------------------------------------------------------------------------------------------------


def _clean(kwargs):
    """Keyword arguments without those that the publication adds."""
    return {key: value for key, value in kwargs.items() if not key.startswith("__")}


def _function(name):
    try:
        return __salt__[name]
    except KeyError:
        raise CommandError(__salt__.missing_reason(name)) from None


def _installed(package):
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as version_of

    try:
        return version_of(package)
    except PackageNotFoundError:
        return None


def _os_release():
    import platform

    try:
        return platform.freedesktop_os_release()
    except OSError:
        return {}
