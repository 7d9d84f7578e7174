"""When: the same for master and minion."""
