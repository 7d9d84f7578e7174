"""The convenience URLs of the REST API: minions, jobs and keys, each of them a command that its caller must be granted.

Source of the contract: stock Salt 3008.3, rest_cherrypy.
"""

from __future__ import annotations

import io
import re
import tarfile
import time
from collections.abc import Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from trisalt.errors import TrisaltError
from trisalt.web.commands import Asker, while_there
from trisalt.web.context import Web
from trisalt.web.logins import NO_LOGIN
from trisalt.web.lowstate import read_chunk, read_credentials, read_lowstate
from trisalt.web.negotiate import answer, answer_all, body_of
from trisalt.web.rest import asker_of

# What may be written into a header, and is an id.
_ID = re.compile(r"[\w.@-]{1,255}", re.ASCII)


def routes(web: Web) -> list[BaseRoute]:
    """The routes of this room."""
    here = _Resources(web)
    found: list[BaseRoute] = [
        Route("/keys", here.keys, methods=["GET", "POST"]),
        Route("/keys/{id}", here.key, methods=["GET"]),
    ]
    if web.settings.enable_sessions:
        found += [
            Route("/minions", here.minions, methods=["GET", "POST"]),
            Route("/minions/{id}", here.minions, methods=["GET"]),
            Route("/jobs", here.jobs, methods=["GET"]),
            Route("/jobs/{jid}", here.job, methods=["GET"]),
        ]
    return found


class _Resources:
    """The handlers."""

    def __init__(self, web: Web) -> None:
        self._web = web

    async def minions(self, request: Request) -> Response:
        """GET: the grains of all minions, or of one. POST: jobs that nobody waits for."""
        asker = asker_of(request)
        if request.method == "POST":
            return await self._begin(request, asker)
        id = request.path_params.get("id", "*")
        found = await self._do(request, asker, client="local", tgt=id, fun="grains.items")
        return await answer_all(request, {"return": found})

    async def _begin(self, request: Request, asker: Asker) -> Response:
        body = await body_of(request)
        chunks = [body] if isinstance(body, Mapping) else body
        if not isinstance(chunks, list) or not all(isinstance(chunk, Mapping) for chunk in chunks):
            raise HTTPException(400, "Lowstates must be a list")
        commands = read_lowstate([{**chunk, "client": "local_async"} for chunk in chunks], self._web.settings.clients)
        begun = [item for command in commands for item in await self._web.commands.perform(command, asker)]
        links = [{"href": f"{self._web.settings.root_prefix}/jobs/{item['jid']}"} for item in begun if item]
        return answer(request, {"return": begun, "_links": {"jobs": links}}, status=202)

    async def jobs(self, request: Request) -> Response:
        """The jobs that the master remembers."""
        asker = asker_of(request)
        return await answer_all(
            request, {"return": await self._do(request, asker, client="runner", fun="jobs.list_jobs")}
        )

    async def job(self, request: Request) -> Response:
        """One job, with what came back."""
        jid = request.path_params["jid"]
        told = await self._do(request, asker_of(request), client="runner", fun="jobs.list_job", kwarg={"jid": jid})
        results = told[0].get("Result") if isinstance(told[0], Mapping) else None
        returns = {id: result.get("return") for id, result in (results or {}).items() if isinstance(result, Mapping)}
        return await answer_all(request, {"info": told, "return": [returns]})

    # -- keys -------------------------------------------------------------------------------------------------------

    async def keys(self, request: Request) -> Response:
        """GET: the ids by the state of their keys. POST: a new pair, accepted already, for whoever shows a password."""
        if request.method == "POST":
            return await self._make_pair(request)
        (told,) = await self._do(request, asker_of(request), client="wheel", fun="key.list_all")
        return answer(request, {"return": told["data"]["return"]})

    async def key(self, request: Request) -> Response:
        """The fingerprints of the keys of one id."""
        match = {"match": request.path_params["id"]}
        (told,) = await self._do(request, asker_of(request), client="wheel", fun="key.finger", kwarg=match)
        return answer(request, {"return": told["data"]["return"]})

    async def _make_pair(self, request: Request) -> Response:
        body = await body_of(request)
        chunk = body[0] if isinstance(body, list) and len(body) == 1 else body
        if not isinstance(chunk, Mapping):
            raise HTTPException(400, "A map is wanted, of mid and credentials")
        id = str(chunk.get("mid") or "")
        shown = read_credentials(chunk)
        if shown is None:
            raise HTTPException(401, NO_LOGIN)
        if not _ID.fullmatch(id):
            raise HTTPException(400, "mid is the id of a minion")
        wanted = {"id_": id, **{name: chunk[name] for name in ("force", "keysize") if chunk.get(name) is not None}}
        command = read_chunk({"client": "wheel", "fun": "key.gen_accept", "kwarg": wanted}, self._web.settings.clients)
        async with self._web.logins.for_once(request, shown) as asker:
            (told,) = await self._web.commands.perform(command, asker)
        pair = told["data"]["return"]
        if not isinstance(pair, Mapping) or not {"pub", "priv"} <= pair.keys():
            why = pair if isinstance(pair, str) else "there is a key of that name"
            raise TrisaltError(f"No pair was made for {id}: {why}")
        packed = _tar({"minion.pub": (pair["pub"], 0o644), "minion.pem": (pair["priv"], 0o600)})
        headers = {"content-disposition": f'attachment; filename="saltkeys-{id}.tar"'}
        return Response(packed, 200, headers, "application/x-tar")

    async def _do(self, request: Request, asker: Asker, **chunk: Any) -> list[Any]:
        """The command that an address stands for."""
        command = read_chunk(chunk, self._web.settings.clients)
        return await while_there(request, lambda: self._web.commands.perform(command, asker))


def _tar(files: Mapping[str, tuple[str, int]]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for name, (text, mode) in files.items():
            data = text.encode()
            member = tarfile.TarInfo(name)
            member.size, member.mode, member.mtime = len(data), mode, int(time.time())
            tar.addfile(member, io.BytesIO(data))
    return packed.getvalue()
