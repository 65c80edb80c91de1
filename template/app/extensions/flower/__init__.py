"""Flower, a page that shows workers and tasks: with a password, and read-only."""
