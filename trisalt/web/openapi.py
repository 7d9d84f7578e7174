"""The OpenAPI document of `/api/v1`, made of the table of endpoints."""

from __future__ import annotations

from typing import Any

from trisalt import __version__
from trisalt.web.endpoints import ENDPOINTS, Endpoint, Parameter
from trisalt.web.shapes import SHAPES, Schema, ref

PREFIX = "/api/v1"
JSON, EVENTS = "application/json", "text/event-stream"


def document(root_prefix: str = "") -> dict[str, Any]:
    """The document. Paths are as clients ask for them, behind the prefix of the whole API."""
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in ENDPOINTS:
        path = f"{PREFIX}{endpoint.path}"
        paths.setdefault(path, {})[endpoint.method.lower()] = _operation(endpoint)
    return {
        "openapi": "3.1.0",
        "info": {"title": "trisalt", "version": __version__, "description": "What a master shows of itself."},
        "servers": [{"url": root_prefix or "/"}],
        "security": [{"token": []}, {"cookie": []}],
        "paths": paths,
        "components": {
            "schemas": SHAPES,
            "securitySchemes": {
                "token": {"type": "apiKey", "in": "header", "name": "X-Auth-Token"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "session_id"},
            },
        },
    }


def _operation(endpoint: Endpoint) -> dict[str, Any]:
    kind = EVENTS if endpoint.stream else JSON
    answers: dict[str, Any] = {
        "200": {"description": "It is so.", "content": {kind: {"schema": endpoint.answer}}},
        "400": _error("The question means nothing."),
        "401": _error("Nobody has signed in."),
        "403": _error("Whoever has signed in may not do this."),
        "503": _error("There is no master."),
    }
    if endpoint.may_be_missing:
        answers["404"] = _error("There is no such thing, or none that may be seen.")
    if endpoint.method == "GET" and not endpoint.stream:
        answers["304"] = {"description": "It is as it was: `If-None-Match` names it."}
    if endpoint.stream:
        answers["429"] = _error("There are too many streams already.")
    operation: dict[str, Any] = {
        "operationId": endpoint.name,
        "summary": endpoint.doc.partition(". ")[0].partition(": ")[0].rstrip("."),
        "description": endpoint.doc,
        "parameters": [_parameter(each) for each in endpoint.parameters],
        "responses": answers,
    }
    if endpoint.public:
        operation["security"] = [{}]
    if endpoint.body is not None:
        operation["requestBody"] = {"required": True, "content": {JSON: {"schema": endpoint.body}}}
    return operation


def _parameter(one: Parameter) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": one.name,
        "in": "path" if one.in_path else "query",
        "required": one.in_path,
        "schema": one.schema,
        "description": one.doc,
    }
    if one.schema.get("type") == "array":
        told |= {"style": "form", "explode": False}
    return told


def _error(text: str) -> Schema:
    return {"description": text, "content": {JSON: {"schema": ref("error")}}}
