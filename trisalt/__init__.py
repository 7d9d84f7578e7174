"""Salt's master and minion, rebuilt as Trio daemons around one event bus."""

__version__ = "0.1.0"
# The Salt whose wire, commands and shapes are kept: what `test.version` and the grain `saltversion` tell, because
# SLS files and tools compare it.
SALT_VERSION = "3008.3"
