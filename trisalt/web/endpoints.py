"""The endpoints of `/api/v1`: one row each, which the routes (`v1`) and the OpenAPI document (`openapi`) are made of.

An endpoint asks the master one question: its parameters become fields of the question `op`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from trisalt.web.shapes import ANY, COUNT, NUMBER, TEXT, YES, Schema, array, maybe, named, obj, page, ref

LIMIT: Schema = {"type": "integer", "minimum": 1, "maximum": 1000}
SECONDS: Schema = {"type": "number"}
FLAG: Schema = {"type": "integer", "enum": [0, 1]}
WORDS: Schema = {**array(TEXT), "maxItems": 50}
MOST_QUERY = 4096
"""So many characters may a parameter have."""


@attrs.frozen(kw_only=True)
class Parameter:
    """What stands in the query, or in the path. A list has commas between its items."""

    name: str
    schema: Schema = TEXT
    doc: str
    in_path: bool = False


@attrs.frozen(kw_only=True)
class Endpoint:
    """One method of one path below `/api/v1`.

    `op` is the question that the master is asked; empty for one that `v1` answers by a handler of its own, `name`.
    `fields` say what a question has besides. `field` is the name under which a question holds the whole body; without
    it the body's keys are fields. `said` are the texts of the answer that are told in the reader's language.
    `audited` is the kind under which the audit is told that it was done. `big`: an answer may take long to be written
    down. `elsewhere`: another room has the route. `public`: it is for who has not signed in, too.
    """

    method: str = "GET"
    path: str
    name: str
    doc: str
    answer: Schema
    op: str = ""
    parameters: Sequence[Parameter] = ()
    body: Schema | None = None
    field: str = ""
    fields: Mapping[str, Any] = attrs.field(factory=dict)
    said: tuple[str, ...] = ()
    audited: str = ""
    big: bool = False
    may_be_missing: bool = False
    stream: bool = False
    elsewhere: bool = False
    public: bool = False


_PAGING = (
    Parameter(name="cursor", doc="Where the page begins: `next` of the page before."),
    Parameter(name="limit", schema=LIMIT, doc="How many items a page has, 100 by default."),
)
_PAST = (
    Parameter(name="tag", doc="Globs over tags, with commas between them."),
    Parameter(name="since", schema=SECONDS, doc="Not before this moment."),
    Parameter(name="until", schema=SECONDS, doc="Not after this moment."),
)


def _of(name: str, doc: str) -> Parameter:
    return Parameter(name=name, doc=doc, in_path=True)


ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        path="/session",
        name="session",
        doc="Who has signed in, and what they may. 401 tells who can vouch for somebody (`eauths`, `motd`).",
        answer=ref("session"),
    ),
    Endpoint(
        method="POST",
        path="/session",
        name="sign_in",
        doc="Sign in, as by `POST /login`: the token is in the answer, in the header X-Auth-Token and in a cookie.",
        answer=obj({"return": array(ANY)}),
        body=obj({"username": TEXT, "password": TEXT, "eauth": TEXT}),
        elsewhere=True,
        public=True,
    ),
    Endpoint(
        method="DELETE",
        path="/session",
        name="sign_out",
        doc="Sign out: the token is worth nothing any more, and streams end.",
        answer=obj({"return": TEXT}),
        elsewhere=True,
    ),
    Endpoint(
        path="/minions",
        name="minions",
        op="minions",
        doc="The minions that may be seen, from what is known of them: none is asked.",
        answer=page(ref("minion")),
        parameters=(
            Parameter(name="q", doc="A query: words, `os:Debian`, `up`, `N@webs`, `/regex/i`, `-word`."),
            Parameter(
                name="sort",
                doc="id, status, last_seen, os, osrelease, version or address; with - before it falling.",
            ),
            Parameter(name="fields", schema=WORDS, doc="Grains that each item is to have; dots lead into nested ones."),
            *_PAGING,
        ),
    ),
    Endpoint(
        path="/minions/{id}",
        name="minion",
        op="minion",
        doc="One minion, with what is kept of it as far as whoever asks might ask it.",
        answer=ref("one_minion"),
        parameters=(_of("id", "Its id."),),
        big=True,
        may_be_missing=True,
    ),
    Endpoint(
        path="/keys",
        name="keys",
        op="keys",
        doc="The keys of minions, those that wait first, with their fingerprints.",
        answer=page(ref("key"), counts=named({"type": "integer"})),
        parameters=(
            Parameter(name="status", doc="pending, denied, rejected or accepted."),
            Parameter(name="q", doc="Text in the id."),
            *_PAGING,
        ),
    ),
    Endpoint(
        path="/jobs",
        name="jobs",
        op="jobs",
        doc="The jobs that may be seen, newest first. A page may be short though there is a next.",
        answer=page(ref("job")),
        parameters=(
            Parameter(name="q", doc="A query: words, `fun:`, `user:`, `minion:`, `state:`, `tgt:`, `jid:`."),
            Parameter(name="user", doc="Globs, with commas between them."),
            Parameter(name="fun", doc="Globs, with commas between them."),
            Parameter(name="minion", doc="Jobs that were for this minion."),
            Parameter(name="state", doc="running, done, failed, partial or missing; several with commas."),
            Parameter(name="since", schema=SECONDS, doc="Not before this moment."),
            Parameter(name="until", schema=SECONDS, doc="Not after this moment."),
            Parameter(name="housekeeping", schema=FLAG, doc="0: without what consoles and the house itself run."),
            *_PAGING,
        ),
    ),
    Endpoint(
        path="/jobs/{jid}",
        name="job",
        op="job",
        doc="One job.",
        answer=ref("one_job"),
        parameters=(_of("jid", "Its id."),),
        may_be_missing=True,
    ),
    Endpoint(
        path="/jobs/{jid}/returns",
        name="returns",
        op="returns",
        doc="What came back, in the order in which it came; then who is missing, and why.",
        answer=page(ref("return")),
        parameters=(
            _of("jid", "The job's id."),
            Parameter(name="failed", schema=FLAG, doc="1: only what failed, and who is missing."),
            Parameter(name="id", doc="Of this minion only."),
            *_PAGING,
        ),
        big=True,
        may_be_missing=True,
    ),
    Endpoint(
        path="/jobs/{jid}/events",
        name="job_events",
        op="job_events",
        doc="The events of one job that are kept, newest first, as far as they may be seen.",
        answer=page(ref("event")),
        parameters=(_of("jid", "The job's id."), *_PAST, *_PAGING),
        big=True,
        may_be_missing=True,
    ),
    Endpoint(
        path="/minions/{id}/events",
        name="minion_events",
        op="minion_events",
        doc="The events that are kept of one minion, newest first, as far as they may be seen: those whose tag names "
        "it, those it sent, and those of jobs that are for it. A page may be short though there is a next.",
        answer=page(ref("event")),
        parameters=(_of("id", "The minion's id."), *_PAST, *_PAGING),
        big=True,
        may_be_missing=True,
    ),
    Endpoint(
        path="/events/kept",
        name="kept_events",
        op="kept_events",
        doc="The events that are kept, newest first, as far as they may be seen. A page may be short, or empty, though "
        "there is a next.",
        answer=page(ref("event")),
        parameters=(
            Parameter(name="minion", doc="Of this minion only, as by `minions/{id}/events`."),
            Parameter(name="filter", doc="Text that an event holds."),
            *_PAST,
            *_PAGING,
        ),
        big=True,
    ),
    Endpoint(
        path="/reactors",
        name="reactors",
        op="reactors",
        doc="What the reactor reacts to, with the SLS files as they are; how often it did, and the newest reactions. "
        "For who may run `config.values`.",
        answer=obj(
            {"items": array(ref("reactor")), "runs": YES, "counts": named(COUNT), "latest": array(ref("event"))}
        ),
        parameters=(Parameter(name="tag", doc="A tag: `matches` says which of them it would wake."),),
        big=True,
    ),
    Endpoint(
        method="POST",
        path="/reactors/try",
        name="try_reactors",
        op="try_reactors",
        doc="What an event would have done: its files are rendered, and nothing of what they say is done. For who may "
        "run `config.values`, and fire events (`event.send`).",
        answer=obj({"files": array(TEXT), "items": array(ref("reaction")), "problems": array(TEXT)}),
        body=obj({"tag": TEXT}, {"data": named(ANY)}),
        audited="reactor",
    ),
    Endpoint(
        method="POST",
        path="/target/preview",
        name="preview",
        op="preview",
        said=("because",),
        doc="Whom a target names, and whether `fun` may be sent to them; no minion is asked.",
        answer=ref("preview"),
        body=obj(
            {"tgt": {"type": ["string", "array"]}},
            {"tgt_type": TEXT, "fun": {"type": ["string", "array"]}, "arg": array(ANY), "delimiter": TEXT},
        ),
    ),
    Endpoint(
        path="/docs",
        name="docs",
        op="docs",
        doc="The functions there are: those whose names fit first.",
        answer=page(ref("function")),
        parameters=(Parameter(name="q", doc="Text in the name, or in the first line."), *_PAGING),
    ),
    Endpoint(
        path="/docs/{fun}",
        name="function",
        op="docs",
        doc="One function: `test.ping`, `runner.jobs.list_jobs`, `wheel.key.list_all`.",
        answer=ref("one_function"),
        parameters=(_of("fun", "Its name."),),
        may_be_missing=True,
    ),
    Endpoint(
        path="/overview",
        name="overview",
        op="overview",
        doc="How many of what there is, and the latest jobs.",
        answer=ref("overview"),
    ),
    Endpoint(
        path="/issues",
        name="issues",
        op="issues",
        said=("items.text",),
        doc="What needs somebody's attention, the worst first, with a command that mends it.",
        answer=obj({"items": array(ref("issue"))}),
    ),
    Endpoint(
        path="/compliance",
        name="compliance",
        op="compliance",
        doc="Which minions are in the state that is meant for them, by their newest highstate or test of it.",
        answer=page(ref("standing"), counts=named({"type": "integer"})),
        parameters=(Parameter(name="state", doc="in, would_change, failed or unknown."), *_PAGING),
    ),
    Endpoint(
        path="/compliance/{id}",
        name="differences",
        op="differences",
        doc="What on one minion is not as it should be.",
        answer=ref("differences"),
        parameters=(_of("id", "The minion's id."),),
        big=True,
        may_be_missing=True,
    ),
    Endpoint(
        path="/events",
        name="events",
        doc="Events as Server-Sent Events, from now on or after `Last-Event-ID`: `id` is `LOG:NUMBER`, `data` an "
        "object of `tag`, `data`, `origin` and `at`. What a slow reader lost is told as `trisalt/events/lost`.",
        answer=TEXT,
        elsewhere=True,
        parameters=(
            Parameter(name="tag", doc="Globs over tags, with commas between them."),
            Parameter(name="filter", doc="Text that an event holds."),
            Parameter(
                name="last",
                schema={"type": "integer", "minimum": 1, "maximum": 10000},
                doc="To begin with so many of the newest events of the log, as far as they are wanted and may be seen.",
            ),
        ),
        stream=True,
    ),
    Endpoint(
        path="/templates",
        name="templates",
        doc="Commands that the configuration has ready: `console_templates` and `saltgui_templates`.",
        answer=obj({"items": array(ref("template")), "broken": array(obj({"name": TEXT, "error": TEXT}))}),
    ),
    Endpoint(
        method="POST",
        path="/templates/{name}",
        name="fill_template",
        doc="The command of a template with `values` for its parameters, which are checked: a low chunk, for `POST /`.",
        answer=obj(
            {"client": TEXT, "fun": TEXT, "arg": array(ANY), "kwarg": named(ANY)}, {"tgt": ANY, "tgt_type": TEXT}
        ),
        parameters=(_of("name", "The template's name."),),
        body=obj({}, {"values": named(ANY)}),
        may_be_missing=True,
    ),
    Endpoint(
        path="/me/prefs",
        name="preferences",
        op="prefs",
        doc="What the user likes.",
        answer=ref("preferences"),
    ),
    Endpoint(
        method="PUT",
        path="/me/prefs",
        name="keep_preferences",
        op="prefs",
        doc="Keep what the user likes: any object of at most 64 kB, in the place of the one that is there.",
        answer=ref("preferences"),
        body=named(ANY),
        field="put",
    ),
    Endpoint(
        path="/me/factor",
        name="factor",
        op="factor",
        fields={"act": "status"},
        doc="Whether one has a second factor, since when, and how many backup codes are left.",
        answer=obj({"enrolled": YES, "since": maybe(NUMBER), "backup": COUNT}),
    ),
    Endpoint(
        method="POST",
        path="/me/factor",
        name="begin_factor",
        op="factor",
        fields={"act": "begin"},
        doc="Begin to set up a second factor, which takes the password: a secret for an application, as text and as an "
        "address to make a picture of. It counts once a code of it was shown.",
        answer=obj({"secret": TEXT, "uri": TEXT}),
        body=obj({"password": TEXT}),
        audited="factor",
    ),
    Endpoint(
        method="PUT",
        path="/me/factor",
        name="confirm_factor",
        op="factor",
        fields={"act": "confirm"},
        doc="Show a code of it: from now on logins take one. The backup codes, each good once, are told this one time.",
        answer=obj({"backup": array(TEXT)}),
        body=obj({"code": TEXT}),
        audited="factor",
    ),
    Endpoint(
        method="POST",
        path="/me/factor/remove",
        name="remove_factor",
        op="factor",
        fields={"act": "remove"},
        doc="Take one's second factor away, which takes the password and a code.",
        answer=obj({"removed": YES}),
        body=obj({"password": TEXT, "code": TEXT}),
        audited="factor",
    ),
    Endpoint(
        path="/approvals",
        name="approvals",
        op="approvals",
        doc="Commands that wait for somebody's consent, or had it, newest first: one's own, and for `@approver` all.",
        answer=page(ref("approval")),
        parameters=(
            Parameter(name="state", doc="waiting, approved, refused, withdrawn, failed or expired."),
            *_PAGING,
        ),
    ),
    Endpoint(
        method="POST",
        path="/approvals",
        name="ask_approval",
        op="ask_approval",
        doc="Ask for consent to a command that is granted under `@approve`.",
        answer=ref("approval"),
        body=obj(
            {"fun": TEXT, "tgt": {"type": ["string", "array"]}},
            {"tgt_type": TEXT, "arg": array(ANY), "kwarg": named(ANY), "why": TEXT},
        ),
        audited="approval",
    ),
    Endpoint(
        method="POST",
        path="/approvals/{id}",
        name="decide",
        op="decide",
        doc="Consent to it, and have it run in the name of who asked; or refuse. Who asked may only withdraw it.",
        answer=ref("approval"),
        parameters=(_of("id", "Its id."),),
        body=obj({"approve": YES}, {"note": TEXT}),
        audited="approval",
        may_be_missing=True,
    ),
    Endpoint(
        path="/audit",
        name="audit",
        doc="Who did what, the newest first; for `.*` and `@audit`.",
        answer=ref("audit"),
        parameters=_PAGING,
    ),
    Endpoint(
        method="POST",
        path="/permissions/explain",
        name="explain",
        op="explain",
        said=("because",),
        doc="Whether somebody may do something, and by which of their permissions.",
        answer=ref("explanation"),
        body=obj(
            {"fun": TEXT},
            {
                "user": TEXT,
                "eauth": TEXT,
                "client": TEXT,
                "tgt": {"type": ["string", "array"]},
                "tgt_type": TEXT,
                "arg": array(ANY),
                "kwarg": named(ANY),
            },
        ),
    ),
    Endpoint(
        path="/openapi.json",
        name="openapi",
        doc="This document.",
        answer=named(ANY),
        public=True,
    ),
)
