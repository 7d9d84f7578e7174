"""The sentences an operator reads for the events of the house: stock Salt's, in the walkthrough's wording.

One row per event. `log.py` writes them; JSON lines carry the event's name instead. An event without a row, or one that
lacks a fact its sentence names, prints as its name and its facts.
Source: stock Salt 3008.3, and what operators of older ones know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Facts = Mapping[str, Any]
# A sentence with the facts' names in braces; a function of the facts; or several lines, each with a level of its own.
Sentence = str | Callable[[Facts], str]
Row = Sentence | tuple[tuple[str, Sentence], ...]


def _received(facts: Facts) -> str:
    return f"{'AES' if facts['enc'] == 'aes' else 'Clear'} payload received with command {facts['cmd']}"


def _ran(facts: Facts) -> str:
    late = facts.get("late_s")
    missed = f" (runtime missed by {late:g} seconds)" if late else ""
    return f"Running scheduled job: {facts['name']}{missed}"


def _denied(facts: Facts) -> str:
    which = "public key in pending" if facts.get("state") == "pending" else "public keys"
    return (
        f"Authentication attempt from {facts['id']} failed, the {which} did not match. "
        "This may be an attempt to compromise the Salt cluster."
    )


def _autorejected(facts: Facts) -> str:
    which = "Pending" if facts.get("state") == "minions_pre" else "New"
    return f"{which} public key for {facts['id']} rejected via autoreject_file"


def _not_published(facts: Facts) -> str:
    if "fun" not in facts:
        return f'Authentication failure of type "{facts["type"]}" occurred.'
    return (
        f"{facts['user']} does not have permissions to run {facts['fun']}. "
        f"Please contact your local administrator if you believe this is in error.{_why(facts)}"
    )


def _not_in(facts: Facts) -> str:
    kind = "eauth" if facts["eauth"] else "token"
    return f'Authentication failure of type "{kind}" occurred for user {facts["user"] or "UNKNOWN"}.{_why(facts)}'


def _not_run(facts: Facts) -> str:
    return f'Authentication failure of type "{facts["type"]}" occurred for user {facts["user"]}.{_why(facts)}'


def _why(facts: Facts) -> str:
    return f" ({facts['reason']})" if facts.get("reason") else ""


def _reloaded(facts: Facts) -> str:
    taken, waiting = (", ".join(facts[name]) for name in ("taken", "at_restart"))
    later = f"; at the next start: {waiting}" if waiting else ""
    return f"The configuration has been read again; of effect: {taken or 'nothing new'}{later}"


def _signalled(who: str) -> Callable[[Facts], str]:
    def text(facts: Facts) -> str:
        return "Exiting on Ctrl-c" if facts["signal"] == "SIGINT" else f"{who} received a {facts['signal']}. Exiting."

    return text


def _timed_out(facts: Facts) -> str:
    whom = " ".join(str(facts[name]) for name in ("cmd", "master") if facts.get(name))
    return f"Request timed out while waiting for a response. reconnecting.{f' ({whom})' if whom else ''}"


def _not_run_through(facts: Facts) -> str:
    return f"{facts['fun']} ({facts['jid']}) failed{_colon(facts)}"


def _event_refused(facts: Facts) -> str:
    which = f" {facts['tag']}" if facts.get("tag") else ""
    whose = f" of minion {facts['id']}" if facts.get("id") else ""
    return f"An event{which}{whose} is refused: {facts['reason']}"


def _events_lost(facts: Facts) -> str:
    which = f"{facts['count']} events" if "count" in facts else f"Events beyond {facts['held']} that wait"
    return f"{which} could not be written to the store, and are lost: {facts['reason']}"


def _logged_in(facts: Facts) -> str:
    whence = f" from {facts['peer']}" if facts.get("peer") else ""
    return f"User {facts['user']} ({facts['eauth']}) has logged in{whence}"


def _pillar_unrendered(facts: Facts) -> str:
    return f"Rendering SLS '{facts['sls']}' failed, render error: {facts['reason']}{_place(facts)}, for {facts['id']}"


def _pillar_wrong(facts: Facts) -> str:
    return f"Pillar render error: {facts['reason']}{_place(facts)}, for {facts['id']}"


def _place(facts: Facts) -> str:
    line = f", line {facts['line']}" if facts.get("line") else ""
    return f" ({facts['path']}{line})" if facts.get("path") else ""


def _request_failed(facts: Facts) -> str:
    whose = facts.get("id") or facts.get("peer") or f"{facts.get('count', 'some')} minions"
    return f"A request {facts.get('cmd', '')} of {whose} failed by a fault of the daemon".replace("  ", " ")


def _return_refused(facts: Facts) -> str:
    return f"A return of {facts['id']} is refused: {facts.get('reason') or 'it is malformed'}"


# Why a run of the schedule is left out, by the words that are kept of it.
_SKIPPED = {
    "after_not_passed": "its time (after) has not come",
    "until_passed": "its time (until) is over",
    "not_in_range": "it is outside its range",
    "in_skip_range": "it is within a range to skip (skip_during_range)",
    "skip_explicit": "it was asked to be skipped",
    "disabled": "it is disabled",
}


def _run_failed(facts: Facts) -> str:
    return f"Scheduled job {facts['name']} ({facts['fun']}) failed with retcode {facts['retcode']}{_colon(facts)}"


def _run_skipped(facts: Facts) -> str:
    return f"Scheduled job {facts['name']} is not run: {_SKIPPED.get(facts['reason'], facts['reason'])}"


def _worker_died(facts: Facts) -> str:
    return f"The process of job {facts['jid']} ({facts['fun']}) {_ended(facts['status'])}"


def _zygote_died(facts: Facts) -> str:
    return f"The process that workers are made of {_ended(facts['status'])}, and is replaced"


def _ended(status: int | None) -> str:
    return f"was ended by signal {-status}" if status is not None and status < 0 else f"died with status {status}"


def _not_stored(facts: Facts) -> str:
    match facts:
        case {"path": path}:
            what = f"The store {path} cannot be written, and nothing is acknowledged until it can be"
        case {"jid": jid}:
            what = f"What became of {jid} could not be kept"
        case _:
            what = f"What is kept of minion {facts['id']} could not be removed"
    return f"{what}: {facts['reason']}"


def _colon(facts: Facts) -> str:
    return f": {facts['reason']}" if facts.get("reason") else ""


STOCK_LINES: dict[str, Row] = {
    "acl.row_grants_nothing": "A permission grants nothing: {row}",
    "acl.target_unreadable": "The target {tgt} of a permission cannot be read, and names no minion: {reason}",
    "aes_key.drop_file_refused": "The file {path} asks for a new shared AES key, and is not heeded: its mode, owner or "
    "content is not what salt-key leaves",
    "aes_key.not_dropped": "The shared AES key in {path} could not be removed: {reason}",
    "aes_key.not_kept": "The shared AES key is not kept in {path}, and minions sign in again after a restart: {reason}",
    "aes_key.not_taken_up": "The shared AES key in {path} is of no use, and all minions sign in again: {reason}",
    "aes_key.ping": "Pinging all connected minions due to key rotation",
    "aes_key.ping_failed": "The minions could not be pinged after the key rotation: {reason}",
    "aes_key.rotated": "Rotating AES key",
    "aes_key.too_old": "The shared AES key in {path} was not in use for {idle_s} seconds: there is a new one, "
    "and all minions sign in again",
    "api.given_up": "salt-api ended with status {status} and is not started again: its own lines say why",
    "api.not_started": "salt-api cannot be started: {reason}",
    "api.started": "Starting salt-api (process {pid})",
    "approval.decided": "What {user} asked for ({id}) is {state} by {by}",
    "approval.denied": "{user} may not ask for approval of {fun}: {reason}",
    "audit.not_told": "The master is not told of what the audit has: {reason}",
    "audit.not_written": "The audit could not be written to {path}: {reason}",
    "auth.accepted": "Authentication accepted from {id}",
    "auth.autorejected": _autorejected,
    "auth.autosigned": "The key of {id} is accepted by the rules of autosign",
    "auth.denied": _denied,
    "auth.failed": "Signing in with master {master} failed: {reason}",
    "auth.full": "Too many minions connected (max_minions={max_minions}). Rejecting connection from id {id}",
    "auth.invalid_id": "Authentication request from invalid id {id}",
    "auth.key_new": "New public key for {id} placed in pending",
    "auth.key_unusable": "The accepted key of {id} cannot be used",
    "auth.not_kept": "The key of {id} could not be written: {reason}",
    "auth.pending": "Authentication failed from host {id}, the key is in pending and needs to be accepted "
    "with salt-key -a {id}",
    "auth.rejected": "Public key rejected for {id}. Key is present in rejection key dir.",
    "auth.request": "Authentication request from {id}",
    "auth.rules_ignored": "The rules in {path} are not heeded: others than its owner may write there (mode {mode})",
    "batch.ended": "Batch {jid} ended: {completed} returned, {failed} failed",
    "batch.failed": "Batch {jid} ends by a fault of the master, and is taken up again at its next start",
    "batch.failhard": "Batch run stopped due to failhard",
    "batch.halted": "Batch {jid} ended before its time ({reason}): {completed} returned, {failed} failed",
    "batch.not_taken_over": "Batch {jid} could not be taken over, and goes on no more: {reason}",
    "batch.put_off": "A batch waits until it can go on: {reason}",
    "batch.resumed": "Batch {jid} of {fun} goes on where it was",
    "batch.started": "User {user} began a batch of {fun} with jid {jid}",
    "batch.unreadable": "What is kept of batch {jid} cannot be read: {reason}",
    "beacon.wrong": "Beacon {name} does not look: {reason}",
    "beacons.failed": "Beacons {names} have not looked: {reason}",
    "beacons.hung": "Beacons {names} took more than {seconds} seconds: they are ended, and begin anew",
    "beacons.not_a_mapping": "Beacons must be of type dict, not {type}: there are none",
    "beacons.refused": "The beacons are not changed ({op} of {name}): {reason}",
    "clock.not_followed": "The clock was set, and the times that are kept could not follow it yet: {reason}",
    "clock.set": "The clock of this host was set by {by_s} seconds",
    "command.denied": _not_run,
    "command.died": "The process that ran {fun} died, jid {jid}: {error}",
    "command.failed": _not_run_through,
    "command.interrupted": "User {user} had {fun} run as the master ended: it was interrupted, jid {jid}",
    "command.not_ended": "What ran as the master ended could not be told, and will be at its next start: {reason}",
    "command.not_noted": "It could not be noted that {jid} runs, or has ended: {reason}",
    "command.started": "User {user} runs {fun} as {jid}",
    "compliance.asked": "{minions} minions are asked what a highstate would change, with jid {jid}",
    "compliance.not_asked": "The minions could not be asked what a highstate would change: {reason}",
    "compliance.not_kept": "When compliance was asked for could not be written: {reason}",
    "compliance.not_recalled": "When compliance was last asked for cannot be read: {reason}",
    "config.keys_not_handed_out": "The keys of stock's commands could not be written: {reason}",
    "config.not_reloaded": "The configuration is not read again, and holds as it was: {reason}",
    "config.not_understood": "The option {option} is not understood, and its default is used: {reason}",
    "config.reloaded": _reloaded,
    "config.warning": "{text}",
    "daemon.crashed": "The daemon ends by a fault of its own: {reason}",
    "daemon.dumped": "Tasks and stacks are written to {path}",
    "daemon.failed": "The daemon cannot go on: {reason}",
    "daemon.not_dumped": "Tasks and stacks could not be written: {reason}",
    "daemon.not_started": "{reason}",
    "door.crowded": "The account with uid {uid} has too many commands at work: another one is refused",
    "door.failed": "A command of the account with uid {uid} failed by a fault of the master",
    "door.refused": "User {user} is refused at the local door",
    "event.failed": "The event {tag} of a local program failed by a fault of the daemon",
    "event.not_sent": "The event {tag} did not reach the master: {reason}",
    "event.refused": _event_refused,
    "event.tag_reserved": "Minion {id} may not fire {tag}: the tag is the master's",
    "event.unpackable": "The event {tag} cannot be sent as it is: {reason}",
    "event_reader.dropped": "A reader of the event socket takes nothing, and is let go: {waiting} bytes wait for it",
    "event_return.failed": "Could not store {events} events with the returner {returner}, and will try again: {reason}",
    "event_return.lagged": "The returner of events {returner} did not get {missed} events: they are no longer kept",
    "event_return.not_noted": "How far the returner of events {returner} has come could not be noted: {reason}",
    "event_return.refused": "The returner {returner} refuses an event {tag}, which it will not get: {reason}",
    "event_socket.refused": "A program at the event socket is let go, for it does not speak as it should: {reason}",
    "events.held": "Events cannot be written, and wait in memory until they can: {reason}",
    "events.lost": _events_lost,
    "events.shed": "{missed} events did not go to the master {master}: it took them too slowly",
    "factor.enrolled": "User {user} ({eauth}) logs in with a second factor from now on",
    "factor.file_unread": "The second factors in {path} cannot be read: {reason}",
    "factor.removed": "User {user} ({eauth}) logs in without a second factor from now on",
    "file.push_refused": "A file that minion {id} pushes is refused: its path leads elsewhere",
    "file.push_too_large": "A file that minion {id} pushes is larger than file_recv_max_size",
    "fileserver.no_such_backend": "There is no file server backend '{backend}' here: it is left out",
    "gitfs.forgotten": "{mirrors} mirrors of gitfs remotes that are no longer configured are removed",
    "gitfs.not_fetched": "Exception caught while fetching gitfs remote '{remote}': {reason}",
    "gitfs.options_unheeded": "Options of gitfs remote '{remote}' are not yet of effect: {options}",
    "gitfs.updated": "gitfs remote '{remote}' has new commits",
    "grains.failed": "Grains could not be gathered: {reason}",
    "housekeeping.put_off": "Old jobs are not forgotten for now: {reason}",
    "job.adopted": "Job {jid} of {fun} runs on since before the restart, with PID {pid}",
    "job.duplicate_return": "Duplicate return from minion {id} for jid {jid} with a *differing* payload; "
    "the first one is kept",
    "job.exception": "The minion function caused an exception: {fun}, jid {jid}",
    "job.failed_states_not_told": "Job {jid} failed more states on {id} than the {told} that were told as events",
    "job.find_job_not_published": "The minions could not be asked for job {jid}: {reason}",
    "job.invalid_arguments": "{reason}",
    "job.lost": "Job {jid} of {fun} is over without a return of its own. {reason}",
    "job.malformed": "A publication is not taken, for it is malformed (jid {jid}, function {fun})",
    "job.not_watched": "Nobody looks whether job {jid} ends: {reason}",
    "job.returns_not_read": "What job {jid} has returned cannot be read: {reason}",
    "job.settling_not_recorded": "The end of job {jid} could not be written, and will be later: {reason}",
    "job.too_old": "The job {jid} ({fun}) is not run: it is too old, and may be a recording",
    "job_cache.not_removed": "The old job in {path} could not be removed: {reason}",
    "job_cache.not_written": "The job {jid} could not be written for stock's commands: {reason}",
    "job_mirror.failed": "Returner {returner} did not take job {jid} ({function}): {reason}",
    "job_mirror.lagged": "{missed} events of jobs went before they could be given to the external job cache",
    "job_mirror.put_off": "Returner {returner} did not take job {jid} ({function}), again in {wait_s} s: {reason}",
    "job.not_cached": "Job {jid} could not be kept in the cache of jobs: {reason}",
    "job.not_taken": "Job {jid} ({fun}) is not taken, for a note of it could not be kept: {reason}",
    "job.published": "User {user} Published command {fun} with jid {jid}",
    "job.queued": "Maximum number of processes reached while executing jid {jid}, queuing... "
    "(Running: {running}, Max: {max})",
    "job.received": "User {user} Executing command {fun} with jid {jid}",
    "job.resumed": "Job {jid} of {fun} had not begun before the restart: it begins now",
    "job.return_failed": "The minion failed to return the job information for job {jid}. This is often due to the "
    "master being shut down or overloaded.",
    "jobs.expired": "Old jobs are forgotten ({rows} rows)",
    "key.revoke_refused": "{id} may not revoke its key: allow_minion_key_revoke is off",
    "key.revoked": "{id} has revoked its key, which is deleted",
    "key.unreadable": "The key of {id} cannot be read: {reason}",
    "local.exhausted": "The local door takes no more commands for now: {reason}",
    "local.failed": "A command (process {pid} of uid {uid}) failed by a fault of the daemon",
    "local.full": "Too many clients at the local door ({clients}): the process {pid} of uid {uid} is refused",
    "local.refused": "A command (process {pid} of uid {uid}) is refused, for it does not speak as it should: {reason}",
    "log.file_refused": "The log file cannot be written: {reason}",
    "loop.late": "Everything here waited for up to {late_s} seconds: this host has too little CPU for what it runs",
    "master.ready": "The Salt Master is ready to receive requests!",
    "master_tops.failed": "The tops of {id} lack what {name} gives: {reason}",
    "metrics.bound": "Metrics are served at {address}:{port}",
    "metrics.failed": "The metrics could not be gathered",
    "metrics.open": "Anybody who reaches {address}:{port} can read the metrics",
    "mine.expression_refused": "An option of the mine has no regular expression, and lets nobody in: {expression}",
    "mine.not_sent": "What the mine functions gave did not reach the master {master}: {reason}",
    "mine.too_large": "What {id} puts into the mine is more than {most} bytes with what is there, and is not kept",
    "mine.target_refused": "A target of the mine cannot be read, and names no minion: {reason}",
    "minion.error": "Minion {id} says: {message}",
    "minion.forgotten": "The {bank} of {id} are forgotten: it has no key any more",
    "minion.present": "Minion {id} is here, at {address}",
    "minion.absent": "Minion {id} is away: {why}",
    "job.returned": "Got return from {id} for job {jid}",
    "job.returning": "Returning information for job: {jid}",
    "job.started": "Starting a new job with PID {pid}",
    "log.insecure": "Insecure logging configuration detected! Sensitive data may be logged.",
    "login.accepted": _logged_in,
    "login.failed": "A login failed by a fault of the master",
    "login.refused": _not_in,
    "master.keys_generated": "Generating key-pair for {path}",
    "master.rlimit_nofile": "Current values for max open files soft/hard setting: {soft}/{hard}",
    "master.rlimit_nofile.capped": "The value for the 'max_open_files' setting, {wanted}, is higher than the highest "
    "value the user running salt is allowed to set ({hard}). Defaulting to {hard}.",
    "master.rlimit_nofile.raised": "New values for max open files soft/hard values: {soft}/{hard}",
    "master.rlimit_nofile.raising": "Raising max open files value to {wanted}",
    "master.root_key.prepared": "Preparing the root key for local communication",
    "master.setup": "Setting up the Salt Master",
    "master.signal": _signalled("Master"),
    "master.stopped": "The Salt Master is shut down",
    "master.user": "salt-master is starting as user '{user}'",
    "minion.bus_bound": "Starting {socket} socket on ipc://{path}",
    "minion.id_given": "Evaluated minion ID from module: {fun} {id}",
    "minion.keys_generated": "Generating keys: {pki_dir}",
    "minion.ready": "Minion is ready to receive requests!",
    "minion.rejected": "The Salt Minion is there for {wait_s} seconds more, so as not to be started again at once",
    "minion.setup": 'Setting up the Salt Minion "{id}"',
    "minion.signal": _signalled("Minion"),
    "minion.stopped": "Shutting down the Salt Minion",
    "minion.user": "Minion is starting as user '{user}'",
    "peer.failed": "What minion {id} asks of others ({cmd}) failed by a fault of the master",
    "peer.not_its_job": "Minion {id} asks for the returns of job {jid}, which is not its own: it gets none",
    "peer.refused": "Minion {id} may not have others run {fun}: {reason}",
    "pillar.ext_pillar_missing": "There is no ext_pillar '{name}' here, and the pillar of {id} lacks it",
    "pillar.error": _pillar_wrong,
    "pillar.failed": "The pillar of {id} could not be made: {reason}",
    "pillar.has_errors": "The pillar has errors ({count}), which pillar.items shows under _errors",
    "pillar.not_answered": "The pillar of {id} could not be sent: {reason}",
    "pillar.not_decrypted": "The pillar of {id} has a value that could not be decrypted: {reason}",
    "pillar.not_kept": "The pillar of {id} could not be kept: {reason}",
    "pillar.render_failed": _pillar_unrendered,
    "pillar.sls_missing": "The pillar of {id} has no SLS '{sls}' in environment '{saltenv}'",
    "pillar.target_refused": "The target {tgt} of the pillar's top file cannot be read, and names nobody: {reason}",
    "pillar.top_missing": "The pillar's top file includes a file that is not there: '{sls}' in environment '{saltenv}'",
    "presence.not_asked": "Who is here cannot be asked: {reason}",
    "presence.not_kept": "Who is here could not be written: {reason}",
    "presence.not_recalled": "Who was here is not known after this start: {reason}",
    "proc.file_unreadable": "What is noted of a job in {path} cannot be read: it is removed",
    "proc.jids_cut": "The end of {path} was half written, and is cut off ({bytes} bytes)",
    "proc.not_written": "The job {jid} could not be noted: {reason}",
    "publication.refused": "A publication of the master {master} is refused: {reason}",
    "publish.denied": _not_published,
    "publish.failed": "{user} could not publish {fun}: {reason}",
    "publish.target_unreadable": "The target {tgt} ({tgt_type}) cannot be read, and nothing is sent: {reason}",
    "publisher.bound": "Starting the Salt Publisher on {address}",
    "publisher.puller_bound": "Starting the Salt Puller on ipc://{path}",
    "queue.dropped": "Job {jid} waits no longer for {minions}: {why}",
    "queue.not_noted": "What waits for minions cannot be kept: {reason}",
    "queue.not_sent": "Job {jid} cannot be sent to those it waits for: {reason}",
    "queue.restored": "{jobs} jobs wait for minions that were away",
    "queue.sent": "Job {jid} of {fun} is sent to {minions}, which it waited for",
    "request.failed": _request_failed,
    "request.received": _received,
    "connection.refused": "Hung up on {count} connection(s), the last from {peer}: {reason}",
    "request.refused": "A request from {peer} is refused: {reason}",
    "request.timed_out": "A request {cmd} of {id} was not answered in time",
    "request_server.bound": "Setting up the master communication server",
    "retention.put_off": "Old events are not forgotten for now: {reason}",
    "return.given_up": "The return of job {jid} ({fun}) is given up: for {days} days no master has taken it",
    "return.not_spooled": "The return of job {jid} could not be written to {path}, and is held in memory: {reason}",
    "return.not_stored": "{count} returns could not be stored, and are not acknowledged: {reason}",
    "return.refused": _return_refused,
    "return.signature_refused": "A return of {id} is refused: its signature is wrong or missing",
    "returner.failed": "The return failed for job {jid}: {reason}",
    "returner.missing": "Returner {returner}.returner could not be loaded: {reason}",
    "reactor.crashed": "Reactor '{id}' crashed",
    "reactor.failed": "Reactor '{id}' failed to execute {kind} '{fun}': {reason}",
    "reactor.ignored": (
        "Reactor '{id}' is ignoring '{name}' param due to presence of 'args' param. "
        "Check the Reactor System documentation for the correct argument format."
    ),
    "reactor.lagged": "The reactor is too slow: {missed} events were not looked at",
    "reactor.left": "The reactor ends, and {count} events and reactions that waited are not done",
    "reactor.loop_ended": "{depth} reactions led to the event {tag}: taken for a loop, it is not reacted to",
    "reactor.malformed": (
        "Unable to render reactions for event {tag} due to errors ({errors!r}) "
        "in one or more of the sls files ({files!r})"
    ),
    "reactor.map_unreadable": "Failed to read the reactor map, and the one before stays: {reason}",
    "reactor.missing": "Can not render SLS {sls} for tag {tag}. File missing or not found.",
    "reactor.nobody": "Reactor '{id}' sent {fun} to nobody: no minion matches {tgt}",
    "reactor.not_rendered": "Failed to render the SLS files for tag {tag}: {reason}",
    "reactor.row_unheeded": "A part of the reactor is left out: {row} is no map of a tag to SLS files",
    "reactor.refused": "{reason}",
    "reactor.render_failed": 'Failed to render "{place}" for tag {tag}: {reason}',
    "reactor.shed": "More than {hwm} wait for the reactor: what {tag} wakes is dropped",
    "reactor.started": "Starting Engine(reactor)",
    "runner.completed": "Runner completed: {jid}",
    "runner.failed": "{fun} ({jid}) failed: {reason}",
    "scheduler.clock_changed": "The clock or its zone changed ({seconds} s, {zone}): the schedule is reckoned anew",
    "scheduler.entry_refused": "A part of the schedule is left out: {reason}",
    "scheduler.internal_job_added": "Added {fun} to scheduler",
    "scheduler.job_added": "Added new job {name} to scheduler",
    "scheduler.job_failed": _run_failed,
    "scheduler.job_finished": "Scheduled job {name} ({fun}) has ended",
    "scheduler.job_run": _ran,
    "scheduler.job_skipped": "Scheduled job {name} is not run: {maxrunning} of it run already (maxrunning)",
    "scheduler.job_updated": "Updating job settings for scheduled job: {name}",
    "scheduler.keys_unknown": "The schedule entry {name} has keys that mean nothing: {keys}",
    "scheduler.not_a_mapping": "The schedule of {source} is not a mapping of names to entries, and is left out",
    "scheduler.not_read": "The schedule cannot be read: {reason}",
    "scheduler.refused": "The schedule is not changed ({op} of {name}): {reason}",
    "scheduler.run_missed": "A run of the schedule entry {name} was missed by {late_s} seconds",
    "scheduler.run_skipped": _run_skipped,
    "scheduler.state_not_read": "What became of the schedule cannot be read from {path}: {reason}",
    "scheduler.state_not_written": "What became of the schedule could not be written to {path}: {reason}",
    "service.crashed": "The service {service} has failed, and is started again in {wait_s} seconds",
    "service.restarted": "The service {service} is started again",
    "session.departed": "{count} sessions end, for their keys are no longer accepted: {ids}",
    "session.file_unread": "The sessions of the API cannot be read from {path}, and all log in again: {reason}",
    "session.file_unwritten": "The sessions of the API could not be written to {path}: {reason}",
    "session.unreadable": "The session of {id} cannot be read, and it signs in again: {reason}",
    "source.no_address": "The interface {interface} has no address to speak to masters from. Ignoring.",
    "source.no_interface": "{interface} is not a valid interface. Ignoring.",
    "spool.journal_cut": "The end of {path} was half written, and is cut off ({bytes} bytes)",
    "startup_states.unknown": "startup_states: {value!r} is not one of highstate, sls and top",
    "store.columns_too_big": "The {bank} of all minions take more than {limit} bytes: targets by them take longer",
    "store.damaged": "The store {path} is damaged: {reason}",
    "store.no_room_ahead": "No room on the disk could be laid out for the store {path}: {reason}",
    "store.not_compacted": "The store could not be made smaller: {reason}",
    "store.recovered": "The store {path} can be written again",
    "store.refused": _not_stored,
    "store.trimmed": "What is oldest is forgotten ({rows} rows): the store has more than {store_max_bytes} bytes",
    "subscription.lagged": "The {service} were too slow, and missed {missed} events",
    "targets.not_prepared": "What targets over grains and pillar need is not read ahead: {reason}",
    "token.denied": 'Authentication failure of type "token" occurred.',
    "notice.master_away": "The master cannot be followed for notifications: {reason}",
    "notice.not_sent": "A notification ({kind}) was not delivered to {target}: {reason}",
    "token.dropped": "The token of user {user} ({eauth}) is no longer good",
    "token.made": "User {user} ({eauth}) has a new token, good for {lifetime_s} seconds",
    "token.not_forgotten": "Tokens that have expired cannot be removed: {reason}",
    "upcall.failed": "A question of job {jid} ({kind}) failed by a fault of the daemon",
    "web.access_not_written": "The log of requests could not be written to {path}: {reason}",
    "web.certificate_not_reloaded": "The certificate is not read anew: {reason}",
    "web.certificate_reloaded": "The certificate of {url} was read anew",
    "web.deprecated": "A request of user {user} has {key}, which is called {instead} by now",
    "web.events_failed": "The stream of events to browsers is interrupted: {reason}",
    "web.failed": "{method} {path} failed by a fault of salt-api",
    "web.hook_refused": "A message to the webhook {hook} from {address} was refused: {reason}",
    "web.in_clear": "Passwords and tokens go over the network in clear: there is no TLS on {host}:{port}",
    "web.listening": (
        ("info", "Running web application server on {host}:{port} ({url})."),
        ("info", "CORS is {cors}."),
        ("info", "TLS/SSL is {tls}."),
        ("info", "Use Ctrl-C to terminate."),
    ),
    "web.no_such_folder": "The folder {path} of the option {option} is not there: nothing is served from it",
    "web.notice": "{text}",
    "web.oidc_failed": "A login by OpenID Connect from {address} failed: {reason}",
    "web.own_certificate": "The certificate {path} is of our own making; its SHA-256 fingerprint is {fingerprint}",
    "web.signal": "salt-api received a {signal}. Exiting.",
    "web.slow_reader": "A reader of events ({kind}) is too slow, and is let go",
    "web.socket_refused": "A web socket is closed: {reason}",
    "web.stopped": "salt-api is shut down",
    "web.stream_ended": "A stream of events ends: {reason}",
    "web.token_not_dropped": "The master does not yet know of a logout: {reason}",
    "web.waits_for_restart": "Of what changed in the configuration salt-api takes this at its next start: {names}",
    "web.skipped": "Halite: Not configured, skipping.",
    "wheel.completed": "Wheel function completed: {jid}",
    "worker.adopted": "The process {pid} of job {jid} ({fun}), which outlived a daemon, reports to this one",
    "worker.bound": "Worker binding to socket ipc://{path}",
    "worker.died": _worker_died,
    "worker.start_failed": "A worker process could not be started: {reason}",
    "zygote.died": _zygote_died,
}

# Where a minion's words are others than a master's for the same event.
MINION_LINES: dict[str, Row] = {
    "auth.full": "The Salt Master at {master} takes no more minions",
    "auth.pending": (
        (
            "error",
            "The Salt Master has cached the public key for this node, this salt minion will wait for {wait_s} "
            "seconds before attempting to re-authenticate",
        ),
        ("info", "Waiting for minion key to be accepted by the master."),
        ("info", "Waiting {wait_s} seconds before retry."),
    ),
    "auth.rejected": (
        ("critical", "The Salt Master has rejected this minion's public key!"),
        (
            "critical",
            "To repair this issue, delete the public key for this minion on the Salt Master and restart this minion.",
        ),
        (
            "critical",
            "Or restart the Salt Master in open mode to clean out the keys. The Salt Minion will now exit.",
        ),
    ),
    "auth.rejected_for_now": (
        ("error", "The Salt Master has rejected this minion's public key."),
        ("error", "To repair this issue, delete the public key for this minion on the Salt Master."),
        ("error", "The Salt Minion will attempt to re-authenticate."),
    ),
    "auth.rejected_by_one": (
        ("critical", "The Salt Master at {master} has rejected this minion's public key!"),
        (
            "critical",
            "To repair this issue, delete the public key for this minion on the Salt Master and restart this minion.",
        ),
        ("critical", "The Salt Minion goes on with its other masters."),
    ),
    "auth.retrying": "Waiting {wait_s} seconds before retry.",
    "auth.successful": "Authentication with master at {master} successful!",
    "auth.master_key_mismatch": (
        (
            "error",
            "The master key has changed, the salt master could have been subverted, verify salt master's public key",
        ),
        ("critical", "The Salt Master server's public key did not authenticate!"),
        (
            "critical",
            "If you are confident that you are connecting to a valid Salt Master, then remove the master public key "
            "and restart the Salt Minion.",
        ),
        ("critical", "The master public key can be found at:"),
        ("critical", "{path}"),
    ),
    "master.changed": "Re-initialising subsystems for new master {master}",
    "master.connected": "Connection to master {master} re-established",
    "master.deaf": "No jobs can be heard from master {master}: its publish port does not answer",
    "master.disabled": "Master is set to disable, skipping connection",
    "master.failback": "Master {master} takes this minion again, which leaves {was} for it",
    "master.function_failed": "The function {fun} gave no master, and is asked again in {wait_s} seconds: {reason}",
    "master.given_up": "Error while bringing up minion for multi-master. Is master at {master} responding?",
    "master.listed": "Got list of available master addresses: {masters}",
    "master.left": "Master {master} is not asked again before the minion is restarted; it has others",
    "master.lost": "Connection to master {master} lost",
    "master.moved": "Master {master} is no longer at {address}, but at {to}: connecting anew",
    "master.next": "Trying to tune in to next master from master-list",
    "master.none": "No master could be reached or all masters denied the minion's connection attempt.",
    "master.not_found": (
        "Master address: '{master}' could not be resolved. Invalid or unresolveable address. Set 'master' value in "
        "minion config."
    ),
    "master.not_used": "file_client is local: no master is asked (use_master_when_local has one asked nevertheless)",
    "master.put_last": "Moving possibly failed master {master} to the end of the list of masters",
    "master.timeout": _timed_out,
    "master.unreachable": "Master {master} could not be reached, trying next master (if any)",
    "master.unresolved": (
        ("error", "DNS lookup or connection check of '{master}' failed."),
        ("error", "Master hostname: '{master}' not found or not responsive. Retrying in {wait_s} seconds"),
    ),
    "pillar.failed": "The pillar could not be had, and stays as it was: {reason}",
    "return.unreadable": "The return in {path} cannot be read, and is removed: {reason}",
}


def line_of(event: str, facts: Facts) -> str:
    """The one sentence of an event of a master's, for who says it elsewhere than in its log."""
    row = STOCK_LINES[event]
    assert not isinstance(row, tuple), event
    return row.format_map(facts) if isinstance(row, str) else row(facts)
