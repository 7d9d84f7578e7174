"""Sockets: Trio shells around the bytes of `wire`."""
