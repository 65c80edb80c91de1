"""The error of this package."""


class MigrationError(Exception):
    """The schema cannot be changed as requested. The message says what to do."""
