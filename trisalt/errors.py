"""Every error trisalt raises on purpose, as one tree. `str()` of each is fit for an operator.

Raise near the cause; catch at a boundary: one request, one job, one service, one command.
"""

from __future__ import annotations


class _Text:
    """The text of an error under another name; an error that sets the name itself has its own."""

    def __get__(self, error: TrisaltError | None, _owner: type) -> str:
        return "" if error is None else str(error)


class TrisaltError(Exception):
    """The root of all errors that trisalt raises on purpose. Plugins know the text as `message` and `strerror` too."""

    message: object = _Text()
    strerror: object = _Text()


class ConfigError(TrisaltError):
    """The operator's configuration is wrong; the text names the file, the key and the value."""


class ProtocolError(TrisaltError):
    """A rule of the wire was broken."""


class LocalProtocolError(ProtocolError):
    """We broke the rules: a bug of ours."""


class RemoteProtocolError(ProtocolError):
    """The peer broke the rules.

    `refusal` is the value to pack and send back, in the words a stock peer knows.
    """

    def __init__(self, message: str, *, refusal: object = "bad load") -> None:
        super().__init__(message)
        self.refusal = refusal


class AuthError(TrisaltError):
    """Somebody is not who, or not allowed what, they say."""


class Rejected(AuthError):
    """The master has rejected our key."""


class Denied(AuthError):
    """The key differs from the one that is known for this id, or the caller may not do this."""


class Unauthenticated(AuthError):
    """Nobody vouches for whoever asks. The text tells no more."""

    def __init__(self, message: str = "Authentication error occurred.") -> None:
        super().__init__(message)


class Full(AuthError):
    """The master takes no more minions."""


class KeyChanged(AuthError):
    """The master answers with another key than the one that is pinned."""


class MasterNotFound(TrisaltError):
    """A master's name has no address, and no try is left."""


class RequestTimeout(TrisaltError):
    """No answer came in time."""


class WorkerDied(TrisaltError):
    """A worker process ended before it answered.

    `status` is the wait status as `os.waitstatus_to_exitcode` gives it: negative for a signal.
    """

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


class LoaderError(TrisaltError):
    """A plugin cannot be loaded, or is not there; the text is what a stock minion answers."""


class RenderError(TrisaltError):
    """An SLS file or a template does not render."""


class TargetError(TrisaltError):
    """A target cannot be read. Where that is known, the words say at which character, and `position` counts from 0 in
    `text`, the target as it was given."""

    def __init__(self, message: str = "", *, text: str = "", position: int | None = None) -> None:
        super().__init__(message)
        self.text = text
        self.position = position


class NotFound(TrisaltError):
    """There is nothing of that name, or nothing that whoever asks may see."""


class StoreError(TrisaltError):
    """The store cannot read or write."""


class CommandError(TrisaltError):
    """A plugin says no: shown without a traceback. `retcode` is the job's, or the command's.

    `info` is data about what went wrong (`{"errors": […], "changes": {…}}`); the text tells it in stock's layout.
    """

    def __init__(self, message: str = "", info: object = None, *, retcode: int = 1) -> None:
        text = str(message)
        if info:
            text += "" if not text or text[-1] in ".?!" else "."
            text = f"{text} Additional info follows:\n\n" + "\n".join(_nested(info))
        super().__init__(text.lstrip())
        self.error = str(message)
        self.info = info
        self.retcode = retcode


def _nested(info: object, indent: str = "") -> list[str]:
    """Lines as the nested outputter writes them; it lives among the plugins, and this is the ground floor."""
    if isinstance(info, dict):
        lines = [f"{indent}----------"] if indent or not info else []
        for key in sorted(info, key=str):
            lines += [f"{indent}{key}:", *_nested(info[key], indent + "    ")]
        return lines
    if isinstance(info, list | tuple | set):
        return [line for item in info for line in _item(item, indent)]
    return [f"{indent}{line}" for line in str(info).splitlines()]


def _item(item: object, indent: str) -> list[str]:
    if isinstance(item, dict | list | tuple | set):
        return [f"{indent}|_", *_nested(item, indent + "  ")]
    first, *rest = str(item).splitlines() or [""]
    return [f"{indent}- {first}", *(f"{indent}  {line}" for line in rest)]


class InvocationError(CommandError):
    """A plugin was called in a way it does not take."""


class CommandNotFound(CommandError):
    """A plugin needs a program that is not on this host."""
