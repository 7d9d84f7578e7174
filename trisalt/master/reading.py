"""Which runners and wheel functions only read: `commands` runs them in children that are used again.

Each is short or waits for others, keeps nothing in its process, and calls no plugin but those that stand here: neither
what is rendered nor what a site has put before ours runs beside them.
"""

from __future__ import annotations

# Runners that render what they show, and do nothing: each is given the process of the one before, if that left nothing.
RENDERING = frozenset({"runner.state.orchestrate_show_sls", "runner.state.orch_show_sls"})

READING = frozenset(
    {
        "runner.cache.fetch",
        "runner.cache.grains",
        "runner.cache.list",
        "runner.cache.mine",
        "runner.cache.pillar",
        "runner.cache.updated",
        "runner.config.get",
        "runner.config.items",
        "runner.doc.execution",
        "runner.jobs.active",
        "runner.jobs.exit_success",
        "runner.jobs.last_run",
        "runner.jobs.list_job",
        "runner.jobs.list_jobs",
        "runner.jobs.list_jobs_filter",
        "runner.jobs.lookup_jid",
        "runner.jobs.master",
        "runner.jobs.print_job",
        "runner.jobs.queued",
        "runner.manage.alived",
        "runner.manage.allowed",
        "runner.manage.joined",
        "runner.manage.list_not_state",
        "runner.manage.list_state",
        "runner.manage.not_alived",
        "runner.manage.not_allowed",
        "runner.manage.not_joined",
        "runner.manage.not_present",
        "runner.manage.not_reaped",
        "runner.manage.present",
        "runner.manage.reaped",
        "runner.manage.status",
        "runner.manage.up",
        "runner.manage.versions",
        "runner.match.compound_matches",
        "runner.mine.get",
        "runner.pillar.show_pillar_cache",
        "runner.presence.list",
        "wheel.config.values",
        "wheel.key.finger",
        "wheel.key.finger_master",
        "wheel.key.glob_match",
        "wheel.key.key_str",
        "wheel.key.list",
        "wheel.key.list_all",
        "wheel.key.master_key_str",
        "wheel.key.name_match",
        "wheel.key.print",
        "wheel.minions.connected",
    }
)
