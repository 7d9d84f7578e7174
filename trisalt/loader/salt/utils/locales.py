"""Locales."""

import locale
import sys


def get_encodings():
    """The encodings of this host, the likeliest first."""
    return list(dict.fromkeys(["utf-8", locale.getpreferredencoding(False), sys.getdefaultencoding(), "latin-1"]))


def split_locale(loc):
    """`{"language", "territory", "codeset", "charmap", "modifier"}` of `xx_YY.code charmap@modifier`."""

    def cut(text, sign):
        head, found, tail = text.partition(sign)
        return (head, tail) if found else (text, "")

    text, charmap = cut(loc, " ")
    text, modifier = cut(text, "@")
    text, codeset = cut(text, ".")
    language, territory = cut(text, "_")
    return {
        "language": language,
        "territory": territory,
        "codeset": codeset,
        "charmap": charmap,
        "modifier": modifier,
    }


def join_locale(comps):
    """The text of such parts."""
    text = comps["language"]
    for name, sign in (("territory", "_"), ("codeset", "."), ("modifier", "@"), ("charmap", " ")):
        if comps.get(name):
            text += sign + comps[name]
    return text


def normalize_locale(loc):
    """A locale as `locale -a` writes it."""
    comps = split_locale(loc)
    comps["territory"] = comps["territory"].upper()
    comps["codeset"] = comps["codeset"].lower().replace("-", "")
    comps["charmap"] = ""
    return join_locale(comps)
