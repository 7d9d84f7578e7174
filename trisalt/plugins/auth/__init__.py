"""Backends of external authentication: each vouches for names and passwords, and knows groups."""
