"""Alembic with one branch per feature; options come and go, and their data stays."""
