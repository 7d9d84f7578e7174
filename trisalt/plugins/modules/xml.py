"""Look at and change elements of XML files. Comments and what stands before the first element stay as they are."""

from __future__ import annotations

import io
import re
from typing import Any
from xml.etree import ElementTree
from xml.parsers import expat

from trisalt.errors import CommandError

_ENTITIES = re.compile(r"<!ENTITY", re.IGNORECASE)


def get_value(file: str, element: str) -> Any:
    """
    The text of the first element that a path of XPath names; False when there is none.

    CLI Example:

        salt '*' xml.get_value /tmp/test.xml ".//element"
    """
    found = _find(_parsed(_read(file), file), element)
    return False if found is None else found.text


def set_value(file: str, element: str, value: Any) -> bool:
    """
    Set the text of the first element that a path of XPath names.

    CLI Example:

        salt '*' xml.set_value /tmp/test.xml ".//element" "new value"
    """

    def change(found: ElementTree.Element) -> None:
        found.text = str(value)

    return _changed(file, element, change)


def get_attribute(file: str, element: str) -> Any:
    """
    The attributes of the first element that a path of XPath names; False when there is none.

    CLI Example:

        salt '*' xml.get_attribute /tmp/test.xml ".//element[@id='3']"
    """
    found = _find(_parsed(_read(file), file), element)
    return False if found is None else dict(found.attrib)


def set_attribute(file: str, element: str, key: str, value: Any) -> bool:
    """
    Set an attribute of the first element that a path of XPath names.

    CLI Example:

        salt '*' xml.set_attribute /tmp/test.xml ".//element[@id='3']" editedby "gal"
    """
    return _changed(file, element, lambda found: found.set(str(key), str(value)))


def _read(path: str) -> str:
    text = __utils__["rewrite.read"](path)
    if text is None:
        raise CommandError(f"[Errno 2] No such file or directory: '{path}'")
    if "\0" in text:
        raise CommandError(f"{path} is in an encoding that is not read")
    # Entities within entities grow a small file to the size of the memory.
    if _ENTITIES.search(text):
        raise CommandError(f"{path} defines entities, which are not read")
    return str(text)


def _parsed(text: str, path: str) -> ElementTree.Element:
    try:
        builder = ElementTree.TreeBuilder(insert_comments=True, insert_pis=True)
        return ElementTree.fromstring(_bytes(text), ElementTree.XMLParser(target=builder))
    except (ElementTree.ParseError, ValueError, LookupError) as exc:
        raise CommandError(f"{path} is no XML: {exc}") from exc


def _find(root: ElementTree.Element, element: str) -> ElementTree.Element | None:
    try:
        return root.find(element)
    except (SyntaxError, KeyError, TypeError, StopIteration) as exc:
        raise CommandError(f"{element!r} is no path of an element: {exc}") from exc


def _changed(path: str, element: str, change: Any) -> bool:
    with __utils__["rewrite.locked"](path):
        text = _read(path)
        root = _parsed(text, path)
        for _event, (prefix, uri) in ElementTree.iterparse(io.BytesIO(_bytes(text)), ["start-ns"]):
            # Otherwise the prefixes of the file would become others; `ns0` and its kin are made as they are needed.
            if not re.fullmatch(r"ns\d+", prefix):
                ElementTree.register_namespace(prefix, uri)
        found = _find(root, element)
        if found is None:
            raise CommandError(f"{path} has no element {element}")
        change(found)
        # ASCII, with numbers for what is none, is right whatever encoding the file's first line names.
        body = ElementTree.tostring(root).decode("ascii")
        head, tail = _around(text)
        __utils__["rewrite.replace"](path, head + body + tail)
    return True


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _around(text: str) -> tuple[str, str]:
    """What stands before and after the outermost element."""
    raw, starts, ends = _bytes(text), [], []
    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda _name, _attributes: starts.append(parser.CurrentByteIndex)
    parser.EndElementHandler = lambda _name: ends.append(parser.CurrentByteIndex)
    parser.Parse(raw, True)
    closed = raw.startswith(b"</", ends[-1])
    tail = raw[raw.index(b">", ends[-1]) + 1 :] if closed else b"\n" if raw.endswith(b"\n") else b""
    return raw[: starts[0]].decode("utf-8", "surrogateescape"), tail.decode("utf-8", "surrogateescape")
