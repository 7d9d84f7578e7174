"""A low chunk, as clients of the REST API write it, to what is asked of the local door. Pure.

`{"client": "local", "tgt": "*", "fun": "test.ping"}` becomes a `Command`; `commands` asks it. Whatever cannot be read
is a `BadChunk`, whose text is for the client.
Source of the keys: stock Salt 3008.3, rest_cherrypy and the clients it calls.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

import attrs

from trisalt.errors import TrisaltError
from trisalt.loader.words import condition_args, parse_words

CLIENTS = (
    *("local", "local_async", "local_batch", "local_subset"),
    *("runner", "runner_async", "ssh", "wheel", "wheel_async"),
)
# Those that work here.
SERVED = tuple(name for name in CLIENTS if name != "ssh")
MOST_COMMANDS = 100
# Stock's, where a batch does not say how large it is, or a subset.
BATCH, SUBSET = "10%", 3
TGT_TYPES = frozenset(
    {
        *("glob", "pcre", "list", "grain", "grain_pcre", "pillar", "pillar_pcre", "pillar_exact"),
        *("nodegroup", "range", "compound", "compound_pillar_exact", "ipcidr", "data", "exsel"),
    }
)
# Who asks, and what only the API itself reads: none of these is an argument of a function.
_NO_ARGUMENTS = frozenset(
    {
        *("client", "fun", "arg", "kwarg", "full_return", "timeout", "token", "username", "user", "password", "eauth"),
        "print_event",
    }
)
# What goes with a job beside its function: the keys of a job that a command line can set too.
_FURTHER = ("metadata", "delimiter", "ret_config", "ret_kwargs", "module_executors", "executor_opts")
_FUNCTION = re.compile(r"[\w-]+(\.[\w-]+)+")
_SIZE = re.compile(r"\d+(\.\d+)?%|\d+")


class BadChunk(TrisaltError):
    """A low chunk that says nothing we can do; the text is for its client."""


@attrs.frozen(kw_only=True)
class Command:
    """What one low chunk asks for. `question` is the door's, without whose it is; `credentials` are the chunk's own.

    `subset` is how many minions are chosen; `deprecated` says that the target's kind came by its former name.
    """

    client: str
    question: dict[str, Any]
    full_return: bool = False
    subset: int = 0
    credentials: dict[str, str] | None = attrs.field(default=None, repr=False)
    deprecated: bool = False

    @property
    def kind(self) -> str:
        """`local`, `runner` or `wheel`."""
        return self.client.partition("_")[0]

    @property
    def waits(self) -> bool:
        """Whether the answer holds what came of it."""
        return not self.client.endswith("_async")

    @property
    def fun(self) -> Any:
        """The function, with its kind where it is no minion's."""
        fun = self.question["fun"]
        return fun if self.kind == "local" else f"{self.kind}.{fun}"


def read_lowstate(body: Any, enabled: Collection[str]) -> list[Command]:
    """The commands of a request's body: a map, or a list of maps. Raises BadChunk."""
    chunks = [body] if isinstance(body, Mapping) else body
    if not isinstance(chunks, list):
        raise BadChunk("Lowstates must be a list")
    if len(chunks) > MOST_COMMANDS:
        raise BadChunk(f"No more than {MOST_COMMANDS} commands at a time")
    return [read_chunk(chunk, enabled) for chunk in chunks]


def read_chunk(chunk: Any, enabled: Collection[str]) -> Command:
    """One command. Raises BadChunk."""
    if not isinstance(chunk, Mapping) or not all(isinstance(key, str) for key in chunk):
        raise BadChunk("Each command is a map")
    client = chunk.get("client")
    if client not in CLIENTS:
        raise BadChunk(
            "Invalid client" if client is None or not isinstance(client, str) else f"Invalid client: {client[:40]}"
        )
    if client not in enabled or client not in SERVED:
        raise BadChunk(f"Client disabled: '{client}'. Add to 'netapi_enable_clients' master config option to enable.")
    return _local(client, chunk) if client.startswith("local") else _run(client, chunk)


def read_credentials(chunk: Mapping[str, Any]) -> dict[str, str] | None:
    """What a low chunk says of who asks: a token, or a name, a password and a backend, and perhaps the code of a second
    factor; None when it does not say."""
    token = chunk.get("token")
    if isinstance(token, str) and token:
        return {"token": token}
    shown = {
        "username": chunk.get("username") or chunk.get("user"),
        "password": chunk.get("password") or chunk.get("sharedsecret"),
        "eauth": chunk.get("eauth"),
    }
    if all(isinstance(value, str) and value for value in shown.values()):
        code = chunk.get("code")
        given = {"code": str(code)} if isinstance(code, str | int) and not isinstance(code, bool) and code != "" else {}
        return {name: str(value) for name, value in shown.items()} | given
    return None


# -- on minions --------------------------------------------------------------------------------------------------------


def _local(client: str, chunk: Mapping[str, Any]) -> Command:
    tgt_type, deprecated = _tgt_type(chunk)
    funs = _functions(chunk)
    question: dict[str, Any] = {
        "op": "publish",
        "tgt": _target(chunk),
        "tgt_type": tgt_type,
        "fun": funs,
        "arg": _arguments(chunk, funs),
        "kwargs": {name: chunk[name] for name in _FURTHER if chunk.get(name)},
        "ret": _text(chunk, "ret"),
        "jid": _text(chunk, "jid"),
        "timeout": _number(chunk, "timeout"),
        "gather_job_timeout": _number(chunk, "gather_job_timeout"),
        "follow": not client.endswith("_async"),
    }
    subset = 0
    if client == "local_batch":
        question |= {
            "op": "batch",
            "size": _size(chunk.get("batch") or BATCH),
            "wait": _number(chunk, "batch_wait") or 0,
        }
        question["failhard"] = chunk.get("failhard") is True
    elif client == "local_subset":
        subset = int(_number(chunk, "subset") or _number(chunk, "sub") or SUBSET)
    return Command(
        client=client,
        question=question,
        full_return=chunk.get("full_return") is True,
        subset=subset,
        credentials=read_credentials(chunk),
        deprecated=deprecated,
    )


def _tgt_type(chunk: Mapping[str, Any]) -> tuple[str, bool]:
    """The kind of the target, and whether its former name said it."""
    now, former = chunk.get("tgt_type"), chunk.get("expr_form")
    if now and former and now != former:
        raise BadChunk("tgt_type and its former name expr_form say different things")
    kind = now or former or "glob"
    if kind == "glob" and isinstance(chunk.get("tgt"), list):
        # A list is no glob, whatever a client says by default.
        kind = "list"
    if not isinstance(kind, str) or kind not in TGT_TYPES:
        raise BadChunk(f"Unknown tgt_type: {str(kind)[:40]}")
    return kind, bool(former)


def _target(chunk: Mapping[str, Any]) -> str | list[str]:
    tgt = chunk.get("tgt")
    if isinstance(tgt, list) and tgt and all(isinstance(item, str) for item in tgt):
        return tgt
    if isinstance(tgt, int) and not isinstance(tgt, bool):
        # A minion may be called so, and YAML reads it as a number.
        return str(tgt)
    if not isinstance(tgt, str) or not tgt:
        raise BadChunk("Missing parameter: tgt")
    return tgt


def _functions(chunk: Mapping[str, Any]) -> str | list[str]:
    """A function, or several as a list."""
    fun = chunk.get("fun")
    if isinstance(fun, list):
        if not fun or not all(isinstance(name, str) and name for name in fun):
            raise BadChunk("fun is a name, or a list of names")
        return [name.strip() for name in fun]
    if not isinstance(fun, str) or not fun.strip():
        raise BadChunk("Missing parameter: fun")
    return fun.strip()


def _arguments(chunk: Mapping[str, Any], funs: str | list[str]) -> list[Any]:
    """`arg` as it travels: with the keywords as a marked map; of several functions a list each."""
    arg, kwarg = _list(chunk.get("arg")), _keywords(chunk)
    if isinstance(funs, str):
        return condition_args(arg, kwarg)
    own = [_list(item) for item in arg] or [[] for _ in funs]
    if len(own) != len(funs):
        raise BadChunk("arg holds a list of arguments for each function")
    return [condition_args(each, kwarg) for each in own]


# -- on the master -----------------------------------------------------------------------------------------------------


def _run(client: str, chunk: Mapping[str, Any]) -> Command:
    fun = chunk.get("fun")
    kind = client.partition("_")[0]
    if not isinstance(fun, str) or not fun.strip():
        raise BadChunk("Missing parameter: fun")
    fun = fun.strip().removeprefix(f"{kind}.")
    if not _FUNCTION.fullmatch(fun):
        raise BadChunk(f"No name of a {kind} function: {fun[:80]}")
    args: list[Any] = []
    kwargs: dict[str, Any] = {}
    for value in _list(chunk.get("arg")):
        # Text is read as a word of a command line, other than for minions.
        words, named = parse_words([value]) if isinstance(value, str) else ([value], {})
        args += words
        kwargs |= named
    # Whatever else stands in the chunk is a keyword too: `code`, unless it belongs to a password.
    credentials = read_credentials(chunk)
    passed = _NO_ARGUMENTS | ({"code"} if credentials is not None and "code" in credentials else set())
    kwargs |= {name: value for name, value in chunk.items() if name not in passed and not name.startswith("__")}
    kwargs |= _keywords(chunk)
    question: dict[str, Any] = {
        "op": kind,
        "fun": fun,
        "arg": args,
        "kwarg": kwargs,
        "follow": not client.endswith("_async"),
    }
    return Command(
        client=client,
        question=question,
        full_return=chunk.get("full_return") is True,
        credentials=credentials,
    )


# -- values ------------------------------------------------------------------------------------------------------------


def _list(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def _keywords(chunk: Mapping[str, Any]) -> dict[str, Any]:
    kwarg = chunk.get("kwarg")
    if kwarg in (None, "", []):
        return {}
    if not isinstance(kwarg, Mapping) or not all(isinstance(name, str) for name in kwarg):
        raise BadChunk("kwarg is a map")
    return {name: value for name, value in kwarg.items() if name != "__kwarg__"}


def _text(chunk: Mapping[str, Any], name: str) -> str:
    value = chunk.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadChunk(f"{name} is text")
    return value


def _number(chunk: Mapping[str, Any], name: str) -> float | None:
    value = chunk.get(name)
    if value in (None, ""):
        return None
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            raise BadChunk(f"{name} is a number") from None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e9:
        raise BadChunk(f"{name} is a number")
    return value or None


def _size(value: Any) -> str:
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not _SIZE.fullmatch(text.strip()) or float(text.strip().rstrip("%")) == 0:
        raise BadChunk("batch is a number of minions, or a part of them in per cent")
    return text.strip()
