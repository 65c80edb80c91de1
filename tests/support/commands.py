"""Commands that run outside the environment of this repository."""

from launcher.testing.commands import attempt, outside, run

__all__ = ["attempt", "outside", "run"]
