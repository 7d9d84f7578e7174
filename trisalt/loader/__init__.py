"""How plugin code is found and called."""
