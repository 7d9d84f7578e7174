"""Text and bytes."""


def to_str(s, encoding=None, errors="strict", normalize=False):
    """Text, of text or bytes."""
    if isinstance(s, str):
        return s
    if isinstance(s, bytes | bytearray):
        return s.decode(encoding if isinstance(encoding, str) else "utf-8", errors)
    raise TypeError(f"expected str, bytearray, or unicode, not {type(s)}")


def to_unicode(s, encoding=None, errors="strict", normalize=False):
    """Text, of text or bytes; anything else raises TypeError."""
    return to_str(s, encoding, errors)


def to_bytes(s, encoding=None, errors="strict"):
    """Bytes, of text or bytes."""
    if isinstance(s, bytes):
        return s
    if isinstance(s, bytearray):
        return bytes(s)
    if isinstance(s, str):
        return s.encode(encoding if isinstance(encoding, str) else "utf-8", errors)
    raise TypeError(f"expected str, bytes, or bytearray not {type(s)}")


def to_none(text):
    """The text, or None when it is empty."""
    return text if str(text).strip() else None


def to_num(text):
    """A text as a number, if it is one."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def is_binary(data):
    """Whether text or bytes are rather no text."""
    if not data or not isinstance(data, str | bytes):
        return False
    return (b"\0" if isinstance(data, bytes) else "\0") in data


def is_quoted(value):
    """The quote around a text, or an empty text."""
    return value[0] if len(value) >= 2 and value[0] in "'\"" and value[-1] == value[0] else ""


def dequote(value):
    """A text without the quotes around it."""
    return value[1:-1] if is_quoted(value) else value


def expr_match(line, expr):
    """Whether a text is an expression's, as a glob, or as a regular expression."""
    import re
    from fnmatch import fnmatch

    if fnmatch(line, expr):
        return True
    try:
        return re.match(rf"\A{expr}\Z", line) is not None
    except re.error:
        return False
