"""The repositories that pillar is taken out of (`ext_pillar: [git: …]`)."""

from trisalt.errors import CommandError
from trisalt.fileserver.gitpillar import GitPillars, configured_entries


def update(branch=None, repo=None):
    """
    Fetch them now: all, or those of a branch, or of a URL or name. True for one with something new, None for one
    without, False for one that could not be fetched.

    CLI Example:

    .. code-block:: bash

        salt-run git_pillar.update
        salt-run git_pillar.update branch=master
        salt-run git_pillar.update branch=master repo=https://example.org/pillar.git
    """
    entries = [
        entry
        for entry in configured_entries(__opts__)
        if branch in (None, entry.branch) and repo in (None, entry.remote.url, entry.remote.name)
    ]
    if not entries:
        raise CommandError("No git_pillar remote is configured" + (" that is so called" if branch or repo else ""))
    pillars = GitPillars.from_opts(__opts__, entries)
    came = {}
    found = {}
    for entry, (remote, mirror) in zip(pillars.entries, pillars.remotes, strict=True):
        if mirror not in came:
            updated = pillars.update(only=[remote])
            came[mirror] = False if updated.problems else updated.changed or None
        found[entry.shown] = came[mirror]
    return found
