"""Colours of a terminal."""

_CODES = {
    "BLACK": "0;30", "DARK_GRAY": "1;30", "RED": "0;31", "LIGHT_RED": "0;1;31", "GREEN": "0;32",
    "LIGHT_GREEN": "0;1;32", "YELLOW": "0;33", "LIGHT_YELLOW": "0;1;33", "BLUE": "0;34", "LIGHT_BLUE": "0;1;34",
    "MAGENTA": "0;35", "LIGHT_MAGENTA": "0;1;35", "CYAN": "0;36", "LIGHT_CYAN": "0;1;36", "LIGHT_GRAY": "0;37",
    "WHITE": "0;1;37", "DEFAULT_COLOR": "00", "ENDC": "0", "RED_BOLD": "01;31",
}  # fmt: skip


def get_colors(use=True, theme=None):
    """The sign that begins each colour, by its name; empty where there are no colours."""
    return {name: f"\x1b[{code}m" if use else "" for name, code in _CODES.items()}
