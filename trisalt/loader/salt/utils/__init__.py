"""Helpers that plugins of stock Salt import."""
