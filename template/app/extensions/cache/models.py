"""This feature has no tables. Every process imports models, and so listens to its sessions."""

from app.extensions.cache import invalidation

__all__ = ["invalidation"]
