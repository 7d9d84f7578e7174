"""What `salt-key` lists: a coloured header for each state a key can be in, and the ids below it."""

from trisalt.plugins.outputters.palette import palette, visible

_STATES = {
    "minions": ("Accepted Keys:", "LIGHT_GREEN", "GREEN"),
    "minions_denied": ("Denied Keys:", "LIGHT_MAGENTA", "MAGENTA"),
    "minions_pre": ("Unaccepted Keys:", "LIGHT_RED", "RED"),
    "minions_rejected": ("Rejected Keys:", "LIGHT_BLUE", "BLUE"),
    "local": ("Local Keys:", "LIGHT_MAGENTA", "MAGENTA"),
}


def output(data, **_kwargs):
    """`{state: [id, …]}`, or `{state: {id: fingerprint or PEM}}`."""
    colors = palette(__opts__)
    strip = __opts__.get("strip_colors", True)
    indent = " " * (4 if __opts__.get("__multi_key") else 0)
    end = colors["ENDC"]
    lines = []
    for state in sorted(data):
        title, head, body = _STATES[state]
        lines.append(f"{indent}{colors[head]}{title}{end}")
        for key in sorted(data[state]):
            name = visible(key) if strip else key
            value = f":  {data[state][key]}" if isinstance(data[state], dict) else ""
            lines.append(f"{indent}{colors[body]}{name}{value}{end}")
    return "\n".join(lines)
