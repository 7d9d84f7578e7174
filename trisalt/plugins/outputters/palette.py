"""Colours for the other outputters; no outputter itself.

Source of the sequences: stock Salt 3008.3, captured from a terminal.
"""

_CODES = {
    "BLACK": "0;30",
    "DARK_GRAY": "0;1;30",
    "RED": "0;31",
    "LIGHT_RED": "0;1;31",
    "GREEN": "0;32",
    "LIGHT_GREEN": "0;1;32",
    "YELLOW": "0;33",
    "LIGHT_YELLOW": "0;1;33",
    "BLUE": "0;34",
    "LIGHT_BLUE": "0;1;34",
    "MAGENTA": "0;35",
    "LIGHT_MAGENTA": "0;1;35",
    "CYAN": "0;36",
    "LIGHT_CYAN": "0;1;36",
    "LIGHT_GRAY": "0;37",
    "WHITE": "0;1;37",
    "DEFAULT_COLOR": "0;39",
    "ENDC": "0;0",
}


def __virtual__():
    return False, "it holds the colours of the outputters"


def palette(opts):
    """Name to escape sequence; every sequence is empty unless `opts["color"]` is true.

    `opts["color_theme"]` is the path of a YAML map from names to codes (`CYAN: 0;36`); one that cannot be read
    changes nothing.
    """
    if not opts.get("color"):
        return dict.fromkeys(_CODES, "")
    codes = dict(_CODES)
    theme = opts.get("color_theme")
    if theme:
        codes.update(_theme(theme))
    return {name: f"\x1b[{code}m" for name, code in codes.items()}


def _theme(path):
    import yaml

    try:
        with open(path, encoding="utf-8") as file:
            codes = yaml.safe_load(file)
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return {name: code for name, code in codes.items() if name in _CODES} if isinstance(codes, dict) else {}


def visible(text):
    """`text` without the power to steer the terminal: every ESC is a question mark."""
    return text.replace("\x1b", "?")
