"""Engines that speak Docker's API, by the library docker: how one is reached, what it refuses, and pulls.

Used by the module `docker`, through `__utils__`. The options `docker.url`, `docker.version`, `docker.timeout` and
`docker.tls` say where it is; without `docker.url` the minion's environment does, as for Docker's own tools.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from trisalt.errors import CommandError

SECONDS = 60


def client(timeout: float | None = None) -> Any:
    """A client of the engine, kept for as long as the job takes."""
    option = __salt__["config.option"]
    seconds = timeout or option("docker.timeout") or SECONDS
    clients = __context__.setdefault("docker.clients", {})
    if seconds not in clients:
        clients[seconds] = refused(_connect, option("docker.url"), option("docker.tls"), seconds)
    return clients[seconds]


def _connect(url: str, tls: Any, seconds: float) -> Any:
    import docker

    kwargs: dict[str, Any] = {"timeout": seconds, "version": __salt__["config.option"]("docker.version") or "auto"}
    if not url:
        return docker.from_env(**kwargs).api
    if tls:
        kwargs["tls"] = docker.tls.TLSConfig(**tls) if isinstance(tls, dict) else True
    return docker.APIClient(base_url=url, **kwargs)


def ask(function: str, *args: Any, timeout: float | None = None, **kwargs: Any) -> Any:
    """What a function of the client answers. Raises CommandError with what the engine says."""
    return refused(getattr(client(timeout), function), *args, **kwargs)


def refused(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """What a function of the library answers, with its errors as CommandError, in the engine's words."""
    import docker
    import requests

    try:
        return function(*args, **kwargs)
    except docker.errors.APIError as exc:
        status = exc.response.status_code if exc.response is not None else None
        raise CommandError(f"Error {status}: {exc.explanation or exc}") from exc
    except (docker.errors.DockerException, requests.RequestException, OSError, TypeError, ValueError) as exc:
        raise CommandError(f"Docker: {exc}") from exc


def there(function: str, *args: Any) -> Any:
    """What the client answers; None where the engine knows of no such thing."""
    try:
        return ask(function, *args)
    except CommandError as exc:
        if exc.error.startswith("Error 404:"):
            return None
        raise


def stream(function: str, *args: Any, timeout: float | None = None, **kwargs: Any) -> list[dict[str, Any]]:
    """What the engine tells while it works. Raises CommandError with what went wrong, also half-way."""
    told = refused(lambda: list(getattr(client(timeout), function)(*args, **kwargs)))
    wrong = [each["error"] for each in told if isinstance(each, dict) and each.get("error")]
    if wrong:
        raise CommandError(str(wrong[-1]).strip())
    return [each for each in told if isinstance(each, dict)]
