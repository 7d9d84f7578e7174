"""SLS files as a file client has them: of each environment the names there are, and the files, through its cache.

The same questions as `roots` answers for folders of this machine. What the file server lists is asked once.
"""

from __future__ import annotations

from functools import cached_property
from typing import Protocol

from trisalt.errors import CommandError
from trisalt.sls.roots import CATCH_ALL, Files, confined


class Client(Protocol):
    """What is needed of a file client (`fileserver/client`)."""

    def cache_file(self, path: str, saltenv: str = "base") -> str: ...

    def list_states(self, saltenv: str = "base") -> list[str]: ...

    def envs(self) -> list[str]: ...


class ServedTree(Files):
    """The files of one environment."""

    def __init__(self, client: Client, saltenv: str) -> None:
        super().__init__()
        self._client = client
        self._saltenv = saltenv
        self._cached: dict[str, str | None] = {}

    def find(self, path: str) -> str | None:
        """The file in the cache, fetched when it has to be; None when there is none of that path."""
        if path not in self._cached:
            inside = confined(path)
            try:
                found = self._client.cache_file(f"salt://{inside}", self._saltenv) if inside else ""
            except CommandError:
                found = ""
            self._cached[path] = found or None
        return self._cached[path]

    @cached_property
    def names(self) -> list[str]:
        """The SLS names there are, sorted."""
        return self._client.list_states(self._saltenv)


class Served:
    """The environments that a file server has."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._trees: dict[str, ServedTree] = {}

    @cached_property
    def _environments(self) -> list[str]:
        return self._client.envs()

    def environments(self) -> list[str]:
        """`base` first, then the others as the file server tells them."""
        return ["base", *(env for env in self._environments if env != "base")]

    def has(self, env: str) -> bool:
        """Whether there is an environment of that name, or one that stands for any."""
        return env in self._environments or CATCH_ALL in self._environments

    def tree(self, env: str) -> ServedTree:
        """The files of an environment."""
        if env not in self._trees:
            self._trees[env] = ServedTree(self._client, env)
        return self._trees[env]
