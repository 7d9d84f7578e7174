"""Dates."""

from datetime import datetime


def date_cast(date):
    """A date: of one, of seconds, or of a text; now without any."""
    if date is None:
        return datetime.now()
    if isinstance(date, datetime):
        return date
    if isinstance(date, str) and date.isdigit():
        date = int(date)
    if isinstance(date, int | float):
        return datetime.fromtimestamp(date)
    try:
        return datetime.fromisoformat(str(date))
    except ValueError:
        pass
    for form in ("%Y-%m-%d %H:%M:%S", "%Y/%m/%d", "%m/%d/%Y", "%d %b %Y", "%a %b %d %H:%M:%S %Y"):
        try:
            return datetime.strptime(str(date), form)
        except ValueError:
            continue
    raise ValueError(f"Unable to parse {date}")


def strftime(date=None, format="%Y-%m-%d"):
    """A date as a text."""
    return date_cast(date).strftime(format)


def total_seconds(td):
    """A period in seconds."""
    return td.total_seconds()
