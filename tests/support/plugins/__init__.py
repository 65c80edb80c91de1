"""Plugins of pytest that tests/conftest.py loads."""
