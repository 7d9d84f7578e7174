"""States: each with its result, comment and changes, then a summary for each minion.

`state_output` says how much: `full`, `terse` (a line each), `mixed` (failed ones in full), `changes` (failed and
changed ones in full), `filter` (by result); with `_id` behind it, ids stand for names. `state_verbose: False` leaves
out what was right already. Source of the shapes: stock Salt 3008.3.
"""

import pprint
import re
import textwrap
from collections import Counter

from trisalt.plugins.outputters.nested import indented
from trisalt.plugins.outputters.palette import palette, visible

_NO_ORDER = (
    "The State execution failed to record the order in which all states were executed. The state return missing "
    "data is:"
)
_ORCHESTRATIONS = ("state.orch", "state.orchestrate", "state.sls")
# Columns before a change, and before the second line of a comment.
_INDENT = 14
_WIDTH = 80
_LONGEST_LABEL = len("Succeeded")


def output(data, **kwargs):
    """Display `{id: {state: result}}`; a list of texts in the place of states is a compile error."""
    data = _states_of(data)
    if isinstance(data, (int, str)):
        return data
    if data is None:
        return "None"
    masters = [key for key in data if key.endswith("_master")]
    if "retcode" in data and len(masters) == 1:
        data = {key: value for key, value in data.items() if key != "retcode"}
    level = kwargs.get("indent_level", 1)
    return "\n".join(_Host(host, __opts__, level).show(states)[0] for host, states in data.items())


def _states_of(data):
    """The states themselves: `jobs.lookup_jid` and orchestrations wrap them."""
    if isinstance(data, dict) and "return" in data:
        data = data["return"]
    if isinstance(data, dict) and "data" in data:
        data = data["data"]
    if isinstance(data, dict) and len(data) == 1:
        (inner,) = data.values()
        if isinstance(inner, dict) and "jid" in inner and "fun" in inner:
            data = inner.get("return", {}).get("data", data)
    return data


class _Host:
    """The text of one minion."""

    def __init__(self, host, opts, level):
        self.host = visible(host) if opts.get("strip_colors", True) else host
        self.opts = opts
        self.level = level
        self.colors = palette(opts)
        self.head = self.colors["GREEN"]
        self.lines = []
        self.counts = Counter()
        self.changed = 0
        self.milliseconds = 0.0
        self.parallel = [0.0]

    def show(self, states):
        """The text, and whether anything changed."""
        match states:
            case int() | str():
                # From salt.function: always a change.
                self.changed = 1
                texts = states.splitlines() if isinstance(states, str) else [states]
                self.lines += [self._paint("GREEN", f"    {text}") for text in texts]
                self.head = self.colors["CYAN"]
            case list():
                self.head = self.colors["LIGHT_RED"]
                self._add_errors(states)
            case dict():
                self._add_states(states)
                self._add_summary()
        return "\n".join([f"{self.head}{self.host}:{self.colors['ENDC']}", *self.lines]), self.changed > 0

    def _paint(self, color, text):
        return f"{self.colors[color]}{text}{self.colors['ENDC']}"

    def _add_errors(self, errors):
        self.lines.append("    " + self._paint("LIGHT_RED", "Data failed to compile:"))
        for error in errors:
            text = visible(str(error)) if self.opts.get("strip_colors", True) else error
            self.lines.append(self._paint("LIGHT_RED", f"----------\n    {text}"))

    # -- states ---------------------------------------------------------------------------------------------------

    def _add_states(self, states):
        for name, state in states.items():
            if isinstance(state, dict) and name != "changes" and state and "__run_num__" not in state:
                self.lines[:0] = [_NO_ORDER, pprint.pformat(state)]
        shown = {name: state for name, state in states.items() if isinstance(state, dict) and "result" in state}
        if self.opts.get("state_compress_ids"):
            shown = _compressed(shown)
        for name, state in sorted(shown.items(), key=lambda item: item[1].get("__run_num__", 0)):
            self._add_state(name, state)

    def _add_state(self, name, state):
        result = state["result"]
        self.counts[result] += state.get("__count__", 1)
        self._add_duration(state)
        changed, changes = self._changes(state)
        self.changed += state.get("__changed__", 1) if changed else 0
        if result and not changed and (self.opts.get("state_output_diff") or not self.opts.get("state_verbose")):
            return
        color = "CYAN" if changed else "GREEN"
        if result is False or result is None:
            color = "RED" if result is False else "LIGHT_YELLOW"
            self.head = self.colors[color]
        parts = name.split("_|-")
        mode = str(self.opts.get("state_output", "full")).lower()
        if mode.endswith("_id"):
            parts[2] = parts[1]
        how = self._how(mode, result, changed)
        if how == "terse":
            self.lines.append(self._terse(color, parts, state))
        elif how == "full":
            self._add_full(color, parts, state, changes)

    def _how(self, mode, result, changed):
        """`full`, `terse` or `excluded`."""
        if mode.startswith("filter"):
            given = [part for part in self.opts.get("arg") or [] if isinstance(part, dict) and "__kwarg__" in part]
            given = given[-1] if given else {}
            if str(result) in _words(given.get("terse", self.opts.get("state_output_terse", []))):
                return "terse"
            excluded = _words(given.get("exclude", self.opts.get("state_output_exclude", [])))
            return "excluded" if str(result) in excluded else "full"
        terse = (
            mode.startswith("terse")
            or (mode.startswith("mixed") and result is not False)
            or (mode.startswith("changes") and result and not changed)
        )
        return "terse" if terse else "full"

    def _add_duration(self, state):
        milliseconds = _milliseconds(state)
        if milliseconds is None:
            return
        if "__parallel__" in state:
            self.parallel.append(milliseconds)
        else:
            self.milliseconds += milliseconds

    def _add_full(self, color, parts, state, changes):
        lines = [
            f"{self.colors[color]}----------{self.colors['ENDC']}",
            self._field(color, "      ID", parts[1]),
            self._field(color, "Function", f"{parts[0]}.{parts[3]}"),
            self._field(color, "  Result", state["result"]),
            self._field(color, " Comment", _comment(state)),
        ]
        if self.opts.get("state_output_profile") and "start_time" in state:
            duration = state.get("duration", "")
            lines += [
                self._field(color, " Started", state["start_time"]),
                self._field(color, "Duration", f"{duration} ms" if duration != "" else ""),
            ]
        if parts[1] != parts[2]:
            lines.insert(3, self._field(color, "    Name", parts[2]))
        self.lines += [*lines, self._paint(color, f"     Changes:   {changes}")]
        if "warnings" in state:
            self.counts["warnings"] += 1
            blank = " " * _INDENT
            wrapper = textwrap.TextWrapper(width=_WIDTH, initial_indent=blank, subsequent_indent=blank)
            text = wrapper.fill("\n".join(state["warnings"])).lstrip()
            self.lines.append(f"   {self._paint('LIGHT_RED', f' Warnings: {text}')}")

    def _field(self, color, label, value):
        return "    " + self._paint(color, f"{label}: {value}")

    def _changes(self, state):
        """Whether a state changed anything, and the text for it."""
        changes = state["changes"]
        if state.get("name") in _ORCHESTRATIONS:
            text = output(changes, indent_level=self.level + 1)
            return True, re.sub("^", " " * _INDENT * self.level, f"\n{text}", flags=re.MULTILINE)
        if not changes:
            return False, ""
        if not isinstance(changes, dict):
            return True, f"Invalid Changes data: {changes}"
        if changes.get("ret") is None or changes.get("out") != "highstate":
            return True, "\n" + indented(changes, self.opts, indent=_INDENT).rstrip()
        text, changed = "", False
        for host, states in changes["ret"].items():
            inner, moved = _Host(host, self.opts, 1).show(states)
            text += "\n" + "\n".join(" " * _INDENT + line for line in inner.splitlines())
            changed = changed or moved
        return changed, text

    def _terse(self, color, parts, state):
        done = {False: "Failed", None: "Differs"}.get(state["result"], "Changed" if state["changes"] else "Clean")
        timed = self.opts.get("state_output_profile") and "start_time" in state
        started, duration = state.get("start_time", ""), state.get("duration", "")
        warnings = "\n".join(state.get("warnings", ()))
        tabular = self.opts.get("state_tabular", False)
        end = self.colors["ENDC"]
        if isinstance(tabular, str):
            function = parts[0]
            return tabular.format(self.colors[color], parts[2], function, parts[-1], done, end, state)
        if tabular:
            text = f"{self._paint('LIGHT_RED', f'Warnings:{chr(10)}{warnings}')}\n" if "warnings" in state else ""
            text += self.colors[color] + (f"{started!s} [{duration!s:>7} ms] " if timed else "")
            return f"{text}{parts[0]:>10}.{parts[-1]:<10} {done:7}   Name: {parts[2]}{end}"
        text = self._paint("LIGHT_RED", f"Warnings:\n{warnings}") if "warnings" in state else ""
        text += f" {self.colors[color]} Name: {parts[2]} - Function: {parts[0]}.{parts[-1]} - Result: {done}"
        return text + (f" - Started: {started!s} - Duration: {duration!s} ms" if timed else "") + end

    # -- summary --------------------------------------------------------------------------------------------------

    def _add_summary(self):
        counts = self.counts
        good, failed, warned = counts[True] + counts[None], counts[False], counts["warnings"]
        # The widths are those of the results that came up.
        present = [count for result, count in counts.items() if count or result in (True, False, None)]
        width = _LONGEST_LABEL + max((len(str(count)) for count in present if count), default=0) + 2
        self.lines.append(self._paint("CYAN", f"\nSummary for {self.host}\n{'-' * width}"))
        stats = [self._paint("LIGHT_YELLOW", f"unchanged={counts[None]}")] if counts[None] else []
        stats += [self._paint("GREEN", f"changed={self.changed}")] if self.changed else []
        line = self._paint("GREEN", _count("Succeeded", good, width))
        self.lines.append(line + (f" ({', '.join(stats)})" if stats else ""))
        self.lines.append(self._paint("RED" if failed else "CYAN", _count("Failed", failed, width)))
        run = sum(counts.values()) - warned
        if self.opts.get("state_output_pct") and run:
            self.lines.append(self._paint("GREEN", _count("Success %", round(good / run * 100, 2), width)))
            color = "RED" if failed else "CYAN"
            self.lines.append(self._paint(color, _count("Failure %", round(failed / run * 100, 2), width)))
        if warned:
            self.lines.append(self._paint("LIGHT_RED", _count("Warnings", warned, width)))
        self.lines.append(self._paint("CYAN", f"{'-' * width}\nTotal states run: {run:>{width - 7}}"))
        if self.opts.get("state_output_profile"):
            time, unit = self.milliseconds + max(self.parallel), "ms"
            if time > 999:
                time, unit = time / 1000, "s"
            self.lines.append(self._paint("CYAN", f"Total run time: {f'{time:.3f}'.rjust(width - 5)} {unit}"))


def _compressed(states):
    """States that one ID made for several names, and that ended the same way, as one: `ID: id (3)`."""
    groups = {}
    for name, state in states.items():
        module, id, _name, function = name.split("_|-")
        groups.setdefault((module, id, function, state.get("__sls__"), str(state["result"])), []).append(state)
    found = {}
    for (module, id, function, sls, result), group in groups.items():
        first = group[0]
        if len(group) == 1:
            found[f"{module}_|-{id}_|-{first.get('name', id)}_|-{function}"] = first
            continue
        changes = {state.get("name"): state["changes"] for state in group if state["changes"]}
        name = f"state_compressed_{sls}_{id}_{result}"
        found[f"{module}_|-{id} ({len(group)})_|-{name}_|-{function}"] = {
            **first,
            # Those of the first alone stay as they are.
            "changes": {"compressed changes": changes} if any(s["changes"] for s in group[1:]) else first["changes"],
            "duration": sum(_milliseconds(state) or 0.0 for state in group),
            "__count__": len(group),
            "__changed__": len(changes),
        }
    return found


def _milliseconds(state):
    """How long a state took; None for what is no number."""
    try:
        return float(str(state.get("duration", 0)).partition(" ms")[0])
    except ValueError:
        return None


def _count(label, count, width):
    return f"{label}: {count:>{width - len(label) - 2}}"


def _comment(state):
    comment = state.get("comment", "")
    text = str(comment).strip().replace("\n", "\n" + " " * _INDENT)
    match state.get("data", ""):
        case list() as items:
            return "".join([text, *(f" {item}" for item in items)])
        case dict() as items:
            return "".join([text, *(f"\n\t\t{key}: {value}" for key, value in items.items())])
        case other:
            return f"{text} {other}" if "data" in state else text


def _words(value):
    return value.split(",") if isinstance(value, str) else [str(item) for item in value]
