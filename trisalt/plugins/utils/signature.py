"""Detached signatures of files that are fetched: verified before anything is done with the file.

Used by `file`, for `signature` and `source_hash_sig`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trisalt.errors import CommandError
from trisalt.fileserver.client import FileClient

# How a signature is judged, as states and modules are told it.
_JUDGED = ("signed_by_any", "signed_by_all", "keyring", "gnupghome", "sig_backend")


def judged(kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """How a signature is judged, of what a state was given: what `verify` takes beside the file and its signature."""
    return {key: kwargs[key] for key in _JUDGED if kwargs.get(key) is not None}


def verify(
    path: str, signature: str, *, saltenv: str = "base", verify_ssl: bool = True, sig_backend: str = "gpg", **asked: Any
) -> None:
    """See that a file has a signature, by the module `sig_backend`; `asked` are that module's own options.

    Raises CommandError when it has not, when the signature is not there, and when nobody here can tell.
    """
    function = f"{sig_backend}.verify"
    if function not in __salt__:
        raise CommandError(f"The signature of {path} cannot be verified: {__salt__.missing_reason(function)}")
    place = FileClient(__opts__).cache_file(signature, saltenv, verify_ssl=verify_ssl)
    if not place:
        raise CommandError(f"Detached signature file {signature} not found")
    result = __salt__[function](filename=path, signature=place, **asked)
    if not result.get("res"):
        raise CommandError(f"The file's signature could not be verified: {result.get('message')}")
