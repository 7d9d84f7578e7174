"""Salt's master and minion, rebuilt as Trio daemons around one event bus."""

__version__ = "0.1.0"
