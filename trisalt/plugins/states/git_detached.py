"""Git repositories that are at a commit, and on no branch. Loaded as `git`.

https://github.com/example/site.git:
  git.detached:
    - rev: v1.2
    - target: /srv/site
"""

from __future__ import annotations

import os
import re
from typing import Any

from trisalt.errors import TrisaltError
from trisalt.plugins.utils.gits import redacted, with_credentials
from trisalt.state.result import Result, returned

_COMMAND = re.compile(r"^Command ['\"].+['\"] failed: ")
_THERE = "Already checked out at correct revision"


def __virtual__() -> Any:
    if "git.version" in __salt__:
        return "git"
    return False, "git module could not be loaded"


def detached(
    name: str,
    rev: Any,
    target: str,
    remote: str = "origin",
    user: str | None = None,
    password: str | None = None,
    force_clone: bool = False,
    force_checkout: bool = False,
    fetch_remote: bool = True,
    hard_reset: bool = False,
    submodules: bool = False,
    identity: Any = None,
    https_user: str | None = None,
    https_pass: str | None = None,
    output_encoding: str | None = None,
    **kwargs: Any,
) -> Result:
    """
    A clone of the repository `name` is in `target`, and at the commit that `rev` names (a branch, a tag or a commit),
    on no branch. `force_clone` clones over what is there, `force_checkout` discards changes that are not committed,
    as does `hard_reset` in any case. Without `fetch_remote` only what is known here is looked at.
    """
    rev = str(rev if rev is not None else "")
    refusal = _refused(rev, target, remote)
    if refusal:
        return returned(name, False, refusal)
    local = {"user": user, "password": password}
    try:
        url, shown = with_credentials(name, https_user, https_pass), redacted(name)
    except TrisaltError as exc:
        return returned(name, False, str(exc))
    web = {"https_user": https_user, "https_pass": https_pass} if https_user else {}
    network = {**local, "identity": identity, **web}
    actions: list[str] = []
    changes: dict[str, Any] = {}
    before = None
    try:
        if os.path.exists(os.path.join(target, ".git")):
            before = _commit(target, "HEAD", local)
            known = __salt__["git.remotes"](target, redact_auth=False, **local).get(remote, {}).get("fetch")
            if __opts__["test"]:
                return _foreseen(name, target, rev, remote, known == url, before, fetch_remote, local, network)
            if known != url and fetch_remote:
                __salt__["git.remote_set"](target, url=name, remote=remote, **local, **web)
                known = redacted(known) if known else None
                actions.append(f"Remote {remote} updated from '{known}' to '{shown}'")
                changes["remote"] = {"old": known, "new": shown}
            if fetch_remote and not _is_commit(rev, before):
                refs = [f"+refs/heads/*:refs/remotes/{remote}/*", "+refs/tags/*:refs/tags/*"]
                done = __salt__["git.fetch"](
                    target, remote=remote, force=True, refspecs=refs, identity=identity, **local
                )
                actions += [f"Remote {remote} was fetched, resulting in updated refs"] if done else []
        else:
            full = os.path.isdir(target) and bool(os.listdir(target))
            if full and not force_clone:
                text = (
                    f"Target '{target}' exists, is non-empty and is not a git repository. Set the 'force_clone' option "
                    "to True to remove this directory's contents and proceed with cloning the remote repository"
                )
                return returned(name, False, text)
            if __opts__["test"]:
                text = f"Repository {shown} would be cloned to {target}"
                if full:
                    text = (
                        f"Target directory {target} exists. Since force_clone=True, the contents of {target} would be "
                        f"deleted, and {shown} would be cloned into this directory."
                    )
                return returned(name, None, text)
            for entry in os.listdir(target) if full else ():
                __salt__["file.remove"](os.path.join(target, entry))
            changes |= {"forced clone": True} if full else {}
            __salt__["git.clone"](target, name, opts=["--no-checkout", "--origin", remote], **network)
            actions.append(f"{shown} cloned to {target}")
        wanted = _resolved(target, rev, remote, local)
        if wanted is None:
            return returned(name, False, f"Revision '{rev}' does not exist", changes)
        if hard_reset and before is not None:
            __salt__["git.reset"](target, opts=["--hard", "HEAD"], **local)
            actions.append("Repository was reset to HEAD before checking out revision")
        if wanted == before:
            actions.append(_THERE)
        else:
            __salt__["git.checkout"](target, rev=wanted, force=force_checkout, **local)
            actions.append(f"Commit ID {wanted} was checked out at {target}")
            changes["HEAD"] = {"old": before, "new": wanted}
        if submodules:
            __salt__["git.submodule"](target, "update", opts=["--init", "--recursive"], identity=identity, **local)
    except TrisaltError as exc:
        said = f"\n\nChanges already made: {'. '.join(actions)}" if actions else ""
        return returned(name, False, _COMMAND.sub("", str(exc)) + said, changes)
    return returned(name, True, ". ".join(actions) + ("." if len(actions) > 1 else ""), changes)


# -- inside ------------------------------------------------------------------------------------------------------------


def _refused(rev: str, target: Any, remote: str) -> str:
    """Why this cannot be asked for; empty when it can."""
    if not rev or rev.startswith("-"):
        return f"'{rev}' is not a valid value for the 'rev' argument"
    if not target or not isinstance(target, str):
        return f"'{target}' is not a valid value for the 'target' argument"
    if not remote or str(remote).startswith("-"):
        return f"'{remote}' is not a valid value for the 'remote' argument"
    if not os.path.isabs(target):
        return f"Target '{target}' is not an absolute path"
    if os.path.isfile(target):
        return f"Target '{target}' exists and is a regular file, cannot proceed"
    return ""


def _foreseen(
    name: str, target: str, rev: str, remote: str, is_known: bool, before: str | None, fetch: bool,
    local: dict[str, Any], network: dict[str, Any],
) -> Result:  # fmt: skip
    """What a preview says of a repository that is there: nothing of it is changed, its remote is asked."""
    if fetch and not is_known:
        return returned(name, None, f"Remote {remote} would be set to {redacted(name)}")
    if _is_commit(rev, before):
        return returned(name, True, _THERE)
    if not fetch:
        wanted = _resolved(target, rev, remote, local)
        if wanted is None:
            return returned(name, False, f"Revision '{rev}' does not exist")
        if wanted == before:
            return returned(name, True, _THERE)
        return returned(name, None, f"Commit ID {wanted} would be checked out at {target}")
    refs = __salt__["git.remote_refs"](name, **network)
    places = (f"refs/heads/{rev}", f"refs/tags/{rev}^{{}}", f"refs/tags/{rev}", rev)
    if before is not None and next((refs[place] for place in places if place in refs), None) == before:
        return returned(name, True, _THERE)
    return returned(name, None, f"Repository remote {remote} would be fetched")


def _is_commit(rev: str, commit: str | None) -> bool:
    return commit is not None and len(rev) == 40 and rev.lower() == commit


def _resolved(target: str, rev: str, remote: str, local: dict[str, Any]) -> str | None:
    """The commit that a branch of the remote, a tag, or a commit's own name means."""
    names = (f"refs/remotes/{remote}/{rev}", f"refs/tags/{rev}", rev)
    return next((found for name in names if (found := _commit(target, name, local))), None)


def _commit(target: str, name: str, local: dict[str, Any]) -> str | None:
    try:
        opts = ["--verify", "--quiet"]
        return __salt__["git.rev_parse"](target, f"{name}^{{commit}}", opts=opts, ignore_retcode=True, **local) or None
    except TrisaltError:
        return None
