"""Events: what happened, and what is asked. Knows nobody."""
