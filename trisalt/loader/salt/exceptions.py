"""Salt's exceptions are ours under Salt's names, so that a plugin catches what another raises.

What we have no class for is a class of its own below the root; `message` and `strerror` hold the text.
"""

from trisalt.errors import (
    AuthError,
    CommandError,
    CommandNotFound,
    ConfigError,
    InvocationError,
    LoaderError,
    RenderError,
    RequestTimeout,
    TrisaltError,
)

SaltException = TrisaltError
CommandExecutionError = CommandError
SaltInvocationError = InvocationError
CommandNotFoundError = CommandNotFound
SaltConfigurationError = ConfigError
SaltReqTimeoutError = RequestTimeout
AuthenticationError = AuthorizationError = EauthAuthenticationError = TokenAuthenticationError = AuthError
LoaderError = LoaderError


class SaltRenderError(RenderError):
    """A template does not render; the text shows the line where it is known."""

    def __init__(self, message, line_num=None, buf="", marker="    <======================", trace=None):
        self.error = str(message)
        self.line_num, self.buffer, self.context = line_num, buf, ""
        text = self.error
        if trace:
            text += f"\n{trace}\n"
        if line_num and buf:
            self.context = f"---\n{_context(buf, line_num, marker)}\n---"
            text = f"{text}; line {line_num}\n\n{self.context}"
        super().__init__(text)


def _context(text, number, marker):
    """The lines around one line, which is marked."""
    lines = text.splitlines()
    lines[number - 1] = f"{lines[number - 1]}{marker}"
    first, last = max(number - 6, 0), number + 5
    return "\n".join([*(["[...]"] if first else []), *lines[first:last], *(["[...]"] if last < len(lines) else [])])


class SaltClientError(TrisaltError):
    """The master cannot be asked."""


class SaltClientTimeout(TrisaltError):
    """A job did not return in time."""

    def __init__(self, message, jid=None, *args, **kwargs):
        super().__init__(message, *args, **kwargs)
        self.jid = jid


class FileLockError(TrisaltError):
    """A lock cannot be had."""

    def __init__(self, message, time_start=None, *args, **kwargs):
        super().__init__(message, *args, **kwargs)
        self.time_start = time_start


class GitLockError(TrisaltError):
    """A repository is locked."""

    def __init__(self, errno, message, *args, **kwargs):
        super().__init__(message, *args, **kwargs)
        self.errno = errno


class InvalidKeyError(TrisaltError, ValueError):
    """A key that is none."""


class SaltSystemExit(SystemExit):
    """An end with a reason."""

    def __init__(self, code=0, msg=None):
        super().__init__(msg or code)


class SaltCloudException(TrisaltError):
    """Something of `salt-cloud`."""


class SaltCloudSystemExit(SaltCloudException):
    """`salt-cloud` ends."""

    def __init__(self, message, exit_code=1):
        super().__init__(message)
        self.exit_code = exit_code


class SaltDeserializationError(TrisaltError):
    """Data that cannot be read."""


class TimeoutError(TrisaltError):
    """Something took too long."""


class NotImplemented(TrisaltError):
    """Not there on this system."""


def _below(parent, *names):
    for name in names:
        globals()[name] = type(name, (parent,), {"__module__": __name__, "__doc__": f"Salt's {name}."})


_below(
    CommandError,
    "ArgumentValueError",
    "CheckError",
    "CodePageError",
    "InvalidConfigError",
    "InvalidEntityError",
    "VMwareSaltError",
)
_below(
    TrisaltError,
    "FileserverConfigError",
    "GitRemoteError",
    "MinionError",
    "MissingSmb",
    "NxosError",
    "PkgParseError",
    "PublishError",
    "SaltCacheError",
    "SaltDaemonNotRunning",
    "SaltMasterError",
    "SaltMasterUnresolvableError",
    "SaltNoMinionsFound",
    "SaltRunnerError",
    "SaltSyndicMasterError",
    "SaltValidationError",
    "SaltWheelError",
    "TemplateError",
    "TimedProcTimeoutError",
    "TokenExpiredError",
    "UnsupportedAlgorithm",
)
_below(globals()["NxosError"], "NxosCliError", "NxosClientError", "NxosRequestNotSupported")
_below(
    globals()["VMwareSaltError"],
    "VMwareApiError",
    "VMwareConnectionError",
    "VMwareNotFoundError",
    "VMwareObjectExistsError",
    "VMwareObjectNotFoundError",
    "VMwareObjectRetrievalError",
    "VMwarePowerOnError",
    "VMwareRuntimeError",
    "VMwareSystemError",
    "VMwareVmCreationError",
    "VMwareVmRegisterError",
)
_below(globals()["VMwareApiError"], "VMwareFileNotFoundError")
_below(globals()["VMwareObjectRetrievalError"], "VMwareMultipleObjectsError")
_below(RuntimeError, "LoggingRuntimeError")
_below(SystemExit, "MasterExit")
_below(
    SaltCloudException,
    "SaltCloudConfigError",
    "SaltCloudExecutionFailure",
    "SaltCloudExecutionTimeout",
    "SaltCloudNotFound",
    "SaltCloudPasswordError",
)


def get_error_message(error):
    """The text of an exception."""
    return error.args[0] if error.args else ""
