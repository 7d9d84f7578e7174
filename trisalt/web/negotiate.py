"""What a request brings and what it is answered in: JSON, YAML, forms; and the shape of errors.

Every room's handlers read bodies by `body_of` and answer by `answer`. An error is `HTTPException` anywhere, which
`app` turns into `{"status", "return"}` in the type that the client takes.
Source of the types: stock Salt 3008.3, rest_cherrypy.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from datetime import date
from functools import partial
from typing import Any
from urllib.parse import parse_qsl

import trio
import yaml
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from trisalt.loader.words import parse_value, tame
from trisalt.web.texts import language_of, say

JSON, YAML = "application/json", "application/x-yaml"
FORM = "application/x-www-form-urlencoded"
# SaltGUI sends all its JSON as plain text.
_JSON_FIRST = frozenset({JSON, "text/plain"})
_YAMLS = frozenset({YAML, "text/yaml"})
# A body above this is parsed in a thread.
_SMALL = 16 * 1024
_MOST_FIELDS = 1000
# Returns of so many minions are written at once.
_FEW = 200
_DEEPEST = 64
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_Dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
_threads = trio.CapacityLimiter(4)


# -- in ----------------------------------------------------------------------------------------------------------------


async def body_of(request: Request) -> Any:
    """What the body holds, None when there is none. Raises HTTPException 400 (broken), 406 (of another type)."""
    raw = await request.body()
    if not raw:
        return None
    kind = request.headers.get("content-type", JSON).partition(";")[0].strip().lower()
    if kind not in _JSON_FIRST | _YAMLS | {FORM}:
        raise HTTPException(406, f"Content type not supported: {kind[:100]}")
    if len(raw) <= _SMALL:
        return _parse(raw, kind)
    return await trio.to_thread.run_sync(_parse, raw, kind, limiter=_threads)


def _parse(raw: bytes, kind: str) -> Any:
    try:
        text = raw.decode()
        if kind in _JSON_FIRST:
            value = json.loads(text)
        elif kind in _YAMLS:
            if not tame(text):
                raise HTTPException(400, "The body names parts of itself too often")
            value = yaml.load(text, Loader=_Loader)
        else:
            value = read_form(text)
        _check_depth(value)
    except RecursionError:
        raise HTTPException(400, "The body is nested too deep") from None
    except (ValueError, yaml.YAMLError):
        raise HTTPException(400, f"Unable to parse the body as {kind}") from None
    return value


def read_form(text: str) -> dict[str, Any]:
    """The fields of a form: repeated ones become lists, `arg` always does, and `arg` and `kwarg` are read as words of a
    command line are."""
    found: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS):
        if name in ("arg", "kwarg"):
            found.setdefault(name, []).append(parse_value(value) if name == "arg" else value)
        elif name in found:
            found[name] = [*(found[name] if isinstance(found[name], list) else [found[name]]), value]
        else:
            found[name] = value
    if "kwarg" in found:
        found["kwarg"] = _keywords(found["kwarg"])
    return found


def _keywords(values: list[str]) -> dict[str, Any]:
    """`kwarg={"a": 1}`, `kwarg=a=1`, once or several times, as one map."""
    keywords: dict[str, Any] = {}
    for value in values:
        name, equals, rest = value.partition("=")
        read = parse_value(value)
        if isinstance(read, Mapping):
            keywords |= read
        elif equals and name:
            keywords[name] = parse_value(rest)
        else:
            raise ValueError("kwarg is no map")
    return keywords


def _check_depth(value: Any) -> None:
    level: Iterable[Any] = [value] if isinstance(value, dict | list) else []
    for _ in range(_DEEPEST):
        # Each once: in YAML, one that names itself would be two, and four, and eight.
        level = {
            id(item): item
            for container in level
            for item in (container.values() if isinstance(container, dict) else container)
            if isinstance(item, dict | list)
        }.values()
        if not level:
            return
    raise RecursionError


# -- out ---------------------------------------------------------------------------------------------------------------


def accepted(header: str | None) -> str | None:
    """The type to answer in; None when the client takes none of ours."""
    if not header or not header.strip():
        return JSON
    best, weight = None, 0.0
    for part in header.split(",")[:32]:
        kind, *parameters = [word.strip().lower() for word in part.split(";")]
        quality = next((_quality(word[2:]) for word in parameters if word.startswith("q=")), 1.0)
        ours = (
            YAML
            if kind in _YAMLS or kind == "application/yaml"
            else JSON
            if kind in (JSON, "*/*", "application/*")
            else None
        )
        if ours is not None and quality > weight:
            best, weight = ours, quality
    return best


def prefers_html(header: str | None) -> bool:
    """Whether a client's first wish is a page: a person has typed an address into a browser."""
    return (header or "").partition(",")[0].partition(";")[0].strip().lower() == "text/html"


def _quality(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if 0.0 <= value <= 1.0 else 0.0


def answer(request: Request, value: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """`value` in the type that the client takes. Raises HTTPException 406 when it takes none of ours."""
    kind = accepted(request.headers.get("accept"))
    if kind is None:
        raise HTTPException(406, f"Only {JSON} and {YAML} are spoken here")
    return Response(dump(value, kind), status, headers, kind)


async def answer_all(request: Request, told: Mapping[str, Any], *, status: int = 200) -> Response:
    """The same for what came of commands: of many minions it may be megabytes, which a thread writes meanwhile."""
    count = sum(len(item) for item in told["return"] if isinstance(item, Mapping | list))
    if count <= _FEW:
        return answer(request, told, status=status)
    return await trio.to_thread.run_sync(partial(answer, request, told, status=status), limiter=_threads)


def refusal(request: Request, status: int, text: str, headers: Mapping[str, str] | None = None) -> Response:
    """An error, in the language of whoever reads it; in JSON where the client takes nothing of ours."""
    kind = accepted(request.headers.get("accept")) or JSON
    said = say(text, language_of(request))
    return Response(dump({"status": status, "return": said}, kind), status, headers, kind)


def dump(value: Any, kind: str = JSON) -> bytes:
    """`value` as bytes of JSON or YAML; what neither knows goes as text."""
    try:
        text = json.dumps(value, allow_nan=False, separators=(",", ":") if kind == JSON else None)
    except (TypeError, ValueError):
        value = _plain(value)
        text = json.dumps(value, separators=(",", ":"))
    if kind == JSON:
        return text.encode()
    # What has been through JSON is what YAML can say too; but for halves of characters, which no text has.
    text = json.dumps(json.loads(text), ensure_ascii=False).encode("utf-8", "replace").decode()
    packed: bytes = yaml.dump(json.loads(text), Dumper=_Dumper, default_flow_style=False, encoding="utf-8")
    return packed


def _plain(value: Any, depth: int = 0) -> Any:
    """The value with only what JSON has; a minion's return may hold anything that msgpack has."""
    if depth > 128:
        return "…"
    if isinstance(value, Mapping):
        return {
            key if isinstance(key, str) else str(_plain(key)): _plain(item, depth + 1) for key, item in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item, depth + 1) for item in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, str | int | float):
        return value
    return value.isoformat() if isinstance(value, date) else str(value)
