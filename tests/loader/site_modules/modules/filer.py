"""
Style three: Salt's helpers, exceptions and decorators.
"""

import os

import salt.utils.args
import salt.utils.data
import salt.utils.decorators as decorators
import salt.utils.decorators.path
import salt.utils.dictupdate
import salt.utils.files
import salt.utils.hashutils
import salt.utils.json
import salt.utils.path
import salt.utils.platform
import salt.utils.stringutils
import salt.utils.versions
import salt.utils.yaml
from salt.exceptions import CommandExecutionError, SaltInvocationError
from salt.utils.decorators import depends, memoize


def __virtual__():
    return not salt.utils.platform.is_windows()


def round_trip(text):
    """
    A text through a file, YAML, JSON and bytes
    """
    path = salt.utils.files.mkstemp()
    try:
        with salt.utils.files.fopen(path, "w") as file:
            file.write(salt.utils.yaml.safe_dump({"text": text}, default_flow_style=False))
        with salt.utils.files.fopen(path) as file:
            data = salt.utils.yaml.safe_load(file)
        return [
            salt.utils.json.loads(salt.utils.json.dumps(data)),
            salt.utils.stringutils.to_unicode(salt.utils.stringutils.to_bytes(text)),
            salt.utils.hashutils.get_hash(path),
        ]
    finally:
        salt.utils.files.safe_rm(path)


def fail(kind, message="no"):
    """
    Each exception has its own text
    """
    if kind == "command":
        raise CommandExecutionError(message, info={"errors": ["E: x"], "changes": {}})
    if kind == "invocation":
        raise SaltInvocationError(message)
    if kind == "plain":
        raise ValueError(message)
    try:
        __salt__["cmd.run"]("true", cwd="/nonexistent")
    except CommandExecutionError as exc:
        return f"caught: {exc}"
    return "nothing"


def merge(one, other):
    """
    Two maps as one
    """
    return salt.utils.dictupdate.merge(one, other)


def strict(a, **kwargs):
    """
    Complains about keywords it does not know
    """
    kwargs = salt.utils.args.clean_kwargs(**kwargs)
    known = kwargs.pop("known", None)
    if kwargs:
        salt.utils.args.invalid_kwargs(kwargs)
    return [a, known]


@depends("os")
def there():
    """
    What it needs is there
    """
    return os.sep


@depends("no_such_name")
def gone():
    """
    What it needs is not
    """
    return "never"


def _instead():
    return "instead"


@depends("no_such_name", fallback_function=_instead)
def fallen():
    """
    There is something instead
    """
    return "never"


@memoize
def once(word):
    """
    Remembered
    """
    return [word]


@salt.utils.decorators.path.which("no-such-program")
def needs_program():
    """
    The program is not there
    """
    return "never"


@decorators.is_deprecated(globals(), "Potassium", with_successor="there")
def old():
    """
    It works still
    """
    return "old"


def _versions():
    return "older"


@decorators.with_deprecated(globals(), "Potassium")
def versions():
    """
    The new one
    """
    return salt.utils.versions.version_cmp("1.2", "1.10")


def where(program="sh"):
    """
    A program's path, and one of parts
    """
    return [salt.utils.path.which(program), salt.utils.path.join("/a", "/b", "c")]


def deep(path, data):
    """
    A value deep in data
    """
    return salt.utils.data.traverse_dict_and_list(data, path, default="none")
