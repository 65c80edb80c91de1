"""The exception of the host program."""


class HostError(Exception):
    """A step has failed. The message says why, and what to do if that is not plain."""
