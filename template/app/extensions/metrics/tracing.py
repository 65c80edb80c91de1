"""Scrapes are not traced."""

UNTRACED = ("/metrics",)
