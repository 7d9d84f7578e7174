"""How anyone on this host asks a master. Blocking and thin."""
