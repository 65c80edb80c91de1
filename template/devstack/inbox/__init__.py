"""A mail server for development: it takes every mail, delivers none, and shows them on a page."""

from devstack.inbox.server import InboxServer

__all__ = ["InboxServer"]
