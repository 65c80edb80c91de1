"""Processes of small programs, which the tests write into the project folder."""
