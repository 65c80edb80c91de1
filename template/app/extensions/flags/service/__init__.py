"""`is_on` tells whether a flag is on; `changes` changes it."""

from app.extensions.flags.service.evaluation import all_values, is_on, is_on_blocking

__all__ = ["all_values", "is_on", "is_on_blocking"]
