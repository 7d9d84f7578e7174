"""Bytes to loads and back. Pure: no sockets, no clock, no files."""
