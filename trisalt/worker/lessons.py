"""What the zygote of a daemon imports once a function of a module has run, so that the jobs to come need not.

Until then an idle daemon stays small. The names are of modules, and of a function in one that is called then.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

# By the module of what ran: `state.apply` on a minion, `state.orchestrate` on a master.
LESSONS: Mapping[str, Sequence[str]] = {
    "state": (
        *("trisalt.state.session", "trisalt.fileserver.client", "trisalt.plugins.utils.statehelp"),
        *("trisalt.sls.jinja:rehearse", "trisalt.sls.dialect", "encodings.utf_8_sig"),
    )
}
