"""What answers of `/api/v1` look like, as JSON Schema: for the OpenAPI document, and for tests that hold them to it."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]


def obj(required: dict[str, Schema], optional: dict[str, Schema] | None = None) -> Schema:
    """An object with these properties; others may be there."""
    return {"type": "object", "properties": {**required, **(optional or {})}, "required": sorted(required)}


def array(items: Schema) -> Schema:
    """A list of these."""
    return {"type": "array", "items": items}


def named(values: Schema) -> Schema:
    """An object with names that nobody knows before."""
    return {"type": "object", "additionalProperties": values}


def maybe(schema: Schema) -> Schema:
    """This, or null."""
    if "type" in schema:
        kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        widened = {**schema, "type": [*kinds, "null"]}
        return {**widened, "enum": [*schema["enum"], None]} if "enum" in schema else widened
    return {"anyOf": [schema, {"type": "null"}]}


def one_of(*values: str) -> Schema:
    """One of these texts."""
    return {"type": "string", "enum": list(values)}


def ref(name: str) -> Schema:
    """A shape of `SHAPES`."""
    return {"$ref": f"#/components/schemas/{name}"}


def page(item: Schema, **more: Schema) -> Schema:
    """A list in pages."""
    return obj({"items": array(item), "next": maybe(TEXT), "total": maybe(COUNT), **more})


ANY: Schema = {}
TEXT: Schema = {"type": "string"}
YES: Schema = {"type": "boolean"}
COUNT: Schema = {"type": "integer", "minimum": 0}
NUMBER: Schema = {"type": "number"}
MOMENT: Schema = {"type": "number", "description": "Seconds since 1970."}

_JOB = {
    "jid": TEXT,
    "fun": {"description": "A function, or those of a job of several."},
    "arg": {**array(ANY), "description": "Without what is secret."},
    "tgt": ANY,
    "tgt_type": TEXT,
    "user": TEXT,
    "start": MOMENT,
    "end": maybe(MOMENT),
    "state": one_of("running", "done", "failed", "partial", "missing"),
    "minions": COUNT,
    "ok": COUNT,
    "changed": COUNT,
    "failed": COUNT,
    "missing": COUNT,
    "duration": maybe(NUMBER),
}
_MINION = {
    "id": TEXT,
    "status": one_of("up", "down", "never", "pending", "rejected", "denied"),
    "since": maybe(MOMENT),
    "last_seen": maybe(MOMENT),
    "address": TEXT,
    "version": TEXT,
    "os": TEXT,
    "osrelease": TEXT,
    "highstate": maybe(obj({"jid": TEXT, "state": one_of("ok", "changed", "failed"), "at": MOMENT})),
}
_STANDING = {
    "id": TEXT,
    "state": one_of("in", "would_change", "failed", "unknown"),
    "at": maybe(MOMENT),
    "jid": maybe(TEXT),
    "changes": COUNT,
    "failed": COUNT,
}
_VALUES = array(obj({"name": TEXT, "count": COUNT}))

SHAPES: dict[str, Schema] = {
    "error": obj({"status": {"type": "integer"}, "return": TEXT}),
    "session": obj(
        {
            "user": TEXT,
            "eauth": TEXT,
            "eauths": array(TEXT),
            "expire": MOMENT,
            "perms": array(ANY),
            "admin": YES,
            "rooms": {**array(TEXT), "description": "What is granted by name: events, hook, stats, audit."},
            "features": named(ANY),
            "version": TEXT,
            "master": TEXT,
            "motd": TEXT,
            "totp": {**YES, "description": "Whether people may have second factors: logins take a `code`."},
            "proxy": {**YES, "description": "Whether a proxy names somebody: `eauth: proxy` signs them in."},
            "confirm_above": COUNT,
        },
        {
            "oidc": obj({"name": TEXT, "url": TEXT}),
        },
    ),
    "minion": obj({**_MINION, "grains": named(ANY)}),
    "one_minion": obj(
        {
            **_MINION,
            "grains": maybe(named(ANY)),
            "pillar": maybe(named(ANY)),
            "mine": maybe(named(ANY)),
            "key": maybe(obj({"state": TEXT, "finger": maybe(TEXT)})),
            "updated": maybe(MOMENT),
            "why": TEXT,
            "latency": maybe(NUMBER),
        }
    ),
    "key": obj({"id": TEXT, "status": one_of("pending", "denied", "rejected", "accepted"), "finger": maybe(TEXT)}),
    "job": obj(_JOB),
    "one_job": obj({**_JOB, "ids": array(TEXT), "kwargs": named(ANY), "metadata": ANY}),
    "return": {
        "anyOf": [
            obj({"id": TEXT, "return": ANY, "retcode": ANY, "success": ANY, "at": MOMENT, "fun": ANY, "out": ANY}),
            obj({"id": TEXT, "missing": {"type": "boolean", "enum": [True]}, "reason": TEXT}),
        ]
    },
    "preview": obj(
        {
            "ids": array(TEXT),
            "missing": array(TEXT),
            "total": COUNT,
            "up": COUNT,
            "down": COUNT,
            "allowed": maybe(YES),
            "because": TEXT,
            "approval": {**YES, "description": "Whether it may be asked for by `POST /approvals`."},
        }
    ),
    "function": obj({"fun": TEXT, "summary": TEXT}),
    "one_function": obj(
        {
            "fun": TEXT,
            "doc": TEXT,
            "parameters": array(
                obj(
                    {"name": TEXT, "required": YES, "kind": one_of("positional", "keyword", "varargs", "kwargs")},
                    {"default": ANY},
                )
            ),
        }
    ),
    "overview": obj(
        {
            "minions": obj({"up": COUNT, "down": COUNT, "never": COUNT}),
            "keys": maybe(obj({"accepted": COUNT, "denied": COUNT, "pending": COUNT, "rejected": COUNT})),
            "jobs": obj(
                {
                    "running": COUNT,
                    "failed_24h": COUNT,
                    "failed_1h": COUNT,
                    "per_hour": {**array(COUNT), "minItems": 24},
                }
            ),
            "os": _VALUES,
            "versions": _VALUES,
            "latest": array(ref("job")),
        }
    ),
    "issue": obj(
        {
            "kind": TEXT,
            "severity": one_of("error", "warning", "info"),
            "text": TEXT,
            "since": maybe(MOMENT),
            "remedy": maybe(obj({"client": TEXT, "fun": TEXT}, {"tgt": ANY, "tgt_type": TEXT, "arg": array(ANY)})),
            "link": TEXT,
        },
        {"reference": {**TEXT, "description": "An address of http or https where there is more to read."}},
    ),
    "approval": obj(
        {
            "id": TEXT,
            "state": one_of("waiting", "approved", "refused", "withdrawn", "failed", "expired"),
            "user": TEXT,
            "eauth": TEXT,
            "fun": TEXT,
            "tgt": ANY,
            "tgt_type": TEXT,
            "arg": array(ANY),
            "kwarg": named(ANY),
            "minions": COUNT,
            "why": TEXT,
            "asked": MOMENT,
            "until": MOMENT,
            "by": maybe(TEXT),
            "at": maybe(MOMENT),
            "note": TEXT,
            "jid": maybe(TEXT),
            "mine": YES,
        }
    ),
    "event": obj({"id": TEXT, "tag": TEXT, "data": ANY, "origin": TEXT, "at": MOMENT}),
    "reactor": obj(
        {
            "tag": TEXT,
            "files": array(obj({"path": TEXT, "source": maybe(TEXT), "error": TEXT})),
            "matches": maybe(YES),
        }
    ),
    "reaction": obj(
        {
            "id": TEXT,
            "sls": TEXT,
            "fun": TEXT,
            "tgt": ANY,
            "tgt_type": TEXT,
            "ret": TEXT,
            "arg": array(ANY),
            "kwarg": named(ANY),
        }
    ),
    "standing": obj(_STANDING),
    "differences": obj(
        {
            **_STANDING,
            "items": array(obj({"id": TEXT, "result": maybe(YES), "comment": ANY, "changes": ANY})),
        }
    ),
    "template": obj(
        {"name": TEXT, "description": TEXT, "client": TEXT, "fun": TEXT, "arg": array(ANY), "kwarg": named(ANY)},
        {
            "tgt": ANY,
            "tgt_type": TEXT,
            "categories": array(TEXT),
            "key": TEXT,
            "words": {**array(TEXT), "description": "The command's words, with {name} in the places of parameters."},
            "parameters": array(
                obj(
                    {
                        "name": TEXT,
                        "type": one_of("string", "number", "boolean", "choice", "minion"),
                        "required": YES,
                        "help": TEXT,
                    },
                    {"default": ANY, "choices": array(ANY)},
                )
            ),
        },
    ),
    "audit": obj({"items": array(named(ANY)), "next": maybe(TEXT)}),
    "explanation": obj({"allowed": YES, "because": TEXT, "rule": ANY}),
    "preferences": named(ANY),
}
