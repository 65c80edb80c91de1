"""The one error of the dev stack."""


class DevStackError(Exception):
    """Something a person can put right; its text says what is wrong and what to do."""
