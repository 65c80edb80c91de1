"""The error of this package."""


class MigrationError(Exception):
    """The schema cannot be brought where it was asked to be; the message says what to do."""
