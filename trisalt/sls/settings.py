"""How Jinja's templates are read: what options set, what a header in a file sets, and which texts are none at all.

Without Jinja itself, which takes a command as long to import as all else that compiles states.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any

import attrs

log = logging.getLogger(__name__)

HEADER = "#jinja2:"

# What an option of ours may set in the environment: what changes how a template is read, and nothing else.
SETTINGS = frozenset(
    {
        "block_start_string",
        "block_end_string",
        "variable_start_string",
        "variable_end_string",
        "comment_start_string",
        "comment_end_string",
        "line_statement_prefix",
        "line_comment_prefix",
        "trim_blocks",
        "lstrip_blocks",
        "newline_sequence",
        "keep_trailing_newline",
    }
)

# With the usual settings a text is a template by one of these; line ends of others are made ours.
_MARKS = ("{{", "{%", "{#", HEADER, "\r")


@attrs.frozen(kw_only=True)
class JinjaOptions:
    """How templates are read: `settings` of the environment, and whether undefined variables are empty text.

    `kept` is the folder in which their code is kept for later jobs, if it is.
    """

    settings: Mapping[str, Any] = attrs.field(factory=dict)
    allow_undefined: bool = False
    kept: str = ""

    @classmethod
    def from_opts(cls, opts: Mapping[str, Any], *, sls: bool, kept: str = "") -> JinjaOptions:
        """From `jinja_sls_env` for SLS files, `jinja_env` for other templates; the older options set both."""
        configured = opts.get("jinja_sls_env" if sls else "jinja_env")
        settings = dict(configured) if isinstance(configured, Mapping) else {}
        for older in ("trim_blocks", "lstrip_blocks"):
            if opts.get(f"jinja_{older}"):
                settings[older] = True
        undefined = bool(opts.get("allow_undefined"))
        return cls(settings=known_settings(settings), allow_undefined=undefined, kept=kept)


def known_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Those of `settings` that are any; the others are named in the log."""
    found = {}
    for name, value in settings.items():
        if str(name).lower() in SETTINGS:
            found[str(name).lower()] = value
        else:
            log.warning("the Jinja environment has no option %s", name)
    return found


def is_template(text: str, options: JinjaOptions) -> bool:
    """Whether Jinja would make something else of a text than what it is."""
    return bool(options.settings) or any(mark in text for mark in _MARKS)


def take_header(text: str) -> tuple[str, dict[str, Any]]:
    """`#jinja2: {"trim_blocks": true}` in the first line, or in the one below a `#!`: settings for this file alone."""
    lines = text.splitlines(keepends=True)
    number = 1 if lines and lines[0].startswith("#!") and not lines[0].startswith("#!/") else 0
    if number >= len(lines) or not lines[number].startswith(HEADER) or not lines[number][len(HEADER) :].strip():
        return text, {}
    try:
        settings = json.loads(lines[number][len(HEADER) :])
    except ValueError:
        settings = None
    if not isinstance(settings, dict):
        log.warning("a malformed %s header was ignored: %s", HEADER, lines[number].strip())
        return text, {}
    del lines[number]
    return "".join(lines), known_settings(settings)
