"""What functions say of themselves, from an index that is made once: no minion is asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trisalt.errors import NotFound, RemoteProtocolError
from trisalt.master.sight import Sight
from trisalt.master.views.desk import Desk, from_cursor, page_size, to_cursor

WORTH = 3


async def docs(desk: Desk, _sight: Sight, question: Mapping[str, Any]) -> dict[str, Any]:
    """`{items, next, total}` of `{fun, summary}`: `q`, text in the name first, then in the summary; `cursor`, `limit`.

    With `fun` one function: `{fun, doc, parameters}`. Raises NotFound for one that there is not.
    """
    index = await desk.index.get(desk.workers)
    if (fun := question.get("fun")) is not None:
        found = index.get(str(fun))
        if found is None:
            raise NotFound(f"There is no function {fun!r}")
        return {"fun": str(fun), **found}
    text = question.get("q") or ""
    if not isinstance(text, str):
        raise RemoteProtocolError("q is text")
    rows = sorted((rank, fun) for fun in index if (rank := _rank(text.lower(), fun, index[fun]["doc"])) < WORTH)
    after, limit = from_cursor(question, (int, str)), page_size(question)
    rest = [row for row in rows if after is None or row > (after[0], after[1])]
    page = rest[:limit]
    return {
        "items": [{"fun": fun, "summary": summary(index[fun]["doc"])} for _rank, fun in page],
        "next": to_cursor(*page[-1]) if len(rest) > limit else None,
        "total": len(rows),
    }


def _rank(text: str, fun: str, doc: str) -> int:
    """How well a text fits a function: 0 is best, `WORTH` is not at all."""
    name = fun.lower()
    if name.startswith(text):
        return 0
    if text in name:
        return 1
    return 2 if text in summary(doc).lower() else WORTH


def summary(doc: str) -> str:
    """The first sentence or line of a text."""
    return next((line.strip() for line in doc.splitlines() if line.strip()), "")
