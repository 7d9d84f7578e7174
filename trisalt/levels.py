"""Salt's log levels by name: those of the standard library, and its own.

Standard library's at most: workers and thin commands have no structlog.
"""

LEVELS = {
    "all": 0,
    "garbage": 1,
    "trace": 5,
    "debug": 10,
    "profile": 15,
    "info": 20,
    "warning": 30,
    "error": 40,
    "critical": 50,
    "quiet": 1000,
}
