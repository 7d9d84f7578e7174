"""Docstrings."""

from trisalt.loader.signature import plain_doc


def strip_rst(docs):
    """Docstrings, by function, without what only a manual needs; the mapping itself is changed."""
    for name, text in docs.items():
        docs[name] = plain_doc(text) if text else text
    return docs
