"""Docstrings."""

import re


def strip_rst(docs):
    """Docstrings, by function, without what only a manual needs; the mapping itself is changed."""
    for name, text in docs.items():
        for pattern, instead in (
            (r" *.. code-block:: \S+\n{1,2}", ""),
            (".. note::", "Note:"),
            (".. warning::", "Warning:"),
            (".. versionadded::", "New in version"),
            (".. versionchanged::", "Changed in version"),
        ):
            text = re.sub(pattern, instead, text)
        docs[name] = text
    return docs
