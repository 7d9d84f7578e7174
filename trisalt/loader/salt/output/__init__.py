"""Print data."""

from trisalt.loader.dunders import Plugins


def get_printout(out, opts=None, **kwargs):
    """The function of an outputter; nested's where there is none of that name."""
    loader = Plugins({**(opts or {}), **kwargs}).loader("outputters")
    return loader.get(f"{out or 'nested'}.output") or loader["nested.output"]


def try_printout(data, out, opts, **kwargs):
    """Data as an outputter shows it; as nested does where it cannot."""
    try:
        text = get_printout(out, opts)(data, **kwargs)
    except (KeyError, AttributeError, TypeError):
        text = get_printout("nested", opts)(data, **kwargs)
    return text.rstrip() if text is not None else ""


def out_format(data, out, opts=None, **kwargs):
    """Data as an outputter shows it."""
    return try_printout(data, out, opts, **kwargs)


def string_format(data, out, opts=None, **kwargs):
    """The same without colours."""
    return try_printout(data, out, {**(opts or {}), "color": False}, **kwargs)


def display_output(data, out=None, opts=None, **kwargs):
    """Print data."""
    text = try_printout(data, out, opts, **kwargs)
    if text:
        print(text)


def strip_esc_sequence(txt):
    """A text with the signs that move a terminal made visible."""
    if isinstance(txt, bytes):
        return txt.replace(b"\033", b"?")
    return txt.replace("\033", "?") if isinstance(txt, str) else txt
