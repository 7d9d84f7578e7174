"""Git repositories: cloned, kept at a revision, configured.

https://github.com/example/site.git:
  git.latest:
    - target: /srv/site
    - branch: main
    - user: www-data
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

import attrs

from trisalt.errors import TrisaltError
from trisalt.state.result import Result, returned

_SHA = re.compile(r"[0-9a-f]{6,40}", re.IGNORECASE)
_COMMAND = re.compile(r"^Command ['\"].+['\"] failed: ")


def __virtual__() -> Any:
    if "git.version" in __salt__:
        return "git"
    return False, "git module could not be loaded"


def latest(
    name: str,
    target: str,
    rev: Any = "HEAD",
    branch: str | None = None,
    user: str | None = None,
    password: str | None = None,
    update_head: bool = True,
    force_checkout: bool = False,
    force_clone: bool = False,
    force_fetch: bool = False,
    force_reset: Any = False,
    submodules: bool = False,
    bare: bool = False,
    mirror: bool = False,
    remote: str = "origin",
    fetch_tags: bool = True,
    sync_tags: bool = True,
    depth: Any = None,
    identity: Any = None,
    https_user: str | None = None,
    https_pass: str | None = None,
    refspec_branch: str = "*",
    refspec_tag: str = "*",
    output_encoding: str | None = None,
    **kwargs: Any,
) -> Result:
    """
    A clone of the repository `name` is in `target`, at the newest commit of `rev` (a branch, a tag or a commit). It is
    forwarded, and only with `force_reset` reset where it has gone another way; `force_clone` clones over what is there,
    `force_checkout` discards changes that are not committed.
    """
    refusal = _refused(name, target, rev, remote, force_reset, mirror or bare)
    if refusal:
        return returned(name, False, refusal)
    rev, branch = str(rev), None if branch is None else str(branch)
    who = _Who(user=user, password=password, identity=identity, https_user=https_user, https_pass=https_pass)

    def clone(commit: str | None, what: str) -> Result:
        return _clone(
            name, target, commit, rev, what, branch, who, bare=bare, mirror=mirror, remote=remote, depth=depth,
            submodules=submodules, force=force_clone,
        )  # fmt: skip

    try:
        refs = __salt__["git.remote_refs"](name, **who.network())
    except TrisaltError as exc:
        return returned(name, False, f"Failed to check remote refs: {_said(exc)}")
    wanted, kind = _wanted(refs, rev)
    if wanted is None and not bare and not mirror:
        if not refs and rev == "HEAD":
            return clone(None, "")
        return returned(name, False, f"No revision matching '{rev}' exists in the remote repository")
    if depth is not None and kind == "sha":
        text = "When 'depth' is used, 'rev' must be set to the name of a branch or tag on the remote repository"
        return returned(name, False, text)
    if not _is_repository(target, bare or mirror):
        return clone(wanted, kind)
    update = _Update(
        name=name, target=target, rev=rev, branch=branch, wanted=wanted, kind=kind, who=who, remote=remote,
        bare=bare or mirror, update_head=update_head, force_checkout=force_checkout, force_fetch=force_fetch,
        force_reset=force_reset, submodules=submodules, fetch_tags=fetch_tags, depth=depth,
    )  # fmt: skip
    try:
        return update.go()
    except TrisaltError as exc:
        return returned(name, False, _said(exc), update.changes)


def cloned(
    name: str,
    target: str | None = None,
    branch: str | None = None,
    user: str | None = None,
    password: str | None = None,
    identity: Any = None,
    https_user: str | None = None,
    https_pass: str | None = None,
    output_encoding: str | None = None,
) -> Result:
    """
    A clone of the repository `name` is in `target`, on `branch` if one is given. One that is there is not updated.
    """
    if target is None:
        return returned(name, False, "'target' argument is required")
    if not isinstance(target, str) or not os.path.isabs(os.path.expanduser(target)):
        return returned(name, False, "'target' path must be absolute")
    if branch is not None and (not isinstance(branch, str) or branch.startswith("-")):
        return returned(name, False, "Invalid 'branch' argument")
    target = os.path.expanduser(target)
    who = _Who(user=user, password=password, identity=identity, https_user=https_user, https_pass=https_pass)
    on = f" with branch '{branch}'" if branch is not None else ""
    if not _is_repository(target, False):
        if __opts__["test"]:
            return returned(name, None, f"{name} would be cloned to {target}{on}", {"new": f"{name} => {target}"})
        try:
            opts = ["--branch", branch] if branch is not None else []
            __salt__["git.clone"](target, name, opts=opts, **who.network())
        except TrisaltError as exc:
            return returned(name, False, f"Clone failed: {_said(exc)}")
        return returned(name, True, f"{name} cloned to {target}{on}", {"new": f"{name} => {target}"})
    now = __salt__["git.current_branch"](target, **who.local())
    if branch is None or now == branch:
        where = "" if branch is None else f" and is checked out to branch '{branch}'"
        return returned(name, True, f"Repository already exists at {target}{where}")
    changes = {"branch": {"old": now, "new": branch}}
    if __opts__["test"]:
        return returned(name, None, f"Branch would be changed to '{branch}'", changes)
    try:
        __salt__["git.checkout"](target, rev=branch, **who.local())
    except TrisaltError as exc:
        return returned(name, False, f"Failed to change branch to '{branch}': {_said(exc)}")
    return returned(name, True, f"Branch changed to '{branch}'", changes)


# -- who, and what is wanted -----------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class _Who:
    user: str | None
    password: str | None
    identity: Any = None
    https_user: str | None = None
    https_pass: str | None = None

    def local(self) -> dict[str, Any]:
        return {"user": self.user, "password": self.password}

    def network(self) -> dict[str, Any]:
        web = {"https_user": self.https_user, "https_pass": self.https_pass} if self.https_user else {}
        return {**self.local(), "identity": self.identity, **web}

    def fetching(self) -> dict[str, Any]:
        return {**self.local(), "identity": self.identity}


def _refused(name: str, target: Any, rev: Any, remote: str, force_reset: Any, plain: bool) -> str:
    if not remote:
        return "'remote' argument is required"
    if not target:
        return "'target' argument is required"
    if not rev or str(rev).startswith("-"):
        return f"'{rev}' is not a valid value for the 'rev' argument"
    if force_reset not in (True, False, "remote-changes"):
        return "'force_reset' must be one of True, False, or 'remote-changes'"
    if not os.path.isabs(os.path.expanduser(str(target))):
        return f"target '{target}' is not an absolute path"
    if os.path.isfile(os.path.expanduser(str(target))):
        return f"Target '{target}' exists and is a regular file, cannot proceed"
    if plain and str(rev) != "HEAD":
        return "'rev' is not compatible with the 'mirror' and 'bare' arguments"
    return ""


def _wanted(refs: Mapping[str, str], rev: str) -> tuple[str | None, str]:
    """The commit of a revision as the other side has it, and what it is: a branch, a tag, or the commit itself."""
    if rev == "HEAD":
        return refs.get("HEAD"), "branch"
    if f"refs/heads/{rev}" in refs:
        return refs[f"refs/heads/{rev}"], "branch"
    for tag in (f"refs/tags/{rev}^{{}}", f"refs/tags/{rev}"):
        if tag in refs:
            return refs[tag], "tag"
    return (rev, "sha") if _SHA.fullmatch(rev) else (None, "")


def _said(error: Exception) -> str:
    return _COMMAND.sub("", str(error))


def _is_repository(target: str, bare: bool) -> bool:
    if bare and os.path.isfile(os.path.join(target, "HEAD")) and os.path.isdir(os.path.join(target, "objects")):
        return True
    return os.path.exists(os.path.join(target, ".git"))


# -- cloning ---------------------------------------------------------------------------------------------------------


def _clone(
    name: str, target: str, wanted: str | None, rev: str, kind: str, branch: str | None, who: _Who, *, bare: bool,
    mirror: bool, remote: str, depth: Any, submodules: bool, force: bool,
) -> Result:  # fmt: skip
    changes: dict[str, Any] = {}
    if os.path.isdir(target) and os.listdir(target):
        if not force:
            text = (
                f"Target '{target}' exists, is non-empty and is not a git repository. Set the 'force_clone' option to "
                "True to remove this directory's contents and proceed with cloning the remote repository"
            )
            return returned(name, False, text)
        text = (
            f"Target directory {target} exists. Since force_clone=True, the contents of {target} would be deleted, and "
            f"{name} would be cloned into this directory."
        )
        changes["forced clone"] = True
        if __opts__["test"]:
            return returned(name, None, text, changes | {"new": f"{name} => {target}"})
        for entry in os.listdir(target):
            __salt__["file.remove"](os.path.join(target, entry), force=True)
    changes["new"] = f"{name} => {target}"
    if __opts__["test"]:
        return returned(name, None, f"Repository {name} would be cloned to {target}", changes)
    opts = ["--mirror"] if mirror else ["--bare"] if bare else []
    opts += ["--origin", remote] if remote != "origin" and not bare else []
    if depth is not None:
        opts += ["--depth", str(depth), *(["--branch", rev] if rev != "HEAD" else [])]
    what = " as mirror" if mirror else " as bare repository" if bare else ""
    actions = [f"{name} cloned to {target}{what}"]
    try:
        __salt__["git.clone"](target, name, opts=opts, **who.network())
        if not (bare or mirror or wanted is None):
            actions += _check_out_new(target, rev, kind, branch, wanted, who, remote)
        if submodules:
            __salt__["git.submodule"](target, "update", opts=["--init", "--recursive"], **who.fetching())
    except TrisaltError as exc:
        return returned(name, False, f"Clone failed: {_said(exc)}")
    changes["revision"] = {"old": None, "new": _revision(target, who)}
    return returned(name, True, _sentences(actions), changes)


def _check_out_new(
    target: str, rev: str, kind: str, branch: str | None, wanted: str, who: _Who, remote: str
) -> list[str]:
    """Bring a new clone to its revision; what was done."""
    place = _place(rev, kind, wanted, remote)
    now = __salt__["git.current_branch"](target, **who.local())
    if branch is not None and branch != now:
        start = f"{remote}/{rev}" if kind == "branch" and rev != "HEAD" else wanted
        __salt__["git.checkout"](target, rev=start, opts=["-b", branch], **who.local())
        return [f"Branch '{branch}' checked out, with {place} as a starting point"]
    if _revision(target, who) == wanted:
        return []
    __salt__["git.reset"](target, opts=["--hard", wanted], **who.local())
    return [f"Repository was reset to {place}", *_track(target, rev, kind, who, remote)]


def _place(rev: str, kind: str, wanted: Any, remote: str) -> str:
    """Where a revision is, as it is told."""
    short = str(wanted)[:7]
    if rev == "HEAD":
        return f"remote HEAD ({short})"
    if kind == "branch":
        return f"{remote}/{rev} ({short})"
    return f"{rev} ({short})" if kind == "tag" else rev


def _track(target: str, rev: str, kind: str, who: _Who, remote: str) -> list[str]:
    """Have the branch here follow the one that it was set to, or none for a tag or a commit; what was done."""
    if rev == "HEAD":
        return []
    upstream = ""
    try:
        opts = ["--abbrev-ref"]
        upstream = __salt__["git.rev_parse"](target, "@{upstream}", opts=opts, ignore_retcode=True, **who.local())
    except TrisaltError:
        pass  # it follows nobody
    wanted = f"{remote}/{rev}" if kind == "branch" else ""
    if upstream == wanted:
        return []
    opts = ["--set-upstream-to", wanted] if wanted else ["--unset-upstream"]
    __salt__["git.branch"](target, opts=opts, **who.local())
    if not wanted:
        return ["Tracking branch was unset"]
    return [f"Tracking branch was {'updated' if upstream else 'set'} to {wanted}"]


def _sentences(actions: list[str]) -> str:
    return ". ".join(actions) + ("." if len(actions) > 1 else "")


def _has(target: str, rev: Any, who: _Who) -> bool:
    """Whether a commit is known here."""
    try:
        opts = ["--verify", "--quiet"]
        found = __salt__["git.rev_parse"](target, f"{rev}^{{commit}}", opts=opts, ignore_retcode=True, **who.local())
        return bool(found)
    except TrisaltError:
        return False


def _revision(target: str, who: _Who) -> str | None:
    try:
        return str(__salt__["git.revision"](target, ignore_retcode=True, **who.local()))
    except TrisaltError:
        return None


# -- updating --------------------------------------------------------------------------------------------------------


@attrs.define(kw_only=True)
class _Update:
    """A clone that is there, brought to a revision."""

    name: str
    target: str
    rev: str
    branch: str | None
    wanted: str | None
    kind: str
    who: _Who
    remote: str
    bare: bool
    update_head: bool
    force_checkout: bool
    force_fetch: bool
    force_reset: Any
    submodules: bool
    fetch_tags: bool
    depth: Any
    changes: dict[str, Any] = attrs.field(factory=dict)
    actions: list[str] = attrs.field(factory=list)

    def go(self) -> Result:
        """Fetch, check out, and forward or reset, as far as each is needed and allowed."""
        old, now = _revision(self.target, self.who), __salt__["git.current_branch"](self.target, **self.who.local())
        url = __salt__["git.remote_get"](self.target, remote=self.remote, redact_auth=False, **self.who.local())
        moved = (url or {}).get("fetch") != self.name
        if self.bare:
            return self._bare(moved)
        dirty = bool(__salt__["git.status"](self.target, **self.who.local()).keys() - {"untracked"})
        local = self.branch if self.branch is not None else now
        there = local == now
        head_is_right = old == self.wanted or (self.kind == "sha" and str(old).startswith(str(self.wanted)))
        if not moved and head_is_right and there:
            return self._as_it_is(dirty)
        if not self.update_head:
            text = (
                f"Repository {self.target} is already present and local HEAD ({str(old)[:7]}) does not match, but "
                "update_head=False. HEAD has not been updated locally."
            )
            return returned(self.name, True, text)
        forward = self._is_forward(str(old), there)
        if __opts__["test"]:
            return self._previewed(old, there, local, moved, dirty, forward)
        if moved:
            __salt__["git.remote_set"](self.target, self.name, remote=self.remote, **self.who.local())
            self.actions.append(f"Remote '{self.remote}' set to {self.name}")
        self._fetch()
        forward = self._is_forward(str(old), there)
        if not there:
            if dirty and not self.force_checkout:
                text = (
                    f"Local branch '{now}' has uncommitted changes. Set 'force_checkout' to True to discard them and "
                    "proceed."
                )
                return returned(self.name, False, text)
            self._check_out(local)
        new = _revision(self.target, self.who)
        if new != self.wanted and self.kind != "sha":
            if there and not forward and self.force_reset not in (True, "remote-changes"):
                return returned(self.name, False, self._not_forward(old, dirty), self.changes)
            if dirty and there and not self.force_reset:
                return returned(self.name, False, self._not_forward(old, dirty), self.changes)
            self._move(forward)
        if self.submodules:
            __salt__["git.submodule"](self.target, "update", opts=["--init", "--recursive"], **self.who.fetching())
        new = _revision(self.target, self.who)
        if new != old:
            self.changes["revision"] = {"old": old, "new": new}
        text = _sentences(self.actions) or f"Repository {self.target} is up-to-date"
        return returned(self.name, True, text, self.changes)

    def _as_it_is(self, dirty: bool) -> Result:
        text = f"Repository {self.target} is up-to-date"
        if not dirty:
            return returned(self.name, True, text)
        if self.force_reset is not True:
            hint = "Set 'force_reset' to True to purge uncommitted changes."
            return returned(self.name, True, f"{text}, but with uncommitted changes. {hint}")
        changes = {"forced update": True}
        if __opts__["test"]:
            hint = "Since 'force_reset' is set to True, these local changes would be reset."
            return returned(self.name, None, f"{text}, but with uncommitted changes. {hint}", changes)
        __salt__["git.reset"](self.target, opts=["--hard", "HEAD"], **self.who.local())
        return returned(self.name, True, f"{text}\n\nChanges made: Uncommitted changes were discarded", changes)

    def _is_forward(self, old: str, there: bool) -> bool | None:
        """Whether the new commit follows on the old one; None while that is not known here."""
        if not there:
            return True
        try:
            return bool(__salt__["git.merge_base"](
                self.target, refs=[old, self.wanted], is_ancestor=True, ignore_retcode=True, **self.who.local()
            ))  # fmt: skip
        except TrisaltError:
            return None

    def _fetch(self) -> None:
        refspecs = [f"refs/heads/*:refs/remotes/{self.remote}/*"]
        refspecs += ["refs/tags/*:refs/tags/*"] if self.fetch_tags else []
        opts = ["--depth", str(self.depth)] if self.depth is not None else []
        try:
            done = __salt__["git.fetch"](
                self.target, remote=self.remote, force=self.force_fetch, refspecs=refspecs, opts=opts,
                **self.who.fetching(),
            )  # fmt: skip
        except TrisaltError as exc:
            raise TrisaltError(
                "Fetch failed. Set 'force_fetch' to True to force the fetch if the failure was due to not being able "
                f"to fast-forward. Output of the fetch command follows:\n\n{_said(exc)}"
            ) from exc
        if done:
            self.actions.append(f"{self.name} was fetched, resulting in updated refs")

    def _check_out(self, local: str | None) -> None:
        known = __salt__["git.list_branches"](self.target, **self.who.local())
        rev, opts = self.rev, []
        if local is not None and local not in known:
            start = self.wanted if self.kind != "branch" else f"{self.remote}/{self.rev}"
            rev, opts = str(start), ["-b", local]
            self.actions.append(f"New branch '{local}' was checked out, with {start} as a starting point")
        else:
            rev = local or self.rev
            self.actions.append(f"'{rev}' was checked out")
        __salt__["git.checkout"](self.target, rev=rev, force=self.force_checkout, opts=opts, **self.who.local())

    def _move(self, forward: bool | None) -> None:
        to = _place(self.rev, self.kind, self.wanted, self.remote)
        if self.force_reset is True or (self.force_reset == "remote-changes" and not forward):
            __salt__["git.reset"](self.target, opts=["--hard", str(self.wanted)], **self.who.local())
            self.actions.append(f"Repository was hard-reset to {to}")
            self.changes["forced update"] = True
        elif self.kind == "branch":
            __salt__["git.merge"](self.target, rev=str(self.wanted), opts=["--ff-only"], **self.who.local())
            self.actions.append(f"Repository was fast-forwarded to {to}")
        else:
            __salt__["git.reset"](self.target, opts=["--hard", str(self.wanted)], **self.who.local())
            self.actions.append(f"Repository was reset to {self.rev} (fast-forward)")
        self.actions += _track(self.target, self.rev, self.kind, self.who, self.remote)

    def _not_forward(self, old: Any, dirty: bool) -> str:
        pre, post = str(old)[:7], str(self.wanted)[:7]
        why = "there are uncommitted changes" if dirty else "this is not a fast-forward merge"
        also, discard = (" (or 'remote-changes')", "") if not dirty else ("", " and discard these changes")
        return (
            f"Repository would be updated from {pre} to {post}, but {why}. Set 'force_reset' to True{also} to force "
            f"this update{discard}."
        )

    def _previewed(
        self, old: Any, there: bool, local: str | None, moved: bool, dirty: bool, forward: bool | None
    ) -> Result:
        changes: dict[str, Any] = {}
        if moved:
            self.actions.append(f"Remote '{self.remote}' would be changed to {self.name}")
        if forward is None or not _has(self.target, self.wanted, self.who):
            self.actions.append(f"Remote '{self.remote}' would be fetched")
        if old != self.wanted:
            changes["revision"] = {"old": old, "new": self.wanted}
        verb = "hard-reset" if self.force_reset else "fast-forwarded" if forward else "updated"
        if not there and local is not None:
            known = __salt__["git.list_branches"](self.target, **self.who.local())
            if local not in known:
                start = f"{self.remote}/{self.rev}" if self.kind == "branch" else str(self.wanted)
                self.actions.append(f"New branch '{local}' would be checked out, with {start} as a starting point")
            else:
                self.actions.append(f"Branch '{local}' would be checked out and {verb} to {str(self.wanted)[:7]}")
        elif old != self.wanted:
            self.actions.append(f"Repository would be {verb} from {str(old)[:7]} to {str(self.wanted)[:7]}")
        if self.force_reset and not forward:
            changes["forced update"] = True
        return returned(self.name, None, _sentences(self.actions), changes)

    def _bare(self, moved: bool) -> Result:
        if __opts__["test"]:
            refs = __salt__["git.remote_refs"](self.name, **self.who.network())
            if not moved and refs == __salt__["git.remote_refs"](self.target, **self.who.local()):
                return returned(self.name, True, f"Bare repository at {self.target} is up-to-date")
            return returned(self.name, None, f"Bare repository at {self.target} would be fetched")
        if moved:
            __salt__["git.remote_set"](self.target, self.name, remote=self.remote, **self.who.local())
        done = __salt__["git.fetch"](
            self.target, remote=self.remote, force=self.force_fetch,
            refspecs=["refs/heads/*:refs/heads/*", "refs/tags/*:refs/tags/*"], **self.who.fetching(),
        )  # fmt: skip
        if not done and not moved:
            return returned(self.name, True, f"Bare repository at {self.target} was fetched")
        text = f"Bare repository at {self.target} was fetched, resulting in updated refs"
        return returned(self.name, True, text, {"refs": done} if done else {})
