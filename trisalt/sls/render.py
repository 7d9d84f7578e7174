"""The `#!jinja|yaml` pipeline: a template's text to data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def render(
    text: str,
    *,
    path: str,
    renderer: str = "jinja|yaml",
    environment: Any = None,
    context: Mapping[str, Any] | None = None,
) -> Any:
    """The data that a template renders to, through the pipe its first line names, or `renderer`.

    `environment` is a `jinja.TemplateEnvironment`. Raises RenderError.
    """
    raise NotImplementedError
