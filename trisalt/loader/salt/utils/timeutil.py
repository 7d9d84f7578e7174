"""Times."""

import re
import time
from datetime import UTC, datetime, timedelta

_UNITS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}


def utcnow():
    """Now in UTC, without a zone."""
    return datetime.now(UTC).replace(tzinfo=None)


def utcfromtimestamp(timestamp):
    """A time in seconds in UTC, without a zone."""
    return datetime.fromtimestamp(timestamp, UTC).replace(tzinfo=None)


def get_timestamp_at(time_in=None, time_at=None):
    """The time, in seconds, that something happens: in so long (`1h30m`, minutes as a number), or at a time."""
    if time_in:
        if isinstance(time_in, int):
            seconds = time_in * 60
        else:
            seconds = sum(int(count) * _UNITS[unit] for count, unit in re.findall(r"(\d+)([wdhms])", time_in))
        return int((datetime.now() + timedelta(seconds=seconds)).timestamp())
    if time_at:
        if isinstance(time_at, int):
            return time_at
        for form in ("%m/%d/%Y", "%Y/%m/%d", "%Y-%m-%d", "%H:%M", "%H%M", "%I:%M%p", "%Y-%m-%dT%H:%M:%S"):
            try:
                found = datetime.strptime(time_at, form)
            except ValueError:
                continue
            if found.year == 1900:
                found = datetime.combine(datetime.now().date(), found.time())
                if found < datetime.now():
                    found += timedelta(days=1)
            return int(time.mktime(found.timetuple()))
        raise RuntimeError(f"Unable to parse time {time_at}")
    return int(time.time())


def get_time_at(time_in=None, time_at=None, out_fmt="%Y-%m-%dT%H:%M:%S"):
    """The same as a text."""
    return datetime.fromtimestamp(get_timestamp_at(time_in, time_at)).strftime(out_fmt)


def timestring_map(val):
    """A period (`1h30m`, or a number of seconds) in seconds. Raises ValueError."""
    if isinstance(val, int | float):
        return float(val)
    try:
        return float(val)
    except ValueError:
        pass
    found = re.fullmatch(r"(?:\d+(?:\.\d+)?[wdhms])+", val.replace(" ", "").lower())
    if not found:
        raise ValueError(f"{val!r} is not a valid time string")
    return sum(float(count) * _UNITS[unit] for count, unit in re.findall(r"(\d+(?:\.\d+)?)([wdhms])", found[0]))
