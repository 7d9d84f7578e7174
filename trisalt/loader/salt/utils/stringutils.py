"""Text and bytes."""

import difflib
import re
import secrets
import sys
import time
from fnmatch import fnmatchcase


def to_str(s, encoding=None, errors="strict", normalize=False):
    """Text, of text or bytes."""
    return _text(s, encoding, errors, normalize, "expected str, bytes, or bytearray not")


def to_unicode(s, encoding=None, errors="strict", normalize=False):
    """Text, of text or bytes; anything else raises TypeError."""
    return _text(s, encoding, errors, normalize, "expected str or bytearray, not")


def _text(s, encoding, errors, normalize, complaint):
    if isinstance(s, bytes | bytearray):
        s = _decoded(bytes(s), encoding, errors)
    elif not isinstance(s, str):
        raise TypeError(f"{complaint} {type(s)}")
    if not normalize:
        return s
    import unicodedata  # few ask for it

    return unicodedata.normalize("NFC", s)


def _encodings(encoding):
    return ("utf-8",) if encoding is None else (encoding,) if isinstance(encoding, str) else tuple(encoding)


def _decoded(data, encoding, errors):
    """Bytes as text by the first of the encodings that fits."""
    *tried, last = _encodings(encoding)
    for name in tried:
        try:
            return data.decode(name, errors)
        except UnicodeDecodeError:
            continue
    return data.decode(last, errors)


def to_bytes(s, encoding=None, errors="strict"):
    """Bytes, of text or bytes."""
    if isinstance(s, bytes):
        return s
    if isinstance(s, bytearray):
        return bytes(s)
    if not isinstance(s, str):
        raise TypeError(f"expected str, bytes, or bytearray not {type(s)}")
    *tried, last = _encodings(encoding)
    for name in tried:
        try:
            return s.encode(name, errors)
        except UnicodeEncodeError:
            continue
    return s.encode(last, errors)


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


def random(size=32):
    """A random text of digits and letters."""
    return secrets.token_hex(size)[:size]


def contains_whitespace(text):
    """Whether there is white space in a text."""
    return any(sign.isspace() for sign in text)


def is_binary(data):
    """Whether text or bytes are rather no text."""
    if not data or not isinstance(data, str | bytes):
        return False
    if isinstance(data, bytes):
        if b"\0" in data:
            return True
        data = data.decode("latin-1")
    elif "\0" in data:
        return True
    printable = set("\n\r\t\f\b") | {chr(code) for code in range(32, 127)}
    strange = sum(1 for sign in data if sign not in printable)
    return strange / len(data) > 0.30


def is_hex(value):
    """Whether a text is a number in hexadecimal digits."""
    try:
        int(value, 16)
    except (TypeError, ValueError):
        return False
    return True


def is_quoted(value):
    """The quote around a text, or an empty text."""
    if not isinstance(value, str) or not value:
        return ""
    return value[0] if value[0] == value[-1] and value[0] in "'\"" else ""


def dequote(value):
    """A text without the quotes around it."""
    return value[1:-1] if is_quoted(value) else value


def human_to_bytes(size, default_unit="B", handle_metric=False):
    """`5 MB` in bytes: binary units, unless `handle_metric` and the unit has a B alone; 0 for what is no size."""
    found = re.match(r"(?P<value>[0-9.]*)\s*(?P<unit>.*)$", str(size).strip())
    value, unit = found["value"], found["unit"].lower() or default_unit.lower()
    if unit in ("b", ""):
        factor = 1
    elif unit[0] in "kmgtpezy" and unit[1:] in ("", "b", "ib"):
        base = 1000 if handle_metric and unit[1:] == "b" else 1024
        factor = base ** ("kmgtpezy".index(unit[0]) + 1)
    else:
        return 0
    try:
        return int(float(value) * factor)
    except ValueError:
        return 0


def expr_match(line, expr):
    """Whether a text is an expression's: the same, or as a glob, or as a regular expression."""
    try:
        if line == expr or fnmatchcase(line, expr):
            return True
        return re.match(rf"\A{expr}\Z", line) is not None
    except (re.error, TypeError):
        return False


def check_whitelist_blacklist(value, whitelist=None, blacklist=None):
    """Whether a value is let pass: on the white list, if there is one, and not on the black one."""
    lists = {"blacklist": blacklist, "whitelist": whitelist}
    for name, names in lists.items():
        if names is not None and not isinstance(names, str) and not hasattr(names, "__iter__"):
            raise TypeError(f"Expecting iterable {name}, but got {type(names).__name__} ({names})")
        lists[name] = [names] if isinstance(names, str) else names or []
    if any(expr_match(value, expr) for expr in lists["blacklist"]):
        return False
    return not lists["whitelist"] or any(expr_match(value, expr) for expr in lists["whitelist"])


def check_include_exclude(path_str, include_pat=None, exclude_pat=None):
    """Whether a path is wanted by globs, or (behind `E@`) regular expressions."""

    def found(pattern):
        if pattern.startswith("E@"):
            return re.search(pattern[2:], path_str) is not None
        return fnmatchcase(path_str, pattern)

    if include_pat and not found(include_pat):
        return False
    return not (exclude_pat and found(exclude_pat))


def camel_to_snake_case(camel_input):
    """`camelCase` as `camel_case`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", camel_input).lower()


def snake_to_camel_case(snake_input, uppercamel=False):
    """`snake_case` as `snakeCase`."""
    first, *rest = snake_input.split("_")
    return (first.capitalize() if uppercamel else first) + "".join(word.capitalize() for word in rest)


def build_whitespace_split_regex(text):
    """A regular expression for a text, whatever white space is in it."""
    parts = []
    for line in text.splitlines():
        words = [re.escape(word) for word in re.split(r"(\W)", line) if word.strip()]
        parts.append(r"(?:[\s]+)?" + r"(?:[\s]+)?".join(words) + r"(?:[\s]+)?")
    return "(?m)^" + "\n".join(parts) + "$"


def get_context(template, line, num_lines=5, marker=None):
    """The lines of a template around one line, which is marked."""
    lines = template.splitlines()
    number = min(line, len(lines)) if isinstance(line, int) else len(lines)
    first, last = max(number - num_lines - 1, 0), number + num_lines
    if marker and lines:
        lines[number - 1] += marker
    around = lines[first:last]
    return "---\n{}\n---".format(
        "\n".join([*(["[...]"] if first else []), *around, *(["[...]"] if last < len(lines) else [])])
    )


def get_diff_list(a, b, *args, **kwargs):
    """The unified difference of two texts or lists of lines, as lines."""
    lines = [_lines(side) for side in (a, b)]
    return list(difflib.unified_diff(*lines, *args, **kwargs))


def get_diff(a, b, *args, **kwargs):
    """The unified difference of two texts or lists of lines."""
    return "".join(get_diff_list(a, b, *args, **kwargs))


def get_conditional_diff(
    a, b, *args, ignore_ordering=True, ignore_whitespace=True, ignore_comment_characters="#", **kwargs
):
    """The same, but empty when the two differ in order, white space or comments only."""

    def told(side):
        lines = [line for line in _lines(side)]
        if ignore_comment_characters:
            marks = tuple(ignore_comment_characters)
            lines = [line for line in lines if not line.lstrip().startswith(marks)]
        if ignore_whitespace:
            lines = ["".join(line.split()) for line in lines]
            lines = [line for line in lines if line]
        return sorted(lines) if ignore_ordering else lines

    return "" if told(a) == told(b) else get_diff(a, b, *args, **kwargs)


def _lines(side):
    if isinstance(side, str | bytes):
        return to_unicode(side).splitlines(True)
    return [to_unicode(line) for line in side]


def print_cli(msg, retries=10, step=0.01):
    """Print a text, also on a terminal that is slow to take it."""
    for _ in range(retries):
        try:
            print(msg)
            return
        except BlockingIOError:
            time.sleep(step)
        except UnicodeEncodeError:
            encoding = sys.stdout.encoding or "ascii"
            print(str(msg).encode(encoding, "replace").decode(encoding))
            return
