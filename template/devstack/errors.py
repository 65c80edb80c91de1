"""The exception of the dev stack."""


class DevStackError(Exception):
    """A problem that the developer can solve. The message tells the problem and the solution."""
