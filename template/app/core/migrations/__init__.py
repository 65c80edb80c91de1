"""Alembic with one branch per feature. Removing a feature from the code keeps its data."""
