"""Salt's exceptions are ours under Salt's names, so that a plugin catches what another raises."""

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
ArgumentValueError = InvocationError
SaltRenderError = RenderError
SaltConfigurationError = ConfigError
SaltReqTimeoutError = RequestTimeout
AuthenticationError = AuthorizationError = EauthAuthenticationError = AuthError
LoaderError = LoaderError


class MinionError(CommandError):
    """The minion cannot do what it was asked."""


class FileserverConfigError(ConfigError):
    """A file server is configured wrongly."""


class PkgParseError(CommandError):
    """What a package manager said cannot be read."""


class TimedProcTimeoutError(CommandError):
    """A command took longer than it was given."""


class SaltClientError(CommandError):
    """The master cannot be asked."""


class TimeoutError(CommandError):
    """Something took too long."""


class CheckError(CommandError):
    """A check of a file or a template failed."""


class NotImplemented(CommandError):
    """Not there on this system."""
